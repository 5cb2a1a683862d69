"""Ratings over time as one stack for each week: by kind, by task or by rater."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale, thinned, ticks
from crm.charts.svg import drawing, element, number
from crm.charts.words import figure

GAP = 1.5  # px between two layers
LEAST = 0.75  # px of a layer that is there at all


@dataclass(frozen=True)
class Layer:
    """One part of every stack; `tone` is its class in the style sheet, `values` follow the stretches of time."""

    tone: str
    name: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.values)


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


WIDE = _Frame(628, 232, 40, 622, 42, 202, "chart kinds chart-wide", 90)
PHONE = _Frame(318, 210, 36, 316, 40, 180, "chart kinds chart-phone", 62)


def stacked(labels: Sequence[str], layers: Sequence[Layer], *, stretch: str, last_is_open: bool) -> Drawing:
    """`labels` name the stretches (`30 Jun`), `stretch` says what one is: Week of. The axis starts at zero.

    `last_is_open`: the newest stretch is not over yet and says so.
    """
    totals = [sum(layer.values[place] for layer in layers) for place in range(len(labels))]
    finding = _finding(labels, totals, stretch, last_is_open)
    rows = [
        [label, *(figure(layer.values[place], 0) for layer in layers), figure(totals[place], 0)]
        for place, label in enumerate(labels)
    ]
    columns = [Column(stretch, num=False), *(Column(layer.name) for layer in layers), Column("All")]
    return Drawing(
        wide=_draw(labels, layers, totals, WIDE, finding, stretch, last_is_open),
        phone=_draw(labels, layers, totals, PHONE, finding, stretch, last_is_open),
        table=Table(columns, rows),
        finding=finding,
    )


def _draw(
    labels: Sequence[str],
    layers: Sequence[Layer],
    totals: Sequence[int],
    frame: _Frame,
    finding: str,
    stretch: str,
    last_is_open: bool,
) -> SafeString:
    levels = [level for level in ticks(0, max([*totals, 1]), 4) if level == int(level)]
    up = Scale(0, levels[-1], frame.bottom, frame.top)
    step = (frame.right - frame.left) / len(labels)
    width = min(step * 0.62, 44)
    parts: list[str] = []
    for level in levels:
        y = up(level)
        kind = "axis" if level == 0 else "grid"
        parts.append(element("path", class_=kind, d=f"M{frame.left} {number(y)}H{frame.right}"))
        parts.append(element("text", figure(level, 0), class_="tick tick-y", x=frame.left - 8, y=y + 4))
    for place, label in enumerate(labels):
        parts.append(_stack(place, label, layers, totals, up, frame.left + step * place, step, width, stretch))
    parts += _values(totals, up, frame, step)
    parts += _names(labels, frame, step, last_is_open)
    return drawing(frame.kind, frame.width, frame.height, finding, parts)


def _stack(
    place: int,
    label: str,
    layers: Sequence[Layer],
    totals: Sequence[int],
    up: Scale,
    left: float,
    step: float,
    width: float,
    stretch: str,
) -> SafeString:
    x, foot = left + (step - width) / 2, 0
    drawn: list[str] = []
    for layer in layers:
        value = layer.values[place]
        if value:
            top, bottom = up(foot + value), up(foot)
            height = max(bottom - top - (GAP if foot else 0.75), LEAST)
            drawn.append(
                element("rect", class_=f"stack {layer.tone}", x=x, y=top, width=width, height=height)
            )  # fmt: skip
            foot += value
    said = ", ".join(f"{layer.name} {figure(layer.values[place], 0)}" for layer in layers if layer.values[place])
    total = figure(totals[place], 0)
    title = element("title", f"{stretch} {label}: {total}{', ' + said if said else ''}")
    return element("g", title, *drawn)


def _values(totals: Sequence[int], up: Scale, frame: _Frame, step: float) -> list[SafeString]:
    """The first, the highest and the last stack say their height; neighbours would run into each other."""
    highest = max(range(len(totals)), key=lambda place: totals[place])
    wanted = list(dict.fromkeys((highest, len(totals) - 1, 0)))
    kept: list[int] = []
    for place in wanted:
        if totals[place] and all(abs(place - other) * step >= 30 for other in kept):
            kept.append(place)
    return [
        element(
            "text", figure(totals[place], 0), class_="tick tick-x value",
            x=frame.left + step * (place + 0.5), y=up(totals[place]) - 6,
        )
        for place in kept
    ]  # fmt: skip


def _names(labels: Sequence[str], frame: _Frame, step: float, last_is_open: bool) -> list[SafeString]:
    def middle(place: int) -> float:
        return frame.left + step * (place + 0.5)

    shown = thinned(range(len(labels)), middle, frame.label_gap, keep_last=True)
    return [
        element(
            "text", "so far" if last_is_open and place == len(labels) - 1 and len(labels) > 1 else labels[place],
            class_="tick tick-x", x=middle(place), y=frame.bottom + 18,
        )
        for place in shown
    ]  # fmt: skip


def _finding(labels: Sequence[str], totals: Sequence[int], stretch: str, last_is_open: bool) -> str:
    if not any(totals):
        return "No ratings in this time."
    over = totals[:-1] if last_is_open and len(totals) > 1 else totals
    said = f"{figure(sum(totals), 0)} ratings"
    if len(totals) > 1 and any(over):
        highest = max(range(len(over)), key=lambda place: over[place])
        first = next(place for place, n in enumerate(totals) if n)
        word = stretch.lower()
        if first != highest:
            said += f", from {figure(totals[first], 0)} in the {word} {labels[first]}"
            said += f" to {figure(over[highest], 0)} in the {word} {labels[highest]}"
        else:
            said += f", most in the {word} {labels[highest]}: {figure(over[highest], 0)}"
    if last_is_open and len(totals) > 1:
        said += f"; {figure(totals[-1], 0)} so far in the newest"
    return f"{said}."
