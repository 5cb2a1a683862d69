"""Many words of one person at once, in a few statements: what is new is stored, what a key brought before is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from crm.models import Brand
from rlhf.feedback.giving import history_of, once
from rlhf.models import Feedback, PreferencePair, Signal

Word = Feedback | PreferencePair


@dataclass(frozen=True, slots=True)
class Stored:
    """The words in the order they came, as they are stored, and how many of them are new."""

    words: tuple[Word, ...]
    new: int


def store_many(*, brand: Brand, rater: Any, words: Sequence[Word]) -> Stored:
    """Store checked words (`giving.rated`, `giving.chosen`) of one person, all or none.

    Two words of one key are one, here and with what was stored before. In about eight statements whatever their number;
    only where somebody else sends the same keys at the same moment they go in one by one.
    """
    try:
        with transaction.atomic():
            return _at_once(brand, rater, words)
    except IntegrityError:
        with transaction.atomic():
            found: list[tuple[Word, bool]] = [once(word) for word in words]  # type: ignore[type-var]
        return Stored(tuple(word for word, _ in found), sum(new for _, new in found))


def _at_once(brand: Brand, rater: Any, words: Sequence[Word]) -> Stored:
    known = _known(brand, rater, words)
    first: dict[tuple[type, str], Word] = {}
    fresh: list[Word] = []
    kept: list[Word] = []
    for word in words:
        name = (type(word), word.key)
        there = known.get(name) or first.get(name) if word.key else None
        kept.append(there or word)
        if there is None:
            fresh.append(word)
            if word.key:
                first[name] = word
    for model in (Feedback, PreferencePair):
        model.objects.for_brand(brand).bulk_create([word for word in fresh if isinstance(word, model)], batch_size=500)
    history = [signal for word in fresh for signal in history_of(word)]
    Signal.objects.for_brand(brand).bulk_create(history, batch_size=500)
    return Stored(tuple(kept), len(fresh))


def _known(brand: Brand, rater: Any, words: Sequence[Word]) -> dict[tuple[type, str], Word]:
    found: dict[tuple[type, str], Word] = {}
    for model in (Feedback, PreferencePair):
        keys = [word.key for word in words if word.key and isinstance(word, model)]
        if keys:
            rows = model.objects.for_brand(brand).filter(rater=rater, key__in=keys)
            found |= {(model, row.key): row for row in rows}
    return found
