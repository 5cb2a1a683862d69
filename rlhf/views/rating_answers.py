"""What a rater does with an item: answer, skip, undo, add reasons, keep a draft, compare texts, stop.

Each works as a plain form, which leads on to the next item, and for a script that keeps what it sent until it is
answered.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from crm.views.brand import BrandRequest
from rlhf.feedback import giving
from rlhf.feedback.giving import BadFeedback
from rlhf.models import Assignment, RatingTask
from rlhf.rating import answering, holding, keys, returning, timings
from rlhf.rating.diff import changes
from rlhf.showing import text_of
from rlhf.views import rating_desk as desk
from rlhf.views.rating import task_context, task_of
from rlhf.views.rating_door import by_script, requires_rater, typed

THUMBS = {"yes": True, "no": False}


@require_POST
@requires_rater
def rate_answer(request: BrandRequest, item: UUID) -> HttpResponseBase:
    """Take one answer; the same `key` twice is one."""
    assignment = _held(request, item)
    looked = timings.read_timings(request.POST, request.user)
    try:
        taken = answering.answer(
            assignment, by=request.user, now=timezone.now(), duration_ms=timings.duration_ms(looked), **_said(request)
        )
    except BadFeedback:
        if not by_script(request) and "corrected" in request.POST:
            holding.save_draft(assignment, {"corrected": typed(request, "corrected")}, by=request.user)
        raise
    if taken.new:
        timings.note(taken.assignment, looked, by=request.user)
    task = assignment.item.task
    if by_script(request):
        return JsonResponse({"saved": desk.words_of(taken.said), "new": taken.new, **_progress(request, task)})
    return redirect(f"{reverse('rate_task', args=[task.slug])}?after={assignment.public_id}")


@require_POST
@requires_rater
def rate_skip(request: BrandRequest, item: UUID) -> HttpResponseBase:
    """Leave it to somebody else."""
    assignment = holding.skip(_held(request, item), by=request.user, now=timezone.now())
    timings.note(assignment, timings.read_timings(request.POST, request.user), by=request.user)
    task = assignment.item.task
    return JsonResponse(_progress(request, task)) if by_script(request) else redirect("rate_task", task.slug)


@require_POST
@requires_rater
def rate_undo(request: BrandRequest, item: UUID) -> HttpResponseBase:
    """Put this item back into the person's hands."""
    assignment = returning.put_back(_held(request, item), by=request.user, now=timezone.now())
    return _back(request, assignment.item.task, assignment)


@require_POST
@requires_rater
def rate_undo_last(request: BrandRequest, slug: str) -> HttpResponseBase:
    """Undo the newest answer or skip of this task."""
    task = task_of(request, slug)
    return _back(request, task, returning.put_back_last(task, by=request.user, now=timezone.now()))


@require_POST
@requires_rater
def rate_explain(request: BrandRequest, item: UUID) -> HttpResponseBase:
    """Say why, after the rating: reasons and comment of the newest answer to this item."""
    assignment = _held(request, item)
    said = returning.last_word(assignment, by=request.user)
    if said is None:
        raise BadFeedback("This rating was taken back or exported; nothing can be added to it.", field="comment")
    reasons, comment = request.POST.getlist("reasons"), request.POST.get("comment")
    giving.explain(said, by=request.user, reasons=reasons, comment=comment)
    if by_script(request):
        return JsonResponse({"explained": True})
    return redirect(f"{reverse('rate_task', args=[assignment.item.task.slug])}?after={assignment.public_id}&why=kept")


@require_POST
@requires_rater
def rate_draft(request: BrandRequest, item: UUID) -> HttpResponseBase:
    """Keep what was typed and not sent."""
    draft = {name: text for name in ("corrected", "comment") if (text := typed(request, name))}
    holding.save_draft(_held(request, item), draft, by=request.user)
    return HttpResponse(status=204)


@require_POST
@requires_rater
def rate_diff(request: BrandRequest, item: UUID) -> HttpResponseBase:
    """What the person changed: the part for htmx, or the whole page with their text in the field."""
    assignment = _held(request, item)
    corrected = typed(request, "corrected")[: holding.LONGEST_DRAFT]
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "rlhf/rate_diff.html", {"difference": changes(text_of(assignment.item.a), corrected)})
    holding.save_draft(assignment, {"corrected": corrected}, by=request.user)
    card = desk.card_of(assignment, corrected=corrected)
    return render(request, "rlhf/rate_task.html", task_context(request, card.task, card))


@require_POST
@requires_rater
def rate_stop(request: BrandRequest, slug: str) -> HttpResponseBase:
    """Stop for now: others may have what this person has not looked at."""
    returning.let_go(task_of(request, slug), by=request.user, now=timezone.now())
    return HttpResponse(status=204) if by_script(request) else redirect("rate")


def _held(request: BrandRequest, item: UUID) -> Assignment:
    return holding.held(brand=request.brand, rater=request.user, public_id=item)


def _said(request: BrandRequest) -> dict[str, Any]:
    """The fields of a form as `answering.answer` takes them."""
    posted = request.POST
    said: dict[str, Any] = {"key": posted.get("key", ""), "comment": posted.get("comment", "")}
    said["reasons"] = posted.getlist("reasons")
    if "verdict" in posted:
        said["verdict"] = posted["verdict"]
    if "thumb" in posted:
        if posted["thumb"] not in THUMBS:
            raise BadFeedback("thumb is yes or no.", field="thumb", value=posted["thumb"][:40])
        said["thumb"] = THUMBS[posted["thumb"]]
    if "stars" in posted:
        if posted["stars"] not in {"1", "2", "3", "4", "5"}:
            raise BadFeedback("stars is a whole number from 1 to 5.", field="stars", value=posted["stars"][:40])
        said["stars"] = int(posted["stars"])
    if "corrected" in posted:
        said["corrected"] = typed(request, "corrected")
    if posted.get("flag"):
        said["flag"] = True
    return said


def _progress(request: BrandRequest, task: RatingTask) -> dict[str, Any]:
    return {"progress": desk.progress_json(task, request.user, now=timezone.now())}


def _back(request: BrandRequest, task: RatingTask, assignment: Assignment | None) -> HttpResponseBase:
    if not by_script(request):
        return redirect("rate_task", task.slug)
    found = None
    if assignment is not None and assignment.state == Assignment.State.OPEN:
        held = holding.held(brand=task.brand, rater=request.user, public_id=assignment.public_id)
        found = desk.fragment(request, desk.card_of(held), keys.settings_of(request.user))
    return JsonResponse({"item": found, **_progress(request, task)})
