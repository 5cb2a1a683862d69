"""Who holds which item: taken by a conditional update, for a while, by as many people as are wanted and no more."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.models import Assignment, RatingItem, RatingTask

MOST_AT_ONCE = 25
REPEAT_AFTER = 8  # answers that lie between the two showings of an item
SWEEP = 500
LONGEST_DRAFT = 60_000


class NotHeld(EndcapError):
    """This item is not in this person's hands."""

    status = 404


def take(*, task: RatingTask, rater: Any, count: int = 1, now: datetime) -> list[Assignment]:
    """Up to `count` items for this person: those they hold already, first; then new ones, the least certain first.

    Every item goes to at most `wanted` people. Now and then one with a known answer, or one that they saw before, is
    among them; the draw is seeded by person and number, so it can be repeated. Their locks start now.
    """
    count = max(1, min(count, MOST_AT_ONCE))
    until = now + timedelta(minutes=task.lock_minutes)
    for attempt in (1, 2):
        try:
            with transaction.atomic():
                return _take(task, rater, count, now, until)
        except IntegrityError:  # the same person in two windows took the same item
            if attempt == 2:
                raise
    raise AssertionError


def held(*, brand: Brand, rater: Any, public_id: Any) -> Assignment:
    """The person's own assignment, in any state. Raises NotHeld."""
    rows = Assignment.objects.for_brand(brand).filter(rater=rater, public_id=public_id)
    found: Assignment | None = rows.select_related("item__task", "item__a", "item__b", "brand").first()
    if found is None:
        raise NotHeld("This item is not yours to rate. Take the next one.")
    return found


def skip(assignment: Assignment, *, by: Any, now: datetime) -> Assignment:
    """Give it back; somebody else gets it, and this person does not see it again."""
    with transaction.atomic():
        waiting = _own(assignment, by).filter(state__in=[Assignment.State.OPEN, Assignment.State.EXPIRED])
        if waiting.update(state=Assignment.State.SKIPPED, answered_at=now) == 1:
            free(assignment)
    assignment.refresh_from_db()
    return assignment


def save_draft(assignment: Assignment, draft: dict[str, Any], *, by: Any) -> None:
    """Keep what was typed and not sent: texts by field, cut at `LONGEST_DRAFT` characters."""
    kept = {str(name)[:40]: str(value)[:LONGEST_DRAFT] for name, value in list(draft.items())[:20]}
    _own(assignment, by).exclude(state=Assignment.State.ANSWERED).update(draft=kept)


def free(assignment: Assignment) -> None:
    """Give the item's place back, once. Call it in the transaction that closes the assignment."""
    rows = Assignment.objects.for_brand(assignment.brand_id)
    if rows.filter(pk=assignment.pk, holds_slot=True).update(holds_slot=False) == 1:
        items = RatingItem.objects.for_brand(assignment.brand_id).filter(pk=assignment.item_id, taken__gt=0)
        items.update(taken=F("taken") - 1)


def regain(assignment: Assignment) -> bool:
    """Take the place back that was lost; False where others have it by now."""
    items = RatingItem.objects.for_brand(assignment.brand_id).filter(pk=assignment.item_id)
    if items.filter(taken__lt=F("wanted")).update(taken=F("taken") + 1) != 1:
        return False
    Assignment.objects.for_brand(assignment.brand_id).filter(pk=assignment.pk).update(holds_slot=True)
    return True


def release_expired(brand: Brand | int, *, now: datetime) -> int:
    """Give back what people held longer than their lock; how many. Their answers are still taken when they come."""
    rows = Assignment.objects.for_brand(brand)
    late = rows.filter(state=Assignment.State.OPEN, locked_until__lt=now).order_by("locked_until")[:SWEEP]
    released = 0
    for assignment in late:
        with transaction.atomic():
            still = rows.filter(pk=assignment.pk, state=Assignment.State.OPEN, locked_until__lt=now)
            if still.update(state=Assignment.State.EXPIRED) == 1:
                free(assignment)
                released += 1
    return released


