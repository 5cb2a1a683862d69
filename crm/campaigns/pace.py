"""Plan against actual: how much was planned up to a day, how far along that is, and where it would end: pure.

A plan is spread evenly over the days of its period. Where no period is planned, the budget is: a budget a day, a week,
a month (of 365.25 / 12 days) or, for a whole campaign, over all its days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import sqrt
from statistics import fmean, stdev

DAYS_IN = {"day": Decimal(1), "week": Decimal(7), "month": Decimal("30.4375")}
#: The mean of so many last days is what a projection goes on with.
LOOK_BACK = 14
#: A normal variable lies within so many standard deviations 8 times in 10.
EIGHT_IN_TEN = 1.2816


@dataclass(frozen=True)
class Stretch:
    """A planned amount for days from `starts_on` to `ends_on`, both inclusive."""

    starts_on: date
    ends_on: date
    amount: Decimal

    @property
    def days(self) -> int:
        return (self.ends_on - self.starts_on).days + 1

    def until(self, day: date) -> Decimal:
        """The part of it that was to be reached by the end of `day`."""
        gone = min(max((day - self.starts_on).days + 1, 0), self.days)
        return self.amount * gone / self.days


@dataclass(frozen=True)
class Pace:
    """Money planned and spent on the planned days up to `as_of`; `share` is spent / planned. `from_budget`: no period
    is planned, the budget was spread instead."""

    as_of: date
    planned: Decimal
    spent: Decimal
    from_budget: bool

    @property
    def share(self) -> float | None:
        return float(self.spent / self.planned) if self.planned else None

    @property
    def state(self) -> str:
        """`under` below 90 %, `over` above 110 %, else `on`; empty where nothing was planned yet."""
        if self.share is None:
            return ""
        return "under" if self.share < 0.9 else "over" if self.share > 1.1 else "on"


@dataclass(frozen=True)
class Ahead:
    """A day still to come: cumulative spend if it goes on like the last days; low and high hold 8 times in 10."""

    day: date
    likely: float
    low: float
    high: float


def from_budget(
    budget: Decimal | None, period: str, starts_on: date | None, ends_on: date | None, *, last_day: date
) -> list[Stretch]:
    """The budget as one stretch; nothing where it cannot be spread: no budget, no start, or a total without an end."""
    if budget is None or starts_on is None:
        return []
    end = ends_on or last_day
    if end < starts_on:
        return []
    if period in DAYS_IN:
        days = (end - starts_on).days + 1
        return [Stretch(starts_on, end, budget / DAYS_IN[period] * days)]
    return [Stretch(starts_on, ends_on, budget)] if ends_on else []


def planned_until(stretches: Iterable[Stretch], day: date) -> Decimal:
    return sum((one.until(day) for one in stretches), Decimal(0))


def pace(
    stretches: Sequence[Stretch], spend_by_day: Mapping[date, Decimal], *, as_of: date, is_budget: bool
) -> Pace | None:
    """Spent against planned up to the last day of figures; None where nothing is planned by then."""
    planned = planned_until(stretches, as_of)
    if not planned:
        return None
    spent = sum(
        (
            amount
            for day, amount in spend_by_day.items()
            if day <= as_of and any(one.starts_on <= day <= one.ends_on for one in stretches)
        ),
        Decimal(0),
    )
    return Pace(as_of, planned, spent, is_budget)


def ahead(spend_by_day: Mapping[date, Decimal], *, after: date, until: date, reached: float) -> list[Ahead]:
    """Cumulative spend of the days after `after` up to `until`: the mean of the last 14 days goes on. Days without a
    figure among them count as nothing spent. The range takes days as independent, so it is the narrowest honest one.
    Empty without at least three days to go by."""
    first = max(min(spend_by_day, default=after), after - timedelta(days=LOOK_BACK - 1))
    lately = [float(spend_by_day.get(first + timedelta(days=n), 0)) for n in range((after - first).days + 1)]
    if len(lately) < 3:
        return []
    mean, spread = fmean(lately), stdev(lately)
    found = []
    for number in range(1, (until - after).days + 1):
        likely = reached + mean * number
        reach = EIGHT_IN_TEN * spread * sqrt(number)
        found.append(Ahead(after + timedelta(days=number), likely, max(reached, likely - reach), likely + reach))
    return found
