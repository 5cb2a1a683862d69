"""What money truly does in a world: saturating curves, the best split, and the daily history a brand gets to see. Pure.

Hill curve: Hill (1910) in the form used for media response by Jin et al. (2017), "Bayesian methods for media mix
modeling with carryover and shape effects", without the carryover.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from crm.market.buyers import rng_of
from crm.market.spec import Curve, CurvePrior, Media

CHUNKS = 400
WEEKDAYS = np.array([0.92, 0.9, 0.94, 1.0, 1.12, 1.16, 0.96])  # Monday first; mean 1


def extra_sales(curve: Curve, spend: float) -> float:
    """Sales per week that `spend` per week adds."""
    if spend <= 0:
        return 0.0
    powered = float(spend**curve.shape)
    return curve.top * powered / (float(curve.half**curve.shape) + powered)


def marginal_return(curve: Curve, spend: float) -> float:
    """Sales that the next unit of money brings at this spend per week (the true marginal ROAS)."""
    step = max(1e-6, 1e-4 * max(spend, curve.half))
    low = max(spend - step, 0.0)
    return (extra_sales(curve, spend + step) - extra_sales(curve, low)) / (spend + step - low)


def drawn_curve(external_id: str, budget: float, prior: CurvePrior, seed: int) -> Curve:
    """The curve of a campaign that the world file does not name: fixed by its id, scaled to its budget per week."""
    rng = rng_of(seed, "curve", external_id)
    scale = max(budget, 1.0)
    half = scale * rng.uniform(*prior.half_over_spend)
    top = 2 * half * rng.uniform(*prior.return_at_half)
    shape = min(1.0, rng.uniform(*prior.shape))
    return Curve(top=top, half=half, shape=shape, organic=scale * rng.uniform(*prior.organic_over_spend))


def best_split(curves: Mapping[str, Curve], total: float) -> dict[str, float]:
    """The split of `total` per week with the highest sales, to within total / 400 per campaign.

    Greedy on equal chunks, exact up to the chunk for concave curves (Fox 1966, discrete optimisation via marginal
    analysis).
    """
    names = list(curves)
    if not names or total <= 0:
        return dict.fromkeys(names, 0.0)
    grid = np.linspace(0.0, total, CHUNKS + 1)
    values = np.array([[extra_sales(curves[name], spend) for spend in grid] for name in names])  # (campaigns, 401)
    steps = np.diff(values, axis=1).ravel()
    # Concave: the 400 largest increments over all campaigns are a prefix of each campaign's own increments.
    chosen = np.argsort(-steps, kind="stable")[:CHUNKS] // CHUNKS
    counts = np.bincount(chosen, minlength=len(names))
    return {name: float(count * total / CHUNKS) for name, count in zip(names, counts, strict=True)}


def surplus(curves: Mapping[str, Curve], spends: Mapping[str, float]) -> float:
    """Extra sales per week minus the money placed."""
    return sum(extra_sales(curve, spends.get(name, 0.0)) for name, curve in curves.items()) - sum(spends.values())


def gain(curves: Mapping[str, Curve], now: Mapping[str, float], placed: Mapping[str, float]) -> float:
    """How much of what could be gained over today's split this plan gains, in [-1, 1]; 0 is today's split.

    The yardstick is the best split of today's total. Money beyond today's total has to earn itself back, and money
    given to campaigns that do not exist earns nothing. Where today's split is within 2 % of the best, the yardstick
    is those 2 %.
    """
    today = surplus(curves, now)
    best = surplus(curves, best_split(curves, sum(now.values())))
    sold = sum(extra_sales(curve, now.get(name, 0.0)) for name, curve in curves.items())
    room = max(best - today, 0.02 * sold, 1e-9)
    plan = {**now, **{name: max(money, 0.0) for name, money in placed.items()}}
    return float(np.clip((surplus(curves, plan) - today) / room, -1.0, 1.0))


@dataclass(frozen=True)
class History:
    """Daily figures of one campaign, oldest day first; every array has the length of `days`."""

    days: tuple[date, ...]
    spend: NDArray[np.float64]
    sales: NDArray[np.float64]
    impressions: NDArray[np.int64]
    clicks: NDArray[np.int64]
    orders: NDArray[np.int64]


def history(curve: Curve, *, budget: float, days: tuple[date, ...], media: Media, rng: np.random.Generator) -> History:
    """What the retailer's report shows for a campaign with this curve and budget per week.

    Spend swings from week to week, which lets a careful reader tell the curve from the organic sales that the report
    credits to the campaign as well; noise is log-normal with mean 1.
    """
    count = len(days)
    week = np.array([(day - days[0]).days // 7 for day in days])
    weekday = WEEKDAYS[[day.weekday() for day in days]]
    weekly = budget * np.exp(rng.normal(0.0, media.spend_swing, week.max() + 1))[week]
    noise = np.exp(rng.normal(0.0, media.sales_noise, count) - media.sales_noise**2 / 2)
    extra = np.array([extra_sales(curve, spend) for spend in weekly])
    spend = np.round(weekly / 7 * weekday, 2)
    sales = np.round((extra + curve.organic) / 7 * weekday * noise, 2)
    impressions = rng.poisson(spend / media.price_of_1000_views * 1000)
    clicks = rng.binomial(impressions, min(1.0, media.click_rate * rng.uniform(0.6, 1.5)))
    orders = np.maximum(np.round(sales / media.basket), 0).astype(np.int64)
    return History(days, spend, sales, impressions, clicks, orders)
