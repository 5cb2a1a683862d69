"""Where people disagree: both sides with what they said, and what an owner decides; a reason makes it an example.

A decision stands on the item and in the history of its experiences. Given with a reason, the item becomes one with a
known answer (now and then shown to others), and its text an example in the rating guide. All of it can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.models import Feedback, PreferencePair, RatingItem, RatingTask, Signal
from rlhf.showing import shown
from rlhf.signals import name_of, record

PAIR_ANSWERS = {"a": "A is better", "b": "B is better", "tie": "About the same", "both_bad": "Both bad"}
STARS_ANSWERS = {"1": "1 star", "2": "2 stars", "3": "3 stars", "4": "4 stars", "5": "5 stars"}
THUMB_ANSWERS = {"up": "Good", "down": "Not good"}
AS_STARS = {"up": "5", "down": "1"}  # a known answer is told in stars; one apart counts as right
LONGEST_NOTE = 200
LONGEST_EXCERPT = 280
MOST_EXAMPLES = 6
UP = 0.5


class NoDispute(EndcapError):
    """It was decided, or sent to one more person, by somebody else."""

    status = 409


class BadDecision(EndcapError):
    """What was decided is not an answer to this question; `detail` names the field."""

    status = 422


@dataclass(frozen=True, slots=True)
class Voice:
    """What one person said; `answer` is a side, stars or a thumb in words."""

    name: str
    answer: str
    reasons: tuple[str, ...]
    comment: str

    @property
    def initials(self) -> str:
        words = self.name.replace(".", " ").replace("_", " ").split()
        return ("".join(word[0] for word in words[:2]) if len(words) > 1 else self.name[:2]).upper()


@dataclass(frozen=True, slots=True)
class Side:
    """People who said about the same; `excerpt` is the text of this side of a pair."""

    title: str
    voices: tuple[Voice, ...]
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Dispute:
    """An item with both its sides. `answers` are (value, words) that decide it; `decided` is the word for what was."""

    item: RatingItem
    title: str
    excerpt: str
    sides: tuple[Side, ...]
    answers: tuple[tuple[str, str], ...]
    decided: str = ""


def waiting(brand: Brand, *, kind: str = "") -> QuerySet[Any]:
    """Items in dispute, the oldest first."""
    rows: QuerySet[Any] = RatingItem.objects.for_brand(brand).filter(disputed=True, resolved_at__isnull=True)
    rows = rows.filter(task__kind=kind) if kind else rows
    return rows.select_related("task", "a", "b").order_by("pk")


def resolved(brand: Brand) -> QuerySet[Any]:
    """Decided ones, the newest first."""
    rows: QuerySet[Any] = RatingItem.objects.for_brand(brand).filter(resolved_at__isnull=False)
    return rows.select_related("task", "a", "b", "resolved_by").order_by("-resolved_at", "-pk")


def look(items: Iterable[RatingItem]) -> list[Dispute]:
    """What people said about each of them; two queries for items of one brand."""
    rows = list(items)
    if not rows:
        return []
    brand = rows[0].brand_id
    about = {"assignment__item__in": rows, "undone_at__isnull": True, "counts": True}
    pairs: dict[int, list[PreferencePair]] = {}
    for pair in PreferencePair.objects.for_brand(brand).filter(**about).select_related("rater", "assignment"):
        pairs.setdefault(pair.assignment.item_id, []).append(pair)
    words: dict[int, list[Feedback]] = {}
    for word in Feedback.objects.for_brand(brand).filter(**about).select_related("rater", "assignment"):
        words.setdefault(word.assignment.item_id, []).append(word)
    return [
        _of_pair(item, pairs.get(item.pk, [])) if item.b_id else _of_one(item, words.get(item.pk, [])) for item in rows
    ]


def decide(item: RatingItem, *, by: Any, answer: str, note: str = "") -> RatingItem:
    """Settle it. With a `note` (why) it becomes an example in the guide and an item with a known answer.

    Raises BadDecision on an answer that is none or a note that is too long, NoDispute where it is settled already.
    """
    note = note.strip()
    if answer not in answers_of(item):
        raise BadDecision(f"“{answer[:20]}” is not an answer to this question.", field="answer", value=answer[:20])
    if len(note) > LONGEST_NOTE:
        raise BadDecision(f"A reason has at most {LONGEST_NOTE} characters.", field="note", value=note[:20])
    changes: dict[str, Any] = {
        "resolution": answer,
        "resolution_note": note,
        "resolved_by": by,
        "resolved_at": timezone.now(),
        "state": RatingItem.State.DONE,
    }
    if note:
        changes |= {
            "is_gold": True,
            "gold_answer": AS_STARS.get(answer, answer),
            "gold_why": note,
            "state": RatingItem.State.OPEN,
        }
    with transaction.atomic():
        _change(item, disputed=True, resolved_at__isnull=True, values=changes)
        if note:
            _teach(item, answer, note)
        _tell(item, by, resolution=answer, note=note, example=bool(note))
    return item


def ask_one_more(item: RatingItem, *, by: Any) -> RatingItem:
    """Put it back into the queue for one person more; with their answer it is looked at again. Raises NoDispute."""
    with transaction.atomic():
        values = {"wanted": F("wanted") + 1, "state": RatingItem.State.OPEN, "disputed": False}
        _change(item, disputed=True, resolved_at__isnull=True, values=values)
        _tell(item, by, asked="one more")
    return item


def reopen(item: RatingItem, *, by: Any) -> RatingItem:
    """Take a decision back: it is in dispute again, no known answer and no example any more. Raises NoDispute."""
    values = {
        "resolution": "",
        "resolution_note": "",
        "resolved_by": None,
        "resolved_at": None,
        "is_gold": False,
        "gold_answer": "",
        "gold_why": "",
        "state": RatingItem.State.DONE,
    }
    with transaction.atomic():
        _change(item, disputed=True, resolved_at__isnull=False, values=values)
        _unteach(item)
        _tell(item, by, resolution="taken back")
    return item


def answers_of(item: RatingItem) -> dict[str, str]:
    """What may be decided, and how a button says it: sides of a pair; stars where somebody gave some, else a thumb."""
    if item.b_id:
        return PAIR_ANSWERS
    rows = Feedback.objects.for_brand(item.brand_id).filter(assignment__item=item, undone_at__isnull=True)
    starred = rows.filter(counts=True, kind=Feedback.Kind.STARS).exists()
    return STARS_ANSWERS if starred else THUMB_ANSWERS


def _change(item: RatingItem, *, values: dict[str, Any], **still: Any) -> None:
    """One conditional update, so that two owners cannot both decide."""
    rows = RatingItem.objects.for_brand(item.brand_id)
    if rows.filter(pk=item.pk, **still).update(**values) != 1:
        raise NoDispute("Somebody else looked at this meanwhile. Load the page again to see what they decided.")
    item.refresh_from_db()


def _tell(item: RatingItem, by: Any, **said: Any) -> None:
    for experience in (item.a, item.b):
        if experience is not None:
            record(experience, Signal.Kind.RESOLVED, actor=name_of(by), item=item.pk, **said)


def _teach(item: RatingItem, answer: str, note: str) -> None:
    """Add the text to the guide's examples, newest first. A tie and three stars teach neither good nor poor."""
    good = {"a": True, "b": True, "both_bad": False, "up": True, "down": False, "4": True, "5": True, "1": False,
            "2": False}.get(answer)  # fmt: skip
    if good is None:
        return
    experience = item.b if answer == "b" else item.a
    assert experience is not None
    example = {"good": good, "text": f"“{excerpt_of(experience)}”", "why": note, "item": item.pk}
    task = RatingTask.objects.for_brand(item.brand_id).select_for_update().get(pk=item.task_id)
    others = [one for one in task.guideline.get("examples", []) if one.get("item") != item.pk]
    task.guideline = {**task.guideline, "examples": [example, *others][:MOST_EXAMPLES]}
    task.save(update_fields=["guideline"])


