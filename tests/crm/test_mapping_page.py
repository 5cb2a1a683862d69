"""A retailer's report by hand: brought in, explained where it is unknown, confirmed, stored, looked at and undone."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from crm import report_imports
from crm.models import Import, PerformanceMetric, ReportMapping, Retailer
from crm.views import mapping_form
from tests.conftest import signed_in
from tests.factories import RetailerFactory

pytestmark = pytest.mark.django_db
HEADER = "Dt;Cmp_Nm;Imp;Clk;Cost_net;Att_Sls_14d;Zuständig\n"
UNKNOWN = (
    HEADER
    + "17.09.2025;Autumn porridge;1840;212;148,20;402,10;K. Brandt\n"
    + "18.09.2025;Autumn porridge;1731;87;61,05;0,00;K. Brandt\n"
    + "19.09.2025;Oat drink;0;40;5,30;0,00;K. Brandt\n"
    + "Total;;3571;339;214,55;402,10;\n"
)
KNOWN = (
    "date,campaignId,campaignName,impressions,clicks,cost,purchases7d,sales7d,purchases14d,sales14d\n"
    "2025-09-17,111,Autumn porridge,1000,10,12.50,1,20.00,2,31.00\n"
    "2025-09-18,111,Autumn porridge,900,9,{spend},1,20.00,2,31.00\n"
)


@pytest.fixture(autouse=True)
def uploads(settings, tmp_path) -> Path:
    settings.UPLOADS_ROOT = tmp_path / "uploads"
    return settings.UPLOADS_ROOT


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch):
    """Reports stay queued until a test carries them out itself."""
    monkeypatch.setattr("crm.tasks.carry_out_import.apply_async", lambda *_, **__: None)


@pytest.fixture
def shop(harbor: Any) -> Retailer:
    return RetailerFactory(brand=harbor, name="Basketly", slug="basketly", currency="EUR")


def sent(text: str, name: str = "report.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode(), content_type="text/csv")


def bring(client: Client, shop: Retailer, text: str, name: str = "report.csv") -> Import:
    response = client.post(reverse("data_upload"), {"file": sent(text, name), "kind": "report", "retailer": shop.pk})
    assert response.status_code == 302, response.content.decode()[:2000]
    found: Import = Import.across_brands.latest("pk")
    return found


SETTLED = {"goes-0": "columns.measured_on", "goes-2": "columns.impressions", "goes-3": "columns.clicks",
           "goes-5": "window:14|click:sales", "goes-6": ""}  # fmt: skip


def form_of(client: Client, batch: Import, **changed: str) -> dict[str, str]:
    """What a browser would send: the form as a person settled it, every column ticked, with changes."""
    entered = client.get(reverse("import_mapping", args=[batch.pk])).context["entered"]
    data = {f"goes-{line.number}": line.choice for line in entered.lines}
    data |= {f"unit-{line.number}": line.unit for line in entered.lines}
    data |= {f"right-{line.number}": "on" for line in entered.lines}
    data |= {"name": entered.name, "title": entered.title, "grain": entered.grain, "order": entered.order,
             "formats": entered.formats, "decimal": entered.decimal, "primary": entered.primary}  # fmt: skip
    return data | SETTLED | changed


def stored(batch: Import) -> Import:
    report_imports.carry_out(batch.pk, worker="test")
    batch.refresh_from_db()
    return batch


class TestUnknownReport:
    def test_it_waits_and_stores_nothing_before_a_person_has_confirmed_it(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        assert (batch.state, batch.mapping, batch.retailer) == ("mapping", "", shop)
        page = ana_client.get(reverse("import_mapping", args=[batch.pk]))
        choices = {line.column: line.choice for line in page.context["entered"].lines}
        assert choices["Cmp_Nm"] == "columns.campaign_name"
        assert choices["Cost_net"] == "columns.spend"
        assert choices["Zuständig"] == ""
        assert not PerformanceMetric.across_brands.exists()

    def test_the_dry_run_says_what_would_be_stored_and_set_aside(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        page = ana_client.post(reverse("import_try", args=[batch.pk]), form_of(ana_client, batch))
        result = page.context["run"].preview.result
        assert (result.read, result.stored, result.set_aside) == (3, 2, 1)
        text = page.content.decode()
        assert "2 rows would be stored" in text
        assert "€214.55, the same as the file’s total row" in text
        assert "17 September 2025 to 18 September 2025" in text
        assert "Clicks without views" in text

    def test_a_column_that_is_not_ticked_stops_it(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        data = form_of(ana_client, batch)
        del data["right-6"]
        response = ana_client.post(reverse("import_confirm", args=[batch.pk]), data)
        assert response.status_code == 422
        assert "Look at Zuständig and tick" in response.content.decode()
        batch.refresh_from_db()
        assert batch.state == "mapping"

    def test_confirmed_it_is_stored_adds_up_and_the_mapping_is_kept(self, ana, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        response = ana_client.post(
            reverse("import_confirm", args=[batch.pk]), form_of(ana_client, batch, name="basketly-daily")
        )
        assert response.url == reverse("import", args=[batch.pk])
        assert stored(batch).state == "partial"
        own = ReportMapping.across_brands.get()
        assert (own.name, own.title, own.confirmed_by) == ("basketly-daily", "report", ana)
        page = ana_client.get(reverse("import", args=[batch.pk])).content.decode()
        assert "Adds up to the cent." in page
        assert "€214.55 as well" in page
        assert ana_client.get(reverse("data")).context["rows"][0].spend.set_aside == Decimal("5.30")

    def test_the_next_one_of_its_kind_is_known(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        ana_client.post(reverse("import_confirm", args=[batch.pk]), form_of(ana_client, batch, name="basketly-daily"))
        again = bring(ana_client, shop, UNKNOWN.replace("17.09", "20.09"), "next.csv")
        assert again.mapping == "basketly-daily"
        page = ana_client.get(reverse("import_mapping", args=[again.pk]))
        assert page.context["entered"] is None
        assert page.context["run"].stored == 2

    def test_two_columns_of_one_meaning_are_refused(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        data = form_of(ana_client, batch, **{"goes-2": "columns.clicks", "goes-3": "columns.clicks"})
        response = ana_client.post(reverse("import_confirm", args=[batch.pk]), data)
        assert response.status_code == 422
        assert "Imp and Clk go to the same" in response.content.decode()

    def test_a_name_that_is_taken_is_refused(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        data = form_of(ana_client, batch, name="amazon-sp-campaign")
        response = ana_client.post(reverse("import_confirm", args=[batch.pk]), data)
        assert response.status_code == 422
        assert "There is a mapping called amazon-sp-campaign already." in response.content.decode()

    def test_a_change_is_tried_out_at_once_in_a_part(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        data = form_of(ana_client, batch, **{"goes-0": ""})
        response = ana_client.post(reverse("import_try", args=[batch.pk]), data, headers={"HX-Request": "true"})
        text = response.content.decode()
        assert "It cannot be read like this." in text
        assert "measured_on" in text
        assert "<html" not in text
        assert ana_client.post(reverse("import_try", args=[batch.pk]), data).content.startswith(b"<!doctype")

    def test_a_retailer_has_to_be_named(self, ana_client, harbor, shop):
        response = ana_client.post(reverse("data_upload"), {"file": sent(UNKNOWN), "kind": "report"})
        batch = Import.across_brands.get()
        assert response.url == reverse("import_mapping", args=[batch.pk])
        data = form_of(ana_client, batch)
        assert ana_client.post(reverse("import_confirm", args=[batch.pk]), data).status_code == 422
        confirmed = ana_client.post(reverse("import_confirm", args=[batch.pk]), data | {"retailer": str(shop.pk)})
        assert confirmed.status_code == 302
        batch.refresh_from_db()
        assert (batch.retailer, batch.state) == (shop, "queued")

    def test_another_brands_retailer_is_not_taken(self, ana_client, shop, lumen):
        theirs = RetailerFactory(brand=lumen, name="Theirs", slug="theirs")
        ana_client.post(reverse("data_upload"), {"file": sent(UNKNOWN), "kind": "report"})
        batch = Import.across_brands.get()
        data = form_of(ana_client, batch) | {"retailer": str(theirs.pk)}
        assert ana_client.post(reverse("import_confirm", args=[batch.pk]), data).status_code == 422

    def test_content_of_the_file_is_never_markup(self, ana_client, shop):
        evil = UNKNOWN.replace("K. Brandt", "<script>alert(1)</script>").replace("Autumn porridge", "<img src=x>")
        batch = bring(ana_client, shop, evil)
        text = ana_client.get(reverse("import_mapping", args=[batch.pk])).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x>" not in text
        assert "&lt;img src=x&gt;" in text

    def test_not_wanted_its_file_goes(self, ana_client, shop, uploads, django_capture_on_commit_callbacks):
        batch = bring(ana_client, shop, UNKNOWN)
        assert [path for path in uploads.rglob("*") if path.is_file()]
        with django_capture_on_commit_callbacks(execute=True):
            ana_client.post(reverse("import_discard", args=[batch.pk]))
        batch.refresh_from_db()
        assert batch.state == "discarded"
        assert not [path for path in uploads.rglob("*") if path.is_file()]


class TestKnownReport:
    def test_its_first_rows_are_shown_before_anything_is_stored(self, ana_client, shop):
        batch = bring(ana_client, shop, KNOWN.format(spend="11.25"))
        page = ana_client.get(reverse("import_mapping", args=[batch.pk]))
        assert batch.mapping.startswith("amazon")
        assert page.context["entered"] is None
        assert "12.50" in page.content.decode()
        assert page.context["unread"] == []
        assert not PerformanceMetric.across_brands.exists()

    def test_columns_that_it_does_not_read_are_named(self, ana_client, shop):
        lines = KNOWN.format(spend="11.25").splitlines()
        text = "\n".join([f"{lines[0]},Mood", *(f"{line},good" for line in lines[1:])])
        batch = bring(ana_client, shop, text)
        assert batch.mapping == "amazon-sp-campaign"
        assert ana_client.get(reverse("import_mapping", args=[batch.pk])).context["unread"] == ["Mood"]

    def test_one_press_stores_it(self, ana_client, shop):
        batch = bring(ana_client, shop, KNOWN.format(spend="11.25"))
        ana_client.post(reverse("import_confirm", args=[batch.pk]))
        assert stored(batch).state == "stored"
        assert PerformanceMetric.across_brands.count() == 2

    def test_how_it_is_read_can_be_changed_under_a_name_of_its_own(self, ana_client, shop):
        batch = bring(ana_client, shop, KNOWN.format(spend="11.25"))
        page = ana_client.get(reverse("import_mapping", args=[batch.pk]) + "?edit=1")
        lines = page.context["entered"].lines
        assert {line.column: line.choice for line in lines}["cost"] == "columns.spend"
        data = {f"right-{line.number}": "on" for line in lines} | {"edit": "1", "name": "amazon-ours", "title": "Ours"}
        assert ana_client.post(reverse("import_confirm", args=[batch.pk]), data).status_code == 302
        assert stored(batch).mapping == "amazon-ours"
        assert batch.state == "stored"

    def test_a_restated_row_is_shown_with_what_it_was(self, ana_client, shop):
        for spend in ("11.25", "13.75"):
            batch = bring(ana_client, shop, KNOWN.format(spend=spend), f"{spend}.csv")
            ana_client.post(reverse("import_confirm", args=[batch.pk]))
            stored(batch)
        assert batch.rows_restated == 1
        text = re.sub(r"\s+", " ", ana_client.get(reverse("import", args=[batch.pk])).content.decode())
        assert "€11.25" in text
        assert "<strong>€13.75</strong>" in text


class TestUndo:
    @pytest.fixture
    def two(self, ana_client, shop) -> list[Import]:
        batches = []
        for spend in ("11.25", "13.75"):
            batch = bring(ana_client, shop, KNOWN.format(spend=spend), f"{spend}.csv")
            ana_client.post(reverse("import_confirm", args=[batch.pk]))
            batches.append(stored(batch))
        return batches

    def test_it_says_first_what_it_will_do_and_then_does_it(self, ana, ana_client, two):
        page = ana_client.get(reverse("import", args=[two[1].pk]))
        assert (page.context["effect"].removed, page.context["effect"].put_back) == (0, 1)
        ana_client.post(reverse("import_undo", args=[two[1].pk]))
        two[1].refresh_from_db()
        assert (two[1].state, two[1].undone_by) == ("undone", ana)
        assert sorted(PerformanceMetric.across_brands.values_list("spend", flat=True)) == [11.25, 12.5]

    def test_it_says_why_it_cannot(self, ana_client, two):
        response = ana_client.post(reverse("import_undo", args=[two[0].pk]))
        assert response.status_code == 409
        assert "Undo that one first." in response.content.decode()
        assert PerformanceMetric.across_brands.count() == 2

    def test_a_viewer_may_not(self, ben_client, two):
        assert "Undo this import" not in ben_client.get(reverse("import", args=[two[1].pk])).content.decode()
        assert ben_client.post(reverse("import_undo", args=[two[1].pk])).status_code == 403


class TestOriginalFile:
    def test_an_owner_takes_it_home_as_a_file_that_no_browser_opens(self, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN, "evil.html")
        response = ana_client.get(reverse("import_file", args=[batch.pk]))
        assert response.getvalue() == UNKNOWN.encode()
        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"] == 'attachment; filename="evil.html"'

    def test_nobody_else_may(self, ana_client, ben_client, rae, cleo_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        address = reverse("import_file", args=[batch.pk])
        assert ben_client.get(address).status_code == 403
        assert signed_in(rae).get(address).status_code == 403
        assert cleo_client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("import", "get"), ("import_mapping", "get"), ("import_file", "get"), ("import_try", "post"),
        ("import_confirm", "post"), ("import_discard", "post"), ("import_undo", "post"),
    ],
)  # fmt: skip
class TestDoors:
    def test_another_brand_gets_404(self, name, method, ana_client, cleo_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        assert getattr(cleo_client, method)(reverse(name, args=[batch.pk])).status_code == 404
        batch.refresh_from_db()
        assert batch.state == "mapping"

    def test_it_needs_a_login_and_refuses_the_wrong_method(self, name, method, ana_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        address = reverse(name, args=[batch.pk])
        assert getattr(Client(), method)(address).status_code == 302
        assert getattr(ana_client, {"get": "post", "post": "get"}[method])(address).status_code == 405

    def test_a_viewer_changes_nothing(self, name, method, ana_client, ben_client, shop):
        batch = bring(ana_client, shop, UNKNOWN)
        answer = getattr(ben_client, method)(reverse(name, args=[batch.pk])).status_code
        assert answer == (200 if name in ("import", "import_mapping") else 403)
        batch.refresh_from_db()
        assert batch.state == "mapping"


class TestForm:
    def test_a_mapping_comes_back_from_its_form_as_it_was(self):
        body = {
            "name": "a", "title": "A", "grain": "campaign",
            "columns": {"measured_on": {"names": ["Day"]}, "spend": {"names": ["Cost"], "unit": "micros"}},
            "breakdown": {"device": {"names": ["Device"]}}, "identity": [],
            "windows": [{"days": 14, "attribution": "click", "primary": True, "sales": {"names": ["Sales"]}}],
        }  # fmt: skip
        columns = [{"column": name, "confidence": 1.0} for name in ("Day", "Cost", "Device", "Sales")]
        made = mapping_form.body_of(mapping_form.entered_of(body, columns), body)
        assert {key: made[key] for key in ("columns", "breakdown", "windows")} == {
            key: body[key] for key in ("columns", "breakdown", "windows")
        }

    def test_what_a_post_invents_is_not_taken(self):
        body = {"name": "a", "title": "A", "columns": {"spend": {"names": ["Cost"]}}}
        proposed = mapping_form.entered_of(body, [{"column": "Cost", "confidence": 1.0}])
        for choice in ("columns.pk", "window:9999|click:sales", "window:14|magic:sales", "window:14|click:brand", "x"):
            assert mapping_form.entered_by({"goes-0": choice}, proposed).lines[0].choice == "columns.spend"


class TestMappings:
    def test_an_own_one_of_a_shipped_one_goes_first_and_can_be_removed(self, ana_client, harbor):
        address = reverse("mapping_change", args=["amazon-sp-campaign"])
        text = ana_client.get(address).context["form"].initial["text"]
        changed = text.replace("restatement_days: 30", "restatement_days: 7")
        assert changed != text
        assert ana_client.post(address, {"text": changed}).status_code == 302
        assert report_imports.mapping_of(harbor, "amazon-sp-campaign").restatement_days == 7
        ana_client.post(reverse("mapping_remove", args=["amazon-sp-campaign"]))
        assert report_imports.mapping_of(harbor, "amazon-sp-campaign").restatement_days == 30

    @pytest.mark.parametrize("text", ["columns: [", "name: other\ntitle: x", "!!python/object:os.system {}"])
    def test_what_is_no_mapping_is_refused_and_said(self, text, ana_client):
        response = ana_client.post(reverse("mapping_change", args=["amazon-sp-campaign"]), {"text": text})
        assert response.status_code == 422
        assert not ReportMapping.across_brands.exists()

    def test_another_brand_and_a_viewer_change_nothing(self, ana_client, ben_client, cleo_client, harbor):
        own = ReportMapping.across_brands.create(brand=harbor, name="ours", title="Ours", body={})
        assert cleo_client.get(reverse("mapping", args=["ours"])).status_code == 404
        assert cleo_client.post(reverse("mapping_remove", args=["ours"])).status_code == 404
        assert ben_client.post(reverse("mapping_remove", args=["ours"])).status_code == 403
        assert ReportMapping.across_brands.filter(pk=own.pk).exists()


class TestWatched:
    DATA = {"place": "harbor-oats/amazon", "pattern": "*.csv", "every_minutes": "15", "active": "on", "mapping": ""}

    def test_an_owner_watches_a_folder_of_the_brand(self, ana_client, shop, harbor):
        assert ana_client.post(reverse("watch"), self.DATA | {"retailer": shop.pk}).status_code == 302
        assert harbor.watched_sources.get().place == "harbor-oats/amazon"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"place": "lumen-home/amazon"}, {"place": "harbor-oats/../lumen-home"}, {"place": "/etc"},
            {"place": "s3://bucket/lumen-home/"}, {"pattern": "../*"}, {"every_minutes": "0"},
        ],
    )  # fmt: skip
    def test_a_place_outside_is_refused(self, wrong, ana_client, shop, harbor):
        assert ana_client.post(reverse("watch"), self.DATA | {"retailer": shop.pk} | wrong).status_code == 422
        assert not harbor.watched_sources.exists()

    def test_only_owners_may(self, ben_client, shop, harbor):
        assert ben_client.get(reverse("watched")).status_code == 200
        assert ben_client.post(reverse("watch"), self.DATA | {"retailer": shop.pk}).status_code == 403
