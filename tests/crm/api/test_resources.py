"""Every resource of the business API: what it does, and that no brand sees or touches another's rows."""

from __future__ import annotations

import csv
import io
from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.api.resources import RESOURCES
from crm.models import Brand
from tests.crm.api.rows import SAMPLES
from tests.factories import PackFactory
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db
# Figures come and go with imports (test_performance); these have rules of their own (test_other_doors).
SPECIAL = {"performance", "imports", "quarantine", "mappings", "suppressions", "consents"}
NAMES = [resource.name for resource in RESOURCES if resource.name not in SPECIAL]
BY_NAME = {resource.name: resource for resource in RESOURCES}


def body_of(reply: Any) -> bytes:
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content)


def exported(client: Any, name: str, query: str = "") -> list[dict[str, str]]:
    text = body_of(client.get(f"/api/{name}/export.csv{query}")).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def of_brand(name: str, brand: Brand) -> Any:
    return BY_NAME[name].model.objects.for_brand(brand)


def test_every_resource_has_a_sample():
    assert set(SAMPLES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestReading:
    def test_it_lists_and_reads(self, ana: Any, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        client = door(ana)
        page = client.get(f"/api/{name}/").json()
        assert row.pk in [each["id"] for each in page["results"]]
        assert page["count"] == of_brand(name, harbor).count()
        assert client.get(f"/api/{name}/{row.pk}").json() in page["results"]

    def test_it_asks_the_same_number_of_questions_for_any_number_of_rows(self, ana: Any, harbor: Brand, name: str):
        client = door(ana)

        def queries(more: int) -> int:
            for _ in range(more):
                SAMPLES[name].make(harbor)
            with CaptureQueriesContext(connection) as seen:
                assert client.get(f"/api/{name}/").status_code == 200
            return len(seen)

        assert queries(2) == queries(9) <= 9

    def test_a_viewer_may_read_but_not_write(self, ben: Any, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        client = door(ben)
        assert client.get(f"/api/{name}/{row.pk}").status_code == 200
        assert exported(client, name)
        before = of_brand(name, harbor).count()
        assert client.post(f"/api/{name}/", SAMPLES[name].body(harbor)).status_code == 403
        assert client.post(f"/api/{name}/bulk", [SAMPLES[name].body(harbor)]).status_code == 403
        assert client.patch(f"/api/{name}/{row.pk}", SAMPLES[name].change).status_code == 403
        assert client.delete(f"/api/{name}/{row.pk}").status_code == 403
        assert of_brand(name, harbor).filter(pk=row.pk).exists() and of_brand(name, harbor).count() >= before

    def test_it_needs_a_login(self, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        for address in ("", "export.csv", "export.parquet", str(row.pk)):
            assert door().get(f"/api/{name}/{address}").status_code == 401
        for address in ("", "bulk"):
            assert door().post(f"/api/{name}/{address}", {}).status_code == 401

    def test_it_refuses_the_wrong_method(self, ana: Any, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        client = door(ana)
        wrong = [("put", ""), ("delete", ""), ("get", "bulk"), ("post", "export.csv"), ("post", str(row.pk))]
        for method, address in wrong:
            assert getattr(client, method)(f"/api/{name}/{address}").status_code == 405, (method, address)

    def test_a_filter_that_does_not_exist_is_named(self, ana: Any, name: str):
        for address in ("", "export.csv", "export.parquet"):
            reply = door(ana).get(f"/api/{name}/{address}?colour=blue")
            assert problem(reply)["errors"][0]["field"] == "colour"

    def test_every_filter_and_ordering_answers(self, ana: Any, harbor: Brand, name: str):
        SAMPLES[name].make(harbor)
        client = door(ana)
        for parameter in BY_NAME[name].filters.parameters():
            kind = parameter.type
            values = kind.get("enum") or [{"date": "2026-11-02"}.get(kind.get("format", ""), "1")]
            for value in values:
                reply = client.get(f"/api/{name}/", {parameter.name: value})
                assert reply.status_code == 200, (parameter.name, value, reply.content)


@pytest.mark.parametrize("name", NAMES)
class TestWriting:
    def test_it_creates_what_was_sent(self, ana: Any, harbor: Brand, name: str):
        body = SAMPLES[name].body(harbor)
        reply = door(ana).post(f"/api/{name}/", body)
        assert reply.status_code == 201, reply.content
        stored = reply.json()
        assert {field: stored[field] for field in body} == body
        assert of_brand(name, harbor).filter(pk=stored["id"]).exists()

    def test_it_changes_only_what_was_sent(self, ana: Any, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        client = door(ana)
        before = client.get(f"/api/{name}/{row.pk}").json()
        change = SAMPLES[name].change
        reply = client.patch(f"/api/{name}/{row.pk}", change)
        assert reply.status_code == 200, reply.content
        moving = {"changed_at"}
        expected = {**before, **change}
        assert {k: v for k, v in reply.json().items() if k not in moving} == {
            k: v for k, v in expected.items() if k not in moving
        }

    def test_it_deletes(self, ana: Any, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        assert door(ana).delete(f"/api/{name}/{row.pk}").status_code == 204
        assert not of_brand(name, harbor).filter(pk=row.pk).exists()

    def test_a_key_that_is_taken_is_a_conflict(self, ana: Any, harbor: Brand, name: str):
        body = SAMPLES[name].body(harbor)
        client = door(ana)
        client.post(f"/api/{name}/", body)
        reply = client.post(f"/api/{name}/", body)
        assert reply.status_code == 409
        assert problem(reply)["errors"][0]["field"] in BY_NAME[name].key

    def test_a_field_that_does_not_exist_is_named(self, ana: Any, harbor: Brand, name: str):
        reply = door(ana).post(f"/api/{name}/", {**SAMPLES[name].body(harbor), "colour": "blue"})
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] == "colour"

    def test_a_field_that_is_missing_is_named(self, ana: Any, harbor: Brand, name: str):
        body = SAMPLES[name].body(harbor)
        del body[SAMPLES[name].required]
        reply = door(ana).post(f"/api/{name}/", body)
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] == SAMPLES[name].required

    def test_the_same_call_twice_has_one_effect(self, ana: Any, harbor: Brand, name: str):
        body, key = SAMPLES[name].body(harbor), {"Idempotency-Key": f"new-{name}"}
        client = door(ana)
        first = client.post(f"/api/{name}/", body, headers=key)
        again = client.post(f"/api/{name}/", body, headers=key)
        assert (again.status_code, again.json()) == (201, first.json())
        assert again["Idempotent-Replay"] == "true"


@pytest.mark.parametrize("name", NAMES)
class TestTenancy:
    def test_a_foreign_row_is_never_seen(self, ana: Any, harbor: Brand, lumen: Brand, name: str):
        ours, theirs = SAMPLES[name].make(harbor), SAMPLES[name].make(lumen)
        client = door(ana)
        assert theirs.pk not in [row["id"] for row in client.get(f"/api/{name}/").json()["results"]]
        assert client.get(f"/api/{name}/{theirs.pk}").status_code == 404
        numbers = {row["id"] for row in exported(client, name)}
        assert str(ours.pk) in numbers and str(theirs.pk) not in numbers
        frame = pl.read_parquet(io.BytesIO(body_of(client.get(f"/api/{name}/export.parquet"))))
        assert ours.pk in frame["id"] and theirs.pk not in frame["id"]

    def test_a_foreign_row_is_never_changed(self, ana: Any, harbor: Brand, lumen: Brand, name: str):
        theirs = SAMPLES[name].make(lumen)
        client = door(ana)
        assert client.patch(f"/api/{name}/{theirs.pk}", SAMPLES[name].change).status_code == 404
        assert client.delete(f"/api/{name}/{theirs.pk}").status_code == 404
        assert of_brand(name, lumen).filter(pk=theirs.pk).exists()

    def test_a_foreign_brand_is_not_there(self, ana: Any, harbor: Brand, lumen: Brand, name: str):
        for address in ("", "export.csv", "export.parquet"):
            assert door(ana).get(f"/api/{name}/{address}?brand={lumen.slug}").status_code == 404
        reply = door(ana).post(f"/api/{name}/bulk", [SAMPLES[name].body(harbor)], headers={"X-Brand": lumen.slug})
        assert reply.status_code == 404

    def test_a_foreign_reference_is_named(self, ana: Any, harbor: Brand, lumen: Brand, name: str):
        sample = SAMPLES[name]
        for field in sample.references:
            foreign = {**SAMPLES_OF_REFERENCES[field](lumen)}
            body = {**sample.body(harbor), **foreign}
            reply = door(ana).post(f"/api/{name}/", body)
            assert reply.status_code == 400, (field, reply.content)
            assert problem(reply)["errors"][0]["field"].split(".")[0] == field
            reply = door(ana).post(f"/api/{name}/bulk", [body])
            assert reply.status_code == 400, (field, reply.content)
            assert problem(reply)["errors"][0]["field"].startswith(f"0.{field}")


@pytest.mark.parametrize(
    "name", ["retailers", "skus", "pipelines", "companies", "contacts", "leads", "sales", "outcomes"]
)
def test_the_same_key_is_free_in_another_brand(ana: Any, cleo: Any, harbor: Brand, lumen: Brand, name: str):
    body = {k: v for k, v in SAMPLES[name].body(harbor).items() if k not in SAMPLES[name].references}
    for person, brand in ((ana, harbor), (cleo, lumen)):
        reply = door(person).post(f"/api/{name}/bulk", [body], headers={"X-Brand": brand.slug})
        assert reply.json()["created"] == 1, reply.content


def _first(name: str, field: str, key: str) -> Any:
    def made(brand: Brand) -> dict[str, Any]:
        value = getattr(SAMPLES[name].make(brand), key)
        return {field: [value] if field == "audiences" else value}

    return made


def _pack(brand: Brand) -> dict[str, Any]:
    return {"pack": PackFactory(brand=brand).slug}


SAMPLES_OF_REFERENCES = {
    "retailer": _first("retailers", "retailer", "slug"),
    "sku": _first("skus", "sku", "code"),
    "campaign": _first("campaigns", "campaign", "external_id"),
    "audiences": _first("audiences", "audiences", "external_id"),
    "company": _first("companies", "company", "external_id"),
    "contact": _first("contacts", "contact", "external_id"),
    "lead": _first("leads", "lead", "external_id"),
    "pipeline": _first("pipelines", "pipeline", "external_id"),
    "pack": _pack,
}


@pytest.mark.parametrize("name", NAMES)
class TestBulk:
    def test_the_same_rows_again_change_nothing(self, ana: Any, harbor: Brand, name: str):
        client = door(ana)
        rows = [SAMPLES[name].body(harbor) for _ in range(3)]
        first = client.post(f"/api/{name}/bulk", rows)
        assert first.status_code == 200, first.content
        assert first.json() == _account(3, created=3)
        assert client.post(f"/api/{name}/bulk", rows).json() == _account(3, unchanged=3)
        changed = [{**rows[0], **SAMPLES[name].change}, *rows[1:]]
        assert client.post(f"/api/{name}/bulk", changed).json() == _account(3, updated=1, unchanged=2)

    def test_one_bad_row_stops_all(self, ana: Any, harbor: Brand, name: str):
        before = of_brand(name, harbor).count()
        rows = [SAMPLES[name].body(harbor), {**SAMPLES[name].body(harbor), "colour": "blue"}]
        made_around = of_brand(name, harbor).count()
        reply = door(ana).post(f"/api/{name}/bulk", rows)
        assert reply.status_code == 400
        [error] = problem(reply)["errors"]
        assert (error["field"], error["pointer"], error["value"]) == ("1.colour", "#/1/colour", "blue")
        assert of_brand(name, harbor).count() == made_around >= before

    def test_quarantine_keeps_the_good_rows(self, ana: Any, harbor: Brand, name: str):
        good, bad = SAMPLES[name].body(harbor), {**SAMPLES[name].body(harbor), "colour": "blue"}
        reply = door(ana).post(f"/api/{name}/bulk?on_error=quarantine", [good, bad, good])
        answer = reply.json()
        assert (answer["created"], answer["refused"]) == (1, 2), answer
        assert [(row["index"], row["field"]) for row in answer["quarantine"]] == [
            (1, "colour"),
            (2, BY_NAME[name].key[-1]),
        ]
        assert answer["quarantine"][0]["value"] == "blue"
        assert "row 0" in answer["quarantine"][1]["reason"]


def _account(received: int, **counts: int) -> dict[str, Any]:
    return {
        "received": received,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "refused": 0,
        "quarantine": [],
        "imports": [],
        **counts,
    }
