"""What the facts of campaigns add up to: by campaign, currency and attribution window, and never across windows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, QuerySet, Sum, Value, When
from django.db.models.lookups import IsNull

from crm.models import Campaign
from crm.windows.alignment import FIGURES, Window, total
from crm.windows.reading import NUMBER, gives, in_window

DELIVERY = ("impressions", "clicks")


@dataclass(frozen=True)
class Figures:
    """Sums over rows of one currency and one window. None: no row says it. `said` counts the rows that say sales, and
    `spend_with_sales` is the spend of those rows, so that ROAS compares like with like."""

    currency: str
    window: Window
    rows: int
    spend: Decimal | None
    impressions: int | None
    clicks: int | None
    orders: Decimal | None
    units: Decimal | None
    sales: Decimal | None
    said: int
    spend_with_sales: Decimal | None
    first_on: date
    last_on: date
    retailer: str = ""  # only where the window is not said: two networks that keep silent are not in one window
    left_out_rows: int = 0
    left_out_spend: Decimal | None = None

    @property
    def roas(self) -> Decimal | None:
        """Sales for each unit of money spent; None where either is not said or nothing was spent."""
        if self.sales is None or not self.spend_with_sales:
            return None
        return self.sales / self.spend_with_sales

    @property
    def partly(self) -> bool:
        """Some rows say sales and others do not."""
        return 0 < self.said < self.rows - self.left_out_rows

    def plus(self, other: Figures) -> Figures:
        """Both together; the same currency, window and (where it is not said) retailer is the caller's to see to."""
        added: dict[str, Any] = {
            name: total([getattr(self, name), getattr(other, name)])
            for name in ("spend", *FIGURES, "spend_with_sales", "left_out_spend")
        }
        for name in DELIVERY:
            both = [value for value in (getattr(self, name), getattr(other, name)) if value is not None]
            added[name] = sum(both) if both else None
        return replace(
            self, **added, rows=self.rows + other.rows, said=self.said + other.said,
            left_out_rows=self.left_out_rows + other.left_out_rows,
            first_on=min(self.first_on, other.first_on), last_on=max(self.last_on, other.last_on),
        )  # fmt: skip


def currency_of(campaign: Campaign) -> str:
    """The campaign's currency, else the retailer's, else the brand's. `retailer` and `brand` are loaded with it."""
    return campaign.currency or campaign.retailer.currency or campaign.brand.currency


def summed(rows: QuerySet[Any], *by: str, window: Window | None = None) -> list[dict[str, Any]]:
    """One row by `by`, currency and window, with the names of `Figures`; in a chosen window by `by` and currency."""
    figures: dict[str, Any] = {name: F(name) for name in FIGURES} if window is None else dict(in_window(window))
    groups = (*by, "currency", *(("window_days", "attribution") if window is None else ()))
    extra: dict[str, Any] = {}
    if window is not None:
        outside = Case(When(gives(window), then=Value(None)), default=F("spend"), output_field=NUMBER)
        extra = {"given": Count("pk", filter=gives(window)), "out_spend": Sum(outside, output_field=NUMBER)}
    return list(
        rows.values(*groups)
        .annotate(
            n=Count("pk"), said=Count(figures["sales"]), of_spend=Sum("spend"),
            with_sales=Sum("spend", filter=Q(IsNull(figures["sales"], False))),
            of_impressions=Sum("impressions"), of_clicks=Sum("clicks"), first=Min("measured_on"),
            last=Max("measured_on"),
            **{f"of_{name}": Sum(figures[name], output_field=NUMBER) for name in FIGURES},
            **extra,
        )
        .order_by()
    )  # fmt: skip


def figures_of(row: dict[str, Any], *, currency: str, window: Window | None = None) -> Figures:
    """A row of `summed` as figures; `currency` is used where the row names none."""
    return Figures(
        currency=row["currency"] or currency,
        window=window or Window(row["window_days"], row["attribution"]),
        rows=row["n"], spend=row["of_spend"], impressions=row["of_impressions"], clicks=row["of_clicks"],
        orders=row["of_orders"], units=row["of_units"], sales=row["of_sales"], said=row["said"],
        spend_with_sales=row["with_sales"], first_on=row["first"], last_on=row["last"],
        left_out_rows=row["n"] - row.get("given", row["n"]), left_out_spend=row.get("out_spend"),
    )  # fmt: skip


def by_campaign(
    rows: QuerySet[Any], campaigns: Iterable[Campaign], *, window: Window | None = None
) -> dict[int, list[Figures]]:
    """Figures by campaign, one for each currency and window in it, by one query."""
    known = {one.pk: one for one in campaigns}
    found: dict[int, dict[Any, Figures]] = defaultdict(dict)
    for row in summed(rows, "campaign_id", window=window):
        campaign = known.get(row["campaign_id"])
        if campaign is None:
            continue
        one = figures_of(row, currency=currency_of(campaign), window=window)
        if not one.window.is_said:
            one = replace(one, retailer=campaign.retailer.name)
        put(found[campaign.pk], one)
    return {pk: list(mine.values()) for pk, mine in found.items()}


def totals(listed: Iterable[Figures]) -> list[Figures]:
    """Put together what may be: the same currency and window; a window not said only within one retailer."""
    found: dict[Any, Figures] = {}
    for one in listed:
        put(found, one)
    return sorted(
        found.values(),
        key=lambda one: (
            one.currency,
            not one.window.is_said,
            one.window.days or 0,
            one.window.attribution,
            one.retailer,
        ),
    )


def put(found: dict[Any, Figures], one: Figures) -> None:
    key = (one.currency, one.window, one.retailer)
    found[key] = found[key].plus(one) if key in found else one
