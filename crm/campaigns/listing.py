"""The list of campaigns: which are meant, their figures, their totals, and each one's pace and trend of spend."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.safestring import SafeString

from crm.campaigns.figures import Figures, by_campaign, currency_of, totals
from crm.campaigns.pace import Pace, Stretch, from_budget, pace
from crm.charts.spend import spend_spark
from crm.imports.quarantine import harmless
from crm.models import Brand, Campaign, CampaignPlan, PerformanceMetric
from crm.windows.alignment import Window
from crm.windows.reading import facts

SORTS = {"name": "name", "retailer": "retailer__name", "status": "status", "starts": "starts_on"}
#: Sorted by figures: spend always; what is attributed only where all of it is in one window.
FIGURE_SORTS = ("spend", "orders", "sales", "roas")
WEEKS_SHOWN = 26
WEEKS_LATELY = 13


@dataclass(frozen=True)
class Wanted:
    """What the page asks for. Days are inclusive; `window` None: each network in its own."""

    text: str = ""
    retailer: str = ""
    status: str = ""
    objective: str = ""
    since: date | None = None
    until: date | None = None
    window: Window | None = None
    sort: str = "-spend"


@dataclass(frozen=True)
class Listing:
    """All campaigns that match, in order, with figures by id. `windows`: those in which their figures are given."""

    campaigns: Sequence[Campaign]
    figures: dict[int, list[Figures]]
    totals: Sequence[Figures]
    sort: str

    @property
    def windows(self) -> set[tuple[Window, str]]:
        return {(one.window, one.retailer) for one in self.totals}

    @property
    def one_window(self) -> bool:
        """Whether everything attributed here may stand in one order and one sum."""
        return len(self.windows) <= 1


@dataclass(frozen=True)
class Row:
    """One campaign on the page."""

    campaign: Campaign
    figures: Sequence[Figures]
    pace: Pace | None
    spark: SafeString | None

    @property
    def spent(self) -> list[Spent]:
        return by_currency(self.figures)


@dataclass(frozen=True)
class Spent:
    """Totals of one currency: spend may be added whatever the window, `attributed` stands window by window."""

    currency: str
    spend: Decimal | None
    attributed: Sequence[Figures] = field(default_factory=list)


def matching(brand: Brand, wanted: Wanted) -> QuerySet[Any]:
    """Campaigns of the brand that pass the filters; days choose figures, not campaigns."""
    found: QuerySet[Any] = Campaign.objects.for_brand(brand).select_related("retailer", "brand")
    if wanted.text:
        found = found.filter(Q(name__icontains=wanted.text) | Q(external_id__icontains=wanted.text))
    for name, value in (
        ("retailer__slug", wanted.retailer),
        ("status", wanted.status),
        ("objective", wanted.objective),
    ):
        if value:
            found = found.filter(**{name: value})
    return found


def listing(brand: Brand, wanted: Wanted) -> Listing:
    """Everything that matches, with figures: two queries however many there are."""
    sort = wanted.sort if wanted.sort.removeprefix("-") in (*SORTS, *FIGURE_SORTS) else "-spend"
    name, falling = sort.removeprefix("-"), sort.startswith("-")
    column = SORTS.get(name, "name")
    campaigns = list(matching(brand, wanted).order_by(f"{'-' if falling and name in SORTS else ''}{column}", "pk"))
    rows = facts(brand, since=wanted.since, until=wanted.until).filter(campaign__isnull=False)
    if len(campaigns) < 500 and (wanted.text or wanted.retailer or wanted.status or wanted.objective):
        rows = rows.filter(campaign__in=[one.pk for one in campaigns])
    figures = by_campaign(rows, campaigns, window=wanted.window)
    found = Listing(campaigns, figures, totals(one for mine in figures.values() for one in mine), sort)
    if name not in FIGURE_SORTS:
        return found
    if name != "spend" and not found.one_window:
        name, sort, falling = "spend", "-spend", True
    return Listing(_by_figure(campaigns, figures, name, falling=falling), figures, found.totals, sort)


def _by_figure(
    campaigns: Sequence[Campaign], figures: dict[int, list[Figures]], name: str, *, falling: bool
) -> list[Campaign]:
    """One currency after the other, since amounts of two cannot be compared; those without the figure at the end."""

    def key(campaign: Campaign) -> tuple[bool, str, Decimal]:
        mine = figures.get(campaign.pk, [])
        values = [value for value in (getattr(one, name) for one in mine) if value is not None]
        amount = sum(values, Decimal(0)) if name != "roas" else max(values, default=Decimal(0))
        return not values, currency_of(campaign), -amount if falling else amount

    return sorted(campaigns, key=key)


def by_currency(listed: Sequence[Figures]) -> list[Spent]:
    """The totals row of the page, currency by currency."""
    found: dict[str, list[Figures]] = defaultdict(list)
    for one in listed:
        found[one.currency].append(one)
    spent = []
    for currency, mine in sorted(found.items()):
        said = [one.spend for one in mine if one.spend is not None]
        spent.append(Spent(currency, sum(said, Decimal(0)) if said else None, mine))
    return spent


def rows(brand: Brand, campaigns: Sequence[Campaign], figures: dict[int, list[Figures]]) -> list[Row]:
    """The campaigns of one page with pace and trend: three queries however many there are."""
    days = spend_by_day(brand, campaigns)
    last = last_days(brand)
    plans: dict[int, list[CampaignPlan]] = defaultdict(list)
    for plan in CampaignPlan.objects.for_brand(brand).filter(campaign__in=campaigns).order_by("starts_on"):
        plans[plan.campaign_id].append(plan)
    return [
        Row(
            one, sorted(figures.get(one.pk, []), key=lambda mine: (mine.currency, mine.window.days or 0)),
            pace_of(one, plans[one.pk], days[one.pk], last.get(one.retailer_id)), _spark(days[one.pk]),
        )
        for one in campaigns
    ]  # fmt: skip


def spend_by_day(brand: Brand, campaigns: Iterable[Campaign]) -> dict[int, dict[date, Decimal]]:
    """Spend of each day in the campaign's own currency; days of which nobody says a spend are not there."""
    known = {one.pk: one for one in campaigns}
    found: dict[int, dict[date, Decimal]] = defaultdict(dict)
    summed = (
        facts(brand)
        .filter(campaign__in=list(known), spend__isnull=False)
        .values_list("campaign_id", "measured_on", "currency")
        .annotate(Sum("spend"))
        .order_by("campaign_id", "measured_on")
    )
    for pk, day, currency, spend in summed:
        if currency in ("", currency_of(known[pk])):
            found[pk][day] = found[pk].get(day, Decimal(0)) + spend
    return found


