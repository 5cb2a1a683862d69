"""One reward taken apart: what each part added, laid end to end, and what cost took away, hatched."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from django.utils.safestring import SafeString

from crm.charts.scales import Scale, decimals, finite, ticks
from crm.charts.svg import drawing, element, number
from crm.charts.words import figure, listed, signed

LABEL = 32  # px one "+0.25" takes


@dataclass(frozen=True)
class Part:
    """A term of the reward. ``kind`` is its class: judge, human, online, sale, pipeline or cost (below 0)."""

    kind: str
    name: str
    adds: float


def parts_bar(parts: Sequence[Part], *, so_far: bool = False) -> SafeString:
    """Parts that add from left to right, those that take away from the end back; 352 by 66 px."""
    known = [part for part in parts if finite([part.adds])]
    gains = [part for part in known if part.adds > 0]
    losses = [part for part in known if part.adds < 0]
    gained = fsum(part.adds for part in gains)
    total = gained + fsum(part.adds for part in losses)
    levels = ticks(min(total, 0.0), max(gained, 0.1), 5)
    across = Scale(levels[0], max(gained, levels[-2], 0.1), 0, 318)
    drawn: list[str] = []
    at, free_from = 0.0, 0.0
    for part in gains:
        left, right = across(at), across(at + part.adds)
        drawn.append(
            element(
                "rect", class_=f"part from-{part.kind}", x=left, y=20, width=max(right - left - 1.5, 0.5), height=22
            )
        )
        if left >= free_from:
            drawn.append(element("text", signed(part.adds), class_="part-value", x=left, y=13))
            free_from = left + LABEL
        at += part.adds
    drawn += _losses(losses, gained, across)
    drawn += _axis(levels, across)
    drawn.append(element("path", class_="total", d=f"M{number(across(total))} 16V49"))
    return drawing("chart reward-bar", 352, 66, _finding(known, total, so_far=so_far), drawn)


def _losses(losses: Sequence[Part], gained: float, across: Scale) -> list[str]:
    if not losses:
        return []
    lost = fsum(part.adds for part in losses)
    left, right = across(gained + lost), across(gained)
    place = {"x": left, "y": 20, "width": max(right - left, 0.5), "height": 22}
    return [
        element("rect", class_="part-back", **place),
        element("rect", class_="part cost", **place),
        element("text", signed(lost), class_="part-value", x=right + 3, y=35),
    ]


def _axis(levels: Sequence[float], across: Scale) -> list[str]:
    places = max(decimals(levels[1] - levels[0]), 1)
    drawn: list[str] = []
    for level in levels:
        x = across(level)
        if x > 330:
            continue
        kind = "tick tick-x tick-start" if x < 8 else "tick tick-x"
        drawn.append(element("text", figure(level, places), class_=kind, x=x, y=62))
        drawn.append(element("path", class_="axis", d=f"M{number(x + 0.5)} 42v5"))
    return drawn


def _finding(parts: Sequence[Part], total: float, *, so_far: bool) -> str:
    if not parts:
        return "No part of the reward is known yet."
    named = [f"{part.name} {signed(part.adds, 3)}" for part in parts if part.adds]
    return f"Reward {figure(total, 3)}{' so far' if so_far else ''}: {listed(named) or 'every part is zero'}."
