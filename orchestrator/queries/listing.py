"""What Episodes says about the episodes a filter leaves: how rewards spread and where the runs stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min, Sum
from django.db.models.functions import Floor

from crm.charts.drawings import Drawing
from crm.charts.intervals import mean_of
from crm.charts.spread import Spread, bin_edges, reward_spread
from orchestrator.models import EpisodeQuerySet, EpisodeState, PolicyMode

MARKS = {
    EpisodeState.QUEUED: "queued",
    EpisodeState.RUNNING: "running",
    EpisodeState.PAUSED: "paused",
    EpisodeState.DONE: "done",
    EpisodeState.FAILED: "failed",
    EpisodeState.CANCELLED: "cancelled",
    EpisodeState.STUCK: "failed",
}


@dataclass(frozen=True)
class Standing:
    """How many episodes are in one state."""

    state: str
    label: str
    mark: str
    count: int


@dataclass(frozen=True)
class Overview:
    """The figures above the list. Simulated and real rewards are never in one mean; ``left_out`` are not drawn."""

    total: int
    rewarded: int
    left_out: int
    spread: Drawing
    standings: list[Standing]
    mean: float | None
    cost: Any
    each: Any


def overview(episodes: EpisodeQuerySet) -> Overview:
    """Three questions about the episodes left by a filter."""
    counts: dict[str, int] = {}
    total = simulated = real = 0
    cost: Any = 0
    groups = (
        episodes.order_by()
        .values_list("state", "simulated")
        .annotate(count=Count("*"), rewarded=Count("reward"), spent=Sum("cost"))
    )
    for state, is_simulated, count, rewarded, spent in groups:
        counts[state] = counts.get(state, 0) + count
        total += count
        cost += spent or 0
        if is_simulated:
            simulated += rewarded
        else:
            real += rewarded
    # Where both kinds are left, the real ones are the ones drawn.
    drawn_is_simulated = real == 0
    drawn = episodes.rewarded().filter(simulated=drawn_is_simulated)
    spread, mean = spread_by_mode(drawn)
    return Overview(
        total=total,
        rewarded=simulated if drawn_is_simulated else real,
        left_out=0 if drawn_is_simulated else simulated,
        spread=spread,
        standings=[
            Standing(state.value, state.label.partition(",")[0], MARKS[state], counts[state.value])
            for state in EpisodeState
            if state.value in counts
        ],
        mean=mean,
        cost=cost,
        each=cost / total if total else None,
    )


def spread_by_mode(rewarded: EpisodeQuerySet) -> tuple[Drawing, float | None]:
    """Histograms per mode and the mean of all, in two questions: the ends, then the counts of every bin."""
    rewarded = rewarded.order_by()
    sums = rewarded.values_list("mode").annotate(
        count=Count("*"),
        total=Sum("reward"),
        squares=Sum(F("reward") * F("reward")),
        lowest=Min("reward"),
        highest=Max("reward"),
    )
    by_mode = {mode: figures for mode, *figures in sums}
    if not by_mode:
        return reward_spread([], bin_edges(0, 1)), None
    edges = bin_edges(min(row[3] for row in by_mode.values()), max(row[4] for row in by_mode.values()))
    step = edges[1] - edges[0]
    counts = {mode: [0] * (len(edges) - 1) for mode in by_mode}
    binned = rewarded.annotate(bin=Floor((F("reward") - edges[0]) / step)).values_list("mode", "bin")
    for mode, index, count in binned.annotate(count=Count("*")):
        counts[mode][min(max(int(index), 0), len(edges) - 2)] += count
    spreads = [
        Spread(mode, counts[mode], mean_of(*by_mode[mode][:3]), by_mode[mode][3], by_mode[mode][4])
        for mode in (PolicyMode.RL, PolicyMode.RULE, PolicyMode.STATIC)
        if mode in by_mode
    ]
    total = sum(row[1] for row in by_mode.values())
    return reward_spread(spreads, edges), total / sum(row[0] for row in by_mode.values())
