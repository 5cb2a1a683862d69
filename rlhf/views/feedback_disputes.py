"""Disagreements: the list, a decision, one more person, and a decision taken back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.views.brand import BrandRequest, requires_planner
from rlhf.feedback import disputes
from rlhf.models import RatingItem
from rlhf.views.feedback_door import requires_insight

PER_PAGE = 12
LATELY = 6
MORE = "more"


@require_safe
@requires_insight
def feedback_disputes(request: BrandRequest) -> HttpResponse:
    """All that wait, and what was decided lately."""
    page = Paginator(disputes.waiting(request.brand), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "place": "feedback",
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "disputes": disputes.look(page.object_list),
        "lately": disputes.look(disputes.resolved(request.brand)[:LATELY]),
    }
    return render(request, "rlhf/feedback_disputes.html", context)


@require_POST
@requires_insight
@requires_planner
def feedback_decide(request: BrandRequest, pk: int) -> HttpResponse:
    """`answer` is what was decided, or `more` for one more person; `note` makes it an example."""
    item = _item(request, pk)
    answer, note = request.POST.get("answer", ""), request.POST.get("note", "")
    try:
        if answer == MORE:
            disputes.ask_one_more(item, by=request.user)
        else:
            disputes.decide(item, by=request.user, answer=answer, note=note)
    except EndcapError as error:
        return _trouble(request, item, error, note)
    if answer == MORE:
        said = "One more person is asked. It comes back here if they cannot settle it."
    else:
        said = "Decided, and in the rating guide from now on." if item.is_gold else "Decided."
    return _answered(request, item, said)


@require_POST
@requires_insight
@requires_planner
def feedback_reopen(request: BrandRequest, pk: int) -> HttpResponse:
    """Take a decision back."""
    item = _item(request, pk)
    try:
        disputes.reopen(item, by=request.user)
    except EndcapError as error:
        return _trouble(request, item, error, "")
    return _answered(request, item, "Taken back. It waits for a decision again.")


def _item(request: BrandRequest, pk: int) -> RatingItem:
    rows = RatingItem.objects.for_brand(request.brand).select_related("task", "a", "b")
    found: RatingItem = get_object_or_404(rows, pk=pk)
    return found


def _answered(request: BrandRequest, item: RatingItem, said: str) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, said)
        return redirect("feedback_disputes")
    return _card(request, item, {"said": said})


def _trouble(request: BrandRequest, item: RatingItem, error: EndcapError, note: str) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, error.message)
        return redirect("feedback_disputes")
    item.refresh_from_db()
    return _card(request, item, {"trouble": error.message, "note": note})


def _card(request: BrandRequest, item: RatingItem, context: dict[str, Any]) -> HttpResponse:
    """The card alone, and the number that wait for the heading above it."""
    [dispute] = disputes.look([item])
    left = disputes.waiting(request.brand).count()
    facings = request.POST.get("facings", "")
    facings = facings if facings in ("4", "6", "12") else "4"
    context |= {"dispute": dispute, "left": left, "swapped": True, "facings": facings}
    return render(request, "rlhf/feedback_dispute.html", context)
