"""Takes a word back: it stays in the table and in the history, and counts nowhere. Until it was exported."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.feedback.giving import experiences_of
from rlhf.models import Assignment, Feedback, PreferencePair, RatingTask, Signal, Source
from rlhf.signals import name_of, record

Word = Feedback | PreferencePair


class NothingToUndo(EndcapError):
    """There is no word of this person that can still be taken back."""

    status = 409


def undo(said: Word, *, by: Any) -> Word:
    """Take one's own word back. Raises NothingToUndo where it is somebody else's, exported, or taken back already."""
    if said.rater_id != by.pk:
        raise NothingToUndo("Only the person who rated can take it back.")
    with transaction.atomic():
        rows = type(said).objects.for_brand(said.brand_id)
        waiting = rows.filter(pk=said.pk, undone_at__isnull=True, exported_at__isnull=True)
        if waiting.update(undone_at=timezone.now()) != 1:
            said.refresh_from_db()
            if said.exported_at:
                raise NothingToUndo("This rating was exported for training and cannot be taken back.")
            raise NothingToUndo("This rating was taken back already.")
        for experience in experiences_of(said):
            record(experience, Signal.Kind.UNDONE, actor=name_of(by), feedback=str(said.public_id))
    said.refresh_from_db()
    return said


def last_words(
    *,
    brand: Brand,
    rater: Any,
    task: RatingTask | None = None,
    assignment: Assignment | None = None,
    most: int = 20,
) -> list[Word]:
    """The person's words of the rating pages that can be taken back, newest first."""
    found: list[Word] = []
    for model in (Feedback, PreferencePair):
        rows = model.objects.for_brand(brand).filter(
            rater=rater, undone_at__isnull=True, exported_at__isnull=True, source=Source.PAGE
        )
        if task is not None:
            rows = rows.filter(task=task)
        if assignment is not None:
            rows = rows.filter(assignment=assignment)
        found += rows.order_by("-created_at", "-pk")[:most]
    return sorted(found, key=lambda said: said.created_at, reverse=True)[:most]


def undo_last(
    *, brand: Brand, rater: Any, task: RatingTask | None = None, assignment: Assignment | None = None
) -> Word:
    """Take back the newest word of this person, with what was said about the same item. Raises NothingToUndo."""
    last = last_words(brand=brand, rater=rater, task=task, assignment=assignment, most=1)
    if not last:
        raise NothingToUndo("There is nothing of yours left to undo.")
    with transaction.atomic():
        said = undo(last[0], by=rater)
        if said.assignment_id:
            again = Feedback.objects.for_brand(brand).filter(
                assignment=said.assignment_id, undone_at__isnull=True, exported_at__isnull=True
            )
            for other in again:
                undo(other, by=rater)
    return said
