"""Who holds which item: taken by a conditional update, for a while, by as many people as are wanted and no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.models import Assignment, RatingItem, RatingTask
from rlhf.rating.picking import Picked, pick

MOST_AT_ONCE = 25
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
                return _take(task, rater, count, until)
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


def locked(assignment: Assignment) -> Assignment:
    """The same row as it is now, locked with its item until the transaction ends; with task and experiences."""
    rows = Assignment.objects.for_brand(assignment.brand_id).select_for_update(of=("self", "item"), no_key=True)
    found: Assignment = rows.select_related("item__task", "item__a__brand", "item__b").get(pk=assignment.pk)
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


def _take(task: RatingTask, rater: Any, count: int, until: datetime) -> list[Assignment]:
    """Locks are taken in one order, so that two windows of a person never wait for each other: assignments by key, then
    items; and here nobody waits for an item while holding anything."""
    rows = Assignment.objects.for_brand(task.brand_id)
    mine = rows.filter(item__task=task, rater=rater, state=Assignment.State.OPEN)
    open_now = mine.exclude(item__state=RatingItem.State.CLOSED).order_by("pk").select_related("item__a", "item__b")
    kept = list(open_now.select_for_update(of=("self",), no_key=True)[:count])
    rows.filter(pk__in=[one.pk for one in kept]).update(locked_until=until)
    if len(kept) == count:
        return kept
    picked = pick(task, rater, count - len(kept), alone=not kept)
    given = [_given(task, rater, one, until) for one in picked]
    taken = [one.item_id for one in given if one.holds_slot]
    RatingItem.objects.for_brand(task.brand_id).filter(pk__in=taken).update(taken=F("taken") + 1)
    rows.bulk_create([one for one in given if one.pk is None])
    return kept + given


def _given(task: RatingTask, rater: Any, picked: Picked, until: datetime) -> Assignment:
    """The row that says so, to be written where it is new. A side is drawn for every showing."""
    values = {
        "shown_order": "ba" if picked.item.b_id and picked.seed % 2 else "ab",
        "seed": picked.seed,
        "state": Assignment.State.OPEN,
        "locked_until": until,
        "holds_slot": picked.showing == 1 and not picked.item.is_gold,
    }
    if picked.row is None:
        return Assignment(
            brand_id=task.brand_id, item=picked.item, rater=rater, showing=picked.showing, **values
        )  # fmt: skip
    for name, value in values.items():
        setattr(picked.row, name, value)
    picked.row.item = picked.item
    picked.row.save(update_fields=list(values))
    return picked.row


def _own(assignment: Assignment, by: Any) -> QuerySet[Any]:
    rows: QuerySet[Any] = Assignment.objects.for_brand(assignment.brand_id).filter(pk=assignment.pk, rater=by)
    return rows
