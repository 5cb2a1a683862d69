"""Other reward weights, replayed over the past before they are adopted: would another policy come first?"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from crm.models import Brand
from rlhf.models import Reward
from rlhf.reward import RewardWeights
from rlhf.rewards import breakdown_of

Z = 1.959964
MOST = 20_000


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """Mean reward of one policy under the weights in force and under the others, with 95 % intervals (normal)."""

    policy: str
    episodes: int
    now: float
    now_half: float
    then: float
    then_half: float
    rank_now: int
    rank_then: int

    @property
    def moved(self) -> int:
        """Places gained; negative where it falls behind."""
        return self.rank_now - self.rank_then


@dataclass(frozen=True, slots=True)
class Replay:
    """`lines` by the new order. `simulated` and live experiences are never mixed: one replay holds one of them."""

    lines: tuple[PolicyLine, ...]
    rewards: int
    simulated: bool

    @property
    def order_changes(self) -> bool:
        return any(line.moved for line in self.lines)


def replay_policies(brand: Brand, weights: RewardWeights) -> Replay:
    """Every current reward of the brand (the newest `MOST`) again under `weights`, by policy. Writes nothing."""
    rows = (
        Reward.objects.for_brand(brand)
        .filter(is_current=True, experience__simulated=brand.is_simulated)
        .select_related("experience", "config")
        .order_by("-experience__created_at", "-pk")
    )
    values: dict[str, list[tuple[float, float]]] = {}
    for reward in rows[:MOST].iterator(chunk_size=1000):
        again = breakdown_of(reward).again(weights).value
        values.setdefault(reward.experience.policy or "unknown", []).append((reward.value, again))
    now = _ranks({policy: fmean(old for old, _ in both) for policy, both in values.items()})
    then = _ranks({policy: fmean(new for _, new in both) for policy, both in values.items()})
    lines = [_line(policy, both, now[policy], then[policy]) for policy, both in values.items()]
    lines.sort(key=lambda line: line.rank_then)
    return Replay(tuple(lines), sum(line.episodes for line in lines), brand.is_simulated)


def _line(policy: str, both: list[tuple[float, float]], rank_now: int, rank_then: int) -> PolicyLine:
    old, new = [one for one, _ in both], [one for _, one in both]
    return PolicyLine(policy, len(both), fmean(old), _half(old), fmean(new), _half(new), rank_now, rank_then)


def _half(values: Iterable[float]) -> float:
    known = list(values)
    return Z * stdev(known) / math.sqrt(len(known)) if len(known) > 1 else 0.0


def _ranks(means: dict[str, float]) -> dict[str, int]:
    """1 is the best; equal means share a rank by name's order, so that a rank is stable."""
    ordered = sorted(means, key=lambda policy: (-round(means[policy], 9), policy))
    return {policy: place for place, policy in enumerate(ordered, start=1)}
