"""Time cut into weeks, or into several weeks where a period is long, so that a chart has at most 26 bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Case, IntegerField, Value, When
from django.utils import timezone

MOST = 26
WEEKS = (1, 4, 13, 52)


@dataclass(frozen=True, slots=True)
class Stretch:
    """`weeks` weeks from a Monday, midnight here; `ends` is the first moment that is no part of it."""

    begins: datetime
    ends: datetime
    weeks: int

    @property
    def label(self) -> str:
        """`30 Jun`."""
        local = timezone.localtime(self.begins)
        return f"{local.day} {local:%b}"


def stretches(first: datetime, last: datetime) -> list[Stretch]:
    """From the Monday at or before `first` to the stretch that holds `last`; at least one."""
    day = timezone.localtime(first).date()
    monday = day - timedelta(days=day.weekday())
    weeks = max(0, (timezone.localtime(last).date() - monday).days // 7) + 1
    step = next((one for one in WEEKS if weeks <= one * MOST), -(-weeks // MOST))
    zone = timezone.get_current_timezone()
    # By days and not by hours: a week in which the clocks change has an hour more or less.
    edges = [
        datetime.combine(monday + timedelta(weeks=place * step), time(), zone) for place in range(-(-weeks // step) + 1)
    ]
    return [Stretch(begins, ends, step) for begins, ends in zip(edges, edges[1:], strict=False)]


def place_of(cut: Sequence[Stretch]) -> Case | Value:
    """The number of the stretch of `created_at`, for the database; one that needs no function of its own."""
    if len(cut) == 1:
        return Value(0, output_field=IntegerField())
    *earlier, last = range(len(cut))
    cases = [When(created_at__lt=cut[place].ends, then=Value(place)) for place in earlier]
    return Case(*cases, default=Value(last), output_field=IntegerField())
