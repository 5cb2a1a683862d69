"""One experience with everything that was said of it: verdicts, people, rewards in parts, and its history."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from crm.views.brand import BrandRequest, requires_brand
from rlhf.models import Experience
from rlhf.queries.experiences import said_of
from rlhf.queries.judges import KINDS
from rlhf.showing import shown


@require_safe
@requires_brand
def experience(request: BrandRequest, public_id: UUID) -> HttpResponse:
    """The page. People who may still be asked to rate it see what it is, and nothing that was said of it."""
    rows = Experience.objects.for_brand(request.brand).select_related("brand", "pack")
    one = get_object_or_404(rows, public_id=public_id)
    blind = request.membership.role == request.membership.Role.RATER
    context = {
        "place": "rate" if blind else "feedback",
        "one": one,
        "kind_name": KINDS.get(one.kind, one.kind),
        "made": shown(one),
        "blind": blind,
        "said": None if blind else said_of(one),
    }
    return render(request, "rlhf/experience.html", context)
