"""Marks and charts of money: a sparkline of spend, and spend beside sales over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale, apart, decimals, finite, thinned, ticks
from crm.charts.svg import drawing, element, number, polyline
from crm.charts.words import MINUS, figure

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}


def amount(value: float, currency: str, places: int = 0) -> str:
    """`€1,200`, `CHF 40`; with a true minus."""
    written = figure(abs(value), places)
    sign = MINUS if value < 0 else ""
    symbol = SYMBOLS.get(currency, f"{currency} " if currency else "")
    return f"{sign}{symbol}{written}"


def short(value: float, currency: str, step: float) -> str:
    """An amount for an axis: `€12k`, `€1.5M`; `step` is what tells ticks apart."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if abs(value) >= size and step >= size / 10:
            return amount(value / size, currency, 0 if step >= size else 1) + letter
    return amount(value, currency, decimals(step) if step < 1 else 0)


def spend_spark(weeks: Sequence[float]) -> SafeString:
    """Spend of the last weeks, oldest first, from zero; 96 by 24 px."""
    values = finite(weeks)
    if not values:
        return drawing("spark spend-spark", 96, 24, "No spend yet", [])
    finding = f"Spend of the last {len(values)} weeks, most {figure(max(values), 0)}, last {figure(values[-1], 0)}"
    up = Scale(0, max(*values, 1e-9) if len(values) > 1 else max(values[0], 1e-9), 22, 3)
    across = Scale(0, max(len(values) - 1, 1), 3, 93)
    points = [(across(index), up(value)) for index, value in enumerate(values)]
    if len(values) == 1:
        points = [(93.0, up(values[0]))]
        finding = f"Spend of the only week, {figure(values[0], 0)}"
    parts = [element("path", class_="spark-plan", d="M3 22H93")]
    if len(points) > 1:
        parts.append(element("path", class_="spark-line", d=polyline(points)))
    parts.append(element("circle", cx=points[-1][0], cy=points[-1][1], r=2.2))
    return drawing("spark spend-spark", 96, 24, finding, parts)


@dataclass(frozen=True)
class Series:
    """Values by day or week, in the order of the days; None: not said. `tone` picks the line: spend, sales, other."""

    name: str
    tone: str
    values: Sequence[float | None]
    label: str = ""


