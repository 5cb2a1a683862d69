"""What the page of one campaign says: figures window by window, plan against actual, trend, breakdown, where from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet

from crm.campaigns.figures import Figures, currency_of, figures_of, put, summed
from crm.campaigns.listing import last_days, pace_of, spend_by_day, stretches
from crm.campaigns.pace import Pace, ahead, planned_until
from crm.charts.drawings import Drawing
from crm.charts.plan import Reached, plan_against_actual
from crm.charts.spend import Series, money_trend
from crm.models import AdEntity, Campaign, CampaignPlan, PerformanceMetric
from crm.windows.alignment import Window, in_order, total

#: What names one row of each grain.
KEYS = {
    PerformanceMetric.Grain.CAMPAIGN: (),
    PerformanceMetric.Grain.AD_GROUP: ("ad_group",),
    PerformanceMetric.Grain.AD: ("ad", "ad_group"),
    PerformanceMetric.Grain.PRODUCT: ("item", "sku__name"),
    PerformanceMetric.Grain.TARGET: ("target", "match_type"),
    PerformanceMetric.Grain.SEARCH_TERM: ("target", "match_type"),
    PerformanceMetric.Grain.BREAKDOWN: ("breakdown", "audience__name"),
    PerformanceMetric.Grain.ACCOUNT: (),
}
MOST_ROWS = 50
#: A projection goes on for so long at most, whatever the plan says.
AHEAD_DAYS = 400


@dataclass(frozen=True)
class PeriodRow:
    """A planned period beside what happened in it; `done`: its last day is reported."""

    plan: CampaignPlan
    figures: Sequence[Figures]
    spent: Decimal | None
    planned_so_far: Decimal | None
    done: bool

    @property
    def share(self) -> float | None:
        """Spent of what was to be spent by now."""
        if self.spent is None or not self.planned_so_far:
            return None
        return float(self.spent / self.planned_so_far)


@dataclass(frozen=True)
class Progress:
    """Plan against actual of one campaign."""

    as_of: date | None
    pace: Pace | None
    periods: Sequence[PeriodRow]
    chart: Drawing | None


@dataclass(frozen=True)
class Grain:
    """A report of this campaign that can be broken down. Two reports say the same spend: they are never added."""

    grain: int
    report: str
    rows: int
    label: str

    @property
    def key(self) -> str:
        return f"{self.grain}.{self.report}"


@dataclass(frozen=True)
class Piece:
    """One ad group, product, keyword ... with its figures in one window and currency."""

    name: str
    detail: str
    figures: Figures


@dataclass(frozen=True)
class Breakdown:
    """The pieces of one report, most spend first; `more` pieces are not shown."""

    grain: Grain
    pieces: Sequence[Piece]
    more: int


@dataclass(frozen=True)
class Moment:
    """One day or week of the trend, with the figures window by window."""

    day: date
    spend: Decimal | None
    clicks: int | None
    impressions: int | None
    attributed: dict[Window, Figures]
    restated: bool


@dataclass(frozen=True)
class Delivered:
    """What was delivered in the campaign's own currency, whatever the window; a rate needs both of its parts."""

    first_on: date
    last_on: date
    days: int
    spend: Decimal | None
    impressions: int | None
    clicks: int | None

    @property
    def click_rate(self) -> Decimal | None:
        return Decimal(100 * self.clicks) / self.impressions if self.clicks is not None and self.impressions else None

    @property
    def per_click(self) -> Decimal | None:
        return self.spend / self.clicks if self.spend is not None and self.clicks else None


@dataclass(frozen=True)
class Trend:
    """`partial` says which weeks are not whole, so that nobody reads an end as a fall."""

    chart: Drawing | None
    moments: Sequence[Moment]
    windows: Sequence[Window]
    delivered: Delivered | None = None
    partial: str = ""


def counting(campaign: Campaign) -> QuerySet[Any]:
    """The one reading of each day of the campaign."""
    rows: QuerySet[Any] = (
        PerformanceMetric.objects.for_brand(campaign.brand).counting().filter(campaign=campaign).order_by()
    )
    return rows


def figures(campaign: Campaign, *, window: Window | None = None) -> list[Figures]:
    """All its days, one entry for each currency and window."""
    found: dict[Any, Figures] = {}
    for row in summed(counting(campaign), window=window):
        put(found, figures_of(row, currency=currency_of(campaign), window=window))
    return sorted(found.values(), key=lambda one: (one.currency, not one.window.is_said, one.window.days or 0))


