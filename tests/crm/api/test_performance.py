"""Figures through the API: pages, filters, totals that count once, and bulk that merges like a report."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.facts.undoing import undo
from crm.models import AudienceSegment, Brand, Campaign, Import, PerformanceMetric, Restatement
from tests.factories import CampaignFactory, RetailerFactory
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db
BULK = "/api/performance/bulk"


@pytest.fixture
def campaign(harbor: Brand) -> Campaign:
    return CampaignFactory(
        brand=harbor, external_id="C-1", retailer=RetailerFactory(brand=harbor, slug="northmart", currency="EUR")
    )


def row(**fields: Any) -> dict[str, Any]:
    return {
        "measured_on": "2026-11-02", "retailer": "northmart", "campaign": "C-1", "impressions": 1000, "clicks": 20,
        "spend": "12.345678", "window_days": 14, "attribution": "click", "orders": "2", "sales": "19.90", **fields,
    }  # fmt: skip


def facts(brand: Brand) -> Any:
    return PerformanceMetric.objects.for_brand(brand)


class TestBulk:
    def test_it_stores_every_figure_as_sent(self, ana: Any, harbor: Brand, campaign: Campaign):
        AudienceSegment.across_brands.create(brand=harbor, external_id="LOYAL", name="Loyal")
        sent = row(
            hour=7, grain="target", ad_group="AG", ad="AD", target="oat bar", match_type="EXACT", breakdown="device=TV",
            item="X-9", audience="LOYAL", units="2.5", ntb_orders="1", ntb_units="1", ntb_sales="9.95",
            other_windows={"7|click": {"orders": "1", "sales": "9.95"}}, report="shop-sheet", currency="USD",
        )  # fmt: skip
        reply = door(ana).post(BULK, [sent])
        assert reply.status_code == 200, reply.content
        assert reply.json()["created"] == 1
        [stored] = door(ana).get("/api/performance/").json()["results"]
        numbers = {"spend", "sales", "ntb_sales", "orders", "units", "ntb_orders", "ntb_units"}
        for name, value in sent.items():
            assert (Decimal(stored[name]) == Decimal(value)) if name in numbers else (stored[name] == value), name
        assert stored["import_id"] == reply.json()["imports"][0]
        assert stored["source_row"] == 1 and stored["counts"] is True

    def test_the_same_rows_again_change_nothing(self, ana: Any, harbor: Brand, campaign: Campaign):
        rows = [row(measured_on=f"2026-11-{day:02}") for day in (2, 3, 4)]
        first, again = (door(ana).post(BULK, rows).json() for _ in range(2))
        assert (first["created"], again["created"], again["unchanged"]) == (3, 0, 3)
        assert facts(harbor).count() == 3

    def test_other_figures_restate_and_the_change_is_kept(self, ana: Any, harbor: Brand, campaign: Campaign):
        door(ana).post(BULK, [row(), row(measured_on="2026-11-03")])
        answer = door(ana).post(BULK, [row(sales="29.90"), row(measured_on="2026-11-03")]).json()
        assert (answer["created"], answer["updated"], answer["unchanged"]) == (0, 1, 1)
        [change] = Restatement.objects.for_brand(harbor)
        assert Decimal(change.before["sales"]) == Decimal("19.90")
        assert Decimal(change.after["sales"]) == Decimal("29.90")

    def test_it_can_be_undone(self, ana: Any, harbor: Brand, campaign: Campaign):
        door(ana).post(BULK, [row()])
        answer = door(ana).post(BULK, [row(sales="29.90"), row(measured_on="2026-11-03")]).json()
        undo(Import.objects.for_brand(harbor).get(pk=answer["imports"][0]))
        [left] = facts(harbor)
        assert left.sales == Decimal("19.90")

    def test_the_import_adds_up(self, ana: Any, harbor: Brand, campaign: Campaign):
        answer = door(ana).post(BULK, [row(), row(measured_on="2026-11-03", spend="0.000001")]).json()
        batch = Import.objects.for_brand(harbor).get(pk=answer["imports"][0])
        assert (batch.rows_read, batch.rows_stored, batch.state) == (2, 2, "stored")
        assert batch.reconciliation["spend"]["stored"] == "12.345679"
        assert all(figure["adds_up"] for figure in batch.reconciliation.values())
        assert (batch.first_on, batch.last_on, batch.by) == (date(2026, 11, 2), date(2026, 11, 3), ana)

    def test_only_one_reading_of_a_day_counts(self, ana: Any, harbor: Brand, campaign: Campaign):
        door(ana).post(BULK, [row(grain="target", target=f"t{n}", spend="5") for n in (1, 2)])
        door(ana).post(BULK, [row(spend="10")])
        page = door(ana).get("/api/performance/?counting=true").json()["results"]
        assert [(each["grain"], Decimal(each["spend"])) for each in page] == [("campaign", 10)]
        assert len(door(ana).get("/api/performance/").json()["results"]) == 3

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"retailer": "nowhere"}, "retailer"),
            ({"campaign": "C-9"}, "campaign"),
            ({"campaign": None}, "campaign"),
            ({"grain": "account"}, "campaign"),
            ({"grain": "planet"}, "grain"),
            ({"impressions": 0}, "clicks"),
            ({"impressions": "many"}, "impressions"),
            ({"spend": "12,50"}, "spend"),
            ({"spend": "1.0000001"}, "spend"),
            ({"hour": 24}, "hour"),
            ({"measured_on": "02.11.2026"}, "measured_on"),
            ({"currency": "euro"}, "currency"),
            ({"other_windows": {"a week": {}}}, "other_windows"),
            ({"other_windows": {"7|click": {"clicks": 3}}}, "other_windows"),
            ({"other_windows": {"7|click": {"sales": "NaN"}}}, "other_windows"),
            ({"report": "My report"}, "report"),
            ({"colour": "blue"}, "colour"),
        ],
    )
    def test_a_bad_row_is_named(self, ana: Any, harbor: Brand, campaign: Campaign, change: dict[str, Any], field: str):
        reply = door(ana).post(BULK, [row(measured_on="2026-11-03"), row(**change)])
        assert reply.status_code == 400
        assert [error["field"].removesuffix(".0") for error in problem(reply)["errors"]] == [f"1.{field}"]
        assert not facts(harbor).exists() and not Import.objects.for_brand(harbor).exists()

    def test_a_row_without_figures_is_refused(self, ana: Any, campaign: Campaign):
        bare = {"measured_on": "2026-11-02", "retailer": "northmart", "campaign": "C-1"}
        assert "no figure" in problem(door(ana).post(BULK, [bare]))["detail"]

    def test_a_row_that_comes_twice_is_refused(self, ana: Any, harbor: Brand, campaign: Campaign):
        rows = [row(), row(spend="1"), row(measured_on="2026-11-03")]
        reply = door(ana).post(BULK, rows)
        assert reply.status_code == 400
        assert "Row 0 says the same" in problem(reply)["detail"]
        assert not facts(harbor).exists()
        answer = door(ana).post(f"{BULK}?on_error=quarantine", rows).json()
        assert (answer["created"], answer["refused"], answer["quarantine"][0]["index"]) == (2, 1, 1)

    def test_a_campaign_of_another_retailer_is_refused(self, ana: Any, harbor: Brand, campaign: Campaign):
        CampaignFactory(brand=harbor, external_id="C-2")
        assert problem(door(ana).post(BULK, [row(campaign="C-2")]))["errors"][0]["field"] == "0.campaign"

    def test_rows_of_another_brand_cannot_be_named(self, cleo: Any, lumen: Brand, campaign: Campaign):
        for named in ({}, {"retailer": RetailerFactory(brand=lumen).slug}):
            assert door(cleo).post(BULK, [row(**named)]).status_code == 400
        assert not facts(lumen).exists() and not facts(campaign.brand).exists()

    def test_a_viewer_may_not(self, ben: Any, campaign: Campaign):
        assert door(ben).post(BULK, [row()]).status_code == 403
        assert door().post(BULK, [row()]).status_code == 401

    def test_the_same_key_has_one_effect(self, ana: Any, harbor: Brand, campaign: Campaign):
        key = {"Idempotency-Key": "figures-1"}
        first, again = (door(ana).post(BULK, [row()], headers=key) for _ in range(2))
        assert first.json() == again.json() and again["Idempotent-Replay"] == "true"
        assert Import.objects.for_brand(harbor).count() == 1

    def test_json_lines_are_rows_too(self, ana: Any, harbor: Brand, campaign: Campaign):
        body = "\n".join(json.dumps(row(measured_on=f"2026-11-{day:02}")) for day in (2, 3))
        reply = door(ana).generic("POST", BULK, body + "\n\n", content_type="application/jsonl")
        assert reply.json()["created"] == 2
        broken = door(ana).generic("POST", BULK, body + "\n{", content_type="application/jsonl")
        assert broken.status_code == 400 and "Line 3" in problem(broken)["detail"]


class TestReading:
    @pytest.fixture
    def year(self, ana: Any, harbor: Brand, campaign: Campaign) -> None:
        days = [date.fromordinal(date(2026, 1, 1).toordinal() + n).isoformat() for n in range(60)]
        rows = [row(measured_on=day, grain="target", target=t) for day in days for t in ("oats", "=bars")]
        assert door(ana).post(BULK, rows).json()["created"] == 120

    def test_pages_go_through_every_row_once(self, ana: Any, harbor: Brand, year: None):
        client, address, seen = door(ana), "/api/performance/?page_size=50", []
        pages = 0
        while address:
            page = client.get(address).json()
            seen += [each["id"] for each in page["results"]]
            address = page["next"]
            pages += 1
        assert pages == 3
        assert len(seen) == len(set(seen)) == 120
        stored = facts(harbor).in_bulk(seen)
        days = [stored[pk].measured_on for pk in seen]
        assert days == sorted(days)

    def test_it_asks_the_same_number_of_questions_for_any_page(self, ana: Any, year: None):
        client = door(ana)

        def queries(size: int) -> int:
            with CaptureQueriesContext(connection) as seen:
                assert client.get(f"/api/performance/?page_size={size}").status_code == 200
            return len(seen)

        assert queries(2) == queries(100) <= 5

    @pytest.mark.parametrize("query", ["after=yesterday", "after=123.1", "page_size=0", "page_size=9999", "page=2&x=1"])
    def test_a_bad_page_is_named(self, ana: Any, query: str):
        assert door(ana).get(f"/api/performance/?{query}").status_code == 400

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("date_from=2026-02-01", 58), ("date_to=2026-01-01", 2), ("retailer=northmart", 120),
            ("retailer=other", 0), ("campaign=C-1&grain=target", 120), ("grain=campaign", 0), ("window=14", 120),
            ("window=7", 0), ("attribution=click", 120), ("report=api", 120), ("search=OATS", 60),
            ("counting=true", 120), ("currency=USD", 0),
        ],
    )  # fmt: skip
    def test_filters_leave_what_they_say(self, ana: Any, year: None, query: str, count: int):
        assert len(door(ana).get(f"/api/performance/?page_size=1000&{query}").json()["results"]) == count
        text = b"".join(door(ana).get(f"/api/performance/export.csv?{query}").streaming_content).decode()
        assert len(list(csv.DictReader(io.StringIO(text)))) == count

    def test_one_is_read_by_its_number_and_not_by_another_brand(self, ana: Any, cleo: Any, harbor: Brand, year: None):
        fact = facts(harbor).first()
        assert door(ana).get(f"/api/performance/{fact.pk}").json()["measured_on"] == "2026-01-01"
        assert door(cleo).get(f"/api/performance/{fact.pk}").status_code == 404
        assert door(cleo).get("/api/performance/").json()["results"] == []
        assert door(ana).patch(f"/api/performance/{fact.pk}", {"spend": "0"}).status_code == 405

    def test_parquet_is_typed_and_exact(self, ana: Any, harbor: Brand, year: None):
        reply = door(ana).get("/api/performance/export.parquet?date_to=2026-01-10")
        assert reply["Content-Type"] == "application/vnd.apache.parquet"
        frame = pl.read_parquet(io.BytesIO(b"".join(reply.streaming_content)))
        assert frame.schema["measured_on"] == pl.Date
        assert frame.schema["spend"] == pl.Decimal(18, 6)
        assert frame.schema["import_id"] == pl.Int64
        assert frame["spend"].sum() == Decimal("12.345678") * 20
        assert set(frame["target"]) == {"oats", "=bars"}
        assert set(frame["grain"]) == {"target"}

    def test_csv_holds_no_formula(self, ana: Any, year: None):
        text = b"".join(door(ana).get("/api/performance/export.csv").streaming_content).decode()
        assert {each["target"] for each in csv.DictReader(io.StringIO(text))} == {"oats", "'=bars"}
