"""`manage.py import_report`: real tables of four networks, unknown reports, dry runs, exit codes."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from crm.models import Brand, Import, PerformanceMetric, ReportMapping, Retailer
from tests.factories import RetailerFactory

pytestmark = pytest.mark.django_db

FOLDERS = {
    "amazon_ads_fivetran": "amazon",
    "facebook_ads_fivetran": "meta",
    "google_ads_fivetran": "google",
    "pinterest_fivetran": "pinterest",
}
KNOWN = """Date,Campaign ID,Campaign Name,Impressions,Clicks,Spend
2026-03-01,1,Search,1000,10,12.50
2026-03-02,1,Search,900,9,11.25
2026-03-02,2,Video,0,900,3.00
"""
UNKNOWN = """Tag;Kampagne;Einblendungen;Kosten;Zufall
13.03.2026;Suche;1000;12,50;7
14.03.2026;Suche;900;11,25;8
"""


@pytest.fixture
def shop(harbor: Brand) -> Retailer:
    return RetailerFactory(brand=harbor, slug="northmart")


def run(*arguments: Any, code: int = 0) -> str:
    out = io.StringIO()
    try:
        call_command("import_report", *[str(one) for one in arguments], stdout=out)
        left = 0
    except SystemExit as error:
        left = int(str(error.code))
    assert left == code, out.getvalue()
    return out.getvalue()


class TestRealTables:
    @pytest.mark.real_data
    @pytest.mark.parametrize("folder", FOLDERS)
    def test_all_of_them_import_and_add_up(self, shared_data: Path, harbor: Brand, folder: str) -> None:
        shop = RetailerFactory(brand=harbor, slug="net", network=FOLDERS[folder])
        files = sorted((shared_data / "ads" / folder).glob("*.csv"))
        said = run(*files, "--brand", harbor.slug, "--retailer", "net")
        batches = list(Import.objects.for_brand(harbor))
        assert len(batches) == len(files)
        assert {one.state for one in batches} <= {Import.State.STORED, Import.State.PARTIAL}, said
        for one in batches:
            assert one.rows_read == one.rows_stored + one.rows_unchanged + one.rows_set_aside
            assert all(sums["adds_up"] for sums in one.reconciliation.values()), one.reconciliation
        spent = sum(Decimal(one.reconciliation["spend"]["stored"]) for one in batches if "spend" in one.reconciliation)
        facts = PerformanceMetric.objects.for_brand(harbor)
        assert facts.aggregate(all=Sum("spend"))["all"] == spent
        assert facts.filter(retailer=shop).exists()
        again = run(*files, "--brand", harbor.slug, "--retailer", "net")
        newest = Import.objects.for_brand(harbor).order_by("-pk")[: len(files)]
        assert sum(one.rows_stored for one in newest) == 0, again


class TestTheCommand:
    def test_it_says_what_became_of_the_rows(self, shop: Retailer, tmp_path: Path) -> None:
        path = tmp_path / "march.csv"
        path.write_text(KNOWN)
        said = run(path, "--brand", shop.brand.slug, "--retailer", "northmart", "--mapping", "generic")
        assert "adds up" in said
        assert "26.75" in said
        assert "row 3" in said
        batch = Import.objects.for_brand(shop.brand).get()
        assert (batch.rows_read, batch.rows_stored, batch.rows_set_aside) == (3, 2, 1)
        assert (str(batch.first_on), str(batch.last_on)) == ("2026-03-01", "2026-03-02")

    def test_a_dry_run_stores_nothing(self, shop: Retailer, tmp_path: Path) -> None:
        path = tmp_path / "march.csv"
        path.write_text(KNOWN)
        said = run(path, "--brand", shop.brand.slug, "--retailer", "northmart", "--mapping", "generic", "--dry-run")
        assert "What would be stored" in said
        assert "26.75" in said
        assert not PerformanceMetric.objects.for_brand(shop.brand).exists()
        assert Import.objects.for_brand(shop.brand).get().state == Import.State.DISCARDED

    def test_an_unknown_report_is_proposed_confirmed_and_known_next_time(self, shop: Retailer, tmp_path: Path) -> None:
        path, yaml = tmp_path / "bericht.csv", tmp_path / "bericht.yaml"
        path.write_text(UNKNOWN)
        where = ("--brand", shop.brand.slug, "--retailer", "northmart")
        said = run(path, *where, "--save-mapping", yaml, code=3)
        assert "Kampagne" in said
        assert not PerformanceMetric.objects.for_brand(shop.brand).exists()
        run(path, *where, "--mapping", yaml)
        facts = PerformanceMetric.objects.for_brand(shop.brand).order_by("measured_on")
        assert [fact.spend for fact in facts] == [Decimal("12.5"), Decimal("11.25")]
        assert ReportMapping.objects.for_brand(shop.brand).get().fingerprint
        path.write_text(UNKNOWN.replace("11,25", "11,50"))
        run(path, *where)
        assert Import.objects.for_brand(shop.brand).order_by("-pk")[0].rows_restated == 1

    def test_what_is_no_report_fails_and_keeps_nothing(self, shop: Retailer, tmp_path: Path) -> None:
        path = tmp_path / "report.csv"
        path.write_bytes(b"%PDF-1.7 hello")
        said = run(path, "--brand", shop.brand.slug, "--retailer", "northmart", code=1)
        assert "is a PDF" in said
        assert not Import.objects.for_brand(shop.brand).exists()

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (("--brand", "nobody", "--retailer", "northmart"), "no brand 'nobody'"),
            (("--brand", "harbor-oats", "--retailer", "typo"), "no retailer 'typo'"),
        ],
    )
    def test_it_names_what_is_unknown(self, shop: Retailer, tmp_path: Path, arguments: Any, reason: str) -> None:
        path = tmp_path / "march.csv"
        path.write_text(KNOWN)
        with pytest.raises(CommandError, match=reason):
            run(path, *arguments)