def progress(campaign: Campaign) -> Progress:
    """Plan against actual, up to the last day of which the retailer reported."""
    plans = list(CampaignPlan.objects.for_brand(campaign.brand).filter(campaign=campaign).order_by("starts_on"))
    days = spend_by_day(campaign.brand, [campaign])[campaign.pk]
    as_of = last_days(campaign.brand).get(campaign.retailer_id)
    by_day = _figures_by_day(campaign) if plans else {}
    return Progress(
        as_of,
        pace_of(campaign, plans, days, as_of),
        [_period(campaign, one, by_day, days, as_of) for one in plans],
        _plan_chart(campaign, plans, days, as_of),
    )


def _period(
    campaign: Campaign, plan: CampaignPlan, by_day: dict[date, list[Figures]], days: dict[date, Decimal],
    as_of: date | None,
) -> PeriodRow:  # fmt: skip
    found: dict[Any, Figures] = {}
    for day, mine in by_day.items():
        if plan.starts_on <= day <= plan.ends_on:
            for one in mine:
                if one.currency == currency_of(campaign):
                    put(found, one)
    inside = [amount for day, amount in days.items() if plan.starts_on <= day <= plan.ends_on]
    so_far = None
    if plan.spend is not None and as_of is not None:
        whole, _ = stretches(campaign, [plan], as_of)
        so_far = planned_until(whole, as_of)
    done = as_of is not None and as_of >= plan.ends_on
    return PeriodRow(plan, list(found.values()), sum(inside, Decimal(0)) if inside else None, so_far, done)


def _figures_by_day(campaign: Campaign) -> dict[date, list[Figures]]:
    found: dict[date, list[Figures]] = defaultdict(list)
    for row in summed(counting(campaign), "measured_on"):
        found[row["measured_on"]].append(figures_of(row, currency=currency_of(campaign)))
    return found


def _plan_chart(
    campaign: Campaign, plans: Sequence[CampaignPlan], days: dict[date, Decimal], as_of: date | None
) -> Drawing | None:
    planned, _ = stretches(campaign, plans, as_of or date.min)
    if not planned:
        return None
    first, last = min(one.starts_on for one in planned), max(one.ends_on for one in planned)
    span = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    plan = [Reached(day, float(planned_until(planned, day))) for day in span]
    reached, actual = 0.0, []
    for day in span:
        if as_of is None or day > as_of:
            break
        reached += float(days.get(day, 0))
        actual.append(Reached(day, reached))
    to_come = []
    if actual and actual[-1].day < last and campaign.status == Campaign.Status.LIVE:
        end = min(last, actual[-1].day + timedelta(days=AHEAD_DAYS))
        inside = {day: amount for day, amount in days.items() if first <= day <= actual[-1].day}
        to_come = [
            Reached(one.day, one.likely, one.low, one.high)
            for one in ahead(inside, after=actual[-1].day, until=end, reached=reached)
        ]
    return plan_against_actual(plan, actual, to_come, currency=currency_of(campaign))


def trend(campaign: Campaign, *, by: str, restated: set[date]) -> Trend:
    """Spend and sales by `day` or `week` (its Monday), in the campaign's own currency; a line for each window."""
    put_together: dict[date, dict[Any, Figures]] = defaultdict(dict)
    days = {
        day: [one for one in mine if one.currency == currency_of(campaign)]
        for day, mine in sorted(_figures_by_day(campaign).items())
    }
    for day, mine in days.items():
        start = day - timedelta(days=day.weekday()) if by == "week" else day
        for one in mine:
            put(put_together[start], one)
    moments = [_moment(day, list(put_together[day].values()), restated, by) for day in sorted(put_together)]
    windows = in_order({window for one in moments for window in one.attributed})
    if not moments:
        return Trend(None, [], [])
    series = [Series("Spend", "spend", [_float(one.spend) for one in moments])]
    for place, window in enumerate(windows):
        values = [_float(one.attributed[window].sales if window in one.attributed else None) for one in moments]
        label = "Sales" if len(windows) == 1 else f"Sales, {window.days} d" if window.days else "Sales, not said"
        series.append(Series(f"Sales, {window.words}", "sales" if place == 0 else "other", values, label))
    stretch = "Week from" if by == "week" else "Day"
    chart = money_trend([one.day for one in moments], series, currency=currency_of(campaign), stretch=stretch)
    there = [day for day, mine in days.items() if mine]
    return Trend(chart, moments, windows, _delivered(there, moments), _partial(there) if by == "week" else "")


