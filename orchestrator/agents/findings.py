"""Figures that a snapshot holds without saying them: returns with intervals, trends, funnel, needs of the audience.

Pure and without randomness. A finding carries the id it is cited by, its value, unit and, where it is an estimate, a
95 % interval. `insight` reports them; the judge is given all of them to hold texts against.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy import stats

from crm.snapshot import BrandSnapshot, CampaignSeries, Fact, ProductFact, ProspectBrief
from rlhf.judge.wording import overlap, stems

TREND_DAYS = 28
FORWARD = ("prospect", "engaged", "qualified", "proposal")
FEW_DAYS = 7  # with spend, below which a return has no interval
NAME_SHARE = 0.8  # worth of a match with the product's name beside one with the statement itself
SPOKEN = ("feature", "proof", "offer", "use")


class Finding(BaseModel):
    """One figure in words. `citation` is a fact of the snapshot, or the finding's own id where it is derived."""

    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    citation: str
    kind: str
    depth: int = 1

    @property
    def firmness(self) -> float:
        """1 / (1 + half width of the interval over the value), in [0, 1]; 1 for a plain count."""
        if self.low is None or self.high is None or self.value is None:
            return 1.0
        return 1 / (1 + (self.high - self.low) / 2 / max(abs(self.value), 1e-9))


def findings_of(snapshot: BrandSnapshot) -> tuple[Finding, ...]:
    """Everything that can be said; depth 1 are levels, depth 2 are movements and comparisons."""
    found: list[Finding] = []
    for campaign in snapshot.campaigns:
        found += _campaign(campaign, snapshot.currency)
    found += _comparison(snapshot)
    found += _funnel(snapshot)
    found += _sales(snapshot)
    found += _fit(snapshot)
    found += _audience(snapshot)
    return tuple(found)


def ratio_interval(top: np.ndarray, bottom: np.ndarray) -> tuple[float, float, float]:
    """R = sum(top) / sum(bottom) with a 95 % interval by linearisation (Cochran, Sampling Techniques, 1977, eq. 2.46).

    `top`, `bottom` (days,); needs bottom's sum above 0 and two days.
    """
    ratio = top.sum() / bottom.sum()
    spread = top - ratio * bottom
    days = len(top)
    error = math.sqrt(days / (days - 1) * float(spread @ spread)) / bottom.sum()
    reach = float(stats.t.ppf(0.975, days - 1)) * error
    return float(ratio), float(ratio - reach), float(ratio + reach)


def weekly_trend(values: np.ndarray) -> tuple[float, float, float] | None:
    """Change per week as a share of the mean, least squares, with a 95 % interval. `values` (days,), None below 14."""
    days = len(values)
    level = values.mean() if days else 0.0
    if days < 14 or level <= 0:
        return None
    fit = stats.linregress(np.arange(days), values)
    reach = float(stats.t.ppf(0.975, days - 2)) * fit.stderr
    return tuple(float(7 * slope / level) for slope in (fit.slope, fit.slope - reach, fit.slope + reach))  # type: ignore[return-value]


