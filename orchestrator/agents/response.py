"""How sales answer to spend: a saturating curve per campaign, fitted to its days.

Model: sales per day = β · log(1 + spend / κ) + noise, no sales without spend (the reports attribute). β has a closed
form given κ (least squares through the origin); κ has a log-normal prior around the median spend, because days that
hardly differ in spend say nothing about saturation. Uncertainty is a Bayesian bootstrap over days (Rubin, 1981).
Left out: carry-over from day to day and season; the media-mix models of a later issue know both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.float64]

PRIOR_SPREAD = 1.0  # standard deviation of log κ
GRID = np.exp(np.linspace(-2.5, 2.5, 31))  # κ in units of the median spend
MIN_DAYS = 7


@dataclass(frozen=True)
class ResponseCurve:
    """β in sales, κ in spend, both a day; `draws_*` (draws,) are bootstrap replicates, `fit` is R² in [0, 1]."""

    beta: float
    kappa: float
    draws_beta: Floats
    draws_kappa: Floats
    fit: float

    def sales(self, spend: Floats | float) -> Floats:
        """Expected sales per day at `spend` per day."""
        return np.asarray(self.beta * np.log1p(np.asarray(spend) / self.kappa))

    def marginal(self, spend: float) -> float:
        """Sales that the next 1 of spend brings at `spend` per day: β / (κ + spend)."""
        return self.beta / (self.kappa + spend)

    def draws(self, spend: float) -> Floats:
        """Expected sales per day at `spend`, one value per bootstrap replicate. (draws,)"""
        return np.asarray(self.draws_beta * np.log1p(spend / self.draws_kappa))


def fit_response(spend: Floats, sales: Floats, rng: np.random.Generator, *, draws: int = 200) -> ResponseCurve | None:
    """Curve of one campaign from daily `spend` and `sales` (days,); None where fewer than 7 days have spend."""
    used = spend > 0
    x, y = spend[used], sales[used]
    if len(x) < MIN_DAYS or y.sum() <= 0:
        return None
    typical = float(np.median(x))
    noise = max(float(np.var(y, ddof=1)), 1e-9)

    def loss(log_kappa: float) -> float:
        shape = np.log1p(x / (typical * np.exp(log_kappa)))
        beta = float(shape @ y / (shape @ shape))
        return float(((y - beta * shape) ** 2).sum()) / noise + (log_kappa / PRIOR_SPREAD) ** 2

    found = minimize_scalar(loss, bounds=(np.log(GRID[0]), np.log(GRID[-1])), method="bounded")
    kappa = typical * float(np.exp(found.x))
    shape = np.log1p(x / kappa)
    beta = float(shape @ y / (shape @ shape))
    left = float(((y - beta * shape) ** 2).sum())
    total = float(((y - y.mean()) ** 2).sum())
    draws_beta, draws_kappa = _bootstrap(x, y, typical, noise, rng, draws)
    return ResponseCurve(beta, kappa, draws_beta, draws_kappa, max(0.0, 1 - left / total) if total > 0 else 0.0)


def _bootstrap(
    x: Floats, y: Floats, typical: float, noise: float, rng: np.random.Generator, draws: int
) -> tuple[Floats, Floats]:
    """β and κ of `draws` reweighted samples, κ on the grid. Shapes: grid (g,), days (n,), weights (draws, n)."""
    shapes = np.log1p(x / (typical * GRID[:, None]))  # (g, n)
    weights = rng.dirichlet(np.ones(len(x)), size=draws) * len(x)  # (draws, n)
    cross = weights @ (shapes * y).T  # (draws, g)
    square = weights @ (shapes**2).T  # (draws, g)
    beta = cross / square
    loss = ((weights @ y**2)[:, None] - beta * cross) / noise + (np.log(GRID) / PRIOR_SPREAD) ** 2
    best = loss.argmin(axis=1)
    rows = np.arange(draws)
    return beta[rows, best], typical * GRID[best]
