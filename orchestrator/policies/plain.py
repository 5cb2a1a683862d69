"""REINFORCE as first written (Williams 1992), kept for comparison: what the other learner is worth can be measured.

It follows Σ_t G_t ∇log π(a_t | x_t) over the logged steps as if the policy being trained had drawn them: no baseline,
no importance ratios, no entropy, no tie to the prior. It starts from the rules like the other one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.learned import LinearSoftmax
from orchestrator.policies.logged import Batch, LoggedEpisode
from orchestrator.policies.objective import softmax


class PlainReinforce:
    """Fits `policy_` by `iterations` full-batch gradient steps of size `rate`. Nothing in it is random."""

    name = "plain"

    def __init__(self, *, seed: int = 0, rate: float = 0.5, iterations: int = 100) -> None:
        self.seed = seed
        self.rate = rate
        self.iterations = iterations

    def fit(self, episodes: Sequence[LoggedEpisode]) -> Self:
        """ValueError for no episodes. Steps that were not drawn (static) have no gradient."""
        space = FeatureSpace.fit(step.situation for episode in episodes for step in episode.steps)
        return self.fit_batch(Batch.of(episodes, space), space)

    def fit_batch(self, batch: Batch, space: FeatureSpace) -> Self:
        """The same from arrays."""
        pull = batch.weight * batch.explored * batch.returns()
        weights = np.zeros((len(space.actions), space.length))
        cells = np.bincount(batch.row * len(space.actions) + batch.action, pull, minlength=batch.log_prior.size)
        chosen = cells.reshape(batch.log_prior.shape) / max(len(batch.row), 1)
        total = chosen.sum(axis=1, keepdims=True)
        for _ in range(self.iterations):
            s = softmax(batch.log_prior, batch.x @ weights.T)
            weights = weights + self.rate * (chosen - total * s).T @ batch.x
        self.policy_ = LinearSoftmax(space=space, weights=weights)
        return self
