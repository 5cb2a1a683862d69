"""How sales answer to spend: a saturating curve per campaign, fitted to its days.

Model: sales per day = α + β · log(1 + spend / κ) + noise with α, β ≥ 0. α are sales that the report credits to the
campaign and that come without it; days differ in spend, which tells α from β. Both series are first freed of their
weekday pattern, because shoppers and spend swing together through the week. Given κ, α and β are least squares; κ has a
log-normal prior around the median spend, because few swings say little about saturation. Uncertainty is a Bayesian
bootstrap over whole weeks (Rubin, 1981), so that what repeats within a week is not counted as new evidence.
Left out: carry-over from day to day and season; the media-mix models of a later issue know both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float64]

PRIOR_SPREAD = 1.0  # standard deviation of log κ
GRID = np.exp(np.linspace(-2.5, 2.5, 31))  # κ in units of the median spend
MIN_DAYS = 7
WEEK = 7


@dataclass(frozen=True)
class ResponseCurve:
    """α and β in sales, κ in spend, all a day; `draws_*` (draws,) are bootstrap replicates, `fit` is R² in [0, 1]."""

    alpha: float
    beta: float
    kappa: float
    draws_beta: Floats
    draws_kappa: Floats
    fit: float

    def added(self, spend: Floats | float) -> Floats:
        """Sales per day that `spend` per day adds."""
        return np.asarray(self.beta * np.log1p(np.asarray(spend) / self.kappa))

    def marginal(self, spend: float) -> float:
        """Sales that the next 1 of spend brings at `spend` per day: β / (κ + spend)."""
        return self.beta / (self.kappa + spend)

    def draws(self, spend: float) -> Floats:
        """Extra sales per day at `spend`, one value per bootstrap replicate. (draws,)"""
        return np.asarray(self.draws_beta * np.log1p(spend / self.draws_kappa))


def fit_response(spend: Floats, sales: Floats, rng: np.random.Generator, *, draws: int = 200) -> ResponseCurve | None:
    """Curve of one campaign from daily `spend` and `sales` (days,), oldest first; None below 7 days with spend."""
    if int((spend > 0).sum()) < MIN_DAYS or sales.sum() <= 0:
        return None
    weeks = np.arange(len(spend)) // WEEK
    x, y = without_weekdays(spend), without_weekdays(sales)
    used = x > 0
    x, y, weeks = x[used], y[used], weeks[used]
    typical = float(np.median(x))
    noise = max(float(np.var(np.diff(y))) / 2, 1e-9)  # differences of neighbours: what the level does not explain
    starts = np.flatnonzero(np.r_[True, np.diff(weeks) > 0])
    once = np.ones((1, len(starts)))

    def loss(log_kappa: float) -> float:
        shape = np.log1p(x / (typical * np.exp(log_kappa)))[None, :]
        _, _, left = _solve(once, shape, y, starts)
        return float(left[0, 0]) / noise + (log_kappa / PRIOR_SPREAD) ** 2

    found = minimize_scalar(loss, bounds=(np.log(GRID[0]), np.log(GRID[-1])), method="bounded")
    kappa = typical * float(np.exp(found.x))
    alpha, beta, left = _solve(once, np.log1p(x / kappa)[None, :], y, starts)
    total = float(((y - y.mean()) ** 2).sum())
    weights = rng.dirichlet(np.ones(len(starts)), size=draws) * len(starts)  # (draws, weeks)
    _, betas, losses = _solve(weights, np.log1p(x / (typical * GRID[:, None])), y, starts)
    best = (losses / noise + (np.log(GRID) / PRIOR_SPREAD) ** 2).argmin(axis=1)
    return ResponseCurve(
        alpha=float(alpha[0, 0]),
        beta=float(beta[0, 0]),
        kappa=kappa,
        draws_beta=betas[np.arange(draws), best],
        draws_kappa=typical * GRID[best],
        fit=max(0.0, 1 - float(left[0, 0]) / total) if total > 0 else 0.0,
    )


def without_weekdays(series: Floats) -> Floats:
    """The series over its weekday means, at its own level; as it is below four weeks. (days,)"""
    if len(series) < 4 * WEEK or series.mean() <= 0:
        return series
    day = np.arange(len(series)) % WEEK
    means = np.array([series[day == number].mean() for number in range(WEEK)]) / series.mean()
    return series / np.where(means > 0, means, 1.0)[day]


def _solve(weights: Floats, shapes: Floats, y: Floats, starts: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Weighted least squares of y on 1 and each shape with both coefficients at least 0.

    `weights` (w, weeks), `shapes` (g, n), `starts` (weeks,) the first day of each week; returns α, β and the squared
    error, each (w, g). With two coefficients the active set has four cases: both free, α = 0, β = 0, both 0; the free
    one is taken where it is feasible, else the better of the others. Sums are taken by week first, and by einsum: small
    products that several workers hand to a threaded BLAS at once wait for each other.
    """

    def sums(values: Floats) -> Floats:  # (g, n) -> (w, g)
        summed: Floats = np.einsum("wk,gk->wg", weights, np.add.reduceat(values, starts, axis=1))
        return summed

    sum_w, sum_y, sum_yy = (sums(values[None, :]) for values in (np.ones_like(y), y, y**2))  # (w, 1)
    sum_s, sum_ss, sum_sy = sums(shapes), sums(shapes**2), sums(shapes * y)  # (w, g)
    spread = np.maximum(sum_w * sum_ss - sum_s**2, 1e-12)
    beta = (sum_w * sum_sy - sum_s * sum_y) / spread
    alpha = (sum_y - beta * sum_s) / sum_w
    through_origin = np.maximum(sum_sy, 0.0) / np.maximum(sum_ss, 1e-12)
    level = np.broadcast_to(np.maximum(sum_y, 0.0) / sum_w, beta.shape)

    def error(a: Floats, b: Floats) -> Floats:
        squares: Floats = sum_yy - 2 * a * sum_y - 2 * b * sum_sy + a**2 * sum_w + 2 * a * b * sum_s + b**2 * sum_ss
        return squares

    origin_is_better = error(np.zeros_like(beta), through_origin) <= error(level, np.zeros_like(beta))
    edge_alpha = np.where(origin_is_better, 0.0, level)
    edge_beta = np.where(origin_is_better, through_origin, 0.0)
    inside = (alpha >= 0) & (beta >= 0)
    alpha, beta = np.where(inside, alpha, edge_alpha), np.where(inside, beta, edge_beta)
    return alpha, beta, error(alpha, beta)


