"""Bradley-Terry with ties as an outcome of their own (R. R. Davidson 1970).

With d = (θ_i − θ_j) / 2:  P(i wins) = e^d / Z,  P(j wins) = e^−d / Z,  P(tie) = ν / Z,  Z = e^d + e^−d + ν.
Three outcomes of one softmax: the log-likelihood is concave in (θ, log ν). A difference of θ is the log-odds of winning
where one of the two wins; half wins shrink that, the more ties there are. So compare strengths of one model only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford

from rlhf.agreement.bradley_terry import NOT_CONNECTED, bradley_terry
from rlhf.agreement.estimates import normal_quantile
from rlhf.agreement.strengths import Strengths, centred, checked, climb, undetermined

ONLY_TIES = "every comparison was a tie"
TIES_FIT = "wins go one way only and ties fit between them: strengths would be endless"


def davidson(wins: NDArray[np.float64], ties: NDArray[np.float64], *, level: float = 0.95) -> Strengths:
    """Strengths and ν from `wins[i, j]`, how often i beat j, and `ties[i, j]` (symmetric), both (versions, versions).

    Without any tie this is `bradley_terry` and ν is 0. No strengths where all are ties, versions are not strongly
    connected (a tie connects both ways), or no win contradicts another. Raises ValueError on counts that are none.
    """
    normal_quantile(level)
    won, tied, groups = checked(wins, ties)
    if not tied.any():
        return bradley_terry(won, level=level)
    comparisons, versions = float(won.sum() + tied.sum() / 2), len(won)
    if not won.any():
        return undetermined(groups, comparisons, level, ONLY_TIES)
    if not (groups == groups[0]).all():
        return undetermined(groups, comparisons, level, NOT_CONNECTED)
    if _endless(won, tied):
        return undetermined(groups, comparisons, level, TIES_FIT)
    met = won + won.T + tied  # (versions, versions)
    lead = (won - won.T) / 2

    def surface(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        theta, eta = point[:-1], point[-1]
        d = (theta[:, None] - theta[None, :]) / 2
        z = np.logaddexp(np.logaddexp(d, -d), eta)
        win, tie = np.exp(d - z), np.exp(eta - z)
        # Each pair stands twice in the sums over the matrix, once from either side.
        value = float((lead * d).sum() + tied.sum() * eta / 2 - (met * z).sum() / 2)
        half = (win - win.T) / 2  # expected lead of i over j, in halves
        gradient = np.append((lead - met * half).sum(axis=1), (tied - met * tie).sum() / 2)
        weight = met * ((win + win.T) / 4 - half**2)
        information = np.empty((versions + 1, versions + 1))
        information[:-1, :-1] = np.diag(weight.sum(axis=1)) - weight + 1.0 / versions
        information[:-1, -1] = information[-1, :-1] = -(met * half * tie).sum(axis=1)
        information[-1, -1] = (met * tie * (1 - tie)).sum() / 2
        return value, gradient, information

    top = climb(surface, np.zeros(versions + 1))
    reached, _, information = surface(top)
    value, low, high, covariance = centred(top[:-1], np.asarray(np.linalg.inv(information))[:-1, :-1], level)
    return Strengths(
        value=value,
        low=low,
        high=high,
        covariance=covariance,
        groups=groups,
        connected=True,
        comparisons=comparisons,
        log_likelihood=reached,
        tie=float(np.exp(top[-1])),
        level=level,
    )


def _endless(won: NDArray[np.float64], tied: NDArray[np.float64]) -> bool:
    """Whether θ and log ν can grow together for ever: every winner two ahead, everybody who tied at most two apart.

    Such θ exist where the graph of these bounds (θ_j ≤ θ_i + bound) has no cycle of negative length. Two versions with
    wins and ties but no losses are the smallest case: the model then has no chance left for a loss.
    """
    bounds = np.where(won > 0, -2.0, np.where(tied > 0, 2.0, 0.0))
    try:
        bellman_ford(csr_array(bounds), directed=True)
    except NegativeCycleError:
        return False
    return True
