"""How far raters agreed after each stretch of time: a line with its 95 % band, a dashed line at what is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale, decimals, finite, thinned, ticks
from crm.charts.svg import drawing, element, number, polyline
from crm.charts.words import figure, span


@dataclass(frozen=True)
class Moment:
    """Agreement after one stretch of time; None while nothing was rated by two people. `units` stand behind it."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    units: int


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


WIDE = _Frame(432, 196, 34, 374, 14, 168, "chart agreeing chart-wide", 78)
PHONE = _Frame(318, 180, 32, 262, 14, 152, "chart agreeing chart-phone", 70)


def agreeing(moments: Sequence[Moment], *, needed: float, stretch: str) -> Drawing:
    """`needed` is the level that agreement should have. The line begins when something was rated twice."""
    finding = _finding(moments, needed)
    rows = [
        [one.label, figure(one.value) or "not known", span(one.low, one.high), figure(one.units, 0)] for one in moments
    ]
    columns = [Column(stretch, num=False), Column("Alpha"), Column("95\N{NO-BREAK SPACE}% interval"), Column("Items")]
    return Drawing(
        wide=_draw(moments, WIDE, finding, needed),
        phone=_draw(moments, PHONE, finding, needed),
        table=Table(columns, rows),
        finding=finding,
        note="All ratings up to then. Band: 95\N{NO-BREAK SPACE}% interval. 1 is full agreement, 0 is chance.",
    )


def _draw(moments: Sequence[Moment], frame: _Frame, finding: str, needed: float) -> SafeString:
    values = finite(one.value for one in moments)
    # A band of few items may be as wide as the scale; it is cut where it would press the line flat.
    low = max(min([*values, *finite(one.low for one in moments), needed - 0.1]), min([*values, needed]) - 0.4)
    high = min(1.0, max([*values, *finite(one.high for one in moments), needed + 0.1]))
    levels = ticks(low, high, 5)
    up = Scale(levels[0], levels[-1], frame.bottom, frame.top)
    across = Scale(0, max(len(moments) - 1, 0), frame.left, frame.right)
    parts: list[str] = []
    places = max(decimals(levels[1] - levels[0]), 1)
    for level in levels:
        y = up(level)
        if abs(y - up(needed)) >= 9 or level == needed:
            parts.append(element("text", figure(level, places), class_="tick tick-y", x=frame.left - 8, y=y + 4))
        if level != needed:
            parts.append(element("path", class_="grid", d=f"M{frame.left} {number(y)}H{frame.right}"))
    parts.append(element("path", class_="goal", d=f"M{frame.left} {number(up(needed))}H{frame.right}"))
    for run in _runs(moments):
        parts += _run(run, across, up)
    parts += _ends(moments, across, up, frame, needed)
    shown = thinned(range(len(moments)), across, frame.label_gap, keep_last=True)
    parts += [
        element("text", moments[place].label, class_="tick tick-x", x=across(place), y=frame.bottom + 18)
        for place in shown
    ]
    if frame is WIDE:
        parts += _hits(moments, across, frame)
    return drawing(frame.kind, frame.width, frame.height, finding, parts)


def _runs(moments: Sequence[Moment]) -> list[list[tuple[int, Moment]]]:
    """Stretches that follow each other and have a value."""
    runs: list[list[tuple[int, Moment]]] = [[]]
    for place, one in enumerate(moments):
        if one.value is not None:
            runs[-1].append((place, one))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _run(run: Sequence[tuple[int, Moment]], across: Scale, up: Scale) -> list[SafeString]:
    parts: list[SafeString] = []
    banded = [(place, one.low, one.high) for place, one in run if one.low is not None and one.high is not None]
    if len(banded) > 1:
        top = [(across(place), up.clamped(high)) for place, _, high in banded]
        foot = [(across(place), up.clamped(low)) for place, low, _ in reversed(banded)]
        parts.append(element("path", class_="band", d=polyline(top + foot) + "Z"))
    elif banded:
        place, low, high = banded[0]
        x = number(across(place))
        parts.append(element("path", class_="reach", d=f"M{x} {number(up.clamped(low))}V{number(up.clamped(high))}"))
    line = [(across(place), up.clamped(one.value or 0.0)) for place, one in run]
    if len(line) > 1:
        parts.append(element("path", class_="line", d=polyline(line)))
    else:
        parts.append(element("circle", class_="end", cx=line[0][0], cy=line[0][1], r=3))
    return parts


def _ends(moments: Sequence[Moment], across: Scale, up: Scale, frame: _Frame, needed: float) -> list[SafeString]:
    """The newest value and the word at the dashed line, apart from each other."""
    known = [(place, one.value) for place, one in enumerate(moments) if one.value is not None]
    goal = up(needed) + 4
    if not known:
        return [element("text", "needed", class_="tick", x=frame.right + 8, y=goal)]
    place, value = known[-1]
    y = up.clamped(value)
    parts = [element("circle", class_="end", cx=across(place), cy=y, r=4)]
    at = y + 4
    if abs(at - goal) < 13:
        goal = at + (13 if goal >= at else -13)
    parts.append(element("text", "needed", class_="tick", x=frame.right + 8, y=goal))
    parts.append(element("text", element("tspan", figure(value), class_="value"), x=frame.right + 8, y=at))
    return parts


def _hits(moments: Sequence[Moment], across: Scale, frame: _Frame) -> list[SafeString]:
    """A strip over each stretch that shows its values under the pointer."""
    step = (frame.right - frame.left) / max(len(moments) - 1, 1)
    parts = []
    for place, one in enumerate(moments):
        said = f"{figure(one.value)} ({span(one.low, one.high)}), {one.units} items" if one.value is not None else "–"
        x = across(place)
        cross = element("path", class_="cross", d=f"M{number(x)} {frame.top}V{frame.bottom}")
        strip = element("rect", x=x - step / 2, y=frame.top, width=step, height=frame.bottom - frame.top)
        parts.append(element("g", element("title", f"{one.label}: {said}"), cross, strip, class_="hit"))
    return parts


def _finding(moments: Sequence[Moment], needed: float) -> str:
    known = [one for one in moments if one.value is not None]
    if not known:
        return "Agreement between raters is not known yet: nothing was rated by two people in this time."
    first, last = known[0], known[-1]
    now = f"{figure(last.value)}, interval {span(last.low, last.high) or 'not known'}; {figure(needed)} is needed."
    if first is last or figure(first.value) == figure(last.value):
        return f"Agreement between raters is {now}"
    moved = "rose" if (last.value or 0) > (first.value or 0) else "fell"
    return f"Agreement between raters {moved} from {figure(first.value)} to {now}"
