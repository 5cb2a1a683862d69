"""How rewards spread, one histogram per policy mode over the same axis, with the mean and its 95 % interval."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.intervals import Mean, mean_of
from crm.charts.scales import Scale, decimals, finite, nice_step, ticks
from crm.charts.svg import drawing, element, number
from crm.charts.words import figure, listed, mode_name, span

BINS = 20


@dataclass(frozen=True)
class Spread:
    """The rewards of one mode: how many fall in each bin, their mean, lowest and highest."""

    mode: str
    counts: Sequence[int]
    mean: Mean
    lowest: float | None = None
    highest: float | None = None


def bin_edges(low: float, high: float) -> list[float]:
    """Round edges of about twenty equal bins that hold ``low`` to ``high`` and at least 0 to 1."""
    low, high = min(low, 0.0), max(high, 1.0)
    step = nice_step(high - low, BINS)
    first = int(low / step - (1 - 1e-9)) if low < 0 else 0
    count = 1
    while (first + count) * step < high - 1e-9:
        count += 1
    return [round((first + index) * step, 10) for index in range(count + 1)]


def spread_of(mode: str, rewards: Sequence[float], edges: Sequence[float]) -> Spread:
    """Counts rewards into bins; the last bin holds its upper edge too. Values that are not finite are left out."""
    kept = finite(rewards)
    counts = [0] * (len(edges) - 1)
    for reward in kept:
        counts[min(max(bisect_right(edges, reward) - 1, 0), len(counts) - 1)] += 1
    mean = mean_of(len(kept), fsum(kept), fsum(reward * reward for reward in kept))
    return Spread(mode, counts, mean, min(kept, default=None), max(kept, default=None))


def reward_spread(spreads: Sequence[Spread], edges: Sequence[float]) -> Drawing:
    """The chart of Episodes. ``edges`` (bins + 1) bound the counts of every mode; heights are shares of its runs."""
    kept = [spread for spread in spreads if spread.mean.count]
    if any(len(spread.counts) != len(edges) - 1 for spread in kept):
        raise ValueError("Every mode needs one count for each bin.")
    finding = _finding(kept)
    return Drawing(
        wide=_wide(kept, edges, finding),
        phone=_phone(kept, edges, finding),
        table=_table(kept),
        finding=finding,
        note="Height: share of the mode's episodes. Line: mean. Thick bar: its 95\N{NO-BREAK SPACE}% interval.",
    )


def _wide(spreads: Sequence[Spread], edges: Sequence[float], finding: str) -> SafeString:
    across = Scale(edges[0], edges[-1], 88, 622)
    tall = _tall(spreads, 62)
    parts: list[str] = []
    for index, spread in enumerate(spreads):
        foot = 96 + 82 * index
        parts += _row(spread, edges, across, tall, foot, 66)
        parts.append(element("text", mode_name(spread.mode), class_=f"direct is-{spread.mode}", x=0, y=foot - 24))
        parts.append(element("text", _episodes(spread.mean.count), class_="tick", x=0, y=foot - 8))
        value = element("tspan", figure(spread.mean.mean), class_="value")
        parts.append(element("text", "mean ", value, x=636, y=foot - 24))
        parts.append(element("text", span(spread.mean.low, spread.mean.high), class_="tick", x=636, y=foot - 8))
        parts += _hits(spread, edges, across, foot)
    height = 96 + 82 * max(len(spreads) - 1, 0)
    parts += _axis(edges, across, height + 24, 8)
    return drawing("chart spread chart-wide", 732, height + 34, finding, parts)


def _phone(spreads: Sequence[Spread], edges: Sequence[float], finding: str) -> SafeString:
    across = Scale(edges[0], edges[-1], 6, 312)
    tall = _tall(spreads, 44)
    parts: list[str] = []
    for index, spread in enumerate(spreads):
        foot = 80 + 74 * index
        parts += _row(spread, edges, across, tall, foot, 46)
        count = element("tspan", f" {spread.mean.count:,}", class_="tick")
        parts.append(
            element("text", mode_name(spread.mode), count, class_=f"direct is-{spread.mode}", x=6, y=foot - 56)
        )
        parts.append(element("text", figure(spread.mean.mean), class_="value tick-y", x=318, y=foot - 56))
    height = 80 + 74 * max(len(spreads) - 1, 0)
    parts += _axis(edges, across, height + 24, 5)
    return drawing("chart spread chart-phone", 318, height + 34, finding, parts)


def _tall(spreads: Sequence[Spread], height: float) -> Scale:
    """From the share of a mode's runs in one bin to px, the same for every mode."""
    most = max([max(spread.counts) / spread.mean.count for spread in spreads] or [1.0])
    return Scale(0.0, most, 0.0, height)