def pooled(curves: list[ResponseCurve], spends: Floats) -> list[ResponseCurve]:
    """The curves with their marginal returns at `spends` (n,) a day drawn towards each other, as far as noise explains.

    Empirical Bayes on log marginal returns (Efron and Morris, 1975): the spread between campaigns beyond the bootstrap
    variance is taken as real, the rest as noise. An optimum chosen on raw estimates would chase the luckiest one.
    """
    raw = np.log([max(curve.marginal(spend), 1e-6) for curve, spend in zip(curves, spends, strict=True)])
    noise = np.array(
        [
            np.var(np.log(np.maximum(curve.draws_beta / (curve.draws_kappa + spend), 0.05 * np.exp(level))), ddof=1)
            for curve, spend, level in zip(curves, spends, raw, strict=True)
        ]
    )
    between = max(float(np.var(raw, ddof=1) - noise.mean()), 0.0)
    precision = 1 / (between + noise + 1e-9)
    centre = float((precision * raw).sum() / precision.sum())
    kept = (between + 1e-9) / (between + noise + 1e-9)  # (n,) share of its own distance that each campaign keeps
    factors = np.exp(centre + kept * (raw - centre) - raw)
    return [
        replace(curve, beta=curve.beta * float(factor), draws_beta=curve.draws_beta * float(factor))
        for curve, factor in zip(curves, factors, strict=True)
    ]
