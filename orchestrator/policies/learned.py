"""The policy that learns: what the rules say, corrected by a linear softmax over features of the situation.

    z(a) = log prior(a | situation) + w_a · x + u_a · tanh(V x)        π = (1 − floor) softmax(z) + floor / |allowed|

With W = U = 0 and floor 0 this is the rule policy, so the first day is as good as the rules. `V` (the one small hidden
layer) is optional. The floor keeps every allowed action possible, so that later versions can be compared with this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from orchestrator.policies import rule
from orchestrator.policies.contract import Decision, PolicyState, sample
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.request_text import packed, unpacked
from orchestrator.policies.situation import Situation

Prior = Callable[[Situation], np.ndarray]

# Which prior a stored version was trained against; a changed rule table gets a new name and the old stays until unused.
PRIORS: dict[str, Prior] = {rule.LABEL: rule.probabilities}


@dataclass(frozen=True, eq=False)
class LinearSoftmax:
    """One version: W is `weights` (actions, features), V `inner` (hidden, features), U `outer` (actions, hidden)."""

    space: FeatureSpace
    weights: np.ndarray
    inner: np.ndarray | None = None
    outer: np.ndarray | None = None
    floor: float = 0.0
    prior: str = rule.LABEL

    @classmethod
    def zero(cls, space: FeatureSpace | None = None) -> LinearSoftmax:
        """The prior itself: version 0."""
        space = space or FeatureSpace(packs=(), actions=(), dimensions=(), stages=())
        return cls(space=space, weights=np.zeros((len(space.actions), space.length)))

    def corrections(self, situation: Situation) -> np.ndarray:
        """What was learned on top of the prior's logits, aligned with `situation.allowed`; 0 for unknown actions."""
        rows = self.space.indices(situation.allowed)
        if not len(self.weights):
            return np.zeros(len(rows))
        x = self.space.vector(situation)
        learned = self.weights @ x
        if self.inner is not None and self.outer is not None:
            learned = learned + self.outer @ np.tanh(self.inner @ x)
        return np.where(rows >= 0, learned[rows], 0.0)

    def probabilities(self, situation: Situation) -> np.ndarray:
        """π(· | situation) over `situation.allowed`. (actions,)"""
        logits = np.log(PRIORS[self.prior](situation)) + self.corrections(situation)
        exp = np.exp(logits - logits.max())
        return np.asarray((1 - self.floor) * exp / exp.sum() + self.floor / len(exp))

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "linear-softmax",
            "prior": self.prior,
            "floor": self.floor,
            "space": self.space.to_json(),
            "weights": packed(self.weights),
            "inner": None if self.inner is None else packed(self.inner),
            "outer": None if self.outer is None else packed(self.outer),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> LinearSoftmax:
        """ValueError for another kind, an unknown prior, or numbers that do not fit the vocabulary."""
        if stored.get("kind") != "linear-softmax" or stored.get("prior") not in PRIORS:
            raise ValueError("these are not parameters of a linear softmax with a known prior")
        space = FeatureSpace.from_json(stored["space"])
        weights = unpacked(stored["weights"])
        if weights.shape != (len(space.actions), space.length):
            raise ValueError(
                f"weights {weights.shape} do not fit {len(space.actions)} actions x {space.length} features"
            )
        return cls(
            space=space,
            weights=weights,
            inner=None if stored["inner"] is None else unpacked(stored["inner"]),
            outer=None if stored["outer"] is None else unpacked(stored["outer"]),
            floor=float(stored["floor"]),
            prior=stored["prior"],
        )


class LearnedPolicy:
    """Serves one version. Always draws from its distribution, never takes the best outright."""

    def __init__(self, softmax: LinearSoftmax, number: int) -> None:
        self.softmax = softmax
        self.number = number

    @property
    def label(self) -> str:
        return f"rl@{self.number}"

    def decide(self, state: PolicyState, rng: np.random.Generator) -> Decision:
        situation = Situation.of(state)
        odds = self.softmax.probabilities(situation)
        chosen = sample(odds, rng)
        return Decision(
            action=situation.allowed[chosen],
            allowed=situation.allowed,
            probabilities=tuple(float(p) for p in odds),
            policy=self.label,
            why=self._why(situation, odds, chosen),
        )

    def _why(self, situation: Situation, odds: np.ndarray, chosen: int) -> str:
        ruled = PRIORS[self.softmax.prior](situation)
        now, before = odds[chosen], ruled[chosen]
        favourite = situation.allowed[int(np.argmax(odds))]
        if situation.allowed[chosen] != favourite:
            return f"drawn at {now:.0%}; {favourite} is likeliest at {odds.max():.0%}"
        rules_say = situation.allowed[int(np.argmax(ruled))]
        if rules_say == favourite:
            return f"likeliest at {now:.0%}, as the rules say ({before:.0%})"
        return f"likeliest at {now:.0%}, learned; the rules say {rules_say} and give this {before:.0%}"
