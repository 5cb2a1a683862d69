"""What moves a judge that should not: length, the order of a pair, and the day it was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, rankdata

from rlhf.agreement.concordance import both_present, concordance
from rlhf.agreement.estimates import Estimate, exact_share, normal_quantile, wilson_share


@dataclass(frozen=True, slots=True)
class LengthBias:
    """`plain`: rank correlation of score and length. `beyond_people`: what is left of it where people's score is the
    same. Only that is bias: people may like longer answers, too, and rightly so. None without people's scores."""

    plain: Estimate
    beyond_people: Estimate | None


@dataclass(frozen=True, slots=True)
class OrderBias:
    """`first_wins`: the share of decided verdicts for what was shown first (0.5 is fair), with the exact binomial
    interval and `p_value` of 0.5. `disagreement`: the share of pairs judged in both orders whose verdicts differ.
    `ties` counts verdicts "about the same"."""

    first_wins: Estimate
    p_value: float | None
    disagreement: Estimate
    ties: int


@dataclass(frozen=True, slots=True)
class SelfAgreement:
    """The same items judged twice: `equal` share, mean absolute `difference` (in units of the score), and `kappa` with
    squared distances of the scores as weights (for whole numbers in steps of one the usual quadratic kappa)."""

    equal: Estimate
    difference: Estimate
    kappa: Estimate


def length_bias(
    scores: ArrayLike, lengths: ArrayLike, people: ArrayLike | None = None, *, level: float = 0.95
) -> LengthBias:
    """Spearman's correlation of `scores` and `lengths` (items,), and its partial form given `people`'s scores (items,).

    nan where missing; each figure uses the items that have all it needs. Raises ValueError where lengths differ.
    """
    plain = rank_correlation(scores, lengths, level=level)
    if people is None:
        return LengthBias(plain, None)
    return LengthBias(plain, rank_correlation(scores, lengths, given=people, level=level))


def rank_correlation(
    first: ArrayLike, second: ArrayLike, *, given: ArrayLike | None = None, level: float = 0.95
) -> Estimate:
    """Spearman's correlation of two series (items,), partial where a third is `given`, with `n` items.

    Fisher's z with the standard error √((1 + r²/2) / (n − 3 − k)), k = 1 where a series is given (D. G. Bonett &
    T. A. Wright 2000, eq. 7). None with fewer than four items (five), or where a series, or what is left of it given
    the third, does not vary. Raises ValueError where lengths differ.
    """
    series = both_present(first, second) if given is None else both_present(first, second, given)
    z, n, k = normal_quantile(level), len(series[0]), len(series) - 2
    if n < 4 + k:
        return Estimate(value=None, n=n, why=f"fewer than {4 + k} items")
    ranks = [rankdata(one) - (n + 1) / 2 for one in series]
    if k:
        ranks = [_without(rank, ranks[2]) for rank in ranks[:2]]
    sizes = [float(rank @ rank) for rank in ranks[:2]]
    if min(sizes) < 1e-9 * n**3:  # ranks vary by about n³ / 12; what is left of a copy is rounding
        return Estimate(value=None, n=n, why="one of the two does not vary by itself")
    value = min(1.0, max(-1.0, float(ranks[0] @ ranks[1]) / math.sqrt(sizes[0] * sizes[1])))
    if abs(value) > 1.0 - 1e-12:
        return Estimate(value=value, low=value, high=value, n=n)
    half = z * math.sqrt((1 + value**2 / 2) / (n - 3 - k))
    return Estimate(value=value, low=math.tanh(math.atanh(value) - half), high=math.tanh(math.atanh(value) + half), n=n)


def _without(rank: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of a centred series after the least squares of another."""
    size = float(other @ other)
    return rank - other * (float(rank @ other) / size) if size > 0 else rank


def order_bias(forward: ArrayLike, backward: ArrayLike, *, level: float = 0.95) -> OrderBias:
    """Verdicts on pairs (A, B), (pairs,): `forward` with A shown first, `backward` with B first, nan where not asked.

    Both are told in terms of A: 1 A is better, 0 about the same, −1 B is better. A pair judged alike in both orders
    counts once for either place; the exact interval takes verdicts for independent and is then rather too wide.
    Raises ValueError where lengths differ or a verdict is none of these.
    """
    ahead, back = np.asarray(forward, dtype=float), np.asarray(backward, dtype=float)
    if ahead.shape != back.shape or ahead.ndim != 1:
        raise ValueError(f"verdicts must be of one length, not {ahead.shape} and {back.shape}")
    told = np.concatenate([ahead, -back])  # in terms of what was shown first
    told = told[np.isfinite(told)]
    if not np.isin(told, (-1.0, 0.0, 1.0)).all():
        raise ValueError("a verdict is 1, 0 or -1")
    first, decided = int((told > 0).sum()), int((told != 0).sum())
    twice = np.isfinite(ahead) & np.isfinite(back)
    return OrderBias(
        first_wins=exact_share(first, decided, level=level, nothing="no verdict was decided"),
        p_value=float(binomtest(first, decided, 0.5).pvalue) if decided else None,
        disagreement=wilson_share(
            int((ahead[twice] != back[twice]).sum()),
            int(twice.sum()),
            level=level,
            nothing="no pair was judged in both orders",
        ),
        ties=int((told == 0).sum()),
    )


def self_agreement(first: ArrayLike, second: ArrayLike, *, within: float = 0.0, level: float = 0.95) -> SelfAgreement:
    """Scores of the same items (items,) at two times, nan where missing; equal means no further apart than `within`.

    Raises ValueError where lengths differ.
    """
    x, y = both_present(first, second)
    n, apart = len(x), np.abs(x - y)
    nothing = "no item was judged twice"
    equal = wilson_share(int((apart <= within + 1e-12).sum()), n, level=level, nothing=nothing)
    if n == 0:
        return SelfAgreement(equal, Estimate(value=None, why=nothing), Estimate(value=None, why=nothing))
    mean = float(apart.mean())
    half = normal_quantile(level) * float(apart.std(ddof=1)) / math.sqrt(n) if n > 1 else None
    return SelfAgreement(
        equal=equal,
        difference=Estimate(
            value=mean,
            low=None if half is None else max(0.0, mean - half),
            high=None if half is None else mean + half,
            n=n,
        ),
        kappa=concordance(x, y, level=level),
    )
