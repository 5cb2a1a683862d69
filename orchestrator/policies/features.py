"""From a situation to numbers: the layout of the vector that the learned policy and its baseline work on.

Layout of x (features,), in this order, with the length of each block (P packs, A actions, Q dimensions, F stages):

    bias 1 | pack one-hot P | task one-hot 5 | step, remaining, steps done as shares 3
    | done at least once A | done at least twice A | last A+1, second last A+1, third last A+1 (the extra one: none)
    | went into the newest result A | done after it, or before there is one A
    | quality value Q, quality unknown Q, overall against the threshold 1 | cost 1 | funnel shares F | request TEXT
    | pack x done at least once P·A | pack x went into it P·A | pack x done after P·A | pack x last P·(A+1)

The products let a linear policy learn another order of agents for every pack; what packs share is learned once. The
market answers the result, so what went into it and what came after it are told apart.
Packs, actions and dimensions not seen in training are zeros, so an unknown pack falls back on what all packs share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
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
    def _starts(self) -> dict[str, int]:
        """Where each block of the layout begins; `end` is the length."""
        packs, actions, dims = len(self.packs), len(self.actions), len(self.dimensions)
        sizes = {
            "bias": 1,
            "pack": packs,
            "task": len(TASKS),
            "shares": 3,
            "once": actions,
            "twice": actions,
            "recent": RECENT * (actions + 1),
            "inputs": actions,
            "later": actions,
            "value": dims,
            "unknown": dims,
            "overall": 1,
            "cost": 1,
            "funnel": len(self.stages),
            "text": self.text.length,
            "pack once": packs * actions,
            "pack inputs": packs * actions,
            "pack later": packs * actions,
            "pack last": packs * (actions + 1),
        }
        ends = list(accumulate(sizes.values()))
        return {**dict(zip(sizes, [0, *ends], strict=False)), "end": ends[-1]}

    @cached_property
    def length(self) -> int:
        return self._starts["end"]

    @cached_property
    def _action_index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.actions)}

    def indices(self, actions: Sequence[str]) -> np.ndarray:
        """Rows of the policy's weights for these actions; −1 for one this space does not know. (actions,)"""
        return np.array([self._action_index.get(name, -1) for name in actions], dtype=np.int64)

    def vector(self, situation: Situation) -> np.ndarray:
        """x (features,), float64; see the module for the layout."""
        row, at, known, actions = np.zeros(self.length), self._starts, self._action_index, len(self.actions)
        pack = self.packs.index(situation.pack) if situation.pack in self.packs else -1
        row[0] = 1
        if pack >= 0:
            row[at["pack"] + pack] = 1
        if situation.task in TASKS:
            row[at["task"] + TASKS.index(situation.task)] = 1
        row[at["shares"] : at["shares"] + 3] = (
            situation.step / situation.max_steps,
            situation.remaining / situation.max_steps,
            len(situation.actions) / 10,
        )
        for name in situation.actions:
            if name in known:
                row[at["twice"] + known[name]] = row[at["once"] + known[name]]
                row[at["once"] + known[name]] = 1
                if pack >= 0:
                    row[at["pack once"] + pack * actions + known[name]] = 1
        for back in range(RECENT):
            name = situation.actions[-1 - back] if back < len(situation.actions) else ""
            row[at["recent"] + back * (actions + 1) + known.get(name, actions)] = 1
            if back == 0 and pack >= 0:
                row[at["pack last"] + pack * (actions + 1) + known.get(name, actions)] = 1
        for block, done in (("inputs", situation.inputs), ("later", situation.later)):
            for name in done:
                if name in known:
                    row[at[block] + known[name]] = 1
                    if pack >= 0:
                        row[at[f"pack {block}"] + pack * actions + known[name]] = 1
        for index, name in enumerate(self.dimensions):
            row[at["value"] + index] = situation.quality.get(name, 0.0)
            row[at["unknown"] + index] = name not in situation.quality
        overall = situation.overall
        row[at["overall"]] = 0.0 if overall is None else overall - situation.threshold
        row[at["cost"]] = situation.cost / (situation.cost + COST_SCALE)
        leads = max(sum(situation.funnel.get(stage, 0) for stage in self.stages), 1)
        for index, stage in enumerate(self.stages):
            row[at["funnel"] + index] = situation.funnel.get(stage, 0) / leads
        row[at["text"] : at["pack once"]] = self.text.vector(situation.request)
        return row

    def matrix(self, situations: Sequence[Situation]) -> np.ndarray:
        """(situations, features)"""
        if not situations:
            return np.zeros((0, self.length))
        return np.stack([self.vector(situation) for situation in situations])

    def after(self, situations: Sequence[Situation]) -> np.ndarray:
        """x of `situation.after(action)` for every allowed action, else 0. (situations, actions, features) float32"""
        following = np.zeros((len(situations), len(self.actions), self.length), dtype=np.float32)
        for row, situation in enumerate(situations):
            for action, column in zip(situation.allowed, self.indices(situation.allowed), strict=True):
                following[row, column] = self.vector(situation.after(action))
        return following

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
