"""Every shipped mapping reads a report with its own columns back to what was put in."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from crm.imports.reports.mapping import Mapping, shipped
from crm.imports.reports.recognise import recognise
from tests.crm.reports.files import fixture, read, written
from tests.crm.reports.held_out import headers

FACTS = [name for name, mapping in shipped().items() if mapping.kind == "facts"]
ENTITIES = [name for name, mapping in shipped().items() if mapping.kind == "entities"]


def first_names(mapping: Mapping) -> list[str]:
    """A header with the first name of every column that the mapping reads, ranges of days left out."""
    return list(
        dict.fromkeys(
            column.names[0]
            for place, column in mapping.every_column()
            if place not in ("columns.range_start", "columns.range_end", "only.column")
        )
    )


def check(path: Path, mapping: Mapping, header: list[str], seed: int) -> None:
    cells, expected = fixture(mapping, header, rows=30, seed=seed)
    if mapping.only:
        header = [*header, mapping.only.column.names[0]] if mapping.only.column.names[0] not in header else header
        at = header.index(mapping.only.column.names[0])
        for row, want in zip(cells, expected, strict=True):
            row[at:] = [mapping.only.values[0], *row[at + 1 :]]
            if "breakdown" in want:
                want["breakdown"] = f"action={mapping.only.values[0]}"
    found = read(written(path, header, cells), mapping)
    assert found.refused == []
    assert found.frame.height == 30
    for row, want in zip(found.rows(), expected, strict=True):
        others = json.loads(row.pop("other_windows") or "null", parse_float=Decimal)
        wanted = want.pop("other_windows")
        assert others == wanted
        assert {name: row[name] for name in want} == want


@pytest.mark.parametrize("name", FACTS)
def test_a_report_with_the_columns_of_a_mapping_comes_back_as_it_was_made(name: str, tmp_path: Path) -> None:
    mapping = shipped()[name]
    check(tmp_path / "report.csv", mapping, first_names(mapping), seed=len(name))


@pytest.mark.real_data
def test_headers_that_networks_publish_are_read_by_their_mappings(shared_data: Path, tmp_path: Path) -> None:
    for label, name, header in headers(shared_data):
        columns = [one for one in header if one not in ("startDate", "endDate")]
        check(tmp_path / f"{label}.csv", shipped()[name], columns, seed=len(label))


@pytest.mark.parametrize("name", ENTITIES)
def test_tables_without_figures_give_names_and_the_newest_version(name: str, tmp_path: Path) -> None:
    mapping = shipped()[name]
    header = list(dict.fromkeys(column.names[0] for _, column in mapping.every_column()))
    made = {column.names[0]: field.partition(".")[2] for field, column in mapping.every_column()}

    def cells(number: int, version: int) -> list[str]:
        values = {
            "external_id": f"id{number}",
            "changed_at": f"2026-01-0{version}",
            "starts_on": "2026-01-01",
            "ends_on": "2037-12-30",
            "budget": "1200000",
            "name": f"name {version}",
            "currency": "USD",
        }
        return [values.get(made[one], f"{one} {number}") for one in header]

    path = written(tmp_path / "table.csv", header, [cells(1, 2), cells(1, 1), cells(2, 1)])
    found = read(path, mapping)
    assert [row["external_id"] for row in found.rows()] == ["id1", "id2"]
    assert found.refused == [] and sum(found.left_out.values()) == 1
    first = found.rows()[0]
    if "name" in mapping.columns:
        assert first["name"] == "name 2"
    if "ends_on" in mapping.columns:
        assert first["ends_on"] is None, "2037 is how networks write that there is no end"


@pytest.mark.real_data
class TestTheRealFiles:
    def test_each_is_recognised_by_its_header_and_name(self, shared_data: Path) -> None:
        unknown = [
            path.name
            for path in sorted((shared_data / "ads").glob("*/*.csv"))
            if not recognise(path, shipped().values()).mapping
        ]
        assert unknown == []

    def test_each_is_read_without_a_row_lost(self, shared_data: Path) -> None:
        paths = sorted((shared_data / "ads").glob("*/*.csv"))
        assert len(paths) == 36
        for path in paths:
            mapping = shipped()[recognise(path, shipped().values()).mapping]
            found = read(path, mapping)
            lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
            assert found.refused == [], path.name
            assert found.frame.height + sum(found.left_out.values()) == len(lines) - 1, path.name

    def test_what_networks_say_of_money_is_kept_to_the_cent(self, shared_data: Path) -> None:
        spent = {
            "amazon_ads_fivetran/targeting_keyword_report_data.csv": "cost",
            "google_ads_fivetran/campaign_stats_data.csv": "cost_micros",
            "facebook_ads_fivetran/facebook_ads_basic_ad_data.csv": "spend",
            "pinterest_fivetran/pinterest_campaign_report_data.csv": "spend_in_micro_dollar",
        }
        import csv

        for name, column in spent.items():
            path = shared_data / "ads" / name
            with path.open(encoding="utf-8-sig") as file:
                source = sum(Decimal(row[column]) for row in csv.DictReader(file))
            micros = source if "micro" in column else source * 1_000_000
            found = read(path, shipped()[recognise(path, shipped().values()).mapping])
            assert found.totals["spend"] == (micros, 0), name

    def test_only_purchases_that_do_not_overlap_are_orders_at_meta(self, shared_data: Path) -> None:
        path = shared_data / "ads/facebook_ads_fivetran/facebook_ads_basic_ad_action_values_data.csv"
        found = read(path, shipped()["meta-ads-action-values"])
        assert sorted(found.frame["breakdown"]) == [
            "action=offsite_conversion.fb_pixel_purchase",
            "action=onsite_conversion.purchase",
        ]
        assert found.left_out["offsite_conversion.fb_pixel_lead is no purchase"] == 1
        assert json.loads(found.frame["other_windows"][0]) == {"7|click": {"sales": 29324.84}}

    def test_only_paid_delivery_counts_at_pinterest(self, shared_data: Path) -> None:
        path = shared_data / "ads/pinterest_fivetran/pinterest_pin_promotion_targeting_report_data.csv"
        first = read(path, shipped()["pinterest-targeting"]).rows()[0]
        assert (first["impressions"], first["clicks"], first["spend"]) == (123, 12, 789_000)
