"""Does a judge's number mean what it says: people's share of approval by the judge's score, beside the diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale
from crm.charts.svg import drawing, element, number
from crm.charts.words import figure, span


@dataclass(frozen=True)
class Bin:
    """Experiences that the judge scored alike: their mean score, and the share that people liked, in [0, 1]."""

    judge: float
    liked: float
    low: float | None
    high: float | None
    items: int


@dataclass(frozen=True)
class _Frame:
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    kind: str


WIDE = _Frame(432, 220, 40, 416, 12, 184, "chart agreeing calibrated chart-wide")
PHONE = _Frame(318, 200, 36, 306, 12, 164, "chart agreeing calibrated chart-phone")
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)


def calibrated(bins: Sequence[Bin], *, judge: str) -> Drawing:
    """Points on the diagonal: the judge's 0.7 is liked by 7 in 10."""
    finding = _finding(bins, judge)
    rows = [[figure(one.judge), figure(one.liked), span(one.low, one.high), figure(one.items, 0)] for one in bins]
    columns = [
        Column("Judge's score"),
        Column("Liked by people"),
        Column("95\N{NO-BREAK SPACE}% interval"),
        Column("Items"),
    ]
    return Drawing(
        wide=_draw(bins, WIDE, finding),
        phone=_draw(bins, PHONE, finding),
        table=Table(columns, rows),
        finding=finding,
        note="Across: the judge's score. Up: the share that people liked, with its 95\N{NO-BREAK SPACE}% interval. "
        "On the dashed line the two say the same.",
    )


def _draw(bins: Sequence[Bin], frame: _Frame, finding: str) -> SafeString:
    up = Scale(0, 1, frame.bottom, frame.top)
    across = Scale(0, 1, frame.left, frame.right)
    parts: list[str] = []
    for level in LEVELS:
        parts.append(element("text", figure(level), class_="tick tick-y", x=frame.left - 8, y=up(level) + 4))
        parts.append(element("path", class_="grid", d=f"M{frame.left} {number(up(level))}H{frame.right}"))
        parts.append(element("text", figure(level), class_="tick tick-x", x=across(level), y=frame.bottom + 18))
    parts.append(element("path", class_="goal", d=f"M{frame.left} {number(up(0))}L{frame.right} {number(up(1))}"))
    for one in bins:
        x = number(across.clamped(one.judge))
        if one.low is not None and one.high is not None:
            ends = f"M{x} {number(up.clamped(one.low))}V{number(up.clamped(one.high))}"
            parts.append(element("path", class_="reach", d=ends))
        said = f"Judge {figure(one.judge)}, liked {figure(one.liked)} ({span(one.low, one.high)}), {one.items} items"
        dot = element(
            "circle", element("title", said), class_="end", cx=across.clamped(one.judge), cy=up.clamped(one.liked), r=4
        )
        parts.append(dot)
    return drawing(frame.kind, frame.width, frame.height, finding, parts)


def _finding(bins: Sequence[Bin], judge: str) -> str:
    if not bins:
        return f"How far {judge} agrees with people is not known yet."
    total = sum(one.items for one in bins)
    higher = sum(one.items * (one.judge - one.liked) for one in bins) / total
    off = sum(one.items * abs(one.judge - one.liked) for one in bins) / total
    kind = "kinder than" if higher > 0.05 else "stricter than" if higher < -0.05 else "about as kind as"
    side = "higher" if higher > 0 else "lower"
    return (
        f"{judge} is {kind} people over {total} items: {figure(abs(higher))} {side} on average, "
        f"off by {figure(off)} either way."
    )