def _row(
    spread: Spread, edges: Sequence[float], across: Scale, tall: Scale, foot: float, reach: float
) -> list[SafeString]:
    outline = f"M{number(across(edges[0]))} {number(foot)}"
    for count, right in zip(spread.counts, edges[1:], strict=True):
        outline += f"V{number(foot - tall(count / spread.mean.count))}H{number(across(right))}"
    outline += f"V{number(foot)}"
    parts = [
        element(
            "g",
            element("path", class_="bin", d=outline + "Z"),
            element("path", class_="bin-top", d=outline),
            class_=f"is-{spread.mode}",
        ),
        element("path", class_="axis", d=f"M{number(across(edges[0]))} {number(foot)}H{number(across(edges[-1]))}"),
    ]
    mean = spread.mean
    if mean.low is not None and mean.high is not None:
        low, high = number(across.clamped(mean.low)), number(across.clamped(mean.high))
        parts.append(element("path", class_="mean-reach", d=f"M{low} {number(foot + 4)}H{high}"))
    if mean.mean is not None:
        x = number(across(mean.mean))
        parts.append(element("path", class_="mean-line", d=f"M{x} {number(foot - reach)}V{number(foot + 7)}"))
    return parts


def _hits(spread: Spread, edges: Sequence[float], across: Scale, foot: float) -> list[SafeString]:
    places = decimals(edges[1] - edges[0])
    parts = []
    for count, left, right in zip(spread.counts, edges, edges[1:], strict=False):
        if count:
            title = element("title", f"{mode_name(spread.mode)}, {span(left, right, places)}: {_episodes(count)}")
            strip = element("rect", x=across(left), y=foot - 68, width=across(right) - across(left), height=68)
            parts.append(element("g", title, strip, class_="hit"))
    return parts


def _axis(edges: Sequence[float], across: Scale, y: float, at_most: int) -> list[SafeString]:
    levels = [level for level in ticks(edges[0], edges[-1], at_most) if edges[0] <= level <= edges[-1]]
    places = max(decimals(levels[1] - levels[0]), 1)
    return [element("text", figure(level, places), class_="tick tick-x", x=across(level), y=y) for level in levels]


def _episodes(count: int) -> str:
    return f"{count:,} episode{'' if count == 1 else 's'}"


def _finding(spreads: Sequence[Spread]) -> str:
    total = sum(spread.mean.count for spread in spreads)
    if not total:
        return "Reward by policy mode: no rewarded episodes here."
    means = [f"{mode_name(spread.mode)} mean {figure(spread.mean.mean)}" for spread in spreads]
    return f"Reward of {_episodes(total)} by mode: {listed(means)}."


def _table(spreads: Sequence[Spread]) -> Table:
    names = ("Episodes", "Mean", "95\N{NO-BREAK SPACE}% interval", "Lowest", "Highest")
    return Table(
        [Column("Mode", num=False), *(Column(name) for name in names)],
        [
            [
                mode_name(spread.mode),
                f"{spread.mean.count:,}",
                figure(spread.mean.mean),
                span(spread.mean.low, spread.mean.high),
                figure(spread.lowest),
                figure(spread.highest),
            ]
            for spread in spreads
        ],
    )
