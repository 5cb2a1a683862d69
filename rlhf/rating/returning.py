"""Puts an item back into a person's hands after they answered or skipped it, and gives back what they will not look at.

Everything here may be asked twice: a browser that lost the answer asks again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from rlhf.feedback.undoing import NothingToUndo, Word, last_words
from rlhf.models import Assignment, RatingTask
from rlhf.rating import answering, holding

State = Assignment.State


def put_back(assignment: Assignment, *, by: Any, now: datetime) -> Assignment:
    """Undo the answer to this item, or the skip. One that is in the person's hands already stays there.

    Raises NothingToUndo where the answer was exported.
    """
    if assignment.state in (State.OPEN, State.EXPIRED):
        return assignment
    if assignment.state == State.SKIPPED:
        return _unskip(assignment, now)
    if not last_words(brand=assignment.brand, rater=by, assignment=assignment, most=1):
        raise NothingToUndo("This rating was exported for training and cannot be taken back.")
    back = answering.take_back(brand=assignment.brand, rater=by, assignment=assignment, now=now)
    return back or assignment


def put_back_last(task: RatingTask, *, by: Any, now: datetime) -> Assignment | None:
    """Undo the newest of this task: an answer, or a skip that came after it. Raises NothingToUndo."""
    mine = Assignment.objects.for_brand(task.brand_id).filter(item__task=task, rater=by)
    skipped = mine.filter(state=State.SKIPPED, answered_at__isnull=False).order_by("-answered_at", "-pk").first()
    words = last_words(brand=task.brand, rater=by, task=task, most=1)
    if skipped is not None and (not words or skipped.answered_at > words[0].created_at):
        return _unskip(holding.held(brand=task.brand, rater=by, public_id=skipped.public_id), now)
    return answering.take_back(brand=task.brand, rater=by, task=task, now=now)


def last_word(assignment: Assignment, *, by: Any) -> Word | None:
    """The newest word of this person about the item that was not taken back."""
    return next(iter(last_words(brand=assignment.brand, rater=by, assignment=assignment, most=1)), None)


def let_go(task: RatingTask, *, by: Any, now: datetime) -> int:
    """Give back every item of the task that this person holds without a draft, so that others get it; how many."""
    mine = Assignment.objects.for_brand(task.brand_id).filter(item__task=task, rater=by, state=State.OPEN, draft={})
    mine.update(locked_until=now - timedelta(seconds=1))
    return holding.release_expired(task.brand_id, now=now)


def _unskip(assignment: Assignment, now: datetime) -> Assignment:
    with transaction.atomic():
        until = now + timedelta(minutes=assignment.item.task.lock_minutes)
        rows = Assignment.objects.for_brand(assignment.brand_id).filter(pk=assignment.pk, state=State.SKIPPED)
        opened = rows.update(state=State.OPEN, answered_at=None, locked_until=until) == 1
        if opened and assignment.showing == 1 and not assignment.item.is_gold:
            # Where others took the place meanwhile, an answer is still taken; it counts where there is room.
            holding.regain(assignment)
    assignment.refresh_from_db()
    return assignment
