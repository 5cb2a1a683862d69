"""A HubSpot folder: the real export goes in whole, and small folders show what it happens not to contain."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm.imports import load_folder
from crm.models import Brand, Company, Contact, Import, Lead, Outcome, Pipeline, PipelineStage, StageChange

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REAL = "crm/hubspot_fivetran"


def b64(identifier: str) -> str:
    return base64.b64encode(hashlib.md5(identifier.encode()).digest()).decode()


def load(brand: Brand, folder: Path) -> Import:
    batch = load_folder(brand=brand, folder=folder, now=NOW)
    assert batch.rows_read == batch.rows_stored + batch.rows_unchanged + batch.rows_set_aside
    for books in batch.stored.get("files", {}).values():
        assert books["read"] == books["stored"] + books["unchanged"] + books["set_aside"]
    return batch


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """Two pipelines (one known only by a hash nobody can resolve), three deals with history, links and mail."""
    tables = {
        "deal_pipeline_data": "pipeline_id,label,display_order\nsales,Sales,0\n",
        "deal_pipeline_stage_data": (
            "stage_id,label,pipeline_id,display_order,probability,closed_won,is_closed\n"
            f"s1,Meeting,{b64('sales')},0,0.3,FALSE,FALSE\n"
            f"s2,Signed,{b64('sales')},1,1.0,TRUE,TRUE\n"
            f"s3,Gone,{b64('sales')},2,0.0,FALSE,TRUE\n"
            f"s9,Else,{b64('unknown')},0,0.5,FALSE,FALSE\n"
        ),
        "company_data": "id,property_name,is_deleted\n1,Acme,false\n2,Beta,true\n",
        "contact_data": "id,property_email,property_firstname\n1,ana@acme.test,Ana\n2,ben@acme.test,Ben\n",
        "deal_data": (
            "deal_id,is_deleted,deal_pipeline_stage_id,property_dealname,property_amount,property_createdate\n"
            "10,false,s1,Oats,€1200.00,2026-01-01 08:00:00\n"
            '11,false,,No stage,"1,200",2026-01-01 08:00:00\n'
            "12,false,,Moves,,2026-01-01 08:00:00\n"
        ),
        "deal_stage_data": (
            "deal_id,value,date_entered\n12,s1,2026-01-02 08:00:00\n12,s2,2026-02-02 08:00:00\n"
            "99,s1,2026-01-02\n12,s7,2026-01-02\n"
        ),
        "deal_company_data": "deal_id,company_id\n10,1\n10,7\n",
        "deal_contact_data": "deal_id,contact_id\n10,2\n10,1\n",
        "email_campaign_data": "id,name\n5,Spring\n6,Autumn\n",
        "email_event_data": (
            "id,type,created,email_campaign_id,recipient,sent_by_id,filtered_event\n"
            f"a,SENT,2026-03-01 10:00:00,5,{b64('ana@acme.test')},a,false\n"
            f"b,OPEN,2026-03-01 11:00:00,5,{b64('ana@acme.test')},a,true\n"
            "c,PROCESSED,2026-03-01 10:00:01,5,x,a,\n"
            "d,PROCESSED,2026-03-01 10:00:01,5,x,zz,\n"
            "e,STATUSCHANGE,2026-03-01 10:00:01,5,x,,\n"
            "f,BOUNCE,,5,x,,\n"
        ),
        "email_event_open_data": "id,duration\nb,27004\nq,1\n",
    }
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


class TestSmallAccount:
    def test_stages_join_by_the_hash_of_the_pipelines_id(self, harbor: Brand, account: Path) -> None:
        load(harbor, account)
        stages = PipelineStage.objects.for_brand(harbor).filter(pipeline__external_id="hubspot:sales")
        assert list(stages.values_list("name", "win_probability", "maps_to")) == [
            ("Meeting", 0.3, "engaged"),
            ("Signed", 1.0, "purchased"),
            ("Gone", 0.0, "lost"),
        ]

    def test_a_hash_of_no_known_id_becomes_a_pipeline_of_its_own(self, harbor: Brand, account: Path) -> None:
        batch = load(harbor, account)
        lone = PipelineStage.objects.for_brand(harbor).get(name="Else").pipeline
        assert lone.external_id == f"hubspot:{b64('unknown')}"
        assert "only its hash is known" in lone.name
        assert any("Pipelines known only by a hash, made under that hash: 1" in note for note in batch.stored["notes"])

    def test_deals_move_through_their_history(self, harbor: Brand, account: Path) -> None:
        load(harbor, account)
        lead = Lead.objects.for_brand(harbor).get(external_id="hubspot:12")
        assert (lead.funnel_stage, lead.stage.name) == ("purchased", "Signed")
        moves = lead.changes.exclude(from_stage=None).values_list("from_funnel", "to_funnel", "changed_at__month")
        assert list(moves) == [("engaged", "purchased", 2)]

    def test_links_tie_the_deal_to_people(self, harbor: Brand, account: Path) -> None:
        load(harbor, account)
        lead = Lead.objects.for_brand(harbor).get(external_id="hubspot:10")
        assert (lead.company.name, lead.contact.name) == ("Acme", "Ana")
        assert lead.detail["contact_ids"] == ["hubspot:1", "hubspot:2"]

    def test_events_become_outcomes_of_the_contact_and_its_lead(self, harbor: Brand, account: Path) -> None:
        load(harbor, account)
        opened = Outcome.objects.for_brand(harbor).get(kind="opened")
        assert (opened.contact.name, opened.lead.external_id) == ("Ana", "hubspot:10")
        assert opened.detail["filtered"] is True
        assert opened.detail["open"] == {"duration": "27004"}
        assert opened.detail["campaign"] == {"id": "5", "name": "Spring"}
        sent = Outcome.objects.for_brand(harbor).get(kind="sent")
        assert sent.detail["processed_at"] == "2026-03-01 10:00:01"

    def test_what_leads_nowhere_is_set_aside_with_the_reason(self, harbor: Brand, account: Path) -> None:
        batch = load(harbor, account)
        found = {(row.file.removesuffix("_data.csv"), row.row): row.field for row in batch.quarantine.all()}
        assert found == {
            ("company", 2): "is_deleted",
            ("deal", 2): "property_amount",
            ("deal_stage", 3): "deal_id",
            ("deal_stage", 4): "value",
            ("deal_company", 2): "company_id",
            ("email_campaign", 2): "id",
            ("email_event", 4): "type",
            ("email_event", 5): "type",
            ("email_event", 6): "created",
            ("email_event_open", 2): "id",
        }

    def test_a_second_time_changes_nothing(self, harbor: Brand, account: Path) -> None:
        models: tuple[Any, ...] = (Pipeline, PipelineStage, Company, Contact, Lead, StageChange, Outcome)
        first = load(harbor, account)
        before = [list(model.objects.for_brand(harbor).order_by("pk").values()) for model in models]
        second = load(harbor, account)
        assert [list(model.objects.for_brand(harbor).order_by("pk").values()) for model in models] == before
        assert (second.rows_stored, second.rows_unchanged) == (0, first.rows_stored)

    def test_one_broken_table_stops_all(self, harbor: Brand, account: Path) -> None:
        (account / "deal_data.csv").write_text("deal,name\n1,x\n")
        batch = load(harbor, account)
        assert batch.state == Import.State.FAILED
        assert "deal_data.csv lacks the column deal_id" in batch.error
        assert not Contact.objects.for_brand(harbor).exists()

    def test_a_folder_without_tables_fails_clearly(self, harbor: Brand, tmp_path: Path) -> None:
        batch = load(harbor, tmp_path)
        assert batch.state == Import.State.FAILED
        assert "no table of a HubSpot export" in batch.error


@pytest.mark.real_data
class TestRealExport:
    def test_it_goes_in_whole(self, harbor: Brand, shared_data: Path) -> None:
        batch = load(harbor, shared_data / REAL)
        rows = {path.name: list(csv.DictReader(path.open())) for path in (shared_data / REAL).glob("*.csv")}
        assert {name: books["read"] for name, books in batch.stored["files"].items()} == {
            name: len(found) for name, found in rows.items()
        }
        assert Pipeline.objects.for_brand(harbor).filter(external_id__startswith="hubspot:").count() == 6
        stages = PipelineStage.objects.for_brand(harbor).filter(external_id__startswith="hubspot:")
        expected = Counter(float(row["probability"]) for row in rows["deal_pipeline_stage_data.csv"])
        assert Counter(stages.values_list("win_probability", flat=True)) == expected
        assert sum(expected.values()) == 71
        assert Lead.objects.for_brand(harbor).count() == 44
        assert Company.objects.for_brand(harbor).count() == 24
        assert Contact.objects.for_brand(harbor).count() == 22
        kinds = Counter(Outcome.objects.for_brand(harbor).values_list("kind", flat=True))
        assert kinds == {"opened": 90, "sent": 4, "delivered": 3}

    def test_every_stage_found_its_pipeline_by_a_hash_that_can_be_checked(
        self, harbor: Brand, shared_data: Path
    ) -> None:
        load(harbor, shared_data / REAL)
        for row in csv.DictReader((shared_data / REAL / "deal_pipeline_stage_data.csv").open()):
            stage = PipelineStage.objects.for_brand(harbor).get(external_id=f"hubspot:{row['stage_id']}")
            assert b64(stage.pipeline.external_id.removeprefix("hubspot:")) == row["pipeline_id"]

    def test_rows_that_join_nothing_are_all_named(self, harbor: Brand, shared_data: Path) -> None:
        batch = load(harbor, shared_data / REAL)
        assert Counter(batch.quarantine.values_list("file", flat=True)) == {
            "deal_stage_data.csv": 14,
            "deal_contact_data.csv": 11,
            "deal_company_data.csv": 2,
            "email_campaign_data.csv": 99,
            "email_event_open_data.csv": 100,
            "email_event_click_data.csv": 100,
            "email_event_bounce_data.csv": 100,
            "email_event_sent_data.csv": 100,
        }
