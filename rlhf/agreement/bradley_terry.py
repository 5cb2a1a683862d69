"""Bradley-Terry strengths from pairwise comparisons (R. A. Bradley & M. E. Terry 1952), ties as half wins.

P(i beats j) = 1 / (1 + exp(θ_j − θ_i)). The log-likelihood is concave in θ and has one top where the versions are
strongly connected by wins (D. R. Hunter, "MM algorithms for generalized Bradley-Terry models", 2004, assumption 1).
We climb it by Newton's method instead of Hunter's MM: it needs a handful of steps, and the observed Fisher information
for the intervals is already there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rlhf.agreement.estimates import normal_quantile
from rlhf.agreement.strengths import Strengths, centred, checked, climb, undetermined

NOT_CONNECTED = "not every version has won and lost, directly or through others: some strengths would be endless"


def bradley_terry(
    wins: NDArray[np.float64],
    ties: NDArray[np.float64] | None = None,
    *,
    ridge: float = 0.0,
    gamma: float = 0.0,
    level: float = 0.95,
) -> Strengths:
    """Strengths from `wins[i, j]`, how often i beat j, and `ties[i, j]` (symmetric), both (versions, versions).

    `ridge` takes ridge · Σ θ² off the log-likelihood (choix' `opt_pairwise(alpha=ridge)`). `gamma` puts a Gamma prior
    on exp θ (F. Caron & A. Doucet 2012; choix' `mm_pairwise(alpha=gamma)` and `ilsr_pairwise(alpha=gamma/versions)`).
    With either there are always strengths, and the intervals are those of a normal approximation to the posterior.
    With neither they are those of the observed information, and versions that are not strongly connected have none.
    Ties as half wins make intervals a little too wide, because a tie varies less than a coin; `davidson` has a model
    of them.
    Raises ValueError on counts that are none, or a negative prior.
    """
    if ridge < 0 or gamma < 0:
        raise ValueError(f"ridge {ridge!r} and gamma {gamma!r} must be at least 0")
    normal_quantile(level)
    won, tied, groups = checked(wins, ties)
    scores = won + tied / 2  # (versions, versions)
    met, versions = scores + scores.T, len(won)
    comparisons, connected = float(scores.sum()), bool((groups == groups[0]).all())
    if not connected and not ridge and not gamma:
        return undetermined(groups, comparisons, level, NOT_CONNECTED)
    # Without a prior only differences count: this pins the sum, which the gradient never moves.
    pin = 0.0 if ridge or gamma else 1.0 / versions

    def surface(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        apart = theta[:, None] - theta[None, :]
        p = expit(apart)
        value = -float((scores * np.logaddexp(0.0, -apart)).sum())
        gradient = (scores - met * p).sum(axis=1)
        weight = met * p * p.T
        information = np.diag(weight.sum(axis=1)) - weight + pin
        value += -ridge * float(theta @ theta) + gamma * float((theta - np.exp(theta)).sum())
        gradient += -2 * ridge * theta + gamma * (1 - np.exp(theta))
        return value, gradient, information + np.diag(2 * ridge + gamma * np.exp(theta))

    theta = climb(surface, np.zeros(versions))
    apart = theta[:, None] - theta[None, :]
    value, low, high, covariance = centred(theta, np.asarray(np.linalg.inv(surface(theta)[2])), level)
    return Strengths(
        value=value,
        low=low,
        high=high,
        covariance=covariance,
        groups=groups,
        connected=connected,
        comparisons=comparisons,
        log_likelihood=-float((scores * np.logaddexp(0.0, -apart)).sum()),
        level=level,
    )