def last_days(brand: Brand) -> dict[int, date]:
    """The last day of which each retailer has reported anything, by an index, campaign by campaign."""
    newest = facts(brand).filter(campaign=OuterRef("pk")).order_by("-measured_on").values("measured_on")[:1]
    found = (
        Campaign.objects.for_brand(brand)
        .order_by()
        .annotate(newest=Subquery(newest))
        .values_list("retailer_id")
        .annotate(Max("newest"))
    )
    return {retailer: day for retailer, day in found if day is not None}


def lately(brand: Brand) -> date | None:
    """The first of the last 13 weeks reported by anybody: what a list shows unless it is asked for other days. Adding
    up every day of a brand takes seconds from a million rows on."""
    newest = max(last_days(brand).values(), default=None)
    return None if newest is None else newest - timedelta(days=7 * WEEKS_LATELY - 1)


def stretches(campaign: Campaign, plans: Sequence[CampaignPlan], as_of: date) -> tuple[list[Stretch], bool]:
    """What was planned to be spent, and whether the budget had to stand in for a plan."""
    planned = [Stretch(one.starts_on, one.ends_on, one.spend) for one in plans if one.spend is not None]
    if planned:
        return planned, False
    spread = from_budget(campaign.budget, campaign.budget_period, campaign.starts_on, campaign.ends_on, last_day=as_of)
    return spread, True


def pace_of(
    campaign: Campaign, plans: Sequence[CampaignPlan], days: dict[date, Decimal], as_of: date | None
) -> Pace | None:
    """Plan against actual up to the last day of which the retailer reported; None where nothing is planned by then."""
    if as_of is None:
        return None
    planned, is_budget = stretches(campaign, plans, as_of)
    return pace(planned, days, as_of=as_of, is_budget=is_budget)


def _spark(days: dict[date, Decimal]) -> SafeString | None:
    if not days:
        return None
    first, last = min(days), max(days)
    weeks = min((last - first).days // 7 + 1, WEEKS_SHOWN)
    ends = [last - timedelta(days=7 * (weeks - 1 - number)) for number in range(weeks)]
    spent = [
        float(sum((days.get(end - timedelta(days=back), Decimal(0)) for back in range(7)), Decimal(0))) for end in ends
    ]
    return spend_spark(spent)


def without_campaign(brand: Brand) -> int:
    """Rows that count and name no campaign; they stand in no figure of the list."""
    count: int = PerformanceMetric.objects.for_brand(brand).counting().order_by().filter(campaign__isnull=True).count()
    return count


CSV_COLUMNS = (
    "campaign", "external_id", "retailer", "status", "objective", "currency", "window_days", "attribution", "rows",
    "rows_with_sales", "rows_left_out", "spend", "impressions", "clicks", "orders", "units", "sales", "roas",
    "first_day", "last_day", "starts_on", "ends_on", "budget", "budget_period",
)  # fmt: skip


def csv_lines(found: Listing) -> Iterator[str]:
    """CSV, header first: one line per campaign, currency and window. An empty cell: not said."""
    writer = csv.writer(_Line())
    yield writer.writerow(CSV_COLUMNS)
    for campaign in found.campaigns:
        facts_of = (campaign.name, campaign.external_id, campaign.retailer.name, campaign.status, campaign.objective)
        dates = (campaign.starts_on, campaign.ends_on, campaign.budget, campaign.budget_period)
        for one in found.figures.get(campaign.pk, []):
            cells = (
                *facts_of, one.currency, one.window.days, one.window.attribution, one.rows, one.said,
                one.left_out_rows, _plain(one.spend), one.impressions, one.clicks, _plain(one.orders),
                _plain(one.units), _plain(one.sales), _plain(one.roas and round(one.roas, 4)), one.first_on,
                one.last_on, *dates,
            )  # fmt: skip
            yield writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
        if not found.figures.get(campaign.pk):
            empty = (*facts_of, currency_of(campaign), *[None] * 14, *dates)
            yield writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in empty])


def _plain(value: Decimal | None) -> str | None:
    """`12.5`, not `1.25E+1` and not `12.500000`."""
    if value is None:
        return None
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


class _Line:
    """What csv.writer writes to: gives the line back to the caller."""

    def write(self, line: str) -> Any:
        return line
