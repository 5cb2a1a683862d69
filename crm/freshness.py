"""How fresh each retailer's data is: when reports came, when the next is expected, and how late it is.

A delivery is an import for the retailer that stored something. Expected days are counted in steps of
`delivers_every_days` from the day of the last delivery, in the retailer's own time zone. Each delivery belongs to the
expected day nearest to its own, so that a catch-up on the next day does not make the missing day good.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from crm.models import Brand, Import, Retailer

BARS = 30
KEPT = (Import.State.STORED, Import.State.PARTIAL)
#: How one expected delivery went.
Turn = Literal["on time", "late", "missing"]
State = Literal["on time", "late", "never", "whenever", "no such time zone"]


@dataclass(frozen=True)
class Rhythm:
    """When reports are expected: every so many days, by a local time; None: by the end of the day."""

    every_days: int
    by: time | None
    zone: ZoneInfo

    def due_on(self, day: date) -> datetime:
        """The instant by which the report of that day is expected."""
        if self.by is None:
            return datetime.combine(day + timedelta(days=1), time(0), self.zone)
        return datetime.combine(day, self.by, self.zone)


@dataclass(frozen=True)
class Fresh:
    """One retailer. `late_days` counts begun days since the delivery that is overdue was expected."""

    retailer: Retailer
    state: State
    last_at: datetime | None = None
    last_on: date | None = None
    expected_at: datetime | None = None
    late_days: int = 0
    bars: tuple[Turn, ...] = ()

    @property
    def zone(self) -> ZoneInfo | None:
        return _zone(self.retailer)

    def counted(self, turn: Turn) -> int:
        return self.bars.count(turn)


def expected_after(rhythm: Rhythm, last: datetime) -> datetime:
    """When the delivery after the one at `last` is expected: that many days after its day."""
    return rhythm.due_on(last.astimezone(rhythm.zone).date() + timedelta(days=rhythm.every_days))


def bars(rhythm: Rhythm, deliveries: Sequence[datetime], now: datetime, *, at_most: int = BARS) -> tuple[Turn, ...]:
    """How the last expected deliveries went, oldest first, beginning with the first that ever came.

    `deliveries` are instants in any order; of several for one expected day the first counts. A day whose time is still
    ahead is shown only once its delivery is there.
    """
    if not deliveries:
        return ()
    came = sorted(one.astimezone(rhythm.zone) for one in deliveries)
    anchor, every = came[-1].date(), rhythm.every_days
    first_of: dict[int, datetime] = {}
    for one in came:
        first_of.setdefault(((one.date() - anchor).days + (every - 1) // 2) // every, one)
    today = max(0, (now.astimezone(rhythm.zone).date() - anchor).days // every)
    turns: list[Turn] = []
    for place in range(min(first_of), today + 1):
        due = rhythm.due_on(anchor + timedelta(days=every * place))
        if place in first_of:
            turns.append("on time" if first_of[place] <= due else "late")
        elif due < now:
            turns.append("missing")
    return tuple(turns[-at_most:])


def of_retailer(
    retailer: Retailer, *, last_at: datetime | None, last_on: date | None, deliveries: Sequence[datetime], now: datetime
) -> Fresh:
    """What is known of one retailer at `now`."""
    zone = _zone(retailer)
    if zone is None:
        return Fresh(retailer, "no such time zone", last_at, last_on)
    if retailer.delivers_every_days is None:
        return Fresh(retailer, "never" if last_at is None else "whenever", last_at, last_on)
    if last_at is None:
        return Fresh(retailer, "never")
    rhythm = Rhythm(retailer.delivers_every_days, retailer.delivers_by, zone)
    expected = expected_after(rhythm, last_at)
    late = max(0, ceil((now - expected) / timedelta(days=1)))
    state: State = "late" if now > expected else "on time"
    return Fresh(retailer, state, last_at, last_on, expected, late, bars(rhythm, deliveries, now))


def feeds(brand: Brand, *, now: datetime | None = None) -> list[Fresh]:
    """Every retailer for the side bar, without bars: one query."""
    moment = now or timezone.now()
    return [of_retailer(one, last_at=one.last_at, last_on=None, deliveries=(), now=moment) for one in _retailers(brand)]


def retailers(brand: Brand, *, now: datetime | None = None) -> list[Fresh]:
    """Every retailer with its last day of figures and its last deliveries, for the Data page: three queries."""
    moment = now or timezone.now()
    listed = list(_retailers(brand))
    kept = Import.objects.for_brand(brand).filter(retailer__isnull=False, state__in=KEPT).order_by()
    last_on = dict(kept.values_list("retailer").annotate(Max("last_on")))
    longest = max((one.delivers_every_days or 1 for one in listed), default=1)
    since = moment - timedelta(days=longest * (BARS + 2))
    came: dict[int, list[datetime]] = defaultdict(list)
    for retailer, at in kept.filter(started_at__gte=since).values_list("retailer", "started_at"):
        came[retailer].append(at)
    return [
        of_retailer(
            one,
            last_at=one.last_at,
            last_on=last_on.get(one.pk),
            now=moment,
            deliveries=_lately(one, came, moment),
        )
        for one in listed
    ]


def _lately(retailer: Any, came: dict[int, list[datetime]], now: datetime) -> list[datetime]:
    reach = now - timedelta(days=(retailer.delivers_every_days or 1) * (BARS + 2))
    recent = [at for at in came[retailer.pk] if at >= reach]
    return recent or ([retailer.last_at] if retailer.last_at else [])


def _retailers(brand: Brand) -> QuerySet[Any]:
    newest = (
        Import.objects.for_brand(brand)
        .filter(retailer=OuterRef("pk"), state__in=KEPT)
        .order_by("-started_at")
        .values("started_at")[:1]
    )
    rows: QuerySet[Any] = Retailer.objects.for_brand(brand).annotate(last_at=Subquery(newest)).order_by("name")
    return rows


def _zone(retailer: Retailer) -> ZoneInfo | None:
    try:
        return ZoneInfo(retailer.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
