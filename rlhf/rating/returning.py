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
    with transaction.atomic():
        row = holding.locked(assignment)
        if row.state == State.ANSWERED:
            if not last_words(brand=assignment.brand, rater=by, assignment=row, most=1):
                raise NothingToUndo("This rating was exported for training and cannot be taken back.")
            return answering.take_back(brand=assignment.brand, rater=by, assignment=row, now=now) or row
        return _unskip(row, now) if row.state == State.SKIPPED else row


def put_back_last(task: RatingTask, *, by: Any, now: datetime) -> Assignment | None:
    """Undo the newest of this task: an answer, or a skip that came after it. Raises NothingToUndo."""
    mine = Assignment.objects.for_brand(task.brand_id).filter(item__task=task, rater=by)
    skipped = mine.filter(state=State.SKIPPED, answered_at__isnull=False).order_by("-answered_at", "-pk").first()
    words = last_words(brand=task.brand, rater=by, task=task, most=1)
    if skipped is not None and (not words or skipped.answered_at > words[0].created_at):
        return put_back(skipped, by=by, now=now)
    return answering.take_back(brand=task.brand, rater=by, task=task, now=now)


def last_word(assignment: Assignment, *, by: Any) -> Word | None:
    """The newest word of this person about the item that was not taken back."""
    return next(iter(last_words(brand=assignment.brand, rater=by, assignment=assignment, most=1)), None)


def let_go(task: RatingTask, *, by: Any, now: datetime) -> int:
    """Give back every item of the task that this person holds without a draft, so that others get it; how many."""
    rows = Assignment.objects.for_brand(task.brand_id)
    mine = rows.filter(item__task=task, rater=by, state=State.OPEN, draft={}).order_by("pk")
    with transaction.atomic():
        keys = [one.pk for one in mine.select_for_update(of=("self",), no_key=True)]
        rows.filter(pk__in=keys).update(locked_until=now - timedelta(seconds=1))
    return holding.release_expired(task.brand_id, now=now)


def _unskip(row: Assignment, now: datetime) -> Assignment:
    """In a transaction that holds the row's lock."""
    row.state, row.answered_at = State.OPEN, None
    row.locked_until = now + timedelta(minutes=row.item.task.lock_minutes)
    row.save(update_fields=["state", "answered_at", "locked_until"])
    if row.showing == 1 and not row.item.is_gold:
        # Where others took the place meanwhile, an answer is still taken; it counts where there is room.
        row.holds_slot = holding.regain(row)
    return row
