"""Which items a person gets next: the least certain with room, now and then one with a known answer or one seen before.

Nothing is written here. On PostgreSQL what is picked is locked until the caller's transaction ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from rlhf.models import Assignment, RatingItem, RatingTask

REPEAT_AFTER = 8  # answers that lie between the two showings of an item


@dataclass(frozen=True, slots=True)
class Picked:
    """An item for the person, with the seed of its number among all of theirs. `row` is their own one where a lock of
    theirs ran out before."""

    item: RatingItem
    showing: int
    seed: int
    row: Assignment | None = None


def pick(task: RatingTask, rater: Any, need: int, *, alone: bool) -> list[Picked]:
    """Up to `need` items. The draws are seeded by person and number, so they can be repeated. `alone` says that the
    caller's transaction holds no lock yet, so that it may wait for one."""
    number = Assignment.objects.for_brand(task.brand_id).filter(rater=rater).count()
    fresh: Iterator[Picked] | None = None
    found: list[Picked] = []
    for place in range(number, number + need):
        seed = _seed(task, rater, place)
        one = _by_draw(task, rater, seed, [before.item.pk for before in found])
        if one is None:
            fresh = _fresh(task, rater, need, wait=alone) if fresh is None else fresh
            one = next(fresh, None)
        if one is None:
            break
        found.append(Picked(one.item, one.showing, seed, one.row))
    return found


def _by_draw(task: RatingTask, rater: Any, seed: int, known: list[int]) -> Picked | None:
    draw = (seed >> 8) / float(1 << 48)  # in [0, 1), from bits that the seed's side does not use
    if draw < task.gold_share:
        gold = _unseen(task, rater).filter(is_gold=True).exclude(pk__in=known).order_by("pk")
        return next(_free(task, gold[:1], seed), None)
    if draw < task.gold_share + task.repeat_share:
        again = _seen_long_ago(task, rater, known)
        return Picked(again, 2, seed) if again is not None else None
    return None


def _fresh(task: RatingTask, rater: Any, need: int, *, wait: bool) -> Iterator[Picked]:
    """What somebody else takes or answers at this moment is passed over. Where only that is left, and it is safe to
    wait, one is waited for: it may have room for two."""
    rows = _unseen(task, rater).filter(is_gold=False, taken__lt=F("wanted")).order_by("-priority", "pk")
    if not connection.features.has_select_for_update_skip_locked:
        return _free(task, rows[:need], 0)
    found = list(rows.select_for_update(skip_locked=True, of=("self",), no_key=True)[:need])
    if not found and wait:
        found = list(rows.select_for_update(of=("self",), no_key=True)[:1])
    return _free(task, found, 0)


def _free(task: RatingTask, items: Any, seed: int) -> Iterator[Picked]:
    """A lock that ran out is taken up again, except while the person answers that item in another window."""
    for item in items:
        if item.late is None:
            yield Picked(item, 1, seed)
            continue
        own = Assignment.objects.for_brand(task.brand_id).filter(pk=item.late, state=Assignment.State.EXPIRED)
        row = own.select_for_update(skip_locked=True, no_key=True).first()
        if row is not None:
            yield Picked(item, 1, seed, row)


def _unseen(task: RatingTask, rater: Any) -> QuerySet[Any]:
    """Open items that this person neither holds nor answered nor skipped; `late` is the key of their own row where a
    lock of theirs ran out."""
    rows = RatingItem.objects.for_brand(task.brand_id).filter(task=task, state=RatingItem.State.OPEN)
    own = Assignment.objects.for_brand(task.brand_id).filter(item=OuterRef("pk"), rater=rater, showing=1)
    late = own.filter(state=Assignment.State.EXPIRED).values("pk")
    held = own.exclude(state=Assignment.State.EXPIRED)
    unseen: QuerySet[Any] = rows.filter(~Exists(held)).annotate(late=Subquery(late))
    return unseen


def _seen_long_ago(task: RatingTask, rater: Any, known: list[int]) -> RatingItem | None:
    """The item answered longest ago that was shown once, with `REPEAT_AFTER` answers since."""
    rows = Assignment.objects.for_brand(task.brand_id).filter(item__task=task, rater=rater)
    twice = rows.filter(showing=2).values("item")
    answered = rows.filter(showing=1, state=Assignment.State.ANSWERED).order_by("-answered_at", "-pk")
    old = answered.exclude(item__in=twice).exclude(item__in=known).exclude(item__is_gold=True)
    found = next(iter(old.select_related("item")[REPEAT_AFTER : REPEAT_AFTER + 1]), None)
    return found.item if found is not None else None


def _seed(task: RatingTask, rater: Any, number: int) -> int:
    digest = hashlib.sha256(f"{task.pk}/{rater.pk}/{number}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