def _unteach(item: RatingItem) -> None:
    task = RatingTask.objects.for_brand(item.brand_id).select_for_update().get(pk=item.task_id)
    kept = [one for one in task.guideline.get("examples", []) if one.get("item") != item.pk]
    if len(kept) != len(task.guideline.get("examples", [])):
        task.guideline = {**task.guideline, "examples": kept}
        task.save(update_fields=["guideline"])


def _of_pair(item: RatingItem, said: Sequence[PreferencePair]) -> Dispute:
    assert item.b is not None
    sides = []
    for verdict, title in PAIR_ANSWERS.items():
        voices = tuple(_voice(one, "") for one in said if one.verdict == verdict)
        if voices or verdict in ("a", "b"):
            excerpt = {"a": excerpt_of(item.a), "b": excerpt_of(item.b)}.get(verdict, "")
            sides.append(Side(title, voices, excerpt))
    return Dispute(
        item=item,
        title=shown(item.a).title,
        excerpt="",
        sides=tuple(sides),
        answers=tuple(PAIR_ANSWERS.items()),
        decided=PAIR_ANSWERS.get(item.resolution, ""),
    )


def _of_one(item: RatingItem, said: Sequence[Feedback]) -> Dispute:
    rated = [one for one in said if one.value is not None]
    up = tuple(_voice(one, _answer(one)) for one in rated if (one.value or 0.0) > UP)
    middle = tuple(_voice(one, _answer(one)) for one in rated if one.value == UP)
    down = tuple(_voice(one, _answer(one)) for one in rated if (one.value or 0.0) < UP)
    answers = STARS_ANSWERS if any(one.stars for one in rated) else THUMB_ANSWERS
    sides = [Side("Good", up), Side("In between", middle), Side("Not good", down)]
    return Dispute(
        item=item,
        title=shown(item.a).title,
        excerpt=excerpt_of(item.a),
        sides=tuple(side for side in sides if side.voices),
        answers=tuple(answers.items()),
        decided={**STARS_ANSWERS, **THUMB_ANSWERS}.get(item.resolution, ""),
    )


def _answer(word: Feedback) -> str:
    if word.stars:
        return STARS_ANSWERS[str(word.stars)]
    return "thumb up" if word.value else "thumb down"


def _voice(word: Feedback | PreferencePair, answer: str) -> Voice:
    name = (word.rater.get_full_name() or word.rater.get_username()) if word.rater else word.rater_name or "Somebody"
    return Voice(name, answer, tuple(word.reasons), word.comment)


def excerpt_of(experience: Any) -> str:
    """The beginning of its text, on one line."""
    text = " ".join(shown(experience).text.split())
    return text if len(text) <= LONGEST_EXCERPT else f"{text[: LONGEST_EXCERPT - 1].rstrip()}…"
