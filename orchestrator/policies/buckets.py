"""What a version prefers now and preferred before, in drawers people can read: pack, phase, quality band, last agent.

The parameters decide; buckets only summarise them over the situations that were really met.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from orchestrator.policies.learned import LinearSoftmax
from orchestrator.policies.logged import LoggedEpisode
from orchestrator.policies.situation import Situation

# Half the L1 distance between the old and the new odds from which a bucket counts as updated.
MOVED = 0.02
# Situations per bucket that are averaged; more change nothing that could be read.
ENOUGH = 50


@dataclass(frozen=True)
class Bucket:
    """`before` and `now` map actions to odds in [0, 1]; `moved` is half their L1 distance; `seen` counts steps."""

    pack: str
    phase: str
    quality: str
    last: str
    seen: int
    reward: float
    before: dict[str, float]
    now: dict[str, float]
    moved: float

    @property
    def updated(self) -> bool:
        return self.moved >= MOVED

    @property
    def favourite(self) -> str:
        """The likeliest action now."""
        return max(self.now, key=lambda action: self.now[action])

    @property
    def title(self) -> str:
        after = f"after {self.last}" if self.last else "at the start"
        return f"{self.pack} · {self.phase} · quality {self.quality} · {after}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"updated": self.updated, "favourite": self.favourite, "title": self.title}


def summarise(episodes: Iterable[LoggedEpisode], *, before: LinearSoftmax, now: LinearSoftmax) -> list[Bucket]:
    """Buckets of every situation met, the most moved first. `reward` is the mean over the episodes that came by."""
    met: defaultdict[tuple[str, str, str, str], list[tuple[Situation, float]]] = defaultdict(list)
    for episode in episodes:
        for step in episode.steps:
            met[step.situation.bucket].append((step.situation, episode.reward))
    made = []
    for (pack, phase, quality, last), visits in met.items():
        looked_at = [situation for situation, _ in visits[:: max(1, len(visits) // ENOUGH)]]
        old, new = _mean_odds(before, looked_at), _mean_odds(now, looked_at)
        moved = 0.5 * sum(abs(new.get(action, 0.0) - old.get(action, 0.0)) for action in old.keys() | new.keys())
        reward = float(np.mean([value for _, value in visits]))
        made.append(Bucket(pack, phase, quality, last, len(visits), reward, old, new, moved))
    return sorted(made, key=lambda bucket: (-bucket.moved, bucket.title))


def _mean_odds(policy: LinearSoftmax, situations: list[Situation]) -> dict[str, float]:
    """Mean over situations; an action counts 0 where it was not allowed."""
    total: defaultdict[str, float] = defaultdict(float)
    for situation in situations:
        for action, chance in zip(situation.allowed, policy.probabilities(situation), strict=True):
            total[action] += float(chance) / len(situations)
    return dict(total)
