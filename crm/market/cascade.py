"""Touch, then step by step towards a sale: sampling a cascade, and its exact expectation. Pure.

Everybody touched passes the steps independently, so sales are Poisson-binomial and every expectation has a closed form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.online import USUAL, WEIGHTS, online_score

FUNNEL = {"replied": "engaged", "booked": "qualified", "sold": "purchased"}
STAGE_VALUE = {"engaged": 1.0, "qualified": 2.0, "purchased": 3.0}
COUNTED_SALES = 5


@dataclass(frozen=True)
class Batch:
    """People touched alike. `chances[i, k]`: person i passes step k, given that they passed all before."""

    channel: str
    touch: str  # sent or exposed
    kinds: tuple[str, ...]  # (steps,)
    keys: tuple[str, ...]  # (people,)
    segment: str
    chances: NDArray[np.float64]  # (people, steps)
    delays: tuple[float, ...]  # mean days, (steps,)
    sale: float
    sale_spread: float
    known: int = 0  # the first so many are leads of the brand: their opens are told one by one

    @property
    def reached(self) -> NDArray[np.float64]:
        """Chance of each person to reach each step, (people, steps)."""
        return np.asarray(np.cumprod(self.chances, axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """One answer. Without a `prospect_key` it counts people on one day; `further` of them are told of later."""

    kind: str
    prospect_key: str
    days_after: float
    amount: float = 0.0
    funnel_stage: str = ""
    count: int = 1
    further: int = 0
    channel: str = ""
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """Means over the market's chance.

    `sales`: number of sales; `sales_counted`: with at most 5 counted, as the reward does; `stage_value`: multiplier (3
    purchased, 2 qualified, 1 engaged, 0) of the furthest stage that anybody reaches; `online`: O.
    """

    sales: float
    sales_counted: float
    stage_value: float
    online: float
    amount: float
    touched: int


def expected(batches: Sequence[Batch]) -> Expected:
    """The expectation. Exact for sales, amount and stage; O to second order in its (small) variance."""
    touched = sum(len(batch.keys) for batch in batches)
    if not touched:
        return Expected(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    none_at = dict.fromkeys(STAGE_VALUE, 1.0)
    sold: list[NDArray[np.float64]] = []
    total, variance, amount = 0.0, 0.0, 0.0
    for batch in batches:
        reached = batch.reached
        for step, kind in enumerate(batch.kinds):
            if kind in FUNNEL:
                none_at[FUNNEL[kind]] *= float(np.prod(1 - reached[:, step]))
                if kind == "sold" and "booked" not in batch.kinds:
                    none_at["qualified"] *= float(np.prod(1 - reached[:, step]))
                    none_at["engaged"] *= float(np.prod(1 - reached[:, step]))
        last = reached[:, batch.kinds.index("sold")]
        sold.append(last)
        amount += float(last.sum()) * batch.sale * float(np.exp(batch.sale_spread**2 / 2))
        weights = np.array([WEIGHTS[kind] for kind in batch.kinds])
        exactly = reached - np.hstack([reached[:, 1:], np.zeros((len(reached), 1))])  # best step is exactly this one
        mean = exactly @ weights
        total += float(mean.sum())
        variance += float((exactly @ weights**2 - mean**2).sum())
    chances = np.concatenate(sold)
    mean, spread = total / touched, variance / touched**2
    online = online_score(mean) - USUAL / (mean + USUAL) ** 3 * spread
    return Expected(
        sales=float(chances.sum()),
        sales_counted=_counted(chances),
        stage_value=3 * (1 - none_at["purchased"])
        + 2 * (none_at["purchased"] - none_at["qualified"])
        + (none_at["qualified"] - none_at["engaged"]),
        online=online,
        amount=amount,
        touched=touched,
    )


def _counted(chances: NDArray[np.float64]) -> float:
    """E[min(S, 5)] of the Poisson-binomial S: P(S = k) = e_k(odds) * prod(1 - p), e_k by Newton's identities."""
    chances = np.minimum(chances, 1 - 1e-12)
    odds = chances / (1 - chances)
    power = [float((odds**k).sum()) for k in range(COUNTED_SALES)]
    elementary = [1.0]
    for k in range(1, COUNTED_SALES):
        elementary.append(sum((-1) ** (i - 1) * elementary[k - i] * power[i] for i in range(1, k + 1)) / k)
    none = float(np.exp(np.log1p(-chances).sum()))
    return COUNTED_SALES - none * sum((COUNTED_SALES - k) * value for k, value in enumerate(elementary))


def sample(batches: Sequence[Batch], *, latest_day: float, rng: np.random.Generator) -> list[PlannedEvent]:
    """One draw of everything that happens, in order of time."""
    events: list[PlannedEvent] = []
    for batch in batches:
        events += _sample_batch(batch, latest_day, rng)
    return sorted(events, key=lambda event: event.days_after)


def _sample_batch(batch: Batch, latest_day: float, rng: np.random.Generator) -> list[PlannedEvent]:
    people, steps = batch.chances.shape
    passed = np.cumprod(rng.random((people, steps)) < batch.chances, axis=1).astype(bool)
    # Gamma with shape 2: answers do not come at once, and few come very late.
    waits = rng.gamma(2.0, np.array(batch.delays) / 2, (people, steps))
    days = np.minimum(np.cumsum(waits, axis=1), latest_day)
    amounts = np.round(batch.sale * np.exp(rng.normal(0.0, batch.sale_spread, people)), 2)
    first = batch.keys[0] if batch.known else ""
    events = [PlannedEvent(batch.touch, first, 0.0, count=people, channel=batch.channel, segment=batch.segment)]
    for step, kind in enumerate(batch.kinds):
        who = np.flatnonzero(passed[:, step])
        if kind not in FUNNEL:
            told = who[who < batch.known]
            further = passed[:, step + 1] if step + 1 < steps else np.zeros(people, bool)
            events += _counts(kind, who[who >= batch.known], days[:, step], further, batch)
            who = told
        for person in who:
            events.append(
                PlannedEvent(
                    kind,
                    batch.keys[person],
                    float(days[person, step]),
                    amount=float(amounts[person]) if kind == "sold" else 0.0,
                    funnel_stage=FUNNEL.get(kind, ""),
                    channel=batch.channel,
                    segment=batch.segment,
                )
            )
    return events


def _counts(
    kind: str, who: NDArray[np.int64], days: NDArray[np.float64], further: NDArray[np.bool_], batch: Batch
) -> list[PlannedEvent]:
    per_day = Counter(int(days[person]) for person in who)
    onward = Counter(int(days[person]) for person in who if further[person])
    return [
        PlannedEvent(
            kind, "", day + 0.99, count=count, further=onward[day], channel=batch.channel, segment=batch.segment
        )
        for day, count in sorted(per_day.items())
    ]
