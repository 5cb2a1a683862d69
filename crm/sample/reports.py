"""Reports as the sample retailers would send them, made from the history of their simulated market. Pure.

Each retailer writes in its own way, the newest deliveries restate days that an older one held (attribution is late),
and a few rows do not fit: what the Data page shows is what real reports do.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from crm.market.curves import History
from crm.sample.catalogue import SkuEntry

OVERLAP = 7  # days of a delivery that the next one restates
LATE_SHARE = 0.05  # of the sales of a day are not known yet on the next; the share shrinks over OVERLAP days
FOURTEEN_DAYS = 1.06  # sales within 14 days, by those within 7


@dataclass(frozen=True)
class Delivery:
    """One file. `text` is its content in UTF-8; it holds days up to `last_day`."""

    filename: str
    last_day: date
    text: str


@dataclass(frozen=True)
class Reported:
    """A campaign with its history, in the order of its days."""

    external_id: str
    name: str
    history: History


def deliveries(retailer: str, network: str, campaigns: Sequence[Reported]) -> list[Delivery]:
    """Three files, from the oldest to the newest; the later ones begin with days of the one before."""
    days = campaigns[0].history.days
    middle, end = len(days) - 14, len(days)
    cuts = [(0, middle), (max(0, middle - OVERLAP), middle + 7), (middle, end)]
    write = {"amazon": _amazon, "criteo": _criteo}.get(network, _plain)
    return [write(retailer, campaigns, first, last, last == end) for first, last in cuts]


def unknown_report(retailer: str, last_day: date, skus: Sequence[SkuEntry]) -> Delivery:
    """An export with headings nobody has seen before: it waits until a person has said what they mean."""
    rows: list[list[Any]] = []
    for back in range(14, 0, -1):
        for place, sku in enumerate(sku for sku in skus if sku.gtin):
            shown = 900 + 131 * place + 17 * back
            clicks, cost = shown // 61, (shown % 83) / 10 + 4
            day = last_day - timedelta(days=back)
            sold = cost * 2.4
            rows.append([f"{day:%d.%m.%Y}", f"{retailer} shelf talk", sku.gtin[1:], shown, clicks, _comma(cost),
                         _comma(sold), "K. Brandt"])  # fmt: skip
    header = ["Dt", "Cmp_Nm", "EAN", "Imp", "Clk", "Cost_net", "Att_Sls_14d", "Acct_Mgr"]
    return Delivery(f"{_slug(retailer)}_display_export (3).csv", last_day, _table(header, rows, ";"))


def item_report(retailer: str, campaign: Reported, skus: Sequence[SkuEntry]) -> Delivery:
    """Figures by item number for the last two weeks: some of the items are ours under names we do not use."""
    rows = []
    past = campaign.history
    worth = float(past.sales.sum() / max(1, past.orders.sum()))  # of an order
    goods = [sku for sku in skus if sku.gtin]
    for place in range(len(past.days) - 14, len(past.days)):
        for number, sku in enumerate(goods):
            share = (len(goods) - number) / (len(goods) * (len(goods) + 1) / 2)
            shown, orders = int(past.impressions[place] * share), int(past.orders[place] * share)
            rows.append(
                [past.days[place].isoformat(), campaign.external_id, campaign.name, 7_710_000 + 14 * number,
                 shouted(sku.name), shown, min(int(past.clicks[place] * share), shown),
                 f"{past.spend[place] * share:.2f}", f"{orders * worth:.2f}", orders, orders]
            )  # fmt: skip
    header = ["date", "campaignId", "campaignName", "advProductId", "advProductName", "impressions", "clicks", "spend",
              "attributedSales", "attributedUnits", "attributedOrders"]  # fmt: skip
    return Delivery(f"{_slug(retailer)}_items_{past.days[-1]}.csv", past.days[-1], _table(header, rows))


def shouted(name: str) -> str:
    """A product's name as a till prints it: capitals, long words without their later vowels."""
    words = []
    for word in name.upper().split():
        head, tail = word[:2], word[2:]
        words.append(head + "".join(sign for sign in tail if sign not in "AEIOU") if len(word) > 5 else word)
    return " ".join(words)