def _campaign(campaign: CampaignSeries, currency: str) -> Iterator[Finding]:
    base = f"campaign:{campaign.external_id}"
    spend, sales = np.array(campaign.spend, dtype=float), np.array(campaign.sales, dtype=float)
    if int((spend > 0).sum()) >= FEW_DAYS:
        ratio, low, high = ratio_interval(sales, spend)
        low = max(low, 0.0)  # sales are never negative
        yield Finding(
            id=f"{base}#roas-interval",
            text=f"{campaign.name} returned {ratio:.2f} per {currency} 1 spent (95 % interval {low:.2f} to {high:.2f})",
            value=ratio,
            low=low,
            high=high,
            unit=f"{currency} per {currency}",
            citation=f"{base}#roas",
            kind="return",
        )
    trend = weekly_trend(sales[-TREND_DAYS:])
    if trend is not None:
        change, low, high = trend
        span = min(len(sales), TREND_DAYS)
        word = "rise" if low > 0 else "fall" if high < 0 else "show no clear trend"
        pace = (
            f" by {abs(100 * change):.1f} % a week"
            if word != "show no clear trend"
            else f" ({100 * change:+.1f} % a week)"
        )
        yield Finding(
            id=f"{base}#trend",
            text=f"Sales of {campaign.name} {word}{pace} over {span} days",
            value=100 * change,
            low=100 * low,
            high=100 * high,
            unit="% per week",
            citation=f"{base}#sales",
            kind="trend",
            depth=2,
        )
    clicks, orders = sum(campaign.clicks), sum(campaign.orders)
    if clicks > 0 and orders > 0:
        yield Finding(
            id=f"{base}#orders-per-click",
            text=f"{100 * orders / clicks:.1f} of 100 clicks on {campaign.name} ended in an order",
            value=100 * orders / clicks,
            unit="%",
            citation=f"{base}#orders-per-click",
            kind="conversion",
            depth=2,
        )
    if campaign.budget > 0 and campaign.days:
        used = campaign.spend_per_week / campaign.budget
        yield Finding(
            id=f"{base}#pace",
            text=f"{campaign.name} uses {100 * used:.0f} % of its {campaign.budget:,.0f} {currency} a week",
            value=100 * used,
            unit="%",
            citation=f"{base}#spend",
            kind="pace",
            depth=2,
        )


def _comparison(snapshot: BrandSnapshot) -> Iterator[Finding]:
    ranked = sorted((c for c in snapshot.campaigns if c.roas is not None), key=lambda c: -(c.roas or 0.0))
    if len(ranked) < 2:
        return
    best, worst = ranked[0], ranked[-1]
    gap = (best.roas or 0.0) - (worst.roas or 0.0)
    yield Finding(
        id="campaigns#gap",
        text=f"{best.name} returns {gap:.2f} more per {snapshot.currency} 1 than {worst.name}",
        value=gap,
        unit=f"{snapshot.currency} per {snapshot.currency}",
        citation=f"campaign:{best.external_id}#roas",
        kind="comparison",
    )


def _funnel(snapshot: BrandSnapshot) -> Iterator[Finding]:
    known = {stage: snapshot.conversion[stage] for stage in FORWARD if stage in snapshot.conversion}
    for stage, rate in known.items():
        yield Finding(
            id=f"funnel#{stage}-onward",
            text=f"{100 * rate:.0f} % of those who reached {stage} went on",
            value=100 * rate,
            unit="%",
            citation=f"funnel#{stage}",
            kind="funnel",
        )
    if len(known) > 1:
        weakest = min(known, key=lambda stage: known[stage])
        yield Finding(
            id="funnel#weakest",
            text=f"Most are lost at {weakest}: only {100 * known[weakest]:.0f} % go on from there",
            value=100 * known[weakest],
            unit="%",
            citation=f"funnel#{weakest}",
            kind="funnel",
        )


def _sales(snapshot: BrandSnapshot) -> Iterator[Finding]:
    sales = snapshot.recent_sales
    if sales.count:
        yield Finding(
            id="sales#total",
            text=f"{sales.count:,} sales worth {sales.amount:,.2f} {snapshot.currency} in twelve months",
            value=sales.amount,
            unit=snapshot.currency,
            citation="sales#year",
            kind="sales",
        )
    if len(sales.by_month) >= 3:
        *before, (month, newest) = sales.by_month
        usual = sum(amount for _, amount in before) / len(before)
        if usual > 0:
            change = 100 * (newest / usual - 1)
            yield Finding(
                id="sales#against-usual",
                text=f"Sales in {month} were {abs(change):.0f} % {'above' if change >= 0 else 'below'} the mean of the "
                f"{len(before)} months before",
                value=change,
                unit="%",
                citation="sales#month",
                kind="trend",
                depth=2,
            )


