"""Cohen's kappa of two raters, its mean over pairs of raters, and plain percent agreement.

J. Cohen (1960), weighted: J. Cohen (1968). With w_ij the agreement of classes i and j (1 on the diagonal),

    kappa = (P_o − P_e) / (1 − P_e),   P_o = Σ w_ij p_ij,   P_e = Σ w_ij p_i. p_.j

and the large-sample variance of J. L. Fleiss, J. Cohen & B. S. Everitt (1969), eq. 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from rlhf.agreement.estimates import Estimate, normal_quantile, wilson_bounds
from rlhf.agreement.ratings import as_matrix, resampled

Weights = Literal["none", "linear", "quadratic"]
ONE_CLASS = "both raters used only one and the same class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa(Estimate):
    """`n` items rated by both; `observed` and `expected` are P_o and P_e; `standard_error` 0 where all agree."""

    observed: float | None = None
    expected: float | None = None
    standard_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseKappa(Estimate):
    """The mean over `pairs` of raters with a kappa, from `n` units that at least two of them rated."""

    pairs: int = 0


def agreement_weights(classes: int, weights: Weights) -> NDArray[np.float64]:
    """w (classes, classes): 1 on the diagonal; off it 0, or falling with the (squared) distance of places to 0.

    Raises ValueError on weights of another name.
    """
    place = np.arange(classes, dtype=float)
    apart = np.abs(place[:, None] - place[None, :])
    furthest = max(1.0, float(classes - 1))
    if weights == "none":
        return np.asarray(apart == 0, dtype=float)
    if weights == "linear":
        return np.asarray(1.0 - apart / furthest)
    if weights == "quadratic":
        return np.asarray(1.0 - (apart / furthest) ** 2)
    raise ValueError(f"weights must be none, linear or quadratic, not {weights!r}")


def cohen_kappa(
    first: ArrayLike,
    second: ArrayLike,
    *,
    weights: Weights = "none",
    classes: ArrayLike | None = None,
    level: float = 0.95,
) -> Kappa:
    """Kappa of two raters who rated the same items, (items,) each, in any classes that sort.

    Weights go by the place of a class: name all `classes` in their order where some of them may not occur (2 and 4
    stars are neighbours if nobody gave 3). None, with the reason, for no items or where one class is all there is.
    Raises ValueError where lengths differ or a value is not among `classes`.
    """
    one, other = np.asarray(first), np.asarray(second)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"two raters must rate the same items, not {one.shape} and {other.shape}")
    z = normal_quantile(level)
    known = np.unique(np.concatenate([one, other])) if classes is None else np.asarray(classes)
    order = np.argsort(known)
    places = []
    for rated in (one, other):
        found = np.minimum(np.searchsorted(known[order], rated), max(0, len(known) - 1))
        if len(rated) and not (known[order][found] == rated).all():
            raise ValueError("a rating is not among the classes")
        places.append(order[found] if len(rated) else found)
    size = max(1, len(known))
    table = np.bincount(places[0] * size + places[1], minlength=size * size).reshape(size, size)
    return _kappa_of_table(table, agreement_weights(size, weights), z)


def _kappa_of_table(table: NDArray[np.int64], w: NDArray[np.float64], z: float) -> Kappa:
    n = int(table.sum())
    if n == 0:
        return Kappa(value=None, why="no item was rated by both")
    p = table / n  # (classes, classes)
    row, column = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(row @ w @ column)
    if (row * column).max() == 1.0:
        return Kappa(value=None, n=n, observed=observed, expected=expected, why=ONE_CLASS)
    kappa = (observed - expected) / (1.0 - expected)
    typical = (w @ column)[:, None] + (row @ w)[None, :]
    spread = float((p * (w - typical * (1 - kappa)) ** 2).sum()) - (kappa - expected * (1 - kappa)) ** 2
    error = float(np.sqrt(max(0.0, spread) / n) / (1.0 - expected))
    return Kappa(
        value=kappa,
        low=max(-1.0, kappa - z * error),
        high=min(1.0, kappa + z * error),
        n=n,
        observed=observed,
        expected=expected,
        standard_error=error,
    )


def mean_pairwise_kappa(
    ratings: ArrayLike,
    *,
    weights: Weights = "none",
    classes: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    resamples: int = 300,
    level: float = 0.95,
) -> PairwiseKappa:
    """The mean of Cohen's kappa over all pairs of raters of `ratings` (units, raters), nan where missing.

    A pair weighs as many units as both rated; where everybody rated everything this is R. J. Light's (1971) kappa.
    With `rng` the interval is that of percentiles over bootstraps of units. Pairs without a kappa are left out.
    Raises ValueError on another shape or a value that is not among `classes`.
    """
    matrix = as_matrix(ratings)
    normal_quantile(level)
    there = np.isfinite(matrix)
    matrix, there = matrix[there.sum(axis=1) >= 2], there[there.sum(axis=1) >= 2]
    known = np.unique(matrix[there]) if classes is None else np.sort(np.asarray(classes, dtype=float))
    if not np.isin(matrix[there], known).all():
        raise ValueError("a rating is not among the classes")
    if not len(matrix):
        return PairwiseKappa(value=None, why="no unit was rated twice")
    codes, size = np.searchsorted(known, matrix), len(known)
    rows, columns, pairs = [], [], 0
    for one, other in combinations(range(matrix.shape[1]), 2):
        (both,) = np.nonzero(there[:, one] & there[:, other])
        if len(both):
            rows.append(both)
            columns.append((pairs * size + codes[both, one]) * size + codes[both, other])
            pairs += 1
    row = np.concatenate(rows)
    cells = csr_array((np.ones(len(row)), (row, np.concatenate(columns))), shape=(len(matrix), pairs * size * size))
    w = agreement_weights(size, weights)
    mean, used = _mean_kappas(cells, np.ones((1, len(matrix))), w)
    if not used[0]:
        return PairwiseKappa(value=None, n=len(matrix), why="no two raters used more than one class")
    if rng is None:
        return PairwiseKappa(value=float(mean[0]), n=len(matrix), pairs=int(used[0]))
    pieces = resampled(np.arange(len(matrix)), len(matrix), rng, resamples, width=cells.shape[1])
    drawn = np.concatenate([_mean_kappas(cells, piece, w)[0] for piece in pieces])
    low, high = np.quantile(drawn[np.isfinite(drawn)], [(1 - level) / 2, (1 + level) / 2])
    return PairwiseKappa(value=float(mean[0]), low=float(low), high=float(high), n=len(matrix), pairs=int(used[0]))


def _mean_kappas(
    cells: csr_array, draws: NDArray[np.float64], w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Means (resamples,), nan where no pair has a kappa, and how many pairs have one, from `draws` (resamples, units).

    `cells` (units, pairs · classes²) has a 1 where a unit falls into a cell of a pair's table.
    """
    size = len(w)
    tables = (cells.T @ draws.T).T.reshape(len(draws), -1, size, size)  # (resamples, pairs, classes, classes)
    shared = tables.sum(axis=(2, 3))
    p = tables / np.maximum(shared, 1.0)[:, :, None, None]
    row, column = p.sum(axis=3), p.sum(axis=2)
    observed = (p * w).sum(axis=(2, 3))
    expected = ((row @ w) * column).sum(axis=2)
    has = (shared > 0) & ((row * column).max(axis=2) < 1.0 - 1e-12)
    kappas = np.where(has, (observed - expected) / np.where(has, 1.0 - expected, 1.0), 0.0)
    weight = np.where(has, shared, 0.0)
    total = weight.sum(axis=1)
    means = np.where(total > 0, (weight * kappas).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan)
    return means, has.sum(axis=1)


