"""From a situation to numbers: the layout of the vector that the learned policy and its baseline work on.

Layout of x (features,), in this order, with the length of each block (P packs, A actions, Q dimensions, F stages):

    bias 1 | pack one-hot P | task one-hot 5 | step, remaining, steps done as shares 3
    | done at least once A | done at least twice A | last A+1, second last A+1, third last A+1 (the extra one: none)
    | quality value Q, quality unknown Q, overall against the threshold 1 | cost 1 | funnel shares F | request TEXT
    | pack x done at least once P·A | pack x last P·(A+1)

The products let a linear policy learn another order of agents for every pack; what packs share is learned once.
Packs, actions and dimensions not seen in training are zeros, so an unknown pack falls back on what all packs share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from orchestrator.policies.request_text import RequestText
from orchestrator.policies.situation import Situation

TASKS = ("budget", "creative", "measurement", "planning", "outreach")
RECENT = 3
# EUR; a cost of this size maps to one half, so that cents and euros both fit into [0, 1)
COST_SCALE = 0.05


@dataclass(frozen=True)
class FeatureSpace:
    """The vocabulary of one trained policy. Stored with its parameters, so old versions keep reading as they were."""

    packs: tuple[str, ...]
    actions: tuple[str, ...]
    dimensions: tuple[str, ...]
    stages: tuple[str, ...]
    text: RequestText = field(default_factory=RequestText)

    @classmethod
    def fit(cls, situations: Iterable[Situation]) -> FeatureSpace:
        """Vocabulary of everything that occurs."""
        packs: set[str] = set()
        actions: set[str] = set()
        dimensions: set[str] = set()
        stages: set[str] = set()
        requests: set[str] = set()
        for situation in situations:
            packs.add(situation.pack)
            actions.update(situation.allowed)
            dimensions.update(situation.quality)
            stages.update(situation.funnel)
            requests.add(situation.request)
        text = RequestText.fit(sorted(requests - {""}))
        return cls(
            packs=tuple(sorted(packs)),
            actions=tuple(sorted(actions)),
            dimensions=tuple(sorted(dimensions)),
            stages=tuple(sorted(stages)),
            text=text,
        )

    @cached_property
    def length(self) -> int:
        packs, actions, dims = len(self.packs), len(self.actions), len(self.dimensions)
        single = 1 + packs + len(TASKS) + 3 + 2 * actions + RECENT * (actions + 1) + 2 * dims + 1 + 1
        return single + len(self.stages) + self.text.length + packs * (2 * actions + 1)

    @cached_property
    def _action_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.actions)}

    def indices(self, actions: Sequence[str]) -> np.ndarray:
        """Rows of the policy's weights for these actions; −1 for one this space does not know. (actions,)"""
        return np.array([self._action_index.get(name, -1) for name in actions], dtype=np.int64)

    def vector(self, situation: Situation) -> np.ndarray:
        """x (features,), float64; see the module for the layout."""
        actions, blank = len(self.actions), len(self.actions)
        pack = _one_hot(self.packs, situation.pack)
        done = np.zeros(actions)
        for name in situation.actions:
            if name in self._action_index:
                done[self._action_index[name]] += 1
        recent = np.zeros((RECENT, actions + 1))
        for back in range(RECENT):
            name = situation.actions[-1 - back] if back < len(situation.actions) else ""
            recent[back, self._action_index.get(name, blank)] = 1
        once = np.minimum(done, 1)
        values = np.array([situation.quality.get(name, 0.0) for name in self.dimensions])
        unknown = np.array([float(name not in situation.quality) for name in self.dimensions])
        overall = situation.overall
        stages = np.array([float(situation.funnel.get(stage, 0)) for stage in self.stages])
        return np.concatenate(
            [
                [1.0],
                pack,
                _one_hot(TASKS, situation.task),
                [situation.step / situation.max_steps, situation.remaining / situation.max_steps, done.sum() / 10],
                once,
                done >= 2,
                recent.ravel(),
                values,
                unknown,
                [0.0 if overall is None else overall - situation.threshold],
                [situation.cost / (situation.cost + COST_SCALE)],
                stages / max(stages.sum(), 1.0),
                self.text.vector(situation.request),
                np.outer(pack, once).ravel(),
                np.outer(pack, recent[0]).ravel(),
            ]
        )

    def matrix(self, situations: Sequence[Situation]) -> np.ndarray:
        """(situations, features)"""
        if not situations:
            return np.zeros((0, self.length))
        return np.stack([self.vector(situation) for situation in situations])

    def to_json(self) -> dict[str, Any]:
        return {
            "packs": list(self.packs),
            "actions": list(self.actions),
            "dimensions": list(self.dimensions),
            "stages": list(self.stages),
            "text": self.text.to_json(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> FeatureSpace:
        return cls(
            packs=tuple(stored["packs"]),
            actions=tuple(stored["actions"]),
            dimensions=tuple(stored["dimensions"]),
            stages=tuple(stored["stages"]),
            text=RequestText.from_json(stored["text"]),
        )


def _one_hot(words: tuple[str, ...], word: str) -> np.ndarray:
    return np.array([float(word == one) for one in words])
