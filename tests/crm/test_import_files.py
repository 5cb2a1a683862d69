"""Sales, leads and deals into the database: stored, unchanged or set aside, and nothing in between."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm.imports import load_file, rows_as_csv
from crm.models import Brand, Company, Contact, Import, Lead, Pack, Pipeline, PipelineStage, Sale, StageChange
from tests.factories import PackFactory

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def load(brand: Brand, content: Any, name: str = "file.json", **options: Any) -> Import:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    batch = load_file(brand=brand, file=io.BytesIO(data), filename=name, now=NOW, **options)
    assert batch.rows_read == batch.rows_stored + batch.rows_unchanged + batch.rows_set_aside
    assert batch.rows_set_aside == batch.quarantine.count()
    return batch


def held(brand: Brand) -> tuple[int, ...]:
    models: tuple[Any, ...] = (Sale, Lead, StageChange, Company, Contact, Pipeline, PipelineStage)
    return tuple(model.objects.for_brand(brand).count() for model in models)


def reasons(batch: Import) -> list[tuple[int, str, str]]:
    return [(row.row, row.field, row.reason) for row in batch.quarantine.all()]


class TestSales:
    @pytest.mark.parametrize("name", ["packSlug", "pack_slug", "pack"])
    def test_the_pack_is_found_under_each_of_its_names(self, harbor: Brand, tax_assist: Pack, name: str) -> None:
        load(harbor, {"sales": [{"id": "S1", name: "tax-assist", "amount": "€1,234.50", "soldAt": "2026-03-01 10:00"}]})
        sale = Sale.objects.for_brand(harbor).get()
        assert (sale.pack, sale.amount, sale.currency) == (tax_assist, Decimal("1234.50"), "EUR")
        assert sale.sold_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert sale.attributed_to is None

    def test_an_unknown_pack_is_set_aside_and_comes_in_once_it_exists(self, harbor: Brand, tax_assist: Pack) -> None:
        rows = [{"id": "S1", "pack": "new-pack", "amount": 5, "date": "2026-03-01"}]
        first = load(harbor, rows)
        assert first.state == Import.State.PARTIAL
        assert [(row.field, row.value) for row in first.quarantine.all()] == [("pack", "new-pack")]
        assert "tax-assist" in first.quarantine.get().reason
        PackFactory(brand=harbor, slug="new-pack")
        assert load(harbor, rows).rows_stored == 1

    def test_another_brands_pack_is_unknown(self, harbor: Brand, lumen: Brand, tax_assist: Pack) -> None:
        batch = load(lumen, [{"id": "S1", "pack": "tax-assist", "amount": 5, "date": "2026-03-01"}])
        assert batch.rows_set_aside == 1
        assert "tax-assist" not in batch.quarantine.get().reason
        assert not Sale.objects.for_brand(lumen).exists()

    def test_a_second_row_of_an_id_is_unchanged_when_equal_and_set_aside_when_not(self, harbor: Brand) -> None:
        row = {"saleId": "S1", "amount": 5, "date": "2026-03-01"}
        batch = load(harbor, [row, dict(row), {**row, "amount": 6}])
        assert (batch.rows_stored, batch.rows_unchanged, batch.rows_set_aside) == (1, 1, 1)
        assert reasons(batch) == [(3, "id", "row 1 has the same id and other content")]

    def test_a_later_file_updates_what_differs_and_leaves_the_rest(self, harbor: Brand, tax_assist: Pack) -> None:
        load(harbor, [{"id": "S1", "pack": "tax-assist", "amount": "5 USD", "date": "2026-03-01"}])
        batch = load(harbor, [{"id": "S1", "amount": 6, "date": "2026-03-01"}])
        sale = Sale.objects.for_brand(harbor).get()
        assert batch.rows_stored == 1
        assert (sale.amount, sale.currency, sale.pack) == (Decimal(6), "USD", tax_assist)

    def test_a_sale_waits_for_its_lead(self, harbor: Brand) -> None:
        batch = load(
            harbor, [{"id": "S1", "leadId": "L1", "amount": 5, "date": "2026-03-01", "saleDate": ""}], kind="sales"
        )
        assert any("not there yet" in note for note in batch.stored["notes"])
        load(harbor, {"leads": [{"id": "L1", "stage": "won"}]})
        assert Sale.objects.for_brand(harbor).get().lead == Lead.objects.for_brand(harbor).get()

    def test_an_episode_may_be_named(self, harbor: Brand) -> None:
        uuid = "0d3adbee-0000-4000-8000-000000000001"
        rows = [
            {"id": 1, "amount": 5, "date": "2026-03-01", "episodeId": uuid},
            {"id": 2, "amount": 5, "date": "2026-03-01", "episodeId": "x"},
        ]
        batch = load(harbor, rows)
        assert str(Sale.objects.for_brand(harbor).get().attributed_to) == uuid
        assert reasons(batch) == [(2, "episodeId", "is not the id of an episode (a UUID)")]

    @pytest.mark.parametrize(
        ("row", "field"),
        [
            (7, "row"),
            ({"id": 1, "date": "2026-03-01"}, "amount"),
            ({"id": 1, "amount": 5}, "soldAt"),
            ({"id": 1, "amount": -5, "date": "2026-03-01"}, "amount"),
            ({"id": 1, "amount": "1,234", "date": "2026-03-01"}, "amount"),
            ({"id": 1, "amount": 5, "date": "2030-03-01"}, "date"),
            ({"id": 1, "amount": 5, "date": "03/04/2026"}, "date"),
            ({"id": "x" * 121, "amount": 5, "date": "2026-03-01"}, "id"),
            ({"id": {"a": 1}, "amount": 5, "date": "2026-03-01"}, "id"),
            ({"id": 1, "pack": "a", "packSlug": "b", "amount": 5, "date": "2026-03-01"}, "pack"),
            ({"id": 1, "amount": 5, "date": "2026-03-01", "note": "a\0b"}, "note"),
            ({"id": 1, "amount": 5, "date": "2026-03-01", "note": ["\ud800"]}, "note"),
        ],
    )
    def test_a_bad_row_is_set_aside_with_its_field(self, harbor: Brand, row: Any, field: str) -> None:
        good = {"id": "ok", "amount": 1, "date": "2026-03-01"}
        batch = load(harbor, {"sales": [row, good]})
        assert [(found.row, found.field) for found in batch.quarantine.all()] == [(1, field)]
        assert Sale.objects.for_brand(harbor).count() == 1

    def test_a_name_that_stands_twice_in_a_json_row_is_set_aside(self, harbor: Brand) -> None:
        batch = load(harbor, b'{"sales": [{"id": 1, "amount": 5, "amount": 6, "date": "2026-03-01"}]}')
        assert reasons(batch) == [(1, "amount", "stands twice in this row")]

    def test_the_file_itself_proves_the_order_of_day_and_month(self, harbor: Brand) -> None:
        rows = [{"id": 1, "amount": 5, "date": "03/04/2026"}, {"id": 2, "amount": 5, "date": "25/04/2026"}]
        assert load(harbor, rows).state == Import.State.STORED
        days = set(Sale.objects.for_brand(harbor).values_list("sold_at__month", "sold_at__day"))
        assert days == {(4, 3), (4, 25)}

    def test_latin_1_with_semicolons_and_commas_is_read(self, harbor: Brand, tax_assist: Pack) -> None:
        table = (
            "Sale ID;Pack Slug;Amount;Sold At;Käufer\n"
            "7;tax-assist;1.234,50 €;01.02.2026;Zoë\n"
            "8;tax-assist;9,00;13.02.2026;Ana\n"
        )
        batch = load(harbor, table.encode("cp1252"), "umsatz.csv")
        assert batch.state == Import.State.STORED
        sale = Sale.objects.for_brand(harbor).get(external_id="7")
        assert (sale.amount, sale.detail["Käufer"]) == (Decimal("1234.50"), "Zoë")
        assert any("Windows-1252" in note for note in batch.stored["notes"])


class TestLeads:
    @pytest.mark.parametrize("name", ["stage", "pipelineStage", "status"])
    def test_the_stage_is_found_under_each_of_its_names(self, harbor: Brand, tax_assist: Pack, name: str) -> None:
        load(harbor, {"leads": [{"leadId": "L1", name: "Closed Won", "packSlug": "tax-assist", "company": "Acme"}]})
        lead = Lead.objects.for_brand(harbor).get()
        assert (lead.funnel_stage, lead.pack, lead.company.name, lead.name) == ("purchased", tax_assist, "Acme", "Acme")
        assert lead.stage.pipeline.external_id == "default"

    def test_an_unknown_stage_is_set_aside_with_the_known_words(self, harbor: Brand) -> None:
        batch = load(harbor, {"leads": [{"id": "L1", "status": "open"}]})
        row = batch.quarantine.get()
        assert (row.field, row.value) == ("status", "open")
        for word in ("prospect", "engaged", "qualified", "proposal", "purchased", "lost"):
            assert word in row.reason
        assert not Lead.objects.for_brand(harbor).exists()

    def test_a_move_is_kept_in_the_history(self, harbor: Brand) -> None:
        load(harbor, {"leads": [{"id": "L1", "stage": "prospect", "createdAt": "2026-01-05"}]})
        load(harbor, {"leads": [{"id": "L1", "stage": "proposal", "stageChangedAt": "2026-02-01"}]})
        changes = StageChange.objects.for_brand(harbor).values_list("from_funnel", "to_funnel", "changed_at__month")
        assert list(changes) == [("", "prospect", 1), ("prospect", "proposal", 2)]

    def test_an_older_stage_does_not_move_a_lead_back(self, harbor: Brand) -> None:
        load(harbor, {"leads": [{"id": "L1", "stage": "proposal", "stageChangedAt": "2026-02-01"}]})
        batch = load(harbor, {"leads": [{"id": "L1", "stage": "engaged", "stageChangedAt": "2026-01-01"}]})
        assert batch.rows_unchanged == 1
        assert any("older" in note for note in batch.stored["notes"])
        assert Lead.objects.for_brand(harbor).get().funnel_stage == "proposal"

    def test_leads_share_company_and_contact(self, harbor: Brand) -> None:
        rows = [
            {"id": "L1", "stage": "new", "company": "Acme", "email": "A@acme.test", "jobTitle": "Buyer"},
            {"id": "L2", "stage": "new", "company": "ACME ", "email": "a@acme.test"},
        ]
        load(harbor, {"leads": rows})
        assert Company.objects.for_brand(harbor).count() == 1
        contact = Contact.objects.for_brand(harbor).get()
        assert (contact.email, contact.job_title, contact.leads.count()) == ("a@acme.test", "Buyer", 2)


DEALS = (
    b"deal id;name;pipeline;stage;probability;amount;close date\n"
    b"D1;Oats for Acme;Field;Demo;40%;1.234,50;2026-12-31\n"
    b"D2;Oats for Beta;Field;Signed;100%;12;2026-01-31\n"
    b"D3;Oats for Gamma;;won;;12;2026-01-31\n"
)


class TestDeals:
    def test_pipelines_and_stages_come_from_the_file(self, harbor: Brand) -> None:
        batch = load(harbor, DEALS, "deals.csv")
        assert (batch.kind, batch.state) == ("deals", Import.State.STORED)
        stages = PipelineStage.objects.for_brand(harbor).filter(pipeline__name="Field")
        assert set(stages.values_list("name", "win_probability", "maps_to")) == {
            ("Demo", 0.4, "engaged"),
            ("Signed", 1.0, "purchased"),
        }
        first = Lead.objects.for_brand(harbor).get(external_id="D1")
        assert (first.amount, first.detail["closes_on"], first.stage.name) == (Decimal("1234.50"), "2026-12-31", "Demo")
        won = Lead.objects.for_brand(harbor).get(external_id="D2")
        assert won.changes.get().changed_at == datetime(2026, 1, 31, tzinfo=UTC)

    def test_a_stage_with_two_chances_is_set_aside_whatever_the_order(self, harbor: Brand) -> None:
        rows = [
            {"dealId": number, "pipeline": "Field", "stage": "Demo", "probability": chance}
            for number, chance in enumerate(("0.4", "0.5", "0.4"))
        ]
        assert load(harbor, rows).rows_set_aside == 3
        assert not Pipeline.objects.for_brand(harbor).filter(name="Field").exists()

    def test_a_new_chance_updates_the_stage(self, harbor: Brand) -> None:
        load(harbor, DEALS, "deals.csv")
        load(harbor, DEALS.replace(b"40%", b"45%"), "deals.csv")
        assert PipelineStage.objects.for_brand(harbor).get(name="Demo").win_probability == 0.45

    def test_a_new_stage_without_chance_and_meaning_is_set_aside(self, harbor: Brand) -> None:
        batch = load(harbor, [{"dealId": 1, "pipeline": "Field", "stage": "Phase 2"}])
        assert batch.quarantine.get().field == "probability"


class TestWholeFile:
    @pytest.mark.parametrize(
        "data",
        [b"", b'{"sales": [{"id": "S9"', b"\0\0", b"{}", b"[]", b'id,amount\n1,"5\n', b"PK\x03\x04", b"just words"],
    )
    def test_a_broken_file_changes_nothing(self, harbor: Brand, data: bytes) -> None:
        load(harbor, {"sales": [{"id": "S1", "amount": 5, "date": "2026-03-01"}]})
        before = held(harbor)
        batch = load(harbor, data, "broken.dat")
        assert batch.state == Import.State.FAILED
        assert "broken.dat" in batch.error
        assert (batch.rows_read, batch.quarantine.count()) == (0, 0)
        assert held(harbor) == before

    def test_the_same_content_again_is_unchanged_even_under_another_name(self, harbor: Brand) -> None:
        load(harbor, DEALS, "deals.csv")
        before = held(harbor)
        again = load(harbor, DEALS, "copy.csv")
        assert (again.rows_stored, again.rows_unchanged) == (0, 3)
        assert held(harbor) == before

    def test_another_brand_takes_the_same_content_for_itself(self, harbor: Brand, lumen: Brand) -> None:
        load(harbor, DEALS, "deals.csv")
        assert load(lumen, DEALS, "deals.csv").rows_stored == 3
        assert Lead.objects.for_brand(lumen).count() == 3

    def test_an_older_file_does_not_undo_a_newer_one(self, harbor: Brand) -> None:
        old, new = ({"sales": [{"id": "S1", "amount": amount, "date": "2026-03-01"}]} for amount in (5, 6))
        load(harbor, old)
        load(harbor, new)
        load(harbor, old)
        assert Sale.objects.for_brand(harbor).get().amount == 6

    def test_the_number_of_queries_does_not_grow_with_the_rows(
        self, harbor: Brand, django_assert_max_num_queries: Any
    ) -> None:
        rows = [{"id": n, "stage": "new", "company": f"C{n}", "email": f"p{n}@x.test"} for n in range(400)]
        with django_assert_max_num_queries(45):
            load(harbor, {"leads": rows})


class TestQuarantineCsv:
    def test_formulas_become_text(self, harbor: Brand) -> None:
        batch = load(harbor, {"leads": [{"id": "L1", "stage": '=HYPERLINK("http://x")'}, {"id": "L2", "stage": "-1"}]})
        lines = list(rows_as_csv(batch))
        assert lines[0].startswith("import,file,row,field,value,reason,raw")
        assert "\"'=HYPERLINK(" in lines[1]
        assert ",'-1," in lines[2]
        assert list(rows_as_csv(batch.quarantine.all())) == lines
