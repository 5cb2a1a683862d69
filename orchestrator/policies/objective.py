"""What the learner maximises, with its gradient written out. Arrays in, arrays out.

    L(θ) = (1/Σw) Σ_t w_t [ Σ_a π(a|x_t) Q(x_t, a) + f(ρ_t) (y_t − Q(x_t, a_t)) + β_H H_t − β_KL KL_t ] − (λ/2N) ‖θ‖²

The first term is the policy's value by the critic, the second corrects the critic by what was really earned (doubly
robust; Jiang & Li 2016). H is the entropy of the policy, KL its distance from the prior, ρ = π/μ.


f is the clipped importance ratio written so that its gradient is exactly min(ρ, c) ∇log π: ρ up to c, then
c (1 + log(ρ / c)). Beyond c a step keeps pulling, but no harder than c (truncated importance weights: Ionides 2008;
off-policy policy gradient: Degris et al. 2012, Espeholt et al. 2018). μ is what was logged, π = (1 − floor) s + floor
u, s the softmax and u the even spread over allowed actions. Entropy is added, since more of it is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from orchestrator.policies.logged import Batch


@dataclass(frozen=True)
class Terms:
    """Coefficients, in units of reward: `clip` c ≥ 1, `entropy` β_H, `kl` β_KL, `shrink` λ, `floor`."""

    clip: float
    entropy: float
    kl: float
    shrink: float
    floor: float


@dataclass(frozen=True, eq=False)
class Parameters:
    """θ: W (actions, features) and, with a hidden layer, V (hidden, features) and U (actions, hidden)."""

    weights: np.ndarray
    inner: np.ndarray | None = None
    outer: np.ndarray | None = None

    def flat(self) -> np.ndarray:
        return np.concatenate([part.ravel() for part in self._parts()])

    def like(self, flat: np.ndarray) -> Parameters:
        """The same shapes filled from a flat vector."""
        ends = np.cumsum([part.size for part in self._parts()])[:-1]
        shaped = [piece.reshape(part.shape) for piece, part in zip(np.split(flat, ends), self._parts(), strict=True)]
        return Parameters(*shaped)

    def _parts(self) -> list[np.ndarray]:
        return [part for part in (self.weights, self.inner, self.outer) if part is not None]

    def logits(self, x: np.ndarray | csr_array) -> np.ndarray:
        """(situations, features) -> (situations, actions)"""
        z = np.asarray(x @ self.weights.T)
        return z if self.inner is None or self.outer is None else z + np.tanh(x @ self.inner.T) @ self.outer.T

    def pull_back(self, x: np.ndarray | csr_array, by_logit: np.ndarray) -> Parameters:
        """Gradient with respect to θ from the gradient with respect to the logits (situations, actions)."""
        weights = np.asarray(by_logit.T @ x)
        if self.inner is None or self.outer is None:
            return Parameters(weights)
        hidden = np.tanh(x @ self.inner.T)
        inner = ((by_logit @ self.outer) * (1 - hidden**2)).T @ x
        return Parameters(weights, inner, by_logit.T @ hidden)


def softmax(log_prior: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """s (situations, actions); 0 where the prior is −inf."""
    z = log_prior + logits
    exp = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(exp / exp.sum(axis=1, keepdims=True))


def with_floor(s: np.ndarray, allowed: np.ndarray, floor: float) -> np.ndarray:
    """π (situations, actions)"""
    return np.asarray((1 - floor) * s + floor * allowed / allowed.sum(axis=1, keepdims=True))


def clipped(ratio: np.ndarray, clip: float) -> tuple[np.ndarray, np.ndarray]:
    """f(ρ) and f′(ρ); see the module."""
    over = ratio > clip
    capped = np.where(over, ratio, clip)
    return np.where(over, clip * (1 + np.log(capped / clip)), ratio), np.where(over, clip / capped, 1.0)


def objective(
    theta: Parameters, batch: Batch, q: np.ndarray, surprise: np.ndarray, weight: np.ndarray, terms: Terms
) -> tuple[float, Parameters]:
    """L and its gradient.

    `q` (situations, actions) is the critic, `surprise` y − Q (steps,); `weight` (steps,): 0 leaves a step out.
    """
    allowed = np.isfinite(batch.log_prior)
    actions = allowed.shape[1]
    s = softmax(batch.log_prior, theta.logits(batch.sparse))
    pi = with_floor(s, allowed, terms.floor)
    share = weight / max(weight.sum(), 1e-12)

    ratio = pi[batch.row, batch.action] / batch.logged
    value, slope = clipped(ratio, terms.clip)
    cells = batch.row * actions + batch.action
    by_pi = np.bincount(cells, share * surprise * slope / batch.logged, minlength=s.size).reshape(s.shape)
    visits = np.bincount(batch.row, share, minlength=len(s))[:, None]
    by_s = (1 - terms.floor) * (by_pi + visits * q)
    by_logit = s * (by_s - (by_s * s).sum(axis=1, keepdims=True))

    log_s = np.log(np.where(allowed, np.maximum(s, 1e-300), 1.0))
    against_prior = np.where(allowed, log_s - np.where(allowed, batch.log_prior, 0.0), 0.0)
    entropy = -(s * log_s).sum(axis=1, keepdims=True)
    divergence = (s * against_prior).sum(axis=1, keepdims=True)
    by_logit -= terms.entropy * visits * s * (log_s + entropy)
    by_logit -= terms.kl * visits * s * (against_prior - divergence)

    flat = theta.flat()
    ridge = terms.shrink / max(float(np.count_nonzero(weight)), 1.0)
    total = float(
        (share * value * surprise).sum()
        + (visits * ((pi * q).sum(axis=1, keepdims=True) + terms.entropy * entropy - terms.kl * divergence)).sum()
    )
    gradient = theta.pull_back(batch.sparse, by_logit).flat() - ridge * flat
    return total - 0.5 * ridge * float(flat @ flat), theta.like(gradient)
