"""RMIS: published schemas are what the models say, examples hold, rows survive the way out and back."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from crm import rmis
from crm.api.references import Names
from crm.identity import identity_of
from crm.models import AudienceSegment, Brand, CampaignPlan, PerformanceMetric, PrivacyPolicy, RetailerItem
from crm.rmis.parts import Money
from crm.rmis.rows import FROM_MODEL, UnknownName, lines, to_model
from crm.rmis.schema import examples
from tests.crm.api.rows import SAMPLES
from tests.factories import CampaignFactory, RetailerFactory, SKUFactory

DOCS = Path(__file__).resolve().parents[2] / "docs" / "rmis"
NAMES = list(rmis.SHAPES)


def valid(name: str, value: Any) -> None:
    validator = jsonschema.Draft202012Validator(
        rmis.document(name), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    validator.validate(value)


class TestPublished:
    def test_the_committed_files_are_what_the_models_say(self):
        committed = {file.name: file.read_text(encoding="utf-8") for file in DOCS.glob("*.json")}
        assert committed == rmis.published(), "run manage.py publish_rmis"

    def test_the_command_writes_them_and_sees_what_is_stale(self, tmp_path: Path):
        with pytest.raises(CommandError, match=r"campaign\.json.*publish_rmis"):
            call_command("publish_rmis", "--check", to=tmp_path)
        call_command("publish_rmis", to=tmp_path, stdout=io.StringIO())
        assert {file.name: file.read_text() for file in tmp_path.iterdir()} == rmis.published()
        call_command("publish_rmis", "--check", to=tmp_path, stdout=io.StringIO())

    @pytest.mark.parametrize("name", NAMES)
    def test_each_is_a_schema_with_its_version(self, name: str):
        document = rmis.document(name)
        jsonschema.Draft202012Validator.check_schema(document)
        assert document["$id"] == f"urn:endcap:rmis:{rmis.VERSION}:{name}"
        assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    @pytest.mark.parametrize("name", NAMES)
    def test_the_example_holds_for_schema_and_model(self, name: str):
        example = examples()[name]
        valid(name, example)
        shape = rmis.SHAPES[name].model_validate_json(json.dumps(example))
        again = json.loads(shape.model_dump_json())
        valid(name, again)
        assert rmis.SHAPES[name].model_validate_json(json.dumps(again)) == shape

    @pytest.mark.parametrize("name", NAMES)
    def test_schema_and_model_refuse_the_same_unknown_field(self, name: str):
        wrong = {**examples()[name], "colour": "blue"}
        with pytest.raises(jsonschema.ValidationError):
            valid(name, wrong)
        with pytest.raises(ValidationError):
            rmis.SHAPES[name].model_validate_json(json.dumps(wrong))


@pytest.mark.django_db
class TestServed:
    def test_the_index_leads_to_every_schema(self, client: Any):
        index = client.get("/api/schema/rmis/").json()
        assert [each["name"] for each in index["schemas"]] == NAMES
        for each in index["schemas"]:
            served = client.get(f"/api/schema/rmis/{each['name']}").json()
            assert served == rmis.document(each["name"])
            assert served["$id"] == each["id"]

    def test_an_unknown_name_is_a_problem(self, client: Any):
        reply = client.get("/api/schema/rmis/colour")
        assert reply.status_code == 404
        assert "campaign" in reply.json()["detail"]

    def test_it_may_be_asked_for_as_a_schema(self, client: Any):
        reply = client.get("/api/schema/rmis/sku", headers={"Accept": "application/schema+json"})
        assert reply["Content-Type"].startswith("application/schema+json")

    def test_it_cannot_be_written(self, client: Any):
        assert client.post("/api/schema/rmis/sku").status_code == 405


class TestStrictness:
    @pytest.mark.parametrize("amount", [12.5, 12, "12,50", "1e3", "", "12.", "NaN", "١٢", "12.1234567", None])
    def test_money_is_exact_text(self, amount: Any):
        wrong = {**examples()["performance"], "spend": amount}
        if amount is None:
            rmis.PerformanceEvent.model_validate_json(json.dumps(wrong))
            return
        with pytest.raises(ValidationError, match="spend"):
            rmis.PerformanceEvent.model_validate_json(json.dumps(wrong))

    def test_a_window_comes_once(self):
        example = examples()["performance"]
        wrong = {**example, "attributed": [example["attributed"][0]] * 2}
        with pytest.raises(ValidationError, match="twice"):
            rmis.PerformanceEvent.model_validate_json(json.dumps(wrong))

    def test_a_period_is_in_order(self):
        wrong = {**examples()["campaign"], "ends_on": "2026-11-01"}
        with pytest.raises(ValidationError, match="before starts_on"):
            rmis.Campaign.model_validate_json(json.dumps(wrong))

    def test_an_instant_has_a_zone(self):
        with pytest.raises(ValidationError, match="sold_at"):
            rmis.SaleEvent.model_validate_json(json.dumps({**examples()["sale"], "sold_at": "2026-11-20T10:15:00"}))

    @given(st.decimals(min_value=-(10**11), max_value=10**11, places=6))
    def test_no_money_is_lost_on_the_way(self, amount: Decimal):
        adapter = TypeAdapter(Money)
        written = adapter.dump_json(amount)
        assert len(json.loads(written).partition(".")[2]) >= 2
        assert adapter.validate_json(written) == amount


def same(row: Any, other: Any) -> None:
    """Every column is equal but those that the shape leaves to the database."""
    left_to_it = {"id", "source_id", "source_row", "identity", "created_at", "detail"}
    names = [field.attname for field in row._meta.concrete_fields if field.attname not in left_to_it]
    assert {name: getattr(other, name) for name in names} == {name: getattr(row, name) for name in names}


def fact(brand: Brand, **fields: Any) -> PerformanceMetric:
    campaign = CampaignFactory(brand=brand)
    values = {
        "measured_on": date(2026, 11, 19), "impressions": 900, "clicks": 12, "spend": Decimal("9.430001"),
        "window_days": 14, "attribution": "click", "orders": Decimal("1.5"), "sales": Decimal("19.90"),
        "other_windows": {"7|click": {"orders": "1", "sales": "9.95"}, "|view": {"units": "2"}},
        "currency": "EUR", "report": "generic", "sku": SKUFactory(brand=brand), "target": "oat bar", "grain": 5,
        "audience": AudienceSegment.across_brands.create(brand=brand, external_id="A", name="A"),
    }  # fmt: skip
    return PerformanceMetric.across_brands.create(
        brand=brand, retailer=campaign.retailer, campaign=campaign, identity=identity_of([campaign.pk]),
        **{**values, **fields},
    )  # fmt: skip


@pytest.mark.django_db
class TestRows:
    @pytest.mark.parametrize("name", ["skus", "audiences", "campaigns", "sales", "outcomes"])
    def test_a_row_survives_the_way_out_and_back(self, harbor: Brand, name: str):
        row = SAMPLES[name].make(harbor)
        row = type(row).objects.for_brand(harbor).get(pk=row.pk)
        shape = FROM_MODEL[type(row)][2](row)
        again = type(shape).model_validate_json(shape.model_dump_json())
        back = to_model(again, harbor, Names(harbor).find)
        if name == "campaigns":
            back.currency = row.currency  # the shape says what holds where the row is blank
        same(row, back)

    @pytest.mark.parametrize(
        "fields",
        [{}, {"window_days": None, "attribution": "unknown", "orders": None, "sales": None, "other_windows": None},
         {"hour": 7, "spend": None, "currency": "", "audience": None, "sku": None}],
    )  # fmt: skip
    def test_a_fact_survives_with_all_its_windows(self, harbor: Brand, fields: dict[str, Any]):
        row = fact(harbor, **fields)
        shape = FROM_MODEL[PerformanceMetric][2](row)
        valid("performance", json.loads(shape.model_dump_json()))
        again = rmis.PerformanceEvent.model_validate_json(shape.model_dump_json())
        back = to_model(again, harbor, Names(harbor).find)
        same(row, back)

    def test_a_product_says_its_items_and_facts(self, harbor: Brand):
        sku = SKUFactory(brand=harbor, price="3.90", facts=[{"id": "f1", "text": "Whole grain.", "kind": "proof"}])
        shop = RetailerFactory(brand=harbor, slug="northmart")
        RetailerItem.across_brands.create(
            brand=harbor, retailer=shop, scheme="asin", code="B0", state="matched", sku=sku, confidence=0.9
        )
        [line] = lines(type(sku).objects.for_brand(harbor))
        said = json.loads(line)
        valid("sku", said)
        assert said["price"] == "3.90" and said["currency"] == "EUR"
        assert said["facts"] == [{"id": "f1", "text": "Whole grain.", "kind": "proof"}]
        assert [(item["retailer"], item["code"], item["confidence"]) for item in said["items"]] == [
            ("northmart", "B0", 0.9)
        ]

    def test_a_campaign_says_its_plans_and_audiences(self, harbor: Brand):
        row = CampaignFactory(brand=harbor)
        row.audiences.add(AudienceSegment.across_brands.create(brand=harbor, external_id="LOYAL", name="Loyal"))
        CampaignPlan.across_brands.create(campaign=row, starts_on="2026-11-02", ends_on="2026-11-08", spend="70.00")
        [line] = lines(type(row).objects.for_brand(harbor))
        said = json.loads(line)
        valid("campaign", said)
        assert said["audiences"] == ["LOYAL"]
        assert [(plan["starts_on"], plan["spend"]) for plan in said["plans"]] == [("2026-11-02", "70.00")]

    def test_a_policy_is_what_its_file_says(self, harbor: Brand):
        body = "places: {exports: {email: redact}}\nretention_days: {uploads: 7}\naudiences: {consent_bases: [consent]}"
        PrivacyPolicy.across_brands.create(brand=harbor, body=body)
        [line] = lines(PrivacyPolicy.objects.for_brand(harbor))
        said = json.loads(line)
        valid("policy", said)
        assert said["places"] == {"exports": {"email": "redact"}}
        assert (said["retention_days"], said["consent_bases"]) == ({"uploads": 7}, ["consent"])

    def test_a_name_of_another_brand_is_unknown(self, harbor: Brand, lumen: Brand):
        shop = RetailerFactory(brand=lumen, slug="theirs")
        shape = rmis.Audience(external_id="A", retailer=shop.slug, name="A")
        with pytest.raises(UnknownName, match="theirs") as caught:
            to_model(shape, harbor, Names(harbor).find)
        assert caught.value.detail["field"] == "retailer"

    def test_an_event_is_told_by_its_type(self):
        event = rmis.Event.model_validate_json(json.dumps(examples()["sale"])).root
        assert isinstance(event, rmis.SaleEvent)
        assert event.sold_at == datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
