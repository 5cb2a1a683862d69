"""How far two series of scores say the same number: the concordance correlation coefficient of L. Lin (1989).

    ccc = 1 − mean (x − y)² / (var x + var y + (mean x − mean y)²)

It is kappa with squared distances of the values as weights (K. Krippendorff 1970), so chance agreement is 0, the same
numbers give 1, and being always 0.1 too high costs something, which a correlation would not see. Lin's interval wants
normal scores; ours is that of Fleiss, Cohen & Everitt (1969) by its influence function, for any scores, on Fisher's z.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlhf.agreement.estimates import Estimate, normal_quantile

ALL_THE_SAME = "all scores are the same"
TOO_FEW = "fewer than two items have both scores"


def both_present(*series: ArrayLike) -> list[NDArray[np.float64]]:
    """The series (items,) as floats, without the items where one of them is nan.

    Raises ValueError on other shapes or an infinite score.
    """
    columns = [np.asarray(one, dtype=float) for one in series]
    if any(column.ndim != 1 or column.shape != columns[0].shape for column in columns):
        raise ValueError(f"series must be of one length, not {', '.join(str(column.shape) for column in columns)}")
    if any(np.isinf(column).any() for column in columns):
        raise ValueError("a score is infinite")
    there = ~np.isnan(columns).any(axis=0)
    return [column[there] for column in columns]


def concordance(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Lin's coefficient of two series (items,), nan where missing, with `n` items that have both.

    None where fewer than two items have both scores or all scores are the same. Raises ValueError on other shapes.
    """
    x, y = both_present(first, second)
    z = normal_quantile(level)
    n = len(x)
    if n < 2:
        return Estimate(value=None, n=n, why=TOO_FEW)
    if min(x.min(), y.min()) == max(x.max(), y.max()):
        return Estimate(value=None, n=n, why=ALL_THE_SAME)
    apart = (x - y) ** 2
    chance = x.var() + y.var() + (x.mean() - y.mean()) ** 2  # of an x with the y of any other item
    value = float(1.0 - apart.mean() / chance)
    # Each item's pull on the coefficient; its own distance, and those of its x and its y to all others.
    others = y.var() + (x - y.mean()) ** 2 + x.var() + (y - x.mean()) ** 2 - 2 * chance
    pull = -((apart - apart.mean()) - (1.0 - value) * others) / chance
    error = math.sqrt(float((pull**2).mean()) / n)
    if abs(value) >= 1.0:
        return Estimate(value=value, low=value, high=value, n=n)
    middle, half = math.atanh(value), z * error / (1.0 - value**2)
    return Estimate(value=value, low=math.tanh(middle - half), high=math.tanh(middle + half), n=n)