def percent_agreement(ratings: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The share of pairs of ratings of one unit that are equal, over all pairs of `ratings` (units, raters).

    `n` counts units rated twice or more. Pairs of one unit hang together, so the interval is Wilson's at the number
    of independent pairs that would vary as much: the ratio estimator's variance over units (W. G. Cochran, "Sampling
    Techniques", 1977, eq. 6.13) gives it; where all or none agree it is the number of units.
    Raises ValueError on another shape.
    """
    matrix = as_matrix(ratings)
    count = np.isfinite(matrix).sum(axis=1)
    matrix, count = matrix[count >= 2], count[count >= 2]
    if not len(matrix):
        return Estimate(value=None, why="no unit was rated twice")
    equal = np.zeros(len(matrix))
    for one, other in combinations(np.sort(matrix, axis=1)[:, : count.max()].T, 2):
        equal += one == other
    pairs = count * (count - 1) / 2.0
    share, units = float(equal.sum() / pairs.sum()), len(matrix)
    effective = float(units)
    if 0.0 < share < 1.0 and units > 1:
        variance = units / (units - 1.0) * float(((equal - share * pairs) ** 2).sum()) / float(pairs.sum()) ** 2
        effective = min(float(pairs.sum()), share * (1 - share) / variance) if variance > 0 else float(pairs.sum())
    low, high = wilson_bounds(share, effective, level)
    return Estimate(value=share, low=low, high=high, n=units)
