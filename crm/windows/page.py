"""What the page Windows shows: networks by windows, the comparison in one of them, and what was left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from crm.charts.drawings import Drawing
from crm.charts.windows import Line, window_chart
from crm.models import Brand, Retailer
from crm.windows import reading
from crm.windows.alignment import Offer, Window, best, common, in_order, left_out, offered_by, total


@dataclass(frozen=True)
class Cell:
    """How many of a network's rows give a window: 0 none of them."""

    window: Window
    rows: int
    of: int

    @property
    def kind(self) -> str:
        return "none" if not self.rows else "all" if self.rows == self.of else "some"

    @property
    def words(self) -> str:
        return f"{self.rows:,} of {self.of:,}"


@dataclass(frozen=True)
class Network:
    """One line of the matrix; `unsaid` rows name no window."""

    retailer: Retailer
    rows: int
    unsaid: int
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Compared:
    """One network in the chosen window, in one currency. `left_out_*`: its rows that do not give the window."""

    retailer: Retailer
    currency: str
    rows: int
    spend: Decimal | None
    orders: Decimal | None
    units: Decimal | None
    sales: Decimal | None
    said: int
    left_out_rows: int
    left_out_spend: Decimal | None

    @property
    def roas(self) -> Decimal | None:
        if self.sales is None or not self.spend or self.said < self.rows:
            return None
        return self.sales / self.spend

    @property
    def partly(self) -> bool:
        return self.said < self.rows

    @property
    def share(self) -> float:
        """Of its rows, those that give the window."""
        return self.rows / (self.rows + self.left_out_rows)


@dataclass(frozen=True)
class LeftOut:
    """Rows that cannot be brought to the chosen window, and why."""

    retailer: Retailer
    offer: Offer
    why: str


@dataclass(frozen=True)
class Comparison:
    """The whole page. `window` None: no row says its window, or there are no rows."""

    windows: Sequence[Window]
    networks: Sequence[Network]
    common: Sequence[Window]
    window: Window | None
    chosen: bool
    compared: Sequence[Compared]
    left_out: Sequence[LeftOut]
    charts: Sequence[tuple[str, Drawing]]

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.networks)

    @property
    def rows_left_out(self) -> int:
        return sum(one.offer.rows for one in self.left_out)


def comparison(
    brand: Brand, *, window: Window | None = None, since: date | None = None, until: date | None = None
) -> Comparison:
    """Everything for the page by three queries, however many retailers and windows there are."""
    retailers = list(Retailer.objects.for_brand(brand).order_by("name"))
    rows = reading.facts(brand, since=since, until=until)
    offers = [_with_currency(one, retailers, brand) for one in reading.offers(rows, retailers)]
    chosen = window or best(offers)
    by_slug = {one.slug: one for one in retailers}
    windows = in_order(
        {one for offer in offers for one in offer.windows if one.is_said} | ({chosen} if chosen else set())
    )
    out = (
        left_out(offers, chosen)
        if chosen
        else [(one, "Does not say which window its figures are of.") for one in offers]
    )
    weeks = reading.weeks(rows, chosen) if chosen else []
    return Comparison(
        windows, _networks(offers, retailers, windows), common(offers), chosen, window is not None,
        _compared(weeks, out, retailers, brand), [LeftOut(by_slug[one.network], one, why) for one, why in out],
        _charts(weeks, retailers, brand, chosen),
    )  # fmt: skip


def _with_currency(one: Offer, retailers: Sequence[Retailer], brand: Brand) -> Offer:
    if one.currency:
        return one
    retailer = next(retailer for retailer in retailers if retailer.slug == one.network)
    return Offer(
        one.network, retailer.currency or brand.currency, one.window, one.others, one.unread, one.rows, one.spend,
        one.first_on, one.last_on,
    )  # fmt: skip


def _networks(offers: Sequence[Offer], retailers: Sequence[Retailer], windows: Sequence[Window]) -> list[Network]:
    offered = offered_by(offers)
    found = []
    for retailer in retailers:
        mine = [one for one in offers if one.network == retailer.slug]
        count = sum(one.rows for one in mine)
        if not count:
            continue
        unsaid = sum(one.rows for one in mine if not any(window.is_said for window in one.windows))
        cells = [Cell(window, offered[retailer.slug].get(window, 0), count) for window in windows]
        found.append(Network(retailer, count, unsaid, cells))
    return found


def _compared(
    weeks: Sequence[reading.Week], out: Sequence[tuple[Offer, str]], retailers: Sequence[Retailer], brand: Brand
) -> list[Compared]:
    found = []
    for retailer in retailers:
        mine: dict[str, list[reading.Week]] = defaultdict(list)
        for week in weeks:
            if week.retailer == retailer.pk:
                mine[week.currency or retailer.currency or brand.currency].append(week)
        gone = [one for one, _ in out if one.network == retailer.slug]
        for currency in sorted({*mine, *(one.currency for one in gone)}):
            here, missing = mine.get(currency, []), [one for one in gone if one.currency == currency]
            found.append(
                Compared(
                    retailer,
                    currency,
                    sum(one.rows for one in here),
                    total(one.spend for one in here),
                    total(one.orders for one in here),
                    total(one.units for one in here),
                    total(one.sales for one in here),
                    sum(one.said for one in here),
                    sum(one.rows for one in missing),
                    total(one.spend for one in missing),
                )
            )
    return found


def _charts(
    weeks: Sequence[reading.Week], retailers: Sequence[Retailer], brand: Brand, window: Window | None
) -> list[tuple[str, Drawing]]:
    """Sales by week, a line for each network, one chart for each currency."""
    if window is None:
        return []
    sales: dict[str, dict[str, dict[date, Decimal]]] = defaultdict(lambda: defaultdict(dict))
    by_pk = {one.pk: one for one in retailers}
    for week in weeks:
        if week.sales is None:
            continue
        retailer = by_pk[week.retailer]
        line = sales[week.currency or retailer.currency or brand.currency][retailer.name]
        line[week.week] = line.get(week.week, Decimal(0)) + week.sales
    charts = []
    for currency, lines in sorted(sales.items()):
        days = sorted({day for line in lines.values() for day in line})
        drawn = [
            Line(name, [float(line[day]) if day in line else None for day in days]) for name, line in lines.items()
        ]
        charts.append((currency, window_chart(days, drawn, currency=currency, window=window.words)))
    return charts