def _known(past: History, place: int, last: int, newest: bool) -> float:
    """Sales as a delivery that ends before day `last` knows them."""
    age = last - 1 - place
    share = 0.0 if newest or age >= OVERLAP else LATE_SHARE * (OVERLAP - age) / OVERLAP
    return float(past.sales[place]) * (1 - share)


def _amazon(retailer: str, campaigns: Sequence[Reported], first: int, last: int, newest: bool) -> Delivery:
    rows = []
    for one in campaigns:
        past = one.history
        for place in range(first, last):
            sales, orders = _known(past, place, last, newest), int(past.orders[place])
            rows.append(
                [past.days[place].isoformat(), one.external_id, one.name, int(past.impressions[place]),
                 int(past.clicks[place]), f"{past.spend[place]:.2f}", "EUR", orders, f"{sales:.2f}",
                 orders + orders // 16, f"{sales * FOURTEEN_DAYS:.2f}"]
            )  # fmt: skip
    header = ["date", "campaignId", "campaignName", "impressions", "clicks", "cost", "campaignBudgetCurrencyCode",
              "purchases7d", "sales7d", "purchases14d", "sales14d"]  # fmt: skip
    return Delivery(*_dated(retailer, campaigns, last), _table(header, rows))


def _criteo(retailer: str, campaigns: Sequence[Reported], first: int, last: int, newest: bool) -> Delivery:
    rows: list[list[Any]] = []
    for one in campaigns:
        past = one.history
        rows += [
            [past.days[place].isoformat(), one.external_id, one.name, int(past.impressions[place]),
             int(past.clicks[place]), f"{past.spend[place]:.2f}", f"{_known(past, place, last, newest):.2f}",
             int(past.orders[place] * 1.2), int(past.orders[place])]
            for place in range(first, last)
        ]  # fmt: skip
    if newest:  # what a person has to look after
        one, day = campaigns[0], campaigns[0].history.days[last - 1]
        rows.append([day.isoformat(), f"{one.external_id}-2", f"{one.name}, test", 0, 40, "5.30", "0.00", 0, 0])
        rows.append(
            [day.replace(year=day.year + 27).isoformat(), one.external_id, one.name, 310, 4, "4.90", "9.80", 1, 1]
        )
        rows.append([day.isoformat(), "", "", 95, 1, "4.45", "0.00", 0, 0])
    header = ["date", "campaignId", "campaignName", "impressions", "clicks", "spend", "attributedSales",
              "attributedUnits", "attributedOrders"]  # fmt: skip
    return Delivery(*_dated(retailer, campaigns, last), _table(header, rows))


def _plain(retailer: str, campaigns: Sequence[Reported], first: int, last: int, newest: bool) -> Delivery:
    """A German spreadsheet: title rows, semicolons, decimal commas, days before months, and a row of totals."""
    rows: list[list[Any]] = []
    spent = sold = 0.0
    for one in campaigns:
        past = one.history
        for place in range(first, last - 1 if newest else last):  # the newest day has not come yet
            spend, sales = round(past.spend[place], 2), round(_known(past, place, last, newest), 2)
            spent, sold = spent + spend, sold + sales
            rows.append(
                [f"{past.days[place]:%d.%m.%Y}", one.external_id, one.name, int(past.impressions[place]),
                 int(past.clicks[place]), _comma(spend), int(past.orders[place]), _comma(sales)]
            )  # fmt: skip
    rows.append(["Total", "", "", "", "", _comma(spent), "", _comma(sold)])
    header = ["Date", "Campaign ID", "Campaign", "Impressions", "Clicks", "Spend", "Orders", "Sales"]
    return Delivery(*_dated(retailer, campaigns, last), f"{retailer}, all media\n\n{_table(header, rows, ';')}")


def _dated(retailer: str, campaigns: Sequence[Reported], last: int) -> tuple[str, date]:
    day = campaigns[0].history.days[last - 1]
    return f"{_slug(retailer)}_media_{day}.csv", day


def _slug(name: str) -> str:
    return name.lower().replace(" ", "_")


def _comma(amount: float) -> str:
    return f"{amount:.2f}".replace(".", ",")


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