def _delivered(days: Sequence[date], moments: Sequence[Moment]) -> Delivered:
    views = [one.impressions for one in moments if one.impressions is not None]
    clicks = [one.clicks for one in moments if one.clicks is not None]
    return Delivered(
        days[0], days[-1], len(days), total(one.spend for one in moments), sum(views) if views else None,
        sum(clicks) if clicks else None,
    )  # fmt: skip


def _partial(days: Sequence[date]) -> str:
    first, last = days[0].weekday() != 0, days[-1].weekday() != 6
    which = (
        "first and last week are" if first and last else "first week is" if first else "last week is" if last else ""
    )
    return f"The {which} not whole." if which else ""


def _moment(day: date, mine: Sequence[Figures], restated: set[date], by: str) -> Moment:
    days = {day + timedelta(days=number) for number in range(7)} if by == "week" else {day}
    said = [one.spend for one in mine if one.spend is not None]
    clicks = [one.clicks for one in mine if one.clicks is not None]
    seen = [one.impressions for one in mine if one.impressions is not None]
    return Moment(
        day, sum(said, Decimal(0)) if said else None, sum(clicks) if clicks else None, sum(seen) if seen else None,
        {one.window: one for one in mine}, bool(days & restated),
    )  # fmt: skip


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def grains(campaign: Campaign) -> list[Grain]:
    """Reports of this campaign below the campaign itself, whether or not totals read them: one query."""
    rows = (
        PerformanceMetric.objects.for_brand(campaign.brand)
        .filter(campaign=campaign)
        .exclude(grain__in=(PerformanceMetric.Grain.CAMPAIGN, PerformanceMetric.Grain.ACCOUNT))
        .order_by("grain", "report")
        .values_list("grain", "report")
        .annotate(Count("pk"))
    )
    found = [(grain, report, count) for grain, report, count in rows]
    often = [grain for grain, _, _ in found]
    return [
        Grain(
            grain, report, count,
            str(PerformanceMetric.Grain(grain).label) + (f" ({report})" if often.count(grain) > 1 else ""),
        )
        for grain, report, count in found
    ]  # fmt: skip


def breakdown(campaign: Campaign, grain: Grain) -> Breakdown:
    """The pieces of one report, in the campaign's own currency; two queries."""
    keys = KEYS[PerformanceMetric.Grain(grain.grain)]
    rows = (
        PerformanceMetric.objects.for_brand(campaign.brand)
        .filter(campaign=campaign, grain=grain.grain, report=grain.report)
        .order_by()
    )
    found: dict[Any, dict[Any, Figures]] = defaultdict(dict)
    for row in summed(rows, *keys):
        one = figures_of(row, currency=currency_of(campaign))
        put(found[tuple(row[key] or "" for key in keys)], one)
    names = _names(campaign, grain)
    pieces = [
        Piece(*_named(grain.grain, key, names), figures=one) for key, mine in found.items() for one in mine.values()
    ]
    pieces.sort(key=lambda piece: (piece.figures.currency, -(piece.figures.spend or Decimal(0)), piece.name))
    return Breakdown(grain, pieces[:MOST_ROWS], max(0, len(pieces) - MOST_ROWS))


def _names(campaign: Campaign, grain: Grain) -> dict[str, str]:
    kinds = {
        PerformanceMetric.Grain.AD_GROUP: AdEntity.Kind.AD_GROUP,
        PerformanceMetric.Grain.AD: AdEntity.Kind.AD,
        PerformanceMetric.Grain.TARGET: AdEntity.Kind.TARGET,
    }
    kind = kinds.get(PerformanceMetric.Grain(grain.grain))
    if kind is None:
        return {}
    known = AdEntity.objects.for_brand(campaign.brand).filter(retailer=campaign.retailer_id, kind=kind)
    return dict(known.exclude(name="").values_list("external_id", "name"))


def _named(grain: int, key: tuple[str, ...], names: dict[str, str]) -> tuple[str, str]:
    first, rest = (key[0] if key else ""), " ".join(part for part in key[1:] if part)
    if grain == PerformanceMetric.Grain.PRODUCT:
        return (rest, first) if rest else (first or "No product named", "")
    if grain == PerformanceMetric.Grain.BREAKDOWN:
        return " ".join(part for part in (first.replace(";", ", ").replace("=", " "), rest) if part) or "Not named", ""
    name = names.get(first, "")
    return (name, first) if name else (first or "Not named", rest)
