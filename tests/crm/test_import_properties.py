"""What holds for every file: twice is once, order does not matter, every row is accounted for, nothing crashes."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.imports import load_file
from crm.models import Brand, Company, Contact, Import, Lead, Pack, Pipeline, PipelineStage, Sale, StageChange

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.text(max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
packs = st.sampled_from(["tax-assist", "nope", "", None])
amounts = st.sampled_from(["€1,234.50", "12", 7, "1,234", "-3", "$5", None, "x"]) | st.decimals(0, 999, places=2).map(
    str
)
days = st.dates(datetime(2020, 1, 1).date(), datetime(2026, 11, 1).date()).map(str) | st.sampled_from(
    ["03/04/2026", "2030-01-01", "18 Sep 2026", 1767225600, None]
)
sale_rows = st.fixed_dictionaries({"pack": packs, "amount": amounts, "soldAt": days}, optional={"note": scalars})
stages = st.sampled_from(["prospect", "won", "Closed Lost", "open", None, 3])
lead_rows = st.fixed_dictionaries(
    {"packSlug": packs, "stage": stages, "amount": amounts},
    optional={
        "createdAt": days,
        "company": texts,
        "email": st.sampled_from(["a@b.test", "c@d.test", "bad"]),
        "need": scalars,
    },
)
deal_rows = st.fixed_dictionaries(
    {
        "pipeline": st.sampled_from(["Field", "field", "Shops", "", None]),
        "stage": st.sampled_from(["Demo", "demo", "Won", "Phase 2", None]),
        "probability": st.sampled_from(["40%", "0.4", "0.5", "1", "0", None, "x"]),
    },
    optional={"amount": amounts, "closeDate": days, "pack": packs, "createdAt": days},
)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4))


def load(brand: Brand, rows: list[Any], kind: str) -> Import:
    data = json.dumps({kind: rows}).encode()
    batch = load_file(brand=brand, file=io.BytesIO(data), filename=f"{kind}.json", now=NOW)
    assert batch.rows_read == len(rows) == batch.rows_stored + batch.rows_unchanged + batch.rows_set_aside
    assert batch.quarantine.count() == batch.rows_set_aside
    return batch


def picture(brand: Brand) -> list[Any]:
    """Everything stored, without keys of the database."""
    sales = Sale.objects.for_brand(brand).values_list(
        "external_id", "pack__slug", "lead__external_id", "amount", "currency", "sold_at", "detail"
    )
    leads = Lead.objects.for_brand(brand).values_list(
        "external_id", "pack__slug", "name", "company__name", "contact__email", "funnel_stage", "amount", "currency",
        "created_at", "detail",
    )  # fmt: skip
    changes = StageChange.objects.for_brand(brand).values_list("lead__external_id", "to_funnel", "changed_at")
    companies = Company.objects.for_brand(brand).values_list("external_id", "name")
    contacts = Contact.objects.for_brand(brand).values_list("external_id", "name", "job_title")
    pipelines = Pipeline.objects.for_brand(brand).values_list("external_id", "name", "order")
    stages = PipelineStage.objects.for_brand(brand).values_list(
        "pipeline__external_id", "external_id", "name", "order", "win_probability", "maps_to"
    )
    tables = (sales, leads, changes, companies, contacts, pipelines, stages)
    return [sorted(map(repr, rows)) for rows in tables]


def empty(brand: Brand) -> None:
    for model in (Sale, StageChange, Lead, Contact, Company, Import, PipelineStage, Pipeline):
        model.objects.for_brand(brand).delete()


@pytest.fixture
def brand(harbor: Brand, tax_assist: Pack) -> Brand:
    return harbor


@pytest.mark.parametrize(("kind", "rows"), [("sales", sale_rows), ("leads", lead_rows), ("deals", deal_rows)])
class TestEveryFile:
    def test_twice_is_once(self, brand: Brand, kind: str, rows: Any) -> None:
        @QUICK
        @given(st.lists(rows, max_size=6))
        def holds(found: list[Any]) -> None:
            empty(brand)
            numbered = [{"id": f"N{number}", **row} for number, row in enumerate(found)]
            first = load(brand, numbered, kind)
            before = picture(brand)
            second = load(brand, numbered, kind)
            assert picture(brand) == before
            assert (second.rows_stored, second.rows_unchanged) == (0, first.rows_stored)
            assert second.rows_set_aside == first.rows_set_aside

        holds()

    def test_the_order_of_rows_does_not_matter(self, brand: Brand, kind: str, rows: Any) -> None:
        @QUICK
        @given(
            st.lists(rows, max_size=6).flatmap(
                lambda found: st.tuples(st.just(found), st.permutations(range(len(found))))
            )
        )
        def holds(both: tuple[list[Any], list[int]]) -> None:
            numbered = [{"id": f"N{number}", **row} for number, row in enumerate(both[0])]
            empty(brand)
            load(brand, numbered, kind)
            expected = picture(brand)
            empty(brand)
            load(brand, [numbered[place] for place in both[1]], kind)
            assert picture(brand) == expected

        holds()

    def test_whatever_stands_in_a_row_is_accounted_for(self, brand: Brand, kind: str, rows: Any) -> None:
        @QUICK
        @given(st.lists(anything | rows, max_size=4))
        def holds(found: list[Any]) -> None:
            load(brand, found, kind)

        holds()


class TestTwoFiles:
    def test_leads_and_sales_may_come_in_either_order(self, brand: Brand) -> None:
        leads = [
            {"id": f"L{n}", "stage": "won", "createdAt": "2026-01-01", "stageChangedAt": "2026-02-01"} for n in range(3)
        ]
        sales = [{"id": f"S{n}", "leadId": f"L{n % 4}", "amount": n, "soldAt": "2026-03-01"} for n in range(6)]
        load(brand, leads, "leads")
        load(brand, sales, "sales")
        expected = picture(brand)
        empty(brand)
        load(brand, sales, "sales")
        load(brand, leads, "leads")
        assert picture(brand) == expected


class TestAnyBytes:
    @pytest.mark.django_db
    def test_no_bytes_crash_the_reader_or_half_store_a_file(self, brand: Brand) -> None:
        @QUICK
        @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
        def holds(data: bytes) -> None:
            empty(brand)
            before = picture(brand)
            batch = load_file(brand=brand, file=io.BytesIO(data), filename="x", now=NOW)
            if batch.state == Import.State.FAILED:
                assert batch.error
                assert picture(brand) == before

        holds()
