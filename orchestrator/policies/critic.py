"""The critic: what an episode may expect after each action, Q(situation, action), and with it the learned baseline.

    Q(x, a) = b · x(situation after a)   for agents          Q(x, finish) = e · x(situation)
    V(x) = Σ_a π(a|x) Q(x, a)            the baseline that advantages are measured from

Two ridge regressions on the policy's own features, pack and step among them, refitted to Retrace targets (Munos et al.
2016): rewards logged under older versions or under the rules are moved towards what the present policy would earn.

    y_t = r_t + V(x_{t+1}) + c_{t+1} (y_{t+1} − Q(x_{t+1}, a_{t+1})),   c = trace · min(1, π/μ),   y = r at the end
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from orchestrator.policies.logged import Batch

PIECE = 8192


class Ridge:
    """Weighted ridge around the weighted mean, factored once for many targets. `shrink` counts in steps of data."""

    def __init__(self, x: np.ndarray, weight: np.ndarray, shrink: float) -> None:
        self.x, self.weight = x, weight
        self.factor = cho_factor((x * weight[:, None]).T @ x + shrink * np.eye(x.shape[1]))

    def fit(self, target: np.ndarray) -> tuple[float, np.ndarray]:
        """(mean, coefficients) for the targets (rows,)."""
        mean = float((self.weight * target).sum() / max(self.weight.sum(), 1e-12))
        return mean, np.asarray(cho_solve(self.factor, self.x.T @ (self.weight * (target - mean))))

    def spread(self, x: np.ndarray) -> np.ndarray:
        """sqrt(xᵀ (XᵀWX + λ)⁻¹ x): how little the data say about the rows of x, 0 or more."""
        return np.asarray(np.sqrt(np.maximum((x * cho_solve(self.factor, x.T).T).sum(axis=1), 0.0)))


class Critic:
    """Holds the factored regressions of one batch. `finish` is the column of that action, −1 where nobody may."""

    def __init__(self, batch: Batch, *, finish: int, shrink: float, trace: float) -> None:
        self.batch, self.finish, self.trace = batch, finish, trace
        self.ends = batch.action == finish
        self.allowed = np.isfinite(batch.log_prior)
        self.earned = np.where(batch.last, batch.gross[batch.episode], 0.0) - batch.cost
        weight = batch.weight
        self._work = Ridge(batch.after[batch.row, batch.action][~self.ends].astype(float), weight[~self.ends], shrink)
        self._end = Ridge(batch.x[batch.row[self.ends]], weight[self.ends], shrink)
        self.q = self._predict(batch.returns())

    def _predict(self, target: np.ndarray) -> np.ndarray:
        """Q (situations, actions) refitted to targets (steps,); 0 where an action is not allowed."""
        mean, b = self._work.fit(target[~self.ends])
        q = mean + (self.batch.after @ b.astype(np.float32)).astype(float)
        if self.finish >= 0 and self.ends.any():
            mean, e = self._end.fit(target[self.ends])
            q[:, self.finish] = mean + self.batch.x @ e
        return np.where(self.allowed, q, 0.0)

    def targets(self, pi: np.ndarray) -> np.ndarray:
        """Retrace targets y (steps,) for the policy π (situations, actions) under the present Q."""
        batch = self.batch
        value = (pi * self.q).sum(axis=1)[batch.row]
        chosen = self.q[batch.row, batch.action]
        keep = self.trace * np.minimum(pi[batch.row, batch.action] / batch.logged, 1.0)
        y = self.earned + np.where(batch.last, 0.0, np.roll(value, -1))
        # backwards in time, all episodes at once
        for rows in self._backwards:
            y[rows] += keep[rows + 1] * (y[rows + 1] - chosen[rows + 1])
        return np.asarray(y)

    def refit(self, pi: np.ndarray, sweeps: int) -> np.ndarray:
        """Improve Q for the policy π by `sweeps` rounds of targets and regression; returns y − Q (steps,)."""
        for _ in range(sweeps):
            self.q = self._predict(self.targets(pi))
        return np.asarray(self.targets(pi) - self.q[self.batch.row, self.batch.action])

    def doubt(self) -> np.ndarray:
        """How little the log says about each action, in units of one observation. (situations, actions)"""
        batch = self.batch
        rows = batch.after.reshape(-1, batch.after.shape[2])
        # in pieces: all of it in float64 would take gigabytes for 10,000 episodes
        pieces = [self._work.spread(rows[at : at + PIECE].astype(float)) for at in range(0, len(rows), PIECE)]
        spread = np.concatenate(pieces).reshape(self.q.shape)
        if self.finish >= 0:
            spread[:, self.finish] = self._end.spread(batch.x)
        return np.where(self.allowed, spread, 0.0)

    @cached_property
    def _backwards(self) -> list[np.ndarray]:
        """Steps that have a successor, by position from late to early."""
        inner = np.flatnonzero(~self.batch.last)
        place = self.batch.position[inner]
        return [inner[place == at] for at in range(int(place.max(initial=-1)), -1, -1)]
