"""From bounded totals to what may be shown: noise, thresholds, intervals, rates. Pure.

Intervals are those of the noise: they say how far the noise may have moved a figure, not how many people the room does
not know. Rates take both ends at 97.5 % (Bonferroni), so that their interval holds at 95 % or more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from crm.cleanroom import noise
from crm.cleanroom.answers import Figure, Row
from crm.cleanroom.contributions import Group, Totals
from crm.cleanroom.noise import Below, secure
from crm.cleanroom.planning import Measure, Plan
from crm.cleanroom.query import Aggregate
from crm.cleanroom.vocabulary import METRICS, RATES, SIZE, Bound, Source

Region = frozenset[str]
BOTH = 1 - (1 - noise.CONFIDENCE) / 2


@dataclass(frozen=True)
class Released:
    """Rows, largest first, and how many groups were kept back; None when the number itself would tell."""

    rows: list[Row]
    suppressed: int | None


def groups(
    question: Aggregate,
    plan: Plan,
    totals: Mapping[Source, Totals],
    listed: Sequence[Group] | None,
    below: Below = secure,
) -> Released:
    """The answer to a question about people. `listed` are all groups there can be, or None when only the data know."""
    noisy: dict[Source, dict[Group, dict[str, int]]] = {}
    for source in question.sources:
        measures = [measure for measure in plan.measures if METRICS[measure.metric].source is source]
        true = totals[source]
        # Every listed group is drawn for, empty or not: which groups are empty must not show.
        noisy[source] = {
            group: {m.metric: _true(m, true, group) + noise.discrete_laplace(m.scale, below) for m in measures}
            for group in (sorted(true.people) if listed is None else listed)
        }
    shown = {
        source: {g: f for g, f in found.items() if f[SIZE[source]] >= plan.thresholds[source]}
        for source, found in noisy.items()
    }
    by_name = {measure.metric: measure for measure in plan.measures}
    rows: list[tuple[int, Row]] = []
    names = list(dict.fromkeys(group for found in shown.values() for group in found))
    for group in names:
        together: dict[str, int] = {}
        for found in shown.values():
            together |= found.get(group, {})
        figures = {name: _figure(name, together, by_name) for name in columns_of(question)}
        size = max(together[SIZE[source]] for source, found in shown.items() if group in found)
        rows.append((size, Row(group=dict(zip(question.by, group, strict=True)), figures=figures)))
    rows.sort(key=lambda pair: (-pair[0], tuple(pair[1].group.values())))
    kept_back = None if listed is None else len(listed) - sum(1 for g in listed if all(g in f for f in shown.values()))
    return Released([row for _, row in rows[: question.limit]], kept_back)


def columns_of(question: Aggregate) -> tuple[str, ...]:
    """What was asked, then the sizes of groups that were paid for anyway."""
    sizes = [SIZE[source] for source in question.sources if source in SIZE]
    return tuple(dict.fromkeys([*question.metrics, *sizes]))


def _true(measure: Measure, totals: Totals, group: Group) -> int:
    bound = METRICS[measure.metric].bound
    of = totals.people if bound is Bound.ONCE else totals.events if bound is Bound.EVENTS else totals.cents
    return of.get(group, 0)


def _figure(name: str, together: Mapping[str, int], measures: Mapping[str, Measure]) -> Figure:
    if name not in RATES:
        if name not in together:
            return Figure()
        measure = measures[name]
        value, reach = together[name] / measure.per, measure.reach()
        return Figure(value=value, low=value - reach, high=value + reach)
    over, under = RATES[name].over, RATES[name].under
    if over not in together or under not in together:
        return Figure()
    top = (together[over] / measures[over].per, measures[over].reach(BOTH))
    bottom = (together[under] / measures[under].per, measures[under].reach(BOTH))
    return ratio(top, bottom, most=1.0 if RATES[name].unit == "share" else None)


def ratio(top: tuple[float, float], bottom: tuple[float, float], *, most: float | None = None) -> Figure:
    """One noisy figure over another, each as (value, reach). Unknown where the lower one might be 0.

    Both are at least 0 in truth, so the interval's lower end is, too, and `most` caps the upper.
    """
    if bottom[0] - bottom[1] <= 0:
        return Figure()
    value = max(top[0], 0.0) / bottom[0]
    low = max(top[0] - top[1], 0.0) / (bottom[0] + bottom[1])
    high = max(top[0] + top[1], 0.0) / (bottom[0] - bottom[1])
    if most is not None:
        value, low, high = min(value, most), min(low, most), min(high, most)
    return Figure(value=value, low=low, high=max(high, low))


def overlap(names: Sequence[str], regions: Mapping[frozenset[str], int], plan: Plan, below: Below = secure) -> Released:
    """Sizes, intersections, union and Jaccard index of two or three segments.

    `regions` counts people by exactly which of the segments they are in, so that each person is in one region and one
    draw a region protects everything that follows from them. Sums of n regions carry n draws.
    """
    scale = plan.measures[0].scale
    threshold = plan.thresholds[Source.PEOPLE]
    every = _regions(names)
    drawn = {region: regions.get(region, 0) + noise.discrete_laplace(scale, below) for region in every}
    rows, kept_back = [], 0
    shown: dict[frozenset[str], bool] = {}
    for wanted in every:
        parts = [region for region in every if wanted <= region]
        size = sum(drawn[region] for region in parts)
        shown[wanted] = size >= threshold
        figures = {"people": _sum(size, scale, len(parts))}
        if len(wanted) > 1:
            union = [region for region in every if wanted & region]
            figures["union"] = _sum(sum(drawn[region] for region in union), scale, len(union))
            figures["jaccard"] = _jaccard(drawn, parts, union, scale)
        if not shown[wanted]:
            kept_back += 1
            figures = dict.fromkeys(figures, Figure())
        rows.append(Row(group={"segments": " and ".join(n for n in names if n in wanted)}, figures=figures))
    return Released(rows, kept_back)


def _regions(names: Sequence[str]) -> list[frozenset[str]]:
    """Every non-empty set of names: single ones first."""
    sets = [frozenset(n for i, n in enumerate(names) if mask >> i & 1) for mask in range(1, 1 << len(names))]
    return sorted(sets, key=lambda one: (len(one), [names.index(n) for n in names if n in one]))


def _sum(value: int, scale: Fraction, terms: int) -> Figure:
    reach = noise.reach_of_sum(scale, terms)
    return Figure(value=value, low=value - reach, high=value + reach)


def _jaccard(drawn: Mapping[Region, int], within: Sequence[Region], union: Sequence[Region], scale: Fraction) -> Figure:
    """Intersection over union. It grows with the intersection and falls with the rest, which are independent draws."""
    rest = [region for region in union if region not in within]
    shared, other = sum(drawn[r] for r in within), sum(drawn[r] for r in rest)
    shared_reach = noise.reach_of_sum(scale, len(within), BOTH)
    other_reach = noise.reach_of_sum(scale, len(rest), BOTH)
    if shared - shared_reach + max(other - other_reach, 0) <= 0 or shared + other <= 0:
        return Figure()

    def index(a: float, b: float) -> float:
        a, b = max(a, 0.0), max(b, 0.0)
        return a / (a + b) if a + b else 0.0

    return Figure(
        value=index(shared, other),
        low=index(shared - shared_reach, other + other_reach),
        high=index(shared + shared_reach, other - other_reach),
    )
