"""The learner: policy gradient over logged episodes of any policy, with a learned baseline and clipped ratios.

Each round works out what the present policy would have earned (V-trace on the baseline), then climbs the objective with
those advantages held fixed. Everything is full batch, so the same episodes and seed give the same policy.
Left out on purpose: discounting (episodes are short) and per-step rewards other than costs (none are known).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.optimize import minimize

from orchestrator.policies.baseline import fit_values, v_trace
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.learned import LinearSoftmax
from orchestrator.policies.logged import Batch, LoggedEpisode
from orchestrator.policies.objective import Parameters, Terms, objective, softmax, with_floor


class ClippedPolicyGradient:
    """Fits `policy_` to logged episodes; see `objective` for the meaning of the coefficients, all in units of reward.

    `entropy` and `kl` shrink as 1/√(1 + episodes / patience): exploring and trusting the rules pay off early.
    Steps that were not drawn (static, probability 1) feed the baseline but have no gradient. Late rewards need no path
    of their own: an episode enters with the reward known today, and weighs less while that reward is provisional.
    """

    name = "clipped"

    def __init__(
        self,
        *,
        seed: int = 0,
        rounds: int = 5,
        clip: float = 5.0,
        entropy: float = 0.01,
        kl: float = 0.02,
        patience: float = 100.0,
        shrink: float = 1.0,
        baseline_shrink: float = 3.0,
        floor: float = 0.01,
        hidden: int = 0,
        iterations: int = 40,
    ) -> None:
        self.seed = seed
        self.rounds = rounds
        self.clip = clip
        self.entropy = entropy
        self.kl = kl
        self.patience = patience
        self.shrink = shrink
        self.baseline_shrink = baseline_shrink
        self.floor = floor
        self.hidden = hidden
        self.iterations = iterations

    def fit(self, episodes: Sequence[LoggedEpisode]) -> Self:
        """Sets `policy_`, `values_` (baseline, by situation) and `objective_` (one per round).

        ValueError for no episodes.
        """
        space = FeatureSpace.fit(step.situation for episode in episodes for step in episode.steps)
        return self.fit_batch(Batch.of(episodes, space), space)

    def fit_batch(self, batch: Batch, space: FeatureSpace) -> Self:
        """The same from arrays, so that folds of one log need not be turned into numbers again."""
        theta = self._start(space)
        fade = 1 / np.sqrt(1 + len(batch.gross) / self.patience)
        terms = Terms(self.clip, self.entropy * fade, self.kl * fade, self.shrink, self.floor)
        weight = batch.weight * batch.explored
        allowed = np.isfinite(batch.log_prior)
        self.objective_: list[float] = []
        self.values_ = fit_values(batch, batch.returns(), self.baseline_shrink)
        for _ in range(self.rounds if weight.any() else 0):
            pi = with_floor(softmax(batch.log_prior, theta.logits(batch.x)), allowed, self.floor)
            ratio = pi[batch.row, batch.action] / batch.logged
            target, _ = v_trace(batch, self.values_, ratio)
            self.values_ = fit_values(batch, target, self.baseline_shrink)
            _, advantage = v_trace(batch, self.values_, ratio)
            theta = self._climb(theta, batch, advantage, weight, terms)
        self.policy_ = LinearSoftmax(
            space=space, weights=theta.weights, inner=theta.inner, outer=theta.outer, floor=self.floor
        )
        return self

    def _start(self, space: FeatureSpace) -> Parameters:
        """θ that gives the prior: W = U = 0, V random and small so that the hidden units differ."""
        weights = np.zeros((len(space.actions), space.length))
        if not self.hidden:
            return Parameters(weights)
        rng = np.random.default_rng(self.seed)
        inner = rng.normal(0, 1 / np.sqrt(space.length), (self.hidden, space.length))
        return Parameters(weights, inner, np.zeros((len(space.actions), self.hidden)))

    def _climb(
        self, theta: Parameters, batch: Batch, advantage: np.ndarray, weight: np.ndarray, terms: Terms
    ) -> Parameters:
        """L-BFGS on −L from where we stand."""

        def descend(flat: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = objective(theta.like(flat), batch, advantage, weight, terms)
            return -value, -gradient.flat()

        found = minimize(
            descend, theta.flat(), jac=True, method="L-BFGS-B", options={"maxiter": self.iterations, "gtol": 1e-7}
        )
        self.objective_.append(-float(found.fun))
        return theta.like(found.x)