@dataclass(frozen=True)
class Frame:
    """Where things stand in one of the two drawings, in px."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    kind: str
    label_gap: int


WIDE = Frame(732, 268, 52, 596, 12, 240, "chart money chart-wide", 74)
PHONE = Frame(318, 220, 44, 226, 12, 194, "chart money chart-phone", 66)


def money_trend(days: Sequence[date], series: Sequence[Series], *, currency: str, stretch: str = "Day") -> Drawing:
    """Lines of money over days or weeks (their first day), from zero. A gap in a line: not said."""
    kept = [one for one in series if finite(one.values)]
    finding = _finding(days, kept, currency)
    return Drawing(
        wide=_draw(days, kept, WIDE, finding, currency, stretch),
        phone=_draw(days, kept, PHONE, finding, currency, stretch),
        table=Table(
            [Column(stretch, num=False), *(Column(one.name) for one in series)],
            [
                [day_name(day, days), *("not said" if one.values[place] is None else
                                        amount(one.values[place] or 0.0, currency, 2) for one in series)]
                for place, day in enumerate(days)
            ],
        ),
        finding=finding,
        note="A gap in a line: the source does not say.",
    )  # fmt: skip


def day_name(day: date, days: Sequence[date]) -> str:
    """`18 Sep`, with the year where the days span several."""
    year = f" {day.year}" if days and days[0].year != days[-1].year else ""
    return f"{day.day} {day:%b}{year}"


def grid(levels: Sequence[float], up: Scale, frame: Frame, currency: str) -> list[SafeString]:
    """Hairlines with their amounts."""
    step = levels[1] - levels[0]
    parts: list[SafeString] = []
    for level in levels:
        y = up(level)
        parts.append(element("path", class_="grid", d=f"M{frame.left - 4} {number(y)}H{frame.right}"))
        parts.append(element("text", short(level, currency, step), class_="tick tick-y", x=frame.left - 8, y=y + 4))
    return parts


def day_ticks(days: Sequence[date], across: Scale, frame: Frame) -> list[SafeString]:
    """Names of days as far apart as they are readable, the last one always."""
    shown = thinned(list(days), lambda day: across(day.toordinal()), frame.label_gap, keep_last=True)
    return [
        element("text", day_name(day, days), class_="tick tick-x", x=across(day.toordinal()), y=frame.bottom + 18)
        for day in shown
    ]


def _draw(
    days: Sequence[date], series: Sequence[Series], frame: Frame, finding: str, currency: str, stretch: str
) -> SafeString:
    values = [value for one in series for value in finite(one.values)]
    levels = ticks(min([0.0, *values]), max([1.0, *values]), 4)
    up = Scale(levels[0], levels[-1], frame.bottom - 4, frame.top + 8)
    across = Scale(days[0].toordinal() if days else 0, days[-1].toordinal() if days else 0, frame.left, frame.right)
    parts: list[str] = [*grid(levels, up, frame, currency), *day_ticks(days, across, frame)]
    for one in series:
        parts += _line(days, one, across, up)
    ends = [(one, next(value for value in reversed(one.values) if value is not None)) for one in series]
    places = apart([up(value) + 4 for _, value in ends], 15, frame.top + 10, frame.bottom)
    for (one, _), place in zip(ends, places, strict=True):
        parts.append(
            element("text", one.label or one.name, class_=f"direct money-{one.tone}", x=frame.right + 8, y=place)
        )
    return drawing(
        frame.kind, frame.width, frame.height, finding, [*parts, *_hits(days, series, across, frame, currency, stretch)]
    )


def _line(days: Sequence[date], one: Series, across: Scale, up: Scale) -> list[SafeString]:
    parts: list[SafeString] = []
    run: list[tuple[float, float]] = []
    for day, value in [*zip(days, one.values, strict=True), (date.max, None)]:
        if value is not None:
            run.append((across(day.toordinal()), up(value)))
            continue
        if len(run) > 1:
            parts.append(element("path", class_=f"line money-{one.tone}", d=polyline(run)))
        elif run:
            parts.append(element("circle", class_=f"end money-{one.tone}", cx=run[0][0], cy=run[0][1], r=2.5))
        run = []
    return parts


def _hits(
    days: Sequence[date], series: Sequence[Series], across: Scale, frame: Frame, currency: str, stretch: str
) -> list[SafeString]:
    """A strip over each day that shows its values under the pointer."""
    xs = [across(day.toordinal()) for day in days]
    edges = [frame.left - 4, *[(left + right) / 2 for left, right in pairwise(xs)], frame.right + 4]
    parts: list[SafeString] = []
    for place, (day, x) in enumerate(zip(days, xs, strict=True)):
        said = [
            f"{one.name} {'not said' if value is None else amount(value, currency, 2)}"
            for one in series
            for value in [one.values[place]]
        ]
        title = element("title", f"{stretch} {day_name(day, days)}: {', '.join(said)}")
        cross = element("path", class_="cross", d=f"M{number(x)} {frame.top}V{frame.bottom}")
        strip = element(
            "rect", x=edges[place], y=frame.top, width=max(edges[place + 1] - edges[place], 0),
            height=frame.bottom - frame.top,
        )  # fmt: skip
        parts.append(element("g", title, cross, strip, class_="hit"))
    return parts


def _finding(days: Sequence[date], series: Sequence[Series], currency: str) -> str:
    if not days or not series:
        return "No figures in these days."
    span = f"{day_name(days[0], days)} to {day_name(days[-1], days)}"
    sums = ", ".join(f"{one.name} {amount(sum(finite(one.values)), currency)}" for one in series)
    return f"{span}: {sums}."
