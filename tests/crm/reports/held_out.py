"""Real headers with what their columns mean, for measuring proposals: a network's headers are proposed for with the
mappings of all other networks only, so no name is known from its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crm.imports.reports.canonical import COUNTS, DELIVERY, MONEY
from crm.imports.reports.mapping import Mapping, shipped
from crm.imports.reports.parsing import plan
from crm.imports.reports.proposing import Proposal, propose
from crm.imports.reports.recognise import recognise

SCHEMAS = {
    ("campaign", "Sponsored Products"): "amazon-sp-campaign",
    ("advertised-product", "Sponsored Products"): "amazon-sp-product",
    ("targeting", "Sponsored Products"): "amazon-sp-targeting",
    ("search-term", "Sponsored Products"): "amazon-sp-search-term",
    ("campaign", "Sponsored Brands"): "amazon-sb-campaign",
    ("ad-group", "Sponsored Brands"): "amazon-sb-ad-group",
    ("placement", "Sponsored Brands"): "amazon-sb-placement",
    ("targeting", "Sponsored Brands"): "amazon-sb-targeting",
    ("search-term", "Sponsored Brands"): "amazon-sb-search-term",
    ("campaign", "Sponsored Display"): "amazon-sd-campaign",
    ("ad-group", "Sponsored Display"): "amazon-sd-ad-group",
    ("advertised-product", "Sponsored Display"): "amazon-sd-product",
    ("targeting", "Sponsored Display"): "amazon-sd-targeting",
}


@dataclass(frozen=True)
class Case:
    """A header, values for it, and which column goes where ("" or absent: nowhere)."""

    label: str
    mapping: Mapping
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    truth: dict[str, str]


def headers(shared_data: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(label, name of the mapping, header) of every report whose columns are public."""
    schemas = shared_data / "schemas"
    amazon = json.loads((schemas / "amazon_ads_reporting_v3_columns.json").read_text())["reports"]
    for (report, product), name in SCHEMAS.items():
        yield f"{product} {report}", name, tuple(dict.fromkeys(amazon[report][product]))
    walmart = json.loads((schemas / "walmart_connect_report_columns.json").read_text())
    yield "walmart keyword", "walmart-search-keyword", tuple(walmart["search_keyword_daily"])
    yield "walmart item", "walmart-search-item", tuple(walmart["search_adItem_daily"])
    yield "walmart display", "walmart-display-campaign", tuple(walmart["display_campaign_csv_header_prefix"])
    criteo = json.loads((schemas / "criteo_retail_media_2026_01_reports.json").read_text())["reports"]
    lines = criteo["async_line_items_report"]
    for label, name, dimensions in (
        (
            "criteo line item",
            "criteo-line-item",
            ("date", "hour", "campaignId", "campaignName", "lineItemId", "lineItemName"),
        ),
        ("criteo product", "criteo-product", ("date", "campaignId", "advProductId", "advProductName", "salesChannel")),
        ("criteo keyword", "criteo-keyword", ("date", "campaignId", "keyword", "searchTerm", "searchTermType")),
        ("criteo campaign", "criteo-campaign", ("date", "campaignId", "campaignName", "environment", "pageTypeName")),
    ):
        assert set(dimensions) <= set(lines["dimensions"])
        yield label, name, (*dimensions, *lines["metrics"])
    instacart = json.loads((schemas / "instacart_ads_report_columns.json").read_text())
    yield "instacart v2", "instacart-product", tuple(instacart["products_report_v2_csv"])
    yield "instacart v3", "instacart-product", tuple(instacart["products_report_v3_columns_to_v2"])


def cases(shared_data: Path) -> Iterator[Case]:
    """All reports with public columns, and the facts among the real files."""
    for label, name, header in headers(shared_data):
        mapping = shipped()[name]
        truth = truth_of(mapping, header)
        yield Case(
            label,
            mapping,
            header,
            tuple(tuple(_value(truth.get(one, ""), one) for one in header) for _ in range(5)),
            truth,
        )
    for path in sorted((shared_data / "ads").glob("*/*.csv")):
        found = recognise(path, shipped().values())
        mapping = shipped()[found.mapping]
        if mapping.kind == "facts" and mapping.only is None:
            with path.open(encoding="utf-8-sig") as file:
                header, *rows = csv.reader(file)
            made = tuple(column.strip() for column in header)
            yield Case(path.name, mapping, made, tuple(tuple(row) for row in rows), truth_of(mapping, made))


def truth_of(mapping: Mapping, header: tuple[str, ...]) -> dict[str, str]:
    """Column -> where the network's own mapping takes it."""
    made = plan(mapping, header, currency="USD", today=date(2026, 1, 1), filename="held out")
    truth = {place.name: name for name, place in made.columns.items()}
    truth |= {place.name: f"breakdown.{name}" for name, place in made.breakdown.items()}
    for window, places in made.windows:
        truth |= {place.name: f"{name}|{window.key}" for name, place in places.items()}
        for place in places.values():
            for _, part in place.plus:
                truth[part] = "part of a sum"
    return truth


def _value(goes_to: str, name: str) -> str:
    kind = goes_to.split("|")[0]
    if kind in ("measured_on", "range_start", "range_end"):
        return "2026-01-05"
    if kind in MONEY:
        return "12.50"
    if kind == "currency":
        return "USD"
    if kind in (*COUNTS, *DELIVERY, "hour") or not goes_to:
        return "12"  # what is not read is given numbers, too: values must not help
    return f"{name} 1"


def right(proposed: str, expected: str) -> bool:
    """The same field; in a window the days must agree, and `unknown` is no wrong word about what attributed it."""
    if proposed == expected:
        return True
    if "|" in proposed and "|" in expected:
        figure, days, attribution = proposed.split("|")
        wanted, right_days, right_attribution = expected.split("|")
        return figure == wanted and attribution in ("unknown", right_attribution) and days in ("", right_days)
    same = {frozenset({"campaign_id", "campaign_name"}): False}
    return same.get(frozenset({proposed, expected}), False)


def without(network: str) -> list[Mapping]:
    """Mappings of other networks; the plain one knows no network."""
    return [mapping for mapping in shipped().values() if mapping.network != network]


def proposal(case: Case) -> Proposal:
    return propose(case.header, case.sample, mappings=without(case.mapping.network))
