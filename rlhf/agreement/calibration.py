"""Whether a judge's scores mean what they say: of the answers scored about 0.8, do people like four in five?

Reliability table and expected calibration error: C. Guo et al., "On Calibration of Modern Neural Networks" (2017),
eq. 3, with bins of equal width. G. W. Brier (1950).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlhf.agreement.concordance import both_present
from rlhf.agreement.estimates import Estimate, normal_quantile, wilson_share
from rlhf.agreement.kappa import Kappa, cohen_kappa

NOTHING = "no item has both a score and a verdict"


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Scores in (`above`, `up_to`] (the first bin from 0): how many, their mean, and the share people liked."""

    above: float
    up_to: float
    mean_score: float | None
    liked: Estimate

    @property
    def count(self) -> int:
        return self.liked.n


@dataclass(frozen=True, slots=True)
class Calibration:
    """`error` is the ECE, `largest` the biggest gap of a bin, `brier` the mean squared error, all over `n` items.

    `error_by_chance` is the ECE to be expected of a perfectly calibrated judge with as many items in the same bins: an
    error near it says nothing. All are None, and `why` says why, where `n` is 0.
    """

    bins: tuple[CalibrationBin, ...]
    n: int
    brier: Estimate
    error: float | None = None
    error_by_chance: float | None = None
    largest: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ThresholdAgreement:
    """Score at or above `threshold` against up: `share` equal, `kappa`, and the four counts."""

    threshold: float
    share: Estimate
    kappa: Kappa
    both_up: int
    both_down: int
    only_judge_up: int
    only_people_up: int


def calibration(scores: ArrayLike, ups: ArrayLike, *, bins: int = 10, level: float = 0.95) -> Calibration:
    """From `scores` (items,) in [0, 1] and `ups` (items,), 1 up or 0 down, nan where either is missing.

    Raises ValueError where lengths differ or a value is out of range.
    """
    score, up = _checked(scores, ups)
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], score)  # (items,), as scikit-learn's calibration_curve bins
    count = np.bincount(place, minlength=bins)
    total, liked = np.bincount(place, score, minlength=bins), np.bincount(place, up, minlength=bins)
    rows = tuple(
        CalibrationBin(
            above=float(edges[b]),
            up_to=float(edges[b + 1]),
            mean_score=float(total[b] / count[b]) if count[b] else None,
            liked=wilson_share(float(liked[b]), int(count[b]), level=level, nothing="no score in this bin"),
        )
        for b in range(bins)
    )
    n = len(score)
    if n == 0:
        return Calibration(bins=rows, n=0, brier=Estimate(value=None, why=NOTHING), why=NOTHING)
    filled = count > 0
    gaps = np.abs(total - liked)[filled] / count[filled]
    # A bin of m calibrated scores misses by about N(0, Σ s (1 − s) / m²), whose mean size is √(2 / π) of its deviation.
    spread = np.sqrt(np.bincount(place, score * (1 - score), minlength=bins)[filled])
    return Calibration(
        bins=rows,
        n=n,
        error=float((count[filled] * gaps).sum() / n),
        error_by_chance=float(np.sqrt(2 / np.pi) * spread.sum() / n),
        largest=float(gaps.max()),
        brier=brier_score(score, up, level=level),
    )


def brier_score(scores: ArrayLike, ups: ArrayLike, *, level: float = 0.95) -> Estimate:
    """The mean of (score − up)² with the interval of a mean, in [0, 1]: 0 is perfect, always saying 0.5 gives 0.25.

    Raises ValueError where lengths differ or a value is out of range.
    """
    score, up = _checked(scores, ups)
    z, n = normal_quantile(level), len(score)
    if n == 0:
        return Estimate(value=None, why=NOTHING)
    squares = (score - up) ** 2
    value = float(squares.mean())
    if n == 1:
        return Estimate(value=value, n=n, why="one item has no interval")
    half = z * float(squares.std(ddof=1)) / n**0.5
    return Estimate(value=value, low=max(0.0, value - half), high=min(1.0, value + half), n=n)


def threshold_agreement(
    scores: ArrayLike, ups: ArrayLike, *, threshold: float = 0.5, level: float = 0.95
) -> ThresholdAgreement:
    """A score at or above `threshold` taken as up, against people's `ups` (items,), 1 or 0.

    Raises ValueError where lengths differ or a value is out of range.
    """
    score, up = _checked(scores, ups)
    judged, said = (score >= threshold).astype(int), up.astype(int)
    table = np.bincount(judged * 2 + said, minlength=4)
    return ThresholdAgreement(
        threshold=threshold,
        share=wilson_share(int(table[0] + table[3]), len(score), level=level, nothing=NOTHING),
        kappa=cohen_kappa(judged, said, classes=[0, 1], level=level),
        both_up=int(table[3]),
        both_down=int(table[0]),
        only_judge_up=int(table[2]),
        only_people_up=int(table[1]),
    )


def _checked(scores: ArrayLike, ups: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    score, up = both_present(scores, ups)
    if ((score < 0) | (score > 1)).any() or not np.isin(up, (0.0, 1.0)).all():
        raise ValueError("scores are in [0, 1] and verdicts are 0 or 1")
    return score, up
