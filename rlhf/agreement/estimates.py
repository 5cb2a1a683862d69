"""A figure with its interval, or the reason why there is none; and intervals for a share.

Every statistic of this package answers with an `Estimate` (or a kind of it), so that a page never shows a bare number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`value` with `low` and `high` around it, from `n` things counted (which things: see the function).

    Where the data do not determine it, `value` is None and `why` is a sentence for the reader. `low` and `high` are
    None where no interval was asked for or none can be had.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    why: str = ""


def normal_quantile(level: float) -> float:
    """The two-sided normal quantile: 1.96 for a level of 0.95. Raises ValueError outside (0, 1)."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, not {level!r}")
    return float(ndtri((1.0 + level) / 2.0))


def wilson_bounds(share: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's score interval (1927) for a share of `n`; both may be fractions: half wins, effective sizes."""
    z2 = normal_quantile(level) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At a share of 0 or 1 the bound is exactly that; rounding would leave 1e-17.
    return (0.0 if share <= 0 else max(0.0, centre - half)), (1.0 if share >= 1 else min(1.0, centre + half))


def wilson_share(successes: float, n: int, *, level: float = 0.95, nothing: str = "nothing was counted") -> Estimate:
    """`successes` of `n` with Wilson's interval; `nothing` is the reason given where n is 0.

    Raises ValueError where successes are not between 0 and n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return Estimate(value=None, why=nothing)
    low, high = wilson_bounds(successes / n, n, level)
    return Estimate(value=successes / n, low=low, high=high, n=n)


def exact_share(successes: int, n: int, *, level: float = 0.95, nothing: str = "nothing was counted") -> Estimate:
    """`successes` of `n` with the exact binomial interval (Clopper & Pearson 1934): never too narrow.

    Raises ValueError where successes are not between 0 and n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}")
    if n == 0:
        return Estimate(value=None, why=nothing)
    normal_quantile(level)  # refuses a level that is none
    tail = (1.0 - level) / 2.0
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1.0 - tail))
    return Estimate(value=successes / n, low=low, high=high, n=n)
