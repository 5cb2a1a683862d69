"""Reward over time: summed by the database, then put together into at most fourteen stretches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Max, Min, Sum, TextField
from django.db.models.functions import Cast, Substr
from django.utils import timezone

from crm.charts.drawings import Drawing
from crm.charts.intervals import mean_of
from crm.charts.trend import Line, Point, Upright, reward_trend
from crm.models import Brand
from orchestrator.models import Episode, PolicyVersion

AT_MOST = 14
MINUTE, HOUR, DAY = 60, 3600, 86_400
WIDTHS = (
    10,
    20,
    30,
    *(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * DAY for days in (1, 2, 7, 14, 28, 56)),
)
MONDAY = 4 * DAY  # 5 January 1970, so that stretches of a week begin on Mondays


@dataclass(frozen=True)
class Trend:
    """The drawing, what one point stands for, and the episodes behind it: how many, since which day, of which modes."""

    drawing: Drawing
    stretch: str
    episodes: int
    since: date | None = None
    modes: tuple[str, ...] = ()


def stretch_width(span_s: float) -> int:
    """The shortest of the usual widths (s) that cuts a span into at most fourteen stretches."""
    return next((width for width in WIDTHS if span_s / width < AT_MOST), WIDTHS[-1])


def trend(brand: Brand, *, since: timedelta = timedelta(weeks=12)) -> Trend:
    """Mean reward per policy mode of the newest ``since``; simulated and real runs are never put in one mean."""
    rewarded = Episode.objects.for_brand(brand).rewarded().filter(simulated=brand.is_simulated)
    rewarded = rewarded.filter(finished_at__gte=timezone.now() - since)
    sums = list(_sums(rewarded, DAY))  # tells the span as well, and is all that a brand needs after its first week
    if not sums:
        return Trend(reward_trend([]), "", 0)
    first, last = min(row["first"] for row in sums), max(row["last"] for row in sums)
    width = stretch_width((last - first).total_seconds())
    if width < DAY:
        sums = list(_sums(rewarded, width))
    versions = PolicyVersion.objects.for_brand(brand).filter(number__gt=0, created_at__gte=first)
    uprights = [Upright(_begin(at, width), f"v{number}") for number, at in versions.values_list("number", "created_at")]
    uprights.sort(key=lambda upright: upright.at)
    lines = _lines(sums, width)
    return Trend(
        reward_trend(
            lines,
            uprights,
            stretch="From" if width < DAY else "Week of" if width == 7 * DAY else "Day",
        ),
        _width_words(width),
        sum(row["runs"] for row in sums),
        since=timezone.localdate(first),
        modes=tuple(line.mode for line in lines),
    )


def _sums(rewarded: Any, width: int) -> Any:
    """Count, sum, sum of squares and ends by ten seconds, minute, hour or day (as text, in UTC) and by mode.

    Both databases write a time in UTC as text in this form, and cut it without asking Python row by row, as the
    functions of Django that truncate do on SQLite.
    """
    letters = 18 if width < MINUTE else 16 if width < HOUR else 13 if width < DAY else 10
    return (
        rewarded.order_by()
        .annotate(at=Substr(Cast("finished_at", TextField()), 1, letters))
        .values("at", "mode")
        .annotate(
            runs=Count("*"),
            total=Sum("reward"),
            squares=Sum(F("reward") * F("reward")),
            first=Min("finished_at"),
            last=Max("finished_at"),
        )
    )


def _lines(sums: Any, width: int) -> list[Line]:
    merged: dict[tuple[str, datetime], list[float]] = {}
    for row in sums:
        cell = merged.setdefault((row["mode"], _begin(row["first"], width)), [0, 0.0, 0.0])
        cell[0] += row["runs"]
        cell[1] += row["total"]
        cell[2] += row["squares"]
    lines: dict[str, list[Point]] = {}
    for (mode, begin), (count, total, squares) in sorted(merged.items(), key=lambda item: item[0][1]):
        mean = mean_of(int(count), total, squares)
        point = Point(begin, _label(begin, width), mean.mean or 0.0, mean.low, mean.high, mean.count)
        lines.setdefault(mode, []).append(point)
    return [Line(mode, lines[mode]) for mode in ("rl", "rule", "static") if mode in lines]


def _begin(at: datetime, width: int) -> datetime:
    seconds = int(at.timestamp()) - MONDAY
    return datetime.fromtimestamp(seconds - seconds % width + MONDAY, tz=UTC)


def _label(at: datetime, width: int) -> str:
    local = timezone.localtime(at)
    if width < MINUTE:
        return f"{local:%H:%M:%S}"
    if width < DAY:
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}"


def _width_words(width: int) -> str:
    for size, name in ((7 * DAY, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if width % size == 0:
            count = width // size
            return f"Mean per {name}" if count == 1 else f"Mean per {count} {name}s"
    return f"Mean per {width} s"
