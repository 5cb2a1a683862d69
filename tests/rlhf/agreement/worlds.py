"""Made-up raters and versions whose truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def noisy_stars(rng: np.random.Generator, *, units: int, raters: int, missing: float = 0.2) -> NDArray[np.float64]:
    """(units, raters) of 1 to 5 stars: a true number, up to one off, sometimes a guess, some missing."""
    true = rng.integers(1, 6, (units, 1))
    told = np.clip(true + rng.integers(-1, 2, (units, raters)), 1, 5).astype(float)
    guessed = rng.random(told.shape) < 0.15
    told[guessed] = rng.integers(1, 6, int(guessed.sum()))
    told[rng.random(told.shape) < missing] = np.nan
    return told


def crowd(
    rng: np.random.Generator, priors: NDArray[np.float64], confusion: NDArray[np.float64], *, items: int, share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(item, rater, label) arrays and the truth (items,): each rater rates a `share` of the items by their matrix."""
    truth = rng.choice(len(priors), size=items, p=priors)
    raters = len(confusion)
    asked = rng.random((items, raters)) < share
    asked[np.arange(items), rng.integers(0, raters, items)] = True  # everybody gets one rater at least
    item, rater = np.nonzero(asked)
    steps = confusion.cumsum(axis=2)[rater, truth[item]]  # (ratings, classes)
    label = (rng.random((len(item), 1)) > steps).sum(axis=1)
    return item, rater, np.minimum(label, len(priors) - 1), truth


def contest(rng: np.random.Generator, theta: NDArray[np.float64], *, each: int) -> NDArray[np.float64]:
    """wins (versions, versions) from `each` comparisons of every pair."""
    p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    wins = np.triu(rng.binomial(each, p), 1)
    return (wins + np.triu(each - wins, 1).T).astype(float)
