"""What a person says of one text of a pair after choosing: their own version of it, or that something is wrong with it.

It stands beside the choice, is about that text alone, and takes no place in a queue.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from crm.errors import EndcapError
from rlhf.feedback import giving, undoing
from rlhf.feedback.giving import BadFeedback
from rlhf.models import Assignment, Experience, Feedback, PreferencePair, Source
from rlhf.rating.answering import as_shown
from rlhf.rating.holding import LONGEST_DRAFT
from rlhf.rating.returning import last_word
from rlhf.showing import text_of

LETTERS = ("a", "b")  # as the person saw them: a left, b right


class NotChosenYet(EndcapError):
    """The person has not chosen between the two yet: until then nothing else is asked."""

    status = 409


def text_beside(assignment: Assignment, letter: str) -> Experience:
    """The text that stood there. Raises NotChosenYet, BadFeedback where no two texts were compared."""
    item = assignment.item
    if item.b is None or letter not in LETTERS:
        raise BadFeedback("There is no such text. Open it from what you said a moment ago.", field="text", value=letter)
    if assignment.state != Assignment.State.ANSWERED:
        raise NotChosenYet("Choose between the two first; then you can edit or flag one of them.")
    found: Experience = item.a if as_shown(letter, assignment.shown_order) == "a" else item.b
    return found


def better(assignment: Assignment, *, by: Any) -> str:
    """The letter of the text that the person chose; a where they chose none."""
    said = last_word(assignment, by=by)
    chosen = as_shown(said.verdict, said.shown_order) if isinstance(said, PreferencePair) else ""
    return chosen if chosen in LETTERS else "a"


def standing(experience: Experience, kind: str, *, by: Any) -> Feedback | None:
    """What the person said of it here that still stands."""
    found: Feedback | None = _words(experience, kind, by).first()
    return found


def own_version(experience: Experience, corrected: str, *, by: Any, key: str = "") -> Feedback:
    """Store the person's version in place of an earlier one. Raises BadFeedback, Blocked."""
    said = {"corrected": corrected, "original": text_of(experience)}
    return _say(experience, Feedback.Kind.CORRECTION, by, key, **said)


def flag(experience: Experience, *, by: Any, key: str = "") -> Feedback:
    """Say that something is wrong with it."""
    return _say(experience, Feedback.Kind.FLAG, by, key, flag=True)


def take_back(experience: Experience, kind: str, *, by: Any) -> None:
    """Raises NothingToUndo."""
    said = standing(experience, kind, by=by)
    if said is None:
        raise undoing.NothingToUndo("Nothing of yours stands here any more.")
    undoing.undo(said, by=by)


def keep_draft(assignment: Assignment, letter: str, text: str, *, by: Any) -> None:
    """Keep what was typed and not saved, cut at `LONGEST_DRAFT` characters."""
    draft = {**assignment.draft, f"beside_{letter}": text[:LONGEST_DRAFT]}
    rows = Assignment.objects.for_brand(assignment.brand_id).filter(pk=assignment.pk, rater=by)
    rows.filter(state=Assignment.State.ANSWERED).update(draft=draft)


def draft_of(assignment: Assignment, letter: str) -> str:
    return str(assignment.draft.get(f"beside_{letter}", ""))


def drop_draft(assignment: Assignment, letter: str) -> None:
    draft = {name: text for name, text in assignment.draft.items() if name != f"beside_{letter}"}
    Assignment.objects.for_brand(assignment.brand_id).filter(pk=assignment.pk).update(draft=draft)


def _say(experience: Experience, kind: str, by: Any, key: str, **said: Any) -> Feedback:
    rows = Feedback.objects.for_brand(experience.brand_id)
    with transaction.atomic():
        known = rows.filter(rater=by, key=key).first() if key else None
        if known is None:
            for before in _words(experience, kind, by).filter(exported_at__isnull=True):
                undoing.undo(before, by=by)
        row, _ = giving.rate(experience=experience, rater=by, source=Source.WIDGET, key=key, **said)
        return row


def _words(experience: Experience, kind: str, by: Any) -> Any:
    rows = Feedback.objects.for_brand(experience.brand_id).filter(experience=experience, rater=by, kind=kind)
    return rows.filter(source=Source.WIDGET, widget__isnull=True, undone_at__isnull=True).order_by("-pk")
