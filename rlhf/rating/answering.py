"""What comes of an answer: stored once, counted where there is room, and the item is closed when enough have spoken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from crm.models import Brand
from rlhf.feedback import giving, undoing
from rlhf.feedback.giving import BadFeedback
from rlhf.models import Assignment, Feedback, PreferencePair, RatingItem, RatingTask
from rlhf.rating import holding
from rlhf.showing import text_of

STARS_APART = 2  # stars between two people that make an item disputed
FLIPPED = {"a": "b", "b": "a"}

Word = Feedback | PreferencePair


@dataclass(frozen=True, slots=True)
class Answered:
    """`said` is the stored word; `new` is False for a repeat of the same key."""

    said: Word
    new: bool
    assignment: Assignment


def answer(
    assignment: Assignment,
    *,
    by: Any,
    verdict: str | None = None,
    stars: int | None = None,
    thumb: bool | None = None,
    corrected: str | None = None,
    flag: bool = False,
    reasons: Iterable[str] = (),
    comment: str = "",
    key: str = "",
    duration_ms: int | None = None,
    now: datetime,
) -> Answered:
    """Take one answer. `verdict` is by side as shown: a stands left, b right; tie or both_bad.

    A second answer of the same kind takes the place of the first one. One that comes after the lock ran out is kept; it
    counts where nobody else has taken the place. Raises BadFeedback, holding.NotHeld.
    """
    if assignment.rater_id != by.pk:
        raise holding.NotHeld("This item is not yours to rate. Take the next one.")
    with transaction.atomic():
        row = holding.locked(assignment)
        known = _known(row, by, key)
        if known is not None:
            return Answered(known, False, row)
        first = row.state != Assignment.State.ANSWERED
        counts = _has_room(row)
        said, new = _stored(
            row, by, counts, again=not first, verdict=verdict, stars=stars, thumb=thumb, corrected=corrected,
            flag=flag, reasons=reasons, comment=comment, key=key, duration_ms=duration_ms,
        )  # fmt: skip
        row.state, row.answered_at, row.draft = Assignment.State.ANSWERED, now, {}
        row.duration_ms = duration_ms or row.duration_ms
        row.save(update_fields=["state", "answered_at", "draft", "duration_ms"])
        if first and counts:
            _count(row.item, +1)
    return Answered(said, new, row)


def take_back(
    *,
    brand: Brand,
    rater: Any,
    task: RatingTask | None = None,
    assignment: Assignment | None = None,
    now: datetime,
) -> Assignment | None:
    """Undo the person's newest answer and put its item into their hands again; None where it had no item.

    Raises NothingToUndo where nothing of theirs is left, or it was exported.
    """
    last = undoing.last_words(brand=brand, rater=rater, task=task, assignment=assignment, most=1)
    if not last or last[0].assignment is None:
        undoing.undo_last(brand=brand, rater=rater, task=task, assignment=assignment)
        return None
    with transaction.atomic():
        row = holding.locked(last[0].assignment)  # before the words: every way locks in this order
        reopen(row, undoing.undo_last(brand=brand, rater=rater, assignment=row), now=now)
    return holding.held(brand=brand, rater=rater, public_id=row.public_id)


def take_word_back(said: Word, *, by: Any, now: datetime) -> Word:
    """Undo one word, wherever it was said. Where it was the last one about an item, the item is in the person's hands
    again, and goes to somebody else when they leave it. Raises NothingToUndo."""
    if said.assignment is None:
        return undoing.undo(said, by=by)
    with transaction.atomic():
        row = holding.locked(said.assignment)
        undone = undoing.undo(said, by=by)
        left = {"assignment": row, "undone_at__isnull": True}
        if not any(
            model.objects.for_brand(row.brand_id).filter(**left).exists() for model in (Feedback, PreferencePair)
        ):
            reopen(row, undone, now=now)
    return undone


def reopen(row: Assignment, said: Word, *, now: datetime) -> None:
    """Put a locked assignment whose answer was undone into the person's hands, with what was said as its draft."""
    if row.state != Assignment.State.ANSWERED:
        return
    row.state, row.answered_at, row.draft = Assignment.State.OPEN, None, _as_draft(said)
    row.locked_until = now + timedelta(minutes=row.item.task.lock_minutes)
    row.save(update_fields=["state", "answered_at", "draft", "locked_until"])
    if row.holds_slot:
        _count(row.item, -1)


