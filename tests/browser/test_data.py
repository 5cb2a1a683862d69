"""Data by hand in the browser: a report dropped, its mapping tried out and confirmed, its import undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm import report_imports
from crm.models import Import
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible
from tests.crm.test_mapping_page import KNOWN, UNKNOWN, stored
from tests.crm.test_mapping_page import bring as brought
from tests.factories import RetailerFactory

SETTLE = {"Dt": "Date", "Imp": "Views", "Clk": "Clicks", "Att_Sls_14d": "Sales, within 14 days"}


@pytest.fixture(autouse=True)
def quiet(monkeypatch, settings, tmp_path):
    """Reports stay queued: a test carries them out itself. Files lie in a folder of the test."""
    settings.UPLOADS_ROOT = tmp_path / "uploads"
    monkeypatch.setattr("crm.tasks.carry_out_import.apply_async", lambda *_, **__: None)


@pytest.fixture
def report(tmp_path) -> Path:
    path = tmp_path / "basketly_display.csv"
    path.write_text(UNKNOWN)
    return path


def bring(page: Any, path: Path) -> None:
    page.set_input_files("input[type=file]", str(path))
    page.get_by_label("What is in it").select_option("report")
    page.get_by_label("Retailer", exact=True).first.select_option(label="Basketly")
    page.get_by_role("button", name="Take it in").click()
    page.wait_for_url("**/mapping/")


class TestReport:
    def test_from_the_file_well_to_the_figures(self, world, page_for, report):
        RetailerFactory(brand=world, name="Basketly", slug="basketly", currency="EUR")
        page = page_for("/data/")
        bring(page, report)
        for column, word in SETTLE.items():
            page.get_by_label(f"Field for {column}").select_option(label=word)
        page.get_by_text("2 rows would be stored").wait_for()
        page.locator("#first-rows td", has_text="148.20").wait_for()
        assert_accessible(page)
        page.get_by_role("button", name="Confirm and store").click()
        page.get_by_role("alert").get_by_text("Not stored yet.").wait_for()
        for box in page.locator("input[name^=right-]").all():
            box.check()
        page.get_by_role("button", name="Confirm and store").click()
        page.get_by_text("A worker takes it as soon as one is free.").wait_for()
        assert_accessible(page)
        report_imports.carry_out(Import.across_brands.latest("pk").pk, worker="test")
        page.get_by_text("Adds up to the cent.").wait_for()
        assert page.locator("#import").get_attribute("hx-trigger") is None
        assert_accessible(page)
        page.get_by_role("button", name="Undo this import").click()
        page.locator("#import .state", has_text="Undone").wait_for()

    def test_without_script_it_is_tried_out_and_confirmed_as_well(self, world, page_for, report):
        RetailerFactory(brand=world, name="Basketly", slug="basketly", currency="EUR")
        page = page_for("/data/", script=False)
        bring(page, report)
        for column, word in SETTLE.items():
            page.get_by_label(f"Field for {column}").select_option(label=word)
        for box in page.locator("input[name^=right-]").all():
            box.check()
        page.get_by_role("button", name="Try it out").click()
        assert "2 rows would be stored" in page.inner_text("#dry-run")
        page.get_by_role("button", name="Confirm and store").click()
        assert Import.across_brands.latest("pk").state == "queued"

    def test_what_is_wrong_with_a_file_is_said_by_the_file_well(self, world, page_for, tmp_path):
        RetailerFactory(brand=world, name="Basketly", slug="basketly", currency="EUR")
        path = tmp_path / "report.pdf"
        path.write_bytes(b"%PDF-1.7 not a report")
        page = page_for("/data/")
        page.set_input_files("input[type=file]", str(path))
        page.get_by_label("What is in it").select_option("report")
        page.get_by_role("button", name="Take it in").click()
        page.locator("#file-error", has_text="report.pdf is a PDF").wait_for()
        assert_accessible(page)

    def test_the_list_is_filtered_in_place(self, world, page_for):
        page = page_for("/data/")
        page.locator("#filter-state").select_option("failed")
        page.get_by_text("No import is like that.").wait_for()
        assert "state=failed" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_its_pages_meet_wcag_and_do_not_scroll_sideways(size, scheme, world, ana_client, page_for):
    shop = RetailerFactory(brand=world, name="Basketly", slug="basketly", currency="EUR")
    first, second = (brought(ana_client, shop, KNOWN.format(spend=spend), f"{spend}.csv") for spend in ("11.25", "9.1"))
    for one in (first, second):
        ana_client.post(f"/data/imports/{one.pk}/confirm/")
        stored(one)
    waiting = brought(ana_client, shop, UNKNOWN, "basketly_display_export (3).csv")
    for path in (
        "/data/", f"/data/imports/{second.pk}/", f"/data/imports/{waiting.pk}/mapping/", "/data/mappings/",
        "/data/mappings/amazon-sp-campaign/", "/data/mappings/amazon-sp-campaign/change/", "/data/watched/",
    ):  # fmt: skip
        page = page_for(path, size=size, scheme=scheme)
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        assert page.locator("h1").count() == 1, path
        page.context.close()
