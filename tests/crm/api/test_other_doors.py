"""What is not like the other resources: members, suppressions, consents, mappings, imports, rows set aside."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm import report_imports
from crm.models import (
    Brand,
    Campaign,
    Consent,
    Import,
    Lead,
    PerformanceMetric,
    QuarantinedRow,
    ReportMapping,
    SegmentMember,
    Suppression,
)
from crm.privacy.consent import may_address
from tests.crm.api.rows import SAMPLES, audience, contact, lead
from tests.factories import MembershipFactory, RetailerFactory
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db
READABLE = ("imports", "quarantine", "mappings", "suppressions", "consents")
CSV = "Date,Campaign ID,Campaign,Impressions,Clicks,Spend\n2026-11-02,C-1,Autumn,1000,20,12.34\n"
NOON = "2026-11-02T12:00:00Z"


def mapping(name: str = "shop-sheet", title: str = "Shop sheet") -> dict[str, Any]:
    return {
        "name": name, "title": title,
        "columns": {
            "measured_on": {"names": ["Date"]}, "campaign_id": {"names": ["Campaign ID"]},
            "campaign_name": {"names": ["Campaign"]}, "impressions": {"names": ["Impressions"], "unit": "count"},
            "clicks": {"names": ["Clicks"], "unit": "count"}, "spend": {"names": ["Spend"], "unit": "currency"},
        },
    }  # fmt: skip


def made(brand: Brand) -> dict[str, Any]:
    """One row of each."""
    batch = Import.across_brands.create(brand=brand, kind="report", filename="r.csv", sha256="0" * 64, state="partial")
    return {
        "imports": batch,
        "quarantine": QuarantinedRow.across_brands.create(
            batch=batch, file="r.csv", row=2, field="spend", value="=1+1", reason="no number"
        ),
        "mappings": ReportMapping.across_brands.create(brand=brand, name="own", title="Own", body=mapping("own")),
        "suppressions": Suppression.across_brands.create(brand=brand, person="a" * 64, reason="bounced"),
        "consents": Consent.across_brands.create(brand=brand, person="a" * 64, purpose="email", given=True, source="x"),
    }  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
class TestReading:
    def test_a_brand_sees_its_own_rows_only(self, ben: Any, cleo: Any, harbor: Brand, lumen: Brand, name: str):
        ours, theirs = made(harbor)[name], made(lumen)[name]
        for person, mine, foreign in ((ben, ours, theirs), (cleo, theirs, ours)):
            client = door(person)
            assert [row["id"] for row in client.get(f"/api/{name}/").json()["results"]] == [mine.pk]
            assert client.get(f"/api/{name}/{mine.pk}").json()["id"] == mine.pk
            assert client.get(f"/api/{name}/{foreign.pk}").status_code == 404
            text = b"".join(client.get(f"/api/{name}/export.csv").streaming_content).decode()
            assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == [str(mine.pk)]
            body = b"".join(client.get(f"/api/{name}/export.parquet").streaming_content)
            assert pl.read_parquet(io.BytesIO(body))["id"].to_list() == [mine.pk]

    def test_it_needs_a_login(self, harbor: Brand, name: str):
        row = made(harbor)[name]
        for address in ("", str(row.pk), "export.csv", "export.parquet"):
            assert door().get(f"/api/{name}/{address}").status_code == 401

    def test_an_unknown_filter_is_named(self, ana: Any, name: str):
        reply = door(ana).get(f"/api/{name}/?colour=blue")
        assert problem(reply)["errors"][0]["field"] == "colour"


class TestMembers:
    def test_people_are_added_and_removed(self, ana: Any, harbor: Brand):
        group, one, two = audience(harbor), lead(harbor), lead(harbor)
        address = f"/api/audiences/{group.pk}/members"
        ids = [one.external_id, two.external_id]
        assert door(ana).post(address, {"add": ids}).json() == {"added": 2, "removed": 0, "members": 2}
        assert door(ana).post(address, {"add": ids}).json() == {"added": 0, "removed": 0, "members": 2}
        assert [row["lead"] for row in door(ana).get(address).json()["results"]] == sorted(ids)
        assert door(ana).post(address, {"remove": ids[:1]}).json() == {"added": 0, "removed": 1, "members": 1}

    def test_another_brands_people_and_audiences_are_not_there(self, ana: Any, harbor: Brand, lumen: Brand):
        group, theirs = audience(harbor), lead(lumen)
        reply = door(ana).post(f"/api/audiences/{group.pk}/members", {"add": [theirs.external_id]})
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] == "add.0"
        foreign = f"/api/audiences/{audience(lumen).pk}/members"
        assert door(ana).get(foreign).status_code == 404
        assert door(ana).post(foreign, {"add": []}).status_code == 404
        assert not SegmentMember.objects.for_brand(harbor).exists()

    def test_a_viewer_reads_only(self, ana: Any, ben: Any, harbor: Brand):
        address = f"/api/audiences/{audience(harbor).pk}/members"
        assert door(ben).get(address).status_code == 200
        assert door(ben).post(address, {"add": []}).status_code == 403
        assert door(ana).delete(address).status_code == 405
        assert door().get(address).status_code == 401


class TestSuppressions:
    def test_an_owner_puts_somebody_on_the_list_and_takes_them_off(self, ana: Any, harbor: Brand):
        body = {"address": "Ida@Example.com", "reason": "complained"}
        reply = door(ana).post("/api/suppressions/", body)
        assert reply.status_code == 201, reply.content
        assert "example" not in reply.content.decode().lower()
        assert not may_address(harbor, "ida@example.com")
        assert door(ana).delete(f"/api/suppressions/{reply.json()['id']}").status_code == 204
        assert may_address(harbor, "ida@example.com")

    def test_many_come_at_once_and_again(self, ana: Any, harbor: Brand):
        rows = [{"address": f"p{n}@example.com"} for n in range(3)]
        first, again = (door(ana).post("/api/suppressions/bulk", rows).json() for _ in range(2))
        assert (first["created"], again["created"], again["unchanged"]) == (3, 0, 3)

    def test_who_was_erased_stays(self, ana: Any, harbor: Brand):
        row = Suppression.across_brands.create(brand=harbor, person="b" * 64, reason="erased")
        assert door(ana).delete(f"/api/suppressions/{row.pk}").status_code == 409
        assert problem(door(ana).post("/api/suppressions/", {"address": "x@example.com", "reason": "erased"}))

    @pytest.mark.parametrize("name", ["suppressions", "consents"])
    def test_only_owners_write(self, ben: Any, harbor: Brand, name: str):
        planner = MembershipFactory(brand=harbor, role="planner").user
        for person in (ben, planner):
            assert door(person).get(f"/api/{name}/").status_code == 200
            assert door(person).post(f"/api/{name}/", {}).status_code == 403
            assert door(person).post(f"/api/{name}/bulk", [{}]).status_code == 403
        assert door(planner).delete(f"/api/suppressions/{made(harbor)['suppressions'].pk}").status_code == 403


class TestConsents:
    def test_the_newest_word_holds(self, ana: Any, harbor: Brand):
        person = contact(harbor)
        said = {"address": "ida@example.com", "purpose": "email", "given": True, "said_at": NOON}
        first = door(ana).post("/api/consents/", {**said, "contact": person.external_id})
        assert first.status_code == 201, first.content
        later = {**said, "given": False, "said_at": "2026-11-03T12:00:00Z"}
        answer = door(ana).post("/api/consents/bulk", [said, later]).json()
        assert (answer["created"], answer["unchanged"]) == (1, 1)
        assert not may_address(harbor, "ida@example.com")
        assert door(ana).patch(f"/api/consents/{first.json()['id']}", {"given": True}).status_code == 405
        assert door(ana).delete(f"/api/consents/{first.json()['id']}").status_code == 405

    def test_a_contact_of_another_brand_is_named(self, ana: Any, harbor: Brand, lumen: Brand):
        said = {
            "address": "x",
            "purpose": "email",
            "given": True,
            "said_at": NOON,
            "contact": contact(lumen).external_id,
        }
        assert problem(door(ana).post("/api/consents/", said))["errors"][0]["field"] == "contact"


class TestMappings:
    def test_a_mapping_is_kept_changed_and_removed(self, ana: Any, harbor: Brand):
        client = door(ana)
        reply = client.post("/api/mappings/", {"body": mapping()})
        assert reply.status_code == 201, reply.content
        assert (reply.json()["name"], reply.json()["body"]) == ("shop-sheet", mapping())
        assert "shop-sheet" in report_imports.mappings_of(harbor)
        answer = client.post("/api/mappings/bulk", [{"body": mapping(title="Sheet of shops")}]).json()
        assert answer["updated"] == 1
        number = reply.json()["id"]
        assert client.get(f"/api/mappings/{number}").json()["title"] == "Sheet of shops"
        assert client.delete(f"/api/mappings/{number}").status_code == 204

    def test_a_mapping_that_cannot_read_is_refused_with_the_reason(self, ana: Any):
        broken = {**mapping(), "columns": {"colour": {"names": ["Colour"]}}}
        errors = problem(door(ana).post("/api/mappings/", {"body": broken}))["errors"]
        assert errors[0]["field"] == "body" and "colour" in errors[0]["detail"]

    def test_a_viewer_may_not(self, ben: Any):
        assert door(ben).post("/api/mappings/", {"body": mapping()}).status_code == 403


class TestImports:
    @pytest.fixture(autouse=True)
    def _uploads(self, settings: Any, tmp_path: Path) -> None:
        settings.UPLOADS_ROOT = tmp_path

    @pytest.fixture
    def shop(self, harbor: Brand) -> Any:
        ReportMapping.across_brands.create(brand=harbor, name="shop-sheet", title="Shop sheet", body=mapping())
        return RetailerFactory(brand=harbor, slug="northmart", currency="EUR")

    def send(self, person: Any, **fields: Any) -> Any:
        file = SimpleUploadedFile("sheet.csv", fields.pop("content", CSV).encode(), content_type="text/csv")
        return door(person).post("/api/imports/", {"file": file, **fields}, format="multipart")

    def test_a_report_comes_in_is_carried_out_and_undone(self, ana: Any, harbor: Brand, shop: Any):
        reply = self.send(ana, retailer="northmart", mapping="shop-sheet")
        assert reply.status_code == 202, reply.content
        assert reply.json()["state"] == "queued"
        report_imports.carry_out(reply.json()["id"], worker="test")
        stored = door(ana).get(reply["Location"]).json()
        assert (stored["state"], stored["rows_stored"], stored["error"]) == ("stored", 1, "")
        assert stored["reconciliation"]["spend"]["stored"] == "12.34"
        undone = door(ana).post(f"/api/imports/{stored['id']}/undo", {})
        assert (undone.status_code, undone.json()["state"]) == (200, "undone")
        assert not PerformanceMetric.objects.for_brand(harbor).exists()
        assert door(ana).post(f"/api/imports/{stored['id']}/undo", {}).status_code == 409

    def test_a_report_waits_and_is_confirmed_or_not_kept(self, ana: Any, harbor: Brand, shop: Any):
        first, second = (self.send(ana, mapping="shop-sheet", confirm="true").json() for _ in range(2))
        assert first["state"] == "mapping"
        reply = door(ana).post(
            f"/api/imports/{first['id']}/confirm", {"mapping": "shop-sheet", "retailer": "northmart"}
        )
        assert (reply.status_code, reply.json()["state"]) == (200, "queued"), reply.content
        reply = door(ana).post(f"/api/imports/{second['id']}/discard", {})
        assert reply.json()["state"] == "discarded"

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"mapping": "nowhere"}, 422), ({"retailer": "nowhere"}, 400), ({"colour": "blue"}, 400),
            ({"content": "\x00\x01\x02 no table"}, 415),
        ],
    )  # fmt: skip
    def test_what_is_wrong_with_it_is_said(self, ana: Any, harbor: Brand, fields: dict[str, Any], status: int):
        reply = self.send(ana, **fields)
        assert reply.status_code == status, reply.content
        assert problem(reply)["detail"]
        assert not Import.objects.for_brand(harbor).exists()

    def test_a_file_is_needed_and_json_is_none(self, ana: Any):
        assert door(ana).post("/api/imports/", {}, format="multipart").status_code == 400
        assert door(ana).post("/api/imports/", {"file": "x"}).status_code == 415

    def test_another_brand_cannot_decide(self, cleo: Any, lumen: Brand, ana: Any, harbor: Brand, shop: Any):
        number = self.send(ana, retailer="northmart", mapping="shop-sheet").json()["id"]
        for wish in ("confirm", "discard", "undo"):
            assert door(cleo).post(f"/api/imports/{number}/{wish}", {}).status_code == 404
        assert self.send(cleo, retailer="northmart").status_code == 400

    def test_a_viewer_may_not(self, ben: Any, harbor: Brand):
        number = made(harbor)["imports"].pk
        assert self.send(ben).status_code == 403
        for wish in ("confirm", "discard", "undo"):
            assert door(ben).post(f"/api/imports/{number}/{wish}", {}).status_code == 403
            assert door(ben).get(f"/api/imports/{number}/{wish}").status_code == 405
            assert door().post(f"/api/imports/{number}/{wish}", {}).status_code == 401


class TestStillNeeded:
    @pytest.mark.parametrize("name", ["retailers", "campaigns"])
    def test_what_has_figures_is_not_deleted(self, ana: Any, harbor: Brand, name: str):
        row = SAMPLES["campaigns"].make(harbor)
        fields = {
            "brand": harbor,
            "retailer": row.retailer,
            "campaign": row,
            "measured_on": "2026-11-02",
            "identity": 1,
        }
        PerformanceMetric.across_brands.create(**fields)
        number = row.pk if name == "campaigns" else row.retailer_id
        reply = door(ana).delete(f"/api/{name}/{number}")
        assert (reply.status_code, problem(reply)["type"]) == (409, "urn:endcap:problem:still-needed")
        assert Campaign.objects.for_brand(harbor).filter(pk=row.pk).exists()

    def test_a_stage_with_leads_is_not_deleted(self, ana: Any, harbor: Brand):
        row = lead(harbor)
        reply = door(ana).delete(f"/api/pipeline-stages/{row.stage_id}")
        assert reply.status_code == 409 and "lead" in problem(reply)["detail"]


class TestCampaignHistory:
    def test_it_knows_who_changed_what_and_the_audiences(self, ana: Any, harbor: Brand):
        row, group = SAMPLES["campaigns"].make(harbor), audience(harbor)
        reply = door(ana).patch(f"/api/campaigns/{row.pk}", {"budget": "900.00", "audiences": [group.external_id]})
        assert reply.json()["audiences"] == [group.external_id]
        assert [str(each.budget) for each in row.history.all()][:2] == ["900.00", "900.00"]
        assert row.history.filter(history_change_reason="api", history_user=ana).exists()
        assert [each.audiencesegment_id for each in row.history.first().audiences.all()] == [group.pk]
        same = {"external_id": row.external_id, "retailer": row.retailer.slug, "name": row.name}
        answer = door(ana).post("/api/campaigns/bulk", [{**same, "budget": "800.00", "audiences": []}]).json()
        assert answer["updated"] == 1
        newest = row.history.first()
        assert (str(newest.budget), newest.audiences.count()) == ("800.00", 0)


class TestLeads:
    def test_a_move_keeps_the_history(self, ana: Any, harbor: Brand):
        row = lead(harbor)
        reply = door(ana).patch(f"/api/leads/{row.pk}", {"stage": "qualified", "stage_at": NOON})
        assert (reply.json()["stage"], reply.json()["funnel_stage"]) == ("qualified", "qualified")
        last = row.changes.order_by("pk").last()
        assert (last.from_funnel, last.to_funnel, last.source) == ("prospect", "qualified", "api")
        door(ana).post("/api/leads/bulk", [{"external_id": row.external_id, "name": row.name, "stage": "proposal"}])
        assert [change.to_funnel for change in row.changes.all()].count("proposal") == 1

    def test_a_new_one_begins_somewhere_and_the_history_knows(self, ana: Any, harbor: Brand):
        rows = [
            {"external_id": "L-A", "name": "A", "created_at": NOON},
            {"external_id": "L-B", "name": "B", "stage": "proposal", "stage_at": NOON},
        ]
        assert door(ana).post("/api/leads/bulk", rows).json()["created"] == 2
        for key, word in (("L-A", "prospect"), ("L-B", "proposal")):
            stored = Lead.objects.for_brand(harbor).get(external_id=key)
            assert (stored.funnel_stage, stored.stage.external_id) == (word, word)
            [change] = stored.changes.all()
            assert (change.from_funnel, change.to_funnel, change.to_stage) == ("", word, stored.stage)
            assert change.changed_at.isoformat() == "2026-11-02T12:00:00+00:00"

    def test_a_stage_that_is_not_there_is_named(self, ana: Any, harbor: Brand):
        reply = door(ana).patch(f"/api/leads/{lead(harbor).pk}", {"stage": "moon"})
        assert problem(reply)["errors"][0]["field"] == "stage"
