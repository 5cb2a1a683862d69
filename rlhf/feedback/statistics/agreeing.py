"""How far people agree: alpha in all, over time, by kind of work and by scale; kappa; and each person with the others.

Figures of several scales are averaged with the number of ratings as weights. The interval of such a mean is that of
G. Y. Zou & A. Donner, "Construction of confidence limits about effect measures" (2008), eq. 3, for independent parts:

    low = Σ wᵢ vᵢ − √ Σ wᵢ² (vᵢ − lᵢ)²,   high = Σ wᵢ vᵢ + √ Σ wᵢ² (uᵢ − vᵢ)²

Bootstraps have a fixed seed, so that the same ratings give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlhf.agreement import Estimate, cohen_kappa, krippendorff_alpha, mean_pairwise_kappa, percent_agreement
from rlhf.agreement.kappa import Weights
from rlhf.feedback.statistics.ratings import Ratings, Scale

NEEDED = 0.6  # below it a question is read differently by different people: change the guide before learning from it
SEED = 4
RESAMPLES, RESAMPLES_OVER_TIME = 200, 100
MOST_IN_KAPPA = 12  # people with most ratings; pairs of all would be many tables with next to nothing in them
FEWEST_UNITS = 2
NOTHING = "nothing was rated by two people yet"
WEIGHTS: dict[str, Weights] = {"stars": "quadratic", "thumb": "none", "pair": "none"}


@dataclass(frozen=True, slots=True)
class OfScale:
    """Agreement on one scale: alpha, the mean kappa of pairs of `people`, and the plain share of equal answers."""

    name: str
    ratings: int
    alpha: Estimate
    kappa: Estimate
    equal: Estimate
    people: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """`alpha` of everything, `over_time` what it was after each stretch (of units whose newest rating lies before its
    end; the last one is `alpha`), by kind of work, by scale, and `with_others` by person: kappa of their answers and
    those of others on the same units."""

    alpha: Estimate
    over_time: tuple[Estimate, ...]
    by_kind: dict[str, Estimate]
    by_scale: tuple[OfScale, ...]
    with_others: dict[str, Estimate]


def agreement(ratings: Ratings, *, places: int) -> Agreement:
    """From what several people rated; without it every figure is None and says why."""
    kinds = sorted({str(kind) for scale in ratings.scales for kind in scale.kind_of})
    everything = [(scale, scale.twice) for scale in ratings.scales]
    alpha = _alpha(everything, RESAMPLES)
    until = [
        _alpha([(scale, twice & (scale.place_of <= place)) for scale, twice in everything], RESAMPLES_OVER_TIME)
        for place in range(places - 1)
    ]
    return Agreement(
        alpha=alpha,
        over_time=(*until, alpha),
        by_kind={
            kind: _alpha([(scale, twice & (scale.kind_of == kind)) for scale, twice in everything], RESAMPLES)
            for kind in kinds
        },
        by_scale=tuple(_of_scale(scale, twice) for scale, twice in everything),
        with_others=_with_others(ratings.scales),
    )


def together(parts: Sequence[tuple[Estimate, float]], *, nothing: str = NOTHING) -> Estimate:
    """The weighted mean of estimates that have a value, with its interval (see above); `n` adds up.

    Where a part has no interval the mean has none. None, with the reason of the first part, where no part has a value.
    """
    known = [(one, weight) for one, weight in parts if one.value is not None and weight > 0]
    if not known:
        return Estimate(value=None, why=next((one.why for one, _ in parts if one.why), nothing))
    whole = sum(weight for _, weight in known)
    value = sum((one.value or 0.0) * weight / whole for one, weight in known)
    n = sum(one.n for one, _ in known)
    below = above = 0.0
    for one, weight in known:
        if one.value is None or one.low is None or one.high is None:
            return Estimate(value=value, n=n)
        below += (weight / whole * (one.value - one.low)) ** 2
        above += (weight / whole * (one.high - one.value)) ** 2
    return Estimate(value=value, low=value - math.sqrt(below), high=value + math.sqrt(above), n=n)


def _alpha(parts: Sequence[tuple[Scale, NDArray[np.bool_]]], resamples: int) -> Estimate:
    found: list[tuple[Estimate, float]] = []
    for scale, chosen in parts:
        rows = scale.packed[chosen]
        if len(rows) >= FEWEST_UNITS:
            rng = np.random.default_rng(SEED)
            alpha = krippendorff_alpha(rows, scale.metric, rng=rng, resamples=resamples)
            found.append((alpha, float(alpha.ratings)))
        elif len(rows):
            found.append((Estimate(value=None, why="one thing alone was rated by two people"), 0.0))
    return together(found)


def _of_scale(scale: Scale, twice: NDArray[np.bool_]) -> OfScale:
    busiest = np.argsort(-np.bincount(scale.person, minlength=len(scale.people)), kind="stable")[:MOST_IN_KAPPA]
    column = np.full(len(scale.people), -1)
    column[busiest] = np.arange(len(busiest))
    kept = twice[scale.unit] & (column[scale.person] >= 0)
    table = np.full((len(scale.packed), len(busiest)), np.nan)
    table[scale.unit[kept], column[scale.person[kept]]] = scale.value[kept]
    rng = np.random.default_rng(SEED)
    kappa = mean_pairwise_kappa(
        table, weights=WEIGHTS[scale.name], classes=scale.classes, rng=rng, resamples=RESAMPLES_OVER_TIME
    )
    return OfScale(
        name=scale.name,
        ratings=len(scale.value),
        alpha=_alpha([(scale, twice)], RESAMPLES),
        kappa=kappa,
        equal=percent_agreement(scale.packed),
        people=len(busiest),
    )


def _with_others(scales: Sequence[Scale]) -> dict[str, Estimate]:
    """Cohen's kappa of each person's answers and every other's on the same units, stars with squared weights."""
    found: dict[str, list[tuple[Estimate, float]]] = {}
    for scale in scales:
        own, mine, theirs = _answers_of_others(scale)
        for code, person in enumerate(scale.people):
            here = own == code
            if here.any():
                kappa = cohen_kappa(mine[here], theirs[here], weights=WEIGHTS[scale.name], classes=scale.classes)
                found.setdefault(person, []).append((kappa, float(kappa.n)))
    return {person: together(parts) for person, parts in found.items()}


def _answers_of_others(scale: Scale) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Every rating beside every other one of its unit: whose it is, its value, the other's value; (pairs,) each."""
    own, mine, theirs = [], [], []
    width = scale.packed.shape[1]
    for one in range(width):
        for other in range(width):
            (both,) = np.nonzero((scale.packed_by[:, one] >= 0) & (scale.packed_by[:, other] >= 0))
            if one != other and len(both):
                own.append(scale.packed_by[both, one])
                mine.append(scale.packed[both, one])
                theirs.append(scale.packed[both, other])
    if not own:
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    return np.concatenate(own), np.concatenate(mine), np.concatenate(theirs)
