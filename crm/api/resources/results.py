"""What came of it: sales, and what the market did."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.api.filters import Choice, DayOf, Number, Order, RowFilters, Text
from crm.api.inputs import Strict
from crm.api.references import Currency, PlainObject, Reference
from crm.api.resource import Resource
from crm.models import Contact, Lead, Outcome, Pack, Sale


class SaleRow(serializers.ModelSerializer[Sale]):
    """Money that came in."""

    pack = serializers.SlugRelatedField[Pack](slug_field="slug", read_only=True, allow_null=True)
    lead = serializers.SlugRelatedField[Lead](slug_field="external_id", read_only=True, allow_null=True)
    detail = serializers.JSONField()

    class Meta:
        model = Sale
        fields = (
            "id", "external_id", "pack", "lead", "amount", "currency", "sold_at", "source", "attributed_to", "detail",
        )  # fmt: skip
        read_only_fields = fields


class SaleInput(Strict, serializers.ModelSerializer[Sale]):
    """A sale, found again by its external id."""

    pack = Reference(Pack, "slug", required=False, allow_null=True)
    lead = Reference(Lead, required=False, allow_null=True)
    amount = serializers.DecimalField(14, 2, min_value=0)
    currency = Currency()
    detail = PlainObject(required=False)

    class Meta:
        model = Sale
        fields = ("external_id", "pack", "lead", "amount", "currency", "sold_at", "source", "attributed_to", "detail")
        validators: list[Any] = []


class SaleFilters(RowFilters):
    external_id = Text("external_id", "External id")
    pack = Text("pack__slug", "Slug of the pack")
    lead = Text("lead__external_id", "External id of the lead")
    currency = Text("currency", "ISO 4217")
    source = Text("source", "Where it comes from")
    amount_min = Number("amount", "gte", "Lowest amount")
    amount_max = Number("amount", "lte", "Highest amount")
    sold_from = DayOf("sold_at", "gte", "First day")
    sold_to = DayOf("sold_at", "lte", "Last day, included")
    ordering = Order({"sold": "sold_at", "amount": "amount"}, default="-sold")


class Sales(Resource):
    name, one, many = "sales", "sale", "sales"
    model = Sale
    output, input, filters = SaleRow, SaleInput, SaleFilters
    joins = ("pack", "lead")


class OutcomeRow(serializers.ModelSerializer[Outcome]):
    """What the market did with something we made."""

    pack = serializers.SlugRelatedField[Pack](slug_field="slug", read_only=True, allow_null=True)
    lead = serializers.SlugRelatedField[Lead](slug_field="external_id", read_only=True, allow_null=True)
    contact = serializers.SlugRelatedField[Contact](slug_field="external_id", read_only=True, allow_null=True)
    detail = serializers.JSONField()

    class Meta:
        model = Outcome
        fields = (
            "id", "external_id", "kind", "pack", "lead", "contact", "occurred_at", "source", "attributed_to", "detail",
        )  # fmt: skip
        read_only_fields = fields


class OutcomeInput(Strict, serializers.ModelSerializer[Outcome]):
    """An outcome, found again by its external id."""

    pack = Reference(Pack, "slug", required=False, allow_null=True)
    lead = Reference(Lead, required=False, allow_null=True)
    contact = Reference(Contact, required=False, allow_null=True)
    detail = PlainObject(required=False)

    class Meta:
        model = Outcome
        fields = (
            "external_id", "kind", "pack", "lead", "contact", "occurred_at", "source", "attributed_to", "detail",
        )  # fmt: skip
        validators: list[Any] = []


class OutcomeFilters(RowFilters):
    external_id = Text("external_id", "External id")
    kind = Choice("kind", Outcome.Kind, "What happened")
    pack = Text("pack__slug", "Slug of the pack")
    lead = Text("lead__external_id", "External id of the lead")
    contact = Text("contact__external_id", "External id of the contact")
    source = Text("source", "Where it comes from")
    occurred_from = DayOf("occurred_at", "gte", "First day")
    occurred_to = DayOf("occurred_at", "lte", "Last day, included")
    ordering = Order({"occurred": "occurred_at", "kind": "kind"}, default="-occurred")


class Outcomes(Resource):
    name, one, many = "outcomes", "outcome", "outcomes"
    model = Outcome
    output, input, filters = OutcomeRow, OutcomeInput, OutcomeFilters
    joins = ("pack", "lead", "contact")
