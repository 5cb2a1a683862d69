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

from orchestrator.policies.contract import FINISH
from orchestrator.policies.critic import Critic
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.learned import LinearSoftmax
from orchestrator.policies.logged import Batch, LoggedEpisode
from orchestrator.policies.objective import Parameters, Terms, objective, softmax, with_floor


class ClippedPolicyGradient:
    """Fits `policy_` to logged episodes; see `objective` for the meaning of the coefficients, all in units of reward.

    `kl`, `entropy` and `curiosity` fade as (1 + episodes / patience)^−power, and `caution` grows as they fade: one is
    reward added per unit of the critic's doubt, the other reward taken off. So early versions stay near the rules and
    look around, later ones do what the log has shown. `critic_shrink` is near (noise of a reward / size of an effect)²:
    the market's luck has a deviation near 0.5, effects are near 0.15. `floor` is shared by all allowed actions. The
    policy is the mean of the last `settled` of `rounds`, since policy and critic chase each other.

    Steps that were not drawn (static, probability 1) feed the critic but have no gradient. Late rewards need no path of
    their own: an episode enters with the reward known today, and weighs less while that reward is provisional.
    """

    name = "clipped"

    def __init__(
        self,
        *,
        seed: int = 0,
        rounds: int = 12,
        clip: float = 5.0,
        entropy: float = 0.002,
        kl: float = 0.1,
        curiosity: float = 0.5,
        caution: float = 0.3,
        patience: float = 200.0,
        power: float = 1.5,
        shrink: float = 0.5,
        critic_shrink: float = 10.0,
        trace: float = 0.7,
        sweeps: int = 3,
        settled: int = 8,
        floor: float = 0.003,
        hidden: int = 0,
        iterations: int = 15,
    ) -> None:
        self.seed = seed
        self.rounds = rounds
        self.clip = clip
        self.entropy = entropy
        self.kl = kl
        self.curiosity = curiosity
        self.caution = caution
        self.patience = patience
        self.power = power
        self.shrink = shrink
        self.critic_shrink = critic_shrink
        self.trace = trace
        self.sweeps = sweeps
        self.settled = settled
        self.floor = floor
        self.hidden = hidden
        self.iterations = iterations

    def fit(self, episodes: Sequence[LoggedEpisode]) -> Self:
        """Sets `policy_`, `critic_` and `objective_` (its value after each round).

        ValueError for no episodes.
        """
        space = FeatureSpace.fit(step.situation for episode in episodes for step in episode.steps)
        return self.fit_batch(Batch.of(episodes, space), space)

    def fit_batch(self, batch: Batch, space: FeatureSpace) -> Self:
        """The same from arrays, so that folds of one log need not be turned into numbers again."""
        theta = self._start(space)
        fade = (1 + len(batch.gross) / self.patience) ** -self.power
        terms = Terms(self.clip, self.entropy * fade, self.kl * fade, self.shrink, self.floor)
        weight = batch.weight * batch.explored
        allowed = np.isfinite(batch.log_prior)
        finish = int(space.indices([FINISH])[0])
        self.critic_ = Critic(batch, finish=finish, shrink=self.critic_shrink, trace=self.trace)
        self.objective_: list[float] = []
        bonus = (self.curiosity * fade - self.caution * (1 - fade)) * self.critic_.doubt()
        climbed = [theta]
        for _ in range(self.rounds if weight.any() else 0):
            pi = with_floor(softmax(batch.log_prior, theta.logits(batch.x)), allowed, self.floor)
            surprise = self.critic_.refit(pi, self.sweeps)
            theta = self._climb(theta, batch, self.critic_.q + bonus, surprise, weight, terms)
            climbed.append(theta)
        if not self.hidden:
            theta = Parameters(np.mean([one.weights for one in climbed[-self.settled :]], axis=0))
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
        self, theta: Parameters, batch: Batch, q: np.ndarray, surprise: np.ndarray, weight: np.ndarray, terms: Terms
    ) -> Parameters:
        """L-BFGS on −L from where we stand."""

        def descend(flat: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = objective(theta.like(flat), batch, q, surprise, weight, terms)
            return -value, -gradient.flat()

        found = minimize(
            descend, theta.flat(), jac=True, method="L-BFGS-B", options={"maxiter": self.iterations, "gtol": 1e-7}
        )
        self.objective_.append(-float(found.fun))
        return theta.like(found.x)