def as_shown(verdict: str, shown_order: str) -> str:
    """The side of a stored verdict as the person saw it, and the other way round: `ba` flips a and b."""
    return FLIPPED.get(verdict, verdict) if shown_order == "ba" else verdict


def disagree(verdicts: Sequence[str], stars: Sequence[int], thumbs: Sequence[float]) -> bool:
    """Whether people are so far apart that an owner should look: both sides chosen, stars two apart, both thumbs."""
    chosen = set(verdicts) & {"a", "b"}
    apart = bool(stars) and max(stars) - min(stars) >= STARS_APART
    return len(chosen) == 2 or apart or len(set(thumbs)) > 1


def _has_room(row: Assignment) -> bool:
    """Whether this answer counts: no gold, no repeat, and a place is held or can be had again."""
    if row.showing != 1 or row.item.is_gold:
        return False
    if row.holds_slot:
        return True
    if row.state == Assignment.State.ANSWERED:
        return False
    row.holds_slot = holding.regain(row)
    return row.holds_slot


def _stored(
    row: Assignment, by: Any, counts: bool, *, again: bool, verdict: str | None, **given: Any
) -> tuple[Word, bool]:
    common = {
        "rater": by,
        "task": row.item.task,
        "assignment": row,
        "counts": counts,
        **{name: given[name] for name in ("reasons", "comment", "key", "duration_ms")},
    }
    if row.item.b is not None:
        if verdict is None:
            raise BadFeedback("Say which one is better: a, b, tie or both_bad.", field="verdict", value="")
        if again:
            _replace(PreferencePair, row, by)
        return giving.prefer(
            a=row.item.a, b=row.item.b, verdict=as_shown(verdict, row.shown_order), shown_order=row.shown_order,
            seed=row.seed, **common,
        )  # fmt: skip
    if verdict is not None:
        raise BadFeedback("This item is one text; give stars, a thumb or your version.", field="verdict", value=verdict)
    words = {name: given[name] for name in ("stars", "thumb", "corrected", "flag")}
    original = text_of(row.item.a) if words["corrected"] is not None else ""
    kinds = {"stars": "stars", "thumb": "thumb", "corrected": "correction"}
    for name, kind in kinds.items():
        if again and words[name] is not None:
            _replace(Feedback, row, by, kind=kind)
    return giving.rate(experience=row.item.a, original=original, **words, **common)


def _replace(model: Any, row: Assignment, by: Any, **which: Any) -> None:
    rows = model.objects.for_brand(row.brand_id).filter(assignment=row, undone_at__isnull=True, **which)
    for said in rows:
        undoing.undo(said, by=by)


def _known(row: Assignment, by: Any, key: str) -> Word | None:
    if not key:
        return None
    model = Feedback if row.item.b_id is None else PreferencePair
    found: Word | None = model.objects.for_brand(row.brand_id).filter(rater=by, key=key).first()
    return found


def _count(item: RatingItem, by: int) -> None:
    """Count an answer in or out of a locked item; it is done when all that were wanted have answered."""
    item.answered += by
    changed: dict[str, Any] = {"answered": item.answered}
    if item.state != RatingItem.State.CLOSED:
        done = item.answered >= item.wanted
        state = RatingItem.State.DONE if done else RatingItem.State.OPEN
        changed |= {"state": state, "disputed": done and _disputed(item)}
    RatingItem.objects.for_brand(item.brand_id).filter(pk=item.pk).update(**changed)


def _disputed(item: RatingItem) -> bool:
    valid = {"assignment__item": item, "undone_at__isnull": True, "counts": True}
    if item.b_id is not None:
        pairs = PreferencePair.objects.for_brand(item.brand_id).filter(**valid)
        return disagree(list(pairs.values_list("verdict", flat=True)), [], [])
    words = list(Feedback.objects.for_brand(item.brand_id).filter(**valid).values_list("kind", "stars", "value"))
    stars = [given for kind, given, _ in words if kind == Feedback.Kind.STARS and given]
    return disagree([], stars, [value for kind, _, value in words if kind == Feedback.Kind.THUMB])


def _as_draft(said: Word) -> dict[str, str]:
    """What was said, so that the page can show it chosen again."""
    kept = {"comment": said.comment}
    if isinstance(said, Feedback) and said.corrected:
        kept["corrected"] = said.corrected
    return {name: value for name, value in kept.items() if value}
