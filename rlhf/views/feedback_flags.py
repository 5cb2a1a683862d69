"""Flagged texts: what waits, and what an owner or planner finds."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.views.brand import BrandRequest, requires_planner
from rlhf.feedback import flags
from rlhf.models import Feedback
from rlhf.views.feedback_door import requires_insight

PER_PAGE = 12
LATELY = 6
SAID = {"fine": "Found fine.", "wrong": "Found wrong. No training file takes it.", "": "Taken back. It waits again."}


@require_safe
@requires_insight
def feedback_flags(request: BrandRequest) -> HttpResponse:
    """All that wait, and what was settled lately."""
    page = Paginator(flags.waiting(request.brand), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "place": "feedback",
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "lately": flags.settled(request.brand)[:LATELY],
    }
    return render(request, "rlhf/feedback_flags.html", context)


@require_POST
@requires_insight
@requires_planner
def feedback_settle(request: BrandRequest, pk: int) -> HttpResponse:
    """`answer` is fine or wrong; blank takes it back."""
    rows = Feedback.objects.for_brand(request.brand).select_related("experience", "rater", "settled_by")
    flag = get_object_or_404(rows, pk=pk, kind=Feedback.Kind.FLAG)
    said, trouble = "", ""
    try:
        flag = flags.settle(flag, by=request.user, answer=request.POST.get("answer", ""))
        said = SAID[flag.settled]
    except EndcapError as error:
        trouble = error.message
        flag.refresh_from_db()
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, trouble) if trouble else messages.success(request, said)
        return redirect("feedback_flags")
    facings = request.POST.get("facings", "")
    context = {
        "flag": flag,
        "said": said,
        "trouble": trouble,
        "left": flags.waiting(request.brand).count(),
        "swapped": True,
        "facings": facings if facings in ("4", "6", "12") else "4",
    }
    return render(request, "rlhf/feedback_flag.html", context)