def _fit(snapshot: BrandSnapshot) -> Iterator[Finding]:
    """Which product statement meets what the prospect says they look for."""
    if snapshot.prospect is None:
        return
    for fact, share in matching_facts(snapshot, snapshot.prospect)[:3]:
        yield Finding(
            id=f"prospect:{snapshot.prospect.key}#fit-{fact.id}",
            text=f"“{fact.text}” meets “{interest_of(snapshot.prospect)}”",
            value=share,
            unit="share of words",
            citation=fact.id,
            kind="fit",
        )


def _audience(snapshot: BrandSnapshot) -> Iterator[Finding]:
    people = snapshot.audience
    if not people:
        return
    needs = Counter(person.need.strip() for person in people if person.need.strip())
    if needs:
        need, count = min(needs.items(), key=lambda item: (-item[1], item[0]))
        yield Finding(
            id="audience#need",
            text=f"{count} of {len(people)} prospects look for {need}",
            value=float(count),
            unit="prospects",
            citation="audience#need",
            kind="audience",
        )
    wishes = Counter(wish for person in shoppers_of(snapshot) if (wish := wish_of(person)))
    if wishes:
        wish, count = min(wishes.items(), key=lambda item: (-item[1], item[0]))
        yield Finding(
            id="shoppers#need",
            text=f"{count} of {len(shoppers_of(snapshot))} shoppers look for {wish}",
            value=float(count),
            unit="shoppers",
            citation="shoppers#need",
            kind="audience",
        )
    segments = Counter(person.segment for person in people if person.segment)
    if len(segments) > 1:
        segment, count = min(segments.items(), key=lambda item: (-item[1], item[0]))
        yield Finding(
            id="audience#segment",
            text=f"The largest segment is {segment} with {count} of {len(people)} prospects",
            value=float(count),
            unit="prospects",
            citation="audience#segment",
            kind="audience",
            depth=2,
        )


def shoppers_of(snapshot: BrandSnapshot) -> tuple[ProspectBrief, ...]:
    """Those in the audience who buy for themselves: they belong to no company."""
    return tuple(person for person in snapshot.audience if not person.company)


def wish_of(prospect: ProspectBrief) -> str:
    """What the source says they look for; blank where it says nothing."""
    stated = [fact.text for fact in prospect.facts if fact.kind == "need"]
    return prospect.need.strip() or (stated[0] if stated else "")


def bought_before(prospect: ProspectBrief) -> list[tuple[Fact, str]]:
    """What the source says they bought, with the fact that says it."""
    return [
        (fact, fact.text.partition(":")[2].strip())
        for fact in prospect.facts
        if fact.id.endswith("#bought_before") and ":" in fact.text
    ]


def interest_of(prospect: ProspectBrief) -> str:
    """What they look for, and where nobody noted it what they bought before."""
    return wish_of(prospect) or " ".join(bought for _, bought in bought_before(prospect))


def products_of(snapshot: BrandSnapshot) -> tuple[ProductFact, ...]:
    """The subject product first, then the others in the snapshot's order, each once."""
    first = (snapshot.product,) if snapshot.product else ()
    return (*first, *(sku for sku in snapshot.skus if snapshot.product is None or sku.code != snapshot.product.code))


def matching_facts(snapshot: BrandSnapshot, prospect: ProspectBrief) -> list[tuple[Fact, float]]:
    """Product statements that share words with the prospect's need or segment, best first, with the share in (0, 1]."""
    wish = f"{interest_of(prospect)} {prospect.segment}"
    if not stems(wish):
        return []
    scored = [
        (fact, max(overlap(fact.text, wish), NAME_SHARE * overlap(sku.name, wish)))
        for sku in products_of(snapshot)
        for fact in sku.facts
        if fact.kind in SPOKEN
    ]
    return sorted(((fact, share) for fact, share in scored if share > 0), key=lambda pair: (-pair[1], pair[0].id))
