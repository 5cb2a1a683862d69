"""The 95 % interval of a mean from its count, mean and variance, as the database can sum them."""

from dataclasses import dataclass
from math import isfinite, pi, sqrt, tan
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval; both ends are None when fewer than two values stand behind it."""

    count: int
    mean: float | None
    low: float | None = None
    high: float | None = None


def mean_of(count: int, total: float | None, squares: float | None) -> Mean:
    """Student's interval of a mean from sums: how many values, their sum, the sum of their squares."""
    if not count or total is None or not isfinite(total):
        return Mean(count=0, mean=None)
    mean = total / count
    if count < 2 or squares is None or not isfinite(squares):
        return Mean(count=count, mean=mean)
    # Rounding can leave a tiny negative variance when all values are alike.
    variance = max(squares - count * mean * mean, 0.0) / (count - 1)
    reach = student(count - 1) * sqrt(variance / count)
    return Mean(count=count, mean=mean, low=mean - reach, high=mean + reach)


def student(freedom: int) -> float:
    """The two-sided 95 % point of Student's t.

    Closed forms for 1 and 2 degrees of freedom, the expansion around the normal point above (Abramowitz and Stegun
    26.7.5, within 0.2 % from 3 degrees on).
    """
    if freedom < 1:
        raise ValueError("Student's t needs at least one degree of freedom.")
    if freedom == 1:
        return tan(pi * (0.975 - 0.5))
    if freedom == 2:
        alpha = 4 * 0.975 * 0.025
        return 2 * (0.975 - 0.5) * sqrt(2 / alpha)
    z, n = Z, freedom
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / n + g2 / n**2 + g3 / n**3 + g4 / n**4