def _take(task: RatingTask, rater: Any, count: int, now: datetime, until: datetime) -> list[Assignment]:
    rows = Assignment.objects.for_brand(task.brand_id)
    mine = rows.filter(item__task=task, rater=rater)
    open_now = mine.filter(state=Assignment.State.OPEN, item__state=RatingItem.State.OPEN).order_by("pk")
    kept = list(open_now.select_related("item__a", "item__b")[:count])
    rows.filter(pk__in=[one.pk for one in kept]).update(locked_until=until)
    number = mine.count()
    while len(kept) < count:
        item, showing = _next(task, rater, number)
        if item is None:
            break
        kept.append(_given(task, rater, item, showing, number, until))
        number += 1
    return kept


def _next(task: RatingTask, rater: Any, number: int) -> tuple[RatingItem | None, int]:
    draw = _draw(task, rater, number)
    if draw < task.gold_share:
        gold = _unseen(task, rater).filter(is_gold=True).order_by("pk").first()
        if gold is not None:
            return gold, 1
    elif draw < task.gold_share + task.repeat_share:
        again = _seen_long_ago(task, rater)
        if again is not None:
            return again, 2
    fresh = _unseen(task, rater).filter(is_gold=False, taken__lt=F("wanted")).order_by("-priority", "pk")
    if connection.features.has_select_for_update_skip_locked:
        fresh = fresh.select_for_update(skip_locked=True, of=("self",))
    for item in fresh[:1]:
        if (
            RatingItem.objects.for_brand(task.brand_id)
            .filter(pk=item.pk, taken__lt=F("wanted"))
            .update(taken=F("taken") + 1)
        ):
            return item, 1
    return None, 1


def _unseen(task: RatingTask, rater: Any) -> QuerySet[Any]:
    seen = Assignment.objects.for_brand(task.brand_id).filter(
        rater=rater, item__task=task, showing=1,
        state__in=[Assignment.State.OPEN, Assignment.State.ANSWERED, Assignment.State.SKIPPED],
    )  # fmt: skip
    rows: QuerySet[Any] = RatingItem.objects.for_brand(task.brand_id).filter(task=task, state=RatingItem.State.OPEN)
    return rows.exclude(pk__in=seen.values("item"))


def _seen_long_ago(task: RatingTask, rater: Any) -> RatingItem | None:
    """The item answered longest ago that was shown once, with `REPEAT_AFTER` answers since."""
    rows = Assignment.objects.for_brand(task.brand_id).filter(item__task=task, rater=rater)
    twice = rows.filter(showing=2).values("item")
    answered = rows.filter(showing=1, state=Assignment.State.ANSWERED).order_by("-answered_at", "-pk")
    old = answered.exclude(item__in=twice).exclude(item__is_gold=True).select_related("item")[REPEAT_AFTER:]
    found = next(iter(old[:1]), None)
    return found.item if found is not None else None


def _given(task: RatingTask, rater: Any, item: RatingItem, showing: int, number: int, until: datetime) -> Assignment:
    """The row that says so. A side is drawn for every showing; a lock that ran out before is taken up again."""
    seed = _seed(task, rater, number)
    values = {
        "shown_order": "ba" if item.b_id and seed % 2 else "ab",
        "seed": seed,
        "state": Assignment.State.OPEN,
        "locked_until": until,
        "holds_slot": showing == 1 and not item.is_gold,
    }
    made: Assignment
    made, _ = Assignment.objects.for_brand(task.brand_id).update_or_create(
        brand_id=task.brand_id, item=item, rater=rater, showing=showing, defaults=values
    )
    made.item = item
    return made


def _own(assignment: Assignment, by: Any) -> QuerySet[Any]:
    rows: QuerySet[Any] = Assignment.objects.for_brand(assignment.brand_id).filter(pk=assignment.pk, rater=by)
    return rows


def _seed(task: RatingTask, rater: Any, number: int) -> int:
    digest = hashlib.sha256(f"{task.pk}/{rater.pk}/{number}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def _draw(task: RatingTask, rater: Any, number: int) -> float:
    """In [0, 1), from bits that the seed's side does not use."""
    return (_seed(task, rater, number) >> 8) / float(1 << 48)
