"""A thumb for one widget of a dashboard, where it stands. A second thumb takes the place of the first."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from crm.views.brand import BrandRequest
from rlhf.feedback.giving import BadFeedback
from rlhf.models import Experience
from rlhf.rating.widgets import rate_widget, thumb_of
from rlhf.views.rating_door import back_to, requires_rater

THUMBS = {"yes": True, "no": False}


@require_POST
@requires_rater
def widget_thumb(request: BrandRequest, experience: UUID, widget: int) -> HttpResponseBase:
    """Useful, not useful, or (the pressed one again) neither."""
    found = get_object_or_404(Experience.objects.for_brand(request.brand), public_id=experience)
    said = request.POST.get("thumb", "")
    if said not in THUMBS:
        raise BadFeedback("thumb is yes or no.", field="thumb", value=said[:40])
    rate_widget(found, widget, thumb=THUMBS[said], by=request.user, key=request.POST.get("key", ""))
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(back_to(request, reverse("rate")))
    context: dict[str, Any] = {
        "experience": found,
        "widget": widget,
        "thumb": thumb_of(found, widget, by=request.user),
        "next": back_to(request, reverse("rate")),
        "told": True,
    }
    return render(request, "rlhf/widget_rate.html", context)
