"""Reward over time, one line per policy mode with its 95 % band, and an upright where a new policy version began."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale, apart, decimals, finite, thinned, ticks
from crm.charts.svg import drawing, element, number, polyline
from crm.charts.words import figure, listed, mode_name


@dataclass(frozen=True)
class Point:
    """The mean reward of one stretch of time. ``low`` and ``high`` are None where one run alone gives no interval."""

    at: datetime
    label: str
    mean: float
    low: float | None = None
    high: float | None = None
    count: int = 1


@dataclass(frozen=True)
class Line:
    """The points of one policy mode in order of time."""

    mode: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Upright:
    """When a policy version began to serve."""

    at: datetime
    label: str


@dataclass(frozen=True)
class _Frame:
    """Where things stand in one of the two drawings, in px."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    kind: str
    label_gap: int
    label_at: int


WIDE = _Frame(732, 312, 36, 648, 14, 292, "chart chart-wide", 74, 660)
PHONE = _Frame(318, 232, 26, 252, 12, 206, "chart chart-phone", 66, 259)


def reward_trend(lines: Sequence[Line], uprights: Sequence[Upright] = (), *, stretch: str = "Week of") -> Drawing:
    """The chart of Home. Points without a finite mean are left out; with none left both drawings show an empty grid."""
    kept = [line for line in (_finite_line(line) for line in lines) if line.points]
    finding = _finding(kept)
    return Drawing(
        wide=_draw(kept, uprights, WIDE, finding, stretch),
        phone=_draw(kept, uprights, PHONE, finding, stretch),
        table=_table(kept, stretch),
        finding=finding,
        note="Dashed uprights: a newly trained policy. Bands: 95\N{NO-BREAK SPACE}% interval of the mean.",
    )


def _finite_line(line: Line) -> Line:
    return Line(line.mode, [point for point in line.points if finite([point.mean])])


def _draw(lines: Sequence[Line], uprights: Sequence[Upright], frame: _Frame, finding: str, stretch: str) -> SafeString:
    times = sorted({point.at for line in lines for point in line.points})
    across = _time_scale(times, frame)
    levels = _levels(lines)
    up = Scale(levels[0], levels[-1], frame.bottom - 12, frame.top + 15)
    parts: list[str] = [*_grid(levels, up, frame), *_time_labels(lines, across, frame)]
    parts += _uprights(uprights, times, across, frame)
    # The learned policy last, so that its line lies on top.
    order = {"static": 0, "plan": 1, "rule": 2, "rl": 3}
    for line in sorted(lines, key=lambda line: order.get(line.mode, 0)):
        parts.append(_line(line, across, up))
    parts += _end_labels(lines, up, frame)
    if frame is WIDE:
        parts += _hits(lines, times, across, frame, stretch)
    return drawing(frame.kind, frame.width, frame.height, finding, parts)


def _time_scale(times: Sequence[datetime], frame: _Frame) -> Scale:
    if not times:
        return Scale(0, 0, frame.left, frame.right)
    return Scale(times[0].timestamp(), times[-1].timestamp(), frame.left, frame.right)


def _levels(lines: Sequence[Line]) -> list[float]:
    """Ticks that hold every mean. A band may stretch the axis by no more than the means themselves span: two runs that
    differ have an interval of several rewards, and would press every line flat."""
    means = [point.mean for line in lines for point in line.points]
    if not means:
        return ticks(0.0, 1.0)
    low, high = min(means), max(means)
    room = max(high - low, 0.1)
    ends = finite([end for line in lines for point in line.points for end in (point.low, point.high)])
    return ticks(max(min([low, *ends]), low - room), min(max([high, *ends]), high + room), 5)


def _grid(levels: Sequence[float], up: Scale, frame: _Frame) -> list[str]:
    places = decimals(levels[1] - levels[0])
    parts: list[str] = []
    for level in levels:
        y = up(level)
        parts.append(element("path", class_="grid", d=f"M{number(frame.left - 6)} {number(y)}H{frame.right}"))
        name = figure(level, places)
        parts.append(element("text", name, class_="tick tick-y", x=frame.left - 8, y=y + 4))
    return parts


def _time_labels(lines: Sequence[Line], across: Scale, frame: _Frame) -> list[str]:
    named = sorted({(point.at, point.label) for line in lines for point in line.points})
    shown = thinned(named, lambda one: across(one[0].timestamp()), frame.label_gap, keep_last=True)
    return [
        element("text", label, class_="tick tick-x", x=across(at.timestamp()), y=frame.bottom + 18)
        for at, label in shown
    ]


