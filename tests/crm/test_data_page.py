"""Data: files come in, what was set aside is listed and can be taken home, and no brand sees another's."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from crm.models import Import, QuarantinedRow, Sale

pytestmark = pytest.mark.django_db


def sales_file(*rows: dict[str, Any], name: str = "sales.json") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, json.dumps({"sales": list(rows)}).encode(), content_type="application/json")


GOOD = {"id": "S-1", "packSlug": "tax-assist", "amount": "€120.50", "currency": "EUR", "soldAt": "2026-11-03"}
BAD = {"id": "S-2", "packSlug": "tax-assist", "amount": "a lot", "currency": "EUR", "soldAt": "2026-11-03"}


@pytest.fixture
def batch(harbor: Any) -> Import:
    """An import of three rows that set two aside for one reason and one for another."""
    found: Import = Import.across_brands.create(
        brand=harbor, kind="leads", filename="leads.json", sha256="x", state="partial", rows_read=5, rows_stored=2,
        rows_set_aside=3, stored={"models": {"Lead": 2}, "files": {}, "notes": []},
    )  # fmt: skip
    for row, field, value, reason in (
        (2, "stage", "hot", "Not a known stage"),
        (4, "stage", "cold", "Not a known stage"),
        (5, "amount", "=1+1", "Not an amount"),
    ):
        QuarantinedRow.across_brands.create(
            batch=found, file="leads.json", row=row, field=field, value=value, reason=reason, raw={"row": row}
        )
    return found


class TestPage:
    def test_it_shows_to_a_member(self, ben_client, batch):
        page = ben_client.get(reverse("data"))
        assert page.status_code == 200
        assert "leads.json" in page.content.decode()

    def test_it_needs_a_login(self):
        assert Client().get(reverse("data")).url.startswith(reverse("account_login"))

    def test_it_refuses_a_post(self, ana_client):
        assert ana_client.post(reverse("data")).status_code == 405

    def test_rows_set_aside_are_grouped_by_reason_the_most_frequent_first(self, ana_client, batch):
        troubles = ana_client.get(reverse("data")).context["troubles"]
        assert [(one.reason, one.rows, one.example.value) for one in troubles] == [
            ("Not a known stage", 2, "hot"),
            ("Not an amount", 1, "=1+1"),
        ]

    def test_another_brands_imports_are_not_there(self, cleo_client, batch):
        assert "leads.json" not in cleo_client.get(reverse("data")).content.decode()

    def test_a_viewer_is_offered_no_upload(self, ben_client):
        assert "multipart/form-data" not in ben_client.get(reverse("data")).content.decode()

    def test_it_asks_as_many_questions_of_many_as_of_few(
        self, ana, ana_client, harbor, batch, django_assert_max_num_queries
    ):
        with django_assert_max_num_queries(30) as few:
            ana_client.get(reverse("data"))
        for number in range(12):
            more = Import.across_brands.create(
                brand=harbor, kind="sales", filename=f"{number}.json", sha256=str(number), state="partial", by=ana
            )
            QuarantinedRow.across_brands.create(batch=more, file="f", row=1, field="id", reason=f"Reason {number}")
        with django_assert_max_num_queries(len(few)):
            ana_client.get(reverse("data"))


class TestUpload:
    def test_it_stores_good_rows_and_sets_bad_ones_aside(self, ana, ana_client, tax_assist):
        page = ana_client.post(reverse("data_upload"), {"file": sales_file(GOOD, BAD), "kind": "auto"}, follow=True)
        batch = Import.across_brands.get()
        assert (batch.rows_stored, batch.rows_set_aside, batch.by) == (1, 1, ana)
        assert Sale.across_brands.get().amount == 120.50
        assert "sales.json: 1 row stored, 1 set aside." in page.content.decode()

    def test_the_same_file_again_stores_nothing(self, ana_client, tax_assist):
        for _ in range(2):
            ana_client.post(reverse("data_upload"), {"file": sales_file(GOOD), "kind": "sales"})
        assert Sale.across_brands.count() == 1

    def test_a_broken_file_is_said_and_changes_nothing(self, ana_client, tax_assist):
        broken = SimpleUploadedFile("sales.json", b'{"sales": [')
        page = ana_client.post(reverse("data_upload"), {"file": broken, "kind": "auto"}, follow=True)
        assert "could not be taken in" in page.content.decode()
        assert not Sale.across_brands.exists()

    @pytest.mark.parametrize("data", [{}, {"kind": "auto"}])
    def test_without_a_file_the_form_comes_back(self, data, ana_client):
        response = ana_client.post(reverse("data_upload"), data)
        assert response.status_code == 422
        assert "Choose a file first." in response.content.decode()
        assert not Import.across_brands.exists()

    def test_an_unknown_kind_is_refused(self, ana_client, tax_assist):
        response = ana_client.post(reverse("data_upload"), {"file": sales_file(GOOD), "kind": "secrets"})
        assert response.status_code == 422
        assert not Import.across_brands.exists()

    def test_it_refuses_a_get(self, ana_client):
        assert ana_client.get(reverse("data_upload")).status_code == 405

    def test_a_viewer_may_not(self, ben_client, tax_assist):
        response = ben_client.post(reverse("data_upload"), {"file": sales_file(GOOD), "kind": "auto"})
        assert response.status_code == 403
        assert not Import.across_brands.exists()

    def test_it_needs_a_login_and_keeps_no_file(self, client, tax_assist):
        response = client.post(reverse("data_upload"), {"file": sales_file(GOOD), "kind": "auto"})
        assert response.url.startswith(reverse("account_login"))
        assert "kept" not in client.session


class TestQuarantineDownload:
    def rows(self, client: Client, query: str = "") -> list[dict[str, str]]:
        response = client.get(reverse("quarantine_download") + query)
        return list(csv.DictReader(io.StringIO(response.getvalue().decode())))

    def test_it_holds_every_row_with_its_reason(self, ben_client, batch):
        rows = self.rows(ben_client)
        assert [(row["row"], row["field"], row["reason"]) for row in rows] == [
            ("2", "stage", "Not a known stage"),
            ("4", "stage", "Not a known stage"),
            ("5", "amount", "Not an amount"),
        ]
        assert json.loads(rows[0]["raw"]) == {"row": 2}

    def test_a_value_that_looks_like_a_formula_stays_text(self, ben_client, batch):
        assert self.rows(ben_client)[2]["value"] == "'=1+1"

    def test_it_can_be_of_one_import(self, harbor, ben_client, batch):
        other = Import.across_brands.create(brand=harbor, kind="sales", filename="o", sha256="y")
        assert self.rows(ben_client, f"?import={other.pk}") == []
        assert len(self.rows(ben_client, f"?import={batch.pk}")) == 3

    def test_another_brand_gets_none_of_it(self, cleo_client, batch):
        assert self.rows(cleo_client) == []
        assert cleo_client.get(reverse("quarantine_download") + f"?import={batch.pk}").status_code == 404

    def test_it_needs_a_login_and_refuses_a_post(self, ana_client):
        assert Client().get(reverse("quarantine_download")).status_code == 302
        assert ana_client.post(reverse("quarantine_download")).status_code == 405


class TestBrandSwitch:
    def test_it_changes_the_brand_by_post_only(self, ana, ana_client, lumen):
        lumen.memberships.create(user=ana, role="viewer")
        assert ana_client.get(reverse("switch_brand", args=["lumen-home"])).status_code == 405
        response = ana_client.post(reverse("switch_brand", args=["lumen-home"]), follow=True)
        assert response.context["brand"] == lumen

    def test_a_brand_of_others_is_not_there(self, ana_client, lumen):
        assert ana_client.post(reverse("switch_brand", args=["lumen-home"])).status_code == 404


class TestSeveralFiles:
    def test_a_hubspot_export_comes_in_whole_as_a_zip(self, ana_client, harbor, shared_data):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in (shared_data / "crm" / "hubspot_fivetran").glob("*.csv"):
                archive.write(path, f"export/{path.name}")
        upload = SimpleUploadedFile("hubspot.zip", packed.getvalue())
        page = ana_client.post(reverse("data_upload"), {"file": upload, "kind": "auto"}, follow=True)
        batch = Import.objects.for_brand(harbor).get()
        assert (batch.kind, batch.rows_read) == ("hubspot", 794)
        assert batch.rows_read == batch.rows_stored + batch.rows_unchanged + batch.rows_set_aside
        assert "deal_pipeline_stage_data.csv" in page.content.decode()

    def test_each_of_two_files_is_an_import_of_its_own(self, ana_client, harbor):
        files = [sales_file(GOOD), SimpleUploadedFile("broken.json", b'{"sales": [')]
        ana_client.post(reverse("data_upload"), {"file": files, "kind": "auto"}, follow=True)
        states = dict(Import.objects.for_brand(harbor).values_list("filename", "state"))
        assert states["broken.json"] == "failed"
        assert len(states) == 2

    @pytest.mark.parametrize("name", ["bomb", "not a zip", "nothing inside"])
    def test_a_zip_that_cannot_be_opened_safely_is_refused_whole(self, ana_client, harbor, name):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            if name == "bomb":
                archive.writestr("sales.csv", b"0" * 20_000_000)
        content = b"PK\x03\x04 and no more" if name == "not a zip" else packed.getvalue()
        upload = SimpleUploadedFile("sales.zip", content)
        response = ana_client.post(reverse("data_upload"), {"file": upload, "kind": "auto"})
        assert response.status_code == 422
        assert not Import.objects.for_brand(harbor).exists()
