"""Scales, ticks and places for labels: the arithmetic every chart shares. Numbers in, numbers out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Scale:
    """A straight map from data (``low`` to ``high``) to px (``start`` to ``end``)."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The px of a value; a scale of no width puts everything in its middle."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def clamped(self, value: float) -> float:
        """The px of a value, held inside the drawing."""
        return self(min(max(value, self.low), self.high))


def finite(values: Iterable[float | None]) -> list[float]:
    """The values one can draw: no None, no NaN, no infinity."""
    return [value for value in values if value is not None and isfinite(value)]


def nice_step(span: float, at_most: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that needs at most ``at_most`` steps for ``span``."""
    if not isfinite(span) or span <= 0:
        return 1.0
    rough = span / at_most
    power = 10.0 ** floor(log10(rough))
    for factor in (1, 2, 5, 10):
        if factor * power * at_most >= span * (1 - 1e-9):
            return factor * power
    return 10 * power


def ticks(low: float, high: float, at_most: int = 4) -> list[float]:
    """Round values from at or below ``low`` to at or above ``high``; the first and the last bound the axis."""
    step = nice_step(high - low, at_most)
    first = floor(low / step + 1e-9)
    last = max(ceil(high / step - 1e-9), first + 1)
    return [round(index * step, 10) for index in range(first, last + 1)]


def decimals(step: float) -> int:
    """How many decimals tell ticks of this step apart: 1 for 0.2, 2 for 0.05, 0 for 5."""
    return max(0, -floor(log10(step) + 1e-9)) if step > 0 else 0


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places near ``wanted`` (px) that are at least ``gap`` apart and inside ``low`` to ``high``, in the order given.

    Neighbours that would overlap move together around their common middle, so that no label goes further than it must.
    Where there is no room for all, the last ones go below ``high`` rather than over each other.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks: list[tuple[float, list[int]]] = []  # (first place, members)
    for index in order:
        place, members = wanted[index], [index]
        while blocks and blocks[-1][0] + gap * len(blocks[-1][1]) > place:
            _, earlier = blocks.pop()
            members = earlier + members
            place = sum(wanted[member] - gap * rank for rank, member in enumerate(members)) / len(members)
        blocks.append((place, members))
    flat = [(start + gap * rank, member) for start, members in blocks for rank, member in enumerate(members)]
    places = [0.0] * len(wanted)
    floor_at = high
    for place, member in reversed(flat):
        places[member] = min(place, floor_at)
        floor_at = places[member] - gap
    ceiling_at = low
    for _, member in flat:
        places[member] = max(places[member], ceiling_at)
        ceiling_at = places[member] + gap
    return places


def thinned(
    items: Sequence[Item], position: Callable[[Item], float], gap: float, *, keep_last: bool = False
) -> list[Item]:
    """Those items, in order, whose labels stand at least ``gap`` px apart; ``keep_last`` favours the newest one."""
    ordered = list(reversed(items)) if keep_last else list(items)
    kept: list[Item] = []
    for item in ordered:
        if not kept or abs(position(item) - position(kept[-1])) >= gap:
            kept.append(item)
    return list(reversed(kept)) if keep_last else kept