def _uprights(uprights: Sequence[Upright], times: Sequence[datetime], across: Scale, frame: _Frame) -> list[str]:
    if len(times) < 2:
        return []
    inside = [upright for upright in uprights if times[0] <= upright.at <= times[-1]]
    parts: list[str] = []
    for upright in thinned(inside, lambda one: across(one.at.timestamp()), 30, keep_last=True):
        x = across(upright.at.timestamp())
        line = element("path", d=f"M{number(x)} {frame.top}V{frame.bottom}")
        parts.append(element("g", line, element("text", upright.label, x=x + 5, y=frame.top + 9), class_="event"))
    return parts


def _line(line: Line, across: Scale, up: Scale) -> SafeString:
    middle = [(across(point.at.timestamp()), up(point.mean)) for point in line.points]
    parts: list[str] = []
    banded = [point for point in line.points if len(finite([point.low, point.high])) == 2]
    if len(banded) > 1:
        top = [(across(point.at.timestamp()), up.clamped(point.high or 0.0)) for point in banded]
        foot = [(across(point.at.timestamp()), up.clamped(point.low or 0.0)) for point in reversed(banded)]
        parts.append(element("path", class_="band", d=polyline(top + foot) + "Z"))
    if len(middle) > 1:
        parts.append(element("path", class_="line", d=polyline(middle)))
    parts.append(element("circle", class_="end", cx=middle[-1][0], cy=middle[-1][1], r=3.5))
    return element("g", *parts, class_=f"is-{line.mode}")


def _end_labels(lines: Sequence[Line], up: Scale, frame: _Frame) -> list[str]:
    places = apart([up(line.points[-1].mean) + 4 for line in lines], 15, frame.top + 10, frame.bottom)
    return [
        element(
            "text",
            f"{mode_name(line.mode)} ",
            element("tspan", figure(line.points[-1].mean), class_="value"),
            class_=f"direct is-{line.mode}",
            x=frame.label_at,
            y=place,
        )
        for line, place in zip(lines, places, strict=True)
    ]


def _hits(lines: Sequence[Line], times: Sequence[datetime], across: Scale, frame: _Frame, stretch: str) -> list[str]:
    """A strip over each stretch of time that shows its values under the pointer."""
    xs = [across(at.timestamp()) for at in times]
    edges = [frame.left - 6, *[(left + right) / 2 for left, right in pairwise(xs)], frame.right + 6]
    parts: list[str] = []
    for at, x, left, right in zip(times, xs, edges, edges[1:], strict=False):
        here = [(line.mode, point) for line in lines for point in line.points if point.at == at]
        values = ", ".join(f"{mode_name(mode)} {figure(point.mean)} ({point.count} runs)" for mode, point in here)
        title = element("title", f"{stretch} {here[0][1].label}: {values}".strip())
        cross = element("path", class_="cross", d=f"M{number(x)} {frame.top}V{frame.bottom}")
        strip = element("rect", x=left, y=frame.top, width=right - left, height=frame.bottom - frame.top)
        parts.append(element("g", title, cross, strip, class_="hit"))
    return parts


def _finding(lines: Sequence[Line]) -> str:
    if not lines:
        return "Reward per episode over time: no rewarded episodes yet."
    return "Reward per episode over time. " + listed([_moved(line) for line in lines]) + "."


def _moved(line: Line) -> str:
    first, last = line.points[0].mean, line.points[-1].mean
    name = mode_name(line.mode)
    if len(line.points) == 1:
        return f"{name} is at {figure(last)}"
    if figure(first) == figure(last):
        return f"{name} stayed at {figure(last)}"
    return f"{name} {'rose' if last > first else 'fell'} from {figure(first)} to {figure(last)}"


def _table(lines: Sequence[Line], stretch: str) -> Table:
    named = sorted({(point.at, point.label) for line in lines for point in line.points})
    by_line = [{point.at: point for point in line.points} for line in lines]
    columns = [Column(stretch or "When", num=False)]
    for line in lines:
        columns += [Column(mode_name(line.mode)), Column("95\N{NO-BREAK SPACE}% interval"), Column("Runs")]
    rows = []
    for at, label in named:
        row = [label]
        for points in by_line:
            row += _cells(points.get(at))
        rows.append(row)
    return Table(columns, rows)


def _cells(point: Point | None) -> list[str]:
    if point is None:
        return ["", "", ""]
    interval = ""
    if point.low is not None and point.high is not None and len(finite([point.low, point.high])) == 2:
        interval = f"{figure(point.low)} to {figure(point.high)}"
    return [figure(point.mean), interval, f"{point.count:,}"]
