"""Exports: typed, exact, in parts, without formulas, as the privacy policy says, by address and by command."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.core.management import CommandError, call_command

from crm import exports
from crm.api.exporting import columns_of
from crm.api.resources.campaigns import Campaigns
from crm.api.resources.retail import SKUs
from crm.models import SKU, Brand, Contact, PrivacyPolicy, Sale
from tests.crm.api.rows import SAMPLES
from tests.factories import CampaignFactory, SKUFactory
from tests.orchestrator.api_doors import door

pytestmark = pytest.mark.django_db


def read_csv(client: Any, address: str) -> list[dict[str, str]]:
    reply = client.get(address)
    assert reply.status_code == 200, reply.content
    return list(csv.DictReader(io.StringIO(b"".join(reply.streaming_content).decode(), newline="")))


class TestCSV:
    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", " =", "＝"])
    def test_a_text_is_never_a_formula(self, ana: Any, harbor: Brand, start: str):
        SKUFactory(brand=harbor, name=f"{start}cmd|'/C calc'!A0", price="-0.00")
        [row] = read_csv(door(ana), "/api/skus/export.csv")
        assert row["name"] == f"'{start}cmd|'/C calc'!A0"

    def test_numbers_days_and_blanks_read_back(self, ana: Any, harbor: Brand):
        CampaignFactory(brand=harbor, budget="1200.50", starts_on="2026-11-02", name='Übung, "quoted"\nline')
        [row] = read_csv(door(ana), "/api/campaigns/export.csv")
        assert (row["budget"], row["starts_on"], row["ends_on"]) == ("1200.50", "2026-11-02", "")
        assert row["name"] == 'Übung, "quoted"\nline'
        assert json.loads(row["constraints"]) == {}

    def test_filters_and_order_hold(self, ana: Any, harbor: Brand):
        for code, price in (("A", "1"), ("B", "3"), ("C", "2")):
            SKUFactory(brand=harbor, code=code, price=price, category="" if code == "A" else "bars")
        rows = read_csv(door(ana), "/api/skus/export.csv?category=bars&ordering=-price")
        assert [row["code"] for row in rows] == ["B", "C"]

    def test_it_may_be_asked_for_by_its_media_type(self, ana: Any):
        assert door(ana).get("/api/skus/export.csv", headers={"Accept": "text/csv"}).status_code == 200
        assert door(ana).get("/api/skus/export.csv", headers={"Accept": "image/png"}).status_code == 406


class TestParquet:
    def test_every_column_has_its_type(self, harbor: Brand, tmp_path: Path):
        Sale.across_brands.create(
            brand=harbor, external_id="S", amount="0.10", currency="EUR", sold_at="2026-11-02T12:00:00.123456+02:00"
        )
        out = tmp_path / "sales.parquet"
        call_command(
            "export_data", brand="harbor-oats", resource="sales", format="parquet", out=out, stdout=io.StringIO()
        )
        frame = pl.read_parquet(out)
        assert frame.schema["amount"] == pl.Decimal(14, 2)
        assert frame.schema["sold_at"] == pl.Datetime("us", "UTC")
        [row] = frame.to_dicts()
        assert row["amount"] == Decimal("0.10")
        assert row["sold_at"] == datetime(2026, 11, 2, 10, 0, 0, 123456, UTC)
        assert row["lead"] is None

    def test_nothing_is_lost_between_parts(self, harbor: Brand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(exports, "PART", 10)
        SKU.across_brands.bulk_create(SKU(brand=harbor, code=f"{n:03}", name=f"N{n}") for n in range(40))
        for many in (40, 37, 0):
            rows = SKUs.rows(harbor).filter(code__lt=f"{many:03}").order_by("code")
            out = tmp_path / "skus.parquet"
            assert exports.write_parquet(rows, columns_of(SKUs), out) == many
            assert pl.read_parquet(out)["code"].to_list() == [f"{n:03}" for n in range(many)]
            assert [file.name for file in tmp_path.iterdir()] == ["skus.parquet"]

    def test_an_empty_one_keeps_its_columns(self, ana: Any):
        reply = door(ana).get("/api/campaigns/export.parquet")
        frame = pl.read_parquet(io.BytesIO(b"".join(reply.streaming_content)))
        assert frame.columns == [one.name for one in columns_of(Campaigns)] and frame.is_empty()
        assert frame.schema["budget"] == pl.Decimal(14, 2)

    def test_memory_does_not_grow_with_the_table(self, harbor: Brand):
        def peak(count: int) -> int:
            SKU.across_brands.all().delete()
            SKU.across_brands.bulk_create(
                (SKU(brand=harbor, code=str(n), name="x" * 200) for n in range(count)), batch_size=500
            )
            tracemalloc.start()
            lines = sum(1 for _ in exports.csv_lines(SKUs.rows(harbor), columns_of(SKUs)))
            top = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert lines == count + 1
            return top

        small, large = peak(12_000), peak(48_000)
        assert large < 1.2 * small


class TestPrivacy:
    @pytest.mark.parametrize("extension", ["csv", "parquet"])
    def test_addresses_leave_as_the_policy_says(self, ana: Any, harbor: Brand, extension: str):
        Contact.across_brands.create(
            brand=harbor, external_id="ida@example.com", name="Ida", email="ida@example.com",
            detail={"note": "write to ida@example.com"},
        )  # fmt: skip

        def exported() -> str:
            reply = door(ana).get(f"/api/contacts/export.{extension}")
            body = b"".join(reply.streaming_content)
            return body.decode() if extension == "csv" else str(pl.read_parquet(io.BytesIO(body)).to_dicts())

        assert "ida@example.com" not in exported()
        PrivacyPolicy.across_brands.create(brand=harbor, body="places: {exports: {email: allow}}")
        assert exported().count("ida@example.com") == 3


class TestCommand:
    def run(self, out: Path, **options: Any) -> str:
        told = io.StringIO()
        call_command("export_data", brand="harbor-oats", out=out, stdout=told, **options)
        return told.getvalue()

    def test_it_writes_what_the_filters_leave(self, harbor: Brand, lumen: Brand, tmp_path: Path):
        for brand in (harbor, harbor, lumen):
            SKUFactory(brand=brand, category="bars" if brand is harbor else "lamps")
        out = tmp_path / "skus.csv"
        assert "Wrote 2 products" in self.run(out, resource="skus")
        assert {row["category"] for row in csv.DictReader(out.open())} == {"bars"}
        assert "Wrote 0" in self.run(out, resource="skus", filter=["category=lamps"])

    @pytest.mark.parametrize("name", ["skus", "audiences", "campaigns", "sales", "outcomes"])
    def test_it_speaks_rmis(self, harbor: Brand, tmp_path: Path, name: str):
        row = SAMPLES[name].make(harbor)
        out = tmp_path / "rows.jsonl"
        self.run(out, resource=name, format="rmis")
        said = [json.loads(line) for line in out.read_text().splitlines()]
        assert getattr(row, "external_id", None) in (None, *(each.get("external_id") for each in said))
        assert said

    def test_what_is_wrong_is_said(self, harbor: Brand, tmp_path: Path):
        for options, word in (
            ({"resource": "companies", "format": "rmis"}, "no shape"),
            ({"resource": "skus", "filter": ["colour=blue"]}, "colour"),
        ):
            with pytest.raises(CommandError, match=word):
                self.run(tmp_path / "x", **options)
        with pytest.raises(CommandError, match="no folder"):
            self.run(tmp_path / "nowhere" / "x", resource="skus")
        with pytest.raises(CommandError, match="no brand"):
            call_command("export_data", brand="x", resource="skus", out=tmp_path / "x")
