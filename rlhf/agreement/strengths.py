"""What a model of pairwise comparisons says: a strength for each version, on a logit scale, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from rlhf.agreement.estimates import Estimate, normal_quantile, wilson_share

# (value, gradient, information) of a concave function at a point.
Surface = Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64], NDArray[np.float64]]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Who won how often: `names` (versions,), `wins[i, j]` times i beat j, symmetric `ties`: (versions, versions)."""

    names: NDArray[Any]
    wins: NDArray[np.float64]
    ties: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strengths:
    """Strengths θ (versions,) that sum to 0, with `low` and `high`; a difference of θ is a log-odds of winning.

    They are None, and `why` says why, where the comparisons do not determine them. `covariance` (versions, versions)
    belongs to the sum of 0. `groups` (versions,) numbers the strongly connected components: one where everybody can
    be compared with everybody through wins and losses; `connected` says so. `tie` is Davidson's ν (0: no model of
    ties). `comparisons` counts all, ties included.
    """

    value: NDArray[np.float64] | None
    low: NDArray[np.float64] | None
    high: NDArray[np.float64] | None
    covariance: NDArray[np.float64] | None
    groups: NDArray[np.int64]
    connected: bool
    comparisons: float
    log_likelihood: float | None = None
    tie: float = 0.0
    level: float = 0.95
    why: str = ""

    def chance_to_beat(self, one: int, other: int) -> Estimate:
        """The expected win rate of version `one` against version `other`, by the delta method on the log-odds.

        With ties as half wins a tie counts half in it; under Davidson's model it is the rate among decided
        comparisons. `n` counts all comparisons behind the strengths. None where there are no strengths.
        """
        if self.value is None or self.covariance is None:
            return Estimate(value=None, why=self.why)
        odds = float(self.value[one] - self.value[other])
        c = self.covariance
        error = float(np.sqrt(max(0.0, c[one, one] + c[other, other] - 2 * c[one, other])))
        half = normal_quantile(self.level) * error
        return Estimate(
            value=float(expit(odds)),
            low=float(expit(odds - half)),
            high=float(expit(odds + half)),
            n=round(self.comparisons),
        )


def tally(first: ArrayLike, second: ArrayLike, outcome: ArrayLike) -> Tally:
    """Comparisons (n,) of `first` with `second` and their `outcome`: 1 first won, 0 about the same, −1 second won.

    Raises ValueError where lengths differ, an outcome is none of these, or something was compared with itself.
    """
    ahead, behind, result = np.asarray(first), np.asarray(second), np.asarray(outcome, dtype=float)
    if not len(ahead) == len(behind) == len(result):
        raise ValueError(f"{len(ahead)} firsts, {len(behind)} seconds and {len(result)} outcomes")
    if not np.isin(result, (-1.0, 0.0, 1.0)).all():
        raise ValueError("an outcome is 1, 0 or -1")
    names, place = np.unique(np.concatenate([ahead, behind]), return_inverse=True)
    one, other = place[: len(ahead)], place[len(ahead) :]
    if (one == other).any():
        raise ValueError("a version was compared with itself")
    wins, ties = np.zeros((2, len(names), len(names)))
    winner, loser = np.where(result > 0, one, other), np.where(result > 0, other, one)
    decided = result != 0
    np.add.at(wins, (winner[decided], loser[decided]), 1.0)
    np.add.at(ties, (one[~decided], other[~decided]), 1.0)
    return Tally(names, wins, ties + ties.T)


def win_rate(wins: int, losses: int, ties: int = 0, *, level: float = 0.95) -> Estimate:
    """How often one version won against another, a tie as half a win, with Wilson's interval over all `n` comparisons.

    With ties the interval is a little too wide: a tie varies less than a coin.
    """
    return wilson_share(wins + ties / 2, wins + losses + ties, level=level, nothing="they were never compared")


def checked(wins: NDArray[np.float64], ties: NDArray[np.float64] | None) -> tuple[Any, Any, Any]:
    """`wins` and `ties` as floats, and the groups (versions,) that wins connect strongly, a tie as a win both ways.

    Raises ValueError on a shape that is not square, a negative or endless count, a diagonal, or uneven ties.
    """
    won = np.asarray(wins, dtype=float)
    tied = np.zeros_like(won) if ties is None else np.asarray(ties, dtype=float)
    if won.ndim != 2 or won.shape[0] != won.shape[1] or tied.shape != won.shape or not len(won):
        raise ValueError(f"wins and ties must be (versions, versions), not {won.shape} and {tied.shape}")
    for counts in (won, tied):
        if not np.isfinite(counts).all() or (counts < 0).any() or np.diag(counts).any():
            raise ValueError("counts are finite, at least 0, and nothing is compared with itself")
    if (tied != tied.T).any():
        raise ValueError("ties must be symmetric")
    _, groups = connected_components(csr_array(won + tied > 0), directed=True, connection="strong")
    return won, tied, groups.astype(np.int64)


def undetermined(groups: NDArray[np.int64], comparisons: float, level: float, why: str) -> Strengths:
    """No strengths, and why."""
    return Strengths(None, None, None, None, groups, len(set(groups.tolist())) == 1, comparisons, level=level, why=why)


def climb(surface: Surface, start: NDArray[np.float64], *, steps: int = 200) -> NDArray[np.float64]:
    """Newton's method with halved steps to the top of a concave function whose information is invertible.

    Raises ArithmeticError where it is not there after `steps`, which a concave function with a top does not do.
    """
    point = start
    value, gradient, information = surface(point)
    for _ in range(steps):
        step = np.linalg.solve(information, gradient)
        # Half of gradient · step is what is still to gain.
        if float(gradient @ step) < 1e-20 * max(1.0, abs(value)) or np.abs(step).max() < 1e-13:
            return point + step
        ahead = surface(point + step)
        while ahead[0] < value + 1e-4 * float(gradient @ step) and np.abs(step).max() > 1e-9:
            step = step / 2
            ahead = surface(point + step)
        point, (value, gradient, information) = point + step, ahead
    raise ArithmeticError("the likelihood has no top")


def centred(
    theta: NDArray[np.float64], covariance: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Strengths that sum to 0, their bounds, and their covariance under that sum."""
    versions = len(theta)
    centring = np.eye(versions) - 1.0 / versions
    value, inner = theta - theta.mean(), centring @ covariance @ centring
    half = normal_quantile(level) * np.sqrt(np.maximum(0.0, np.diag(inner)))
    return value, value - half, value + half, inner
