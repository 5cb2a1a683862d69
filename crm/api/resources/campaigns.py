"""Campaigns, what is planned for them, and the audiences they reach."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.api.filters import Choice, Day, Number, Order, RowFilters, Search, Text, YesNo
from crm.api.inputs import Strict
from crm.api.references import Currency, PlainObject, Reference
from crm.api.resource import Resource, Written
from crm.api.resources.retail import refuse_with_facts
from crm.models import AudienceSegment, Brand, Campaign, CampaignPlan, Retailer


def in_order(attrs: dict[str, Any], stored: Any) -> None:
    """Raises ValidationError when the period ends before it starts, with what is stored where a date is left out."""
    first = attrs.get("starts_on", getattr(stored, "starts_on", None))
    last = attrs.get("ends_on", getattr(stored, "ends_on", None))
    if first and last and last < first:
        raise serializers.ValidationError({"ends_on": f"Ends on {last}, before it starts on {first}."})


class CampaignOutput(serializers.ModelSerializer[Campaign]):
    """A placement at a retailer with a budget and dates."""

    retailer = serializers.SlugRelatedField[Retailer](slug_field="slug", read_only=True)
    audiences = serializers.SlugRelatedField[AudienceSegment](slug_field="external_id", read_only=True, many=True)
    constraints = serializers.JSONField()

    class Meta:
        model = Campaign
        fields = (
            "id", "external_id", "retailer", "name", "objective", "budget", "budget_period", "currency", "starts_on",
            "ends_on", "status", "constraints", "audiences",
        )  # fmt: skip
        read_only_fields = fields


class CampaignInput(Strict, serializers.ModelSerializer[Campaign]):
    """A campaign, found again by its external id."""

    retailer = Reference(Retailer, "slug", help_text="Slug of the retailer")
    budget = serializers.DecimalField(14, 2, min_value=0, required=False, allow_null=True)
    currency = Currency(required=False, allow_blank=True)
    constraints = PlainObject(required=False, help_text="min_spend, max_spend, min_roas, note")
    audiences = serializers.ListField(
        child=Reference(AudienceSegment), required=False, max_length=200, help_text="External ids; replaces the list"
    )

    class Meta:
        model = Campaign
        fields = (
            "external_id", "retailer", "name", "objective", "budget", "budget_period", "currency", "starts_on",
            "ends_on", "status", "constraints", "audiences",
        )  # fmt: skip
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        in_order(attrs, self.instance)
        return attrs


class CampaignFilters(RowFilters):
    retailer = Text("retailer__slug", "Slug of the retailer")
    external_id = Text("external_id", "External id")
    status = Choice("status", Campaign.Status, "Status")
    objective = Text("objective", "Objective")
    audience = Text("audiences__external_id", "External id of an audience", distinct=True)
    runs_from = Day("ends_on", "gte", "Ends on this day or later")
    runs_to = Day("starts_on", "lte", "Starts on this day or earlier")
    budget_min = Number("budget", "gte", "Lowest budget")
    budget_max = Number("budget", "lte", "Highest budget")
    search = Search("name", "external_id")
    ordering = Order(
        {"name": "name", "starts_on": "starts_on", "ends_on": "ends_on", "budget": "budget", "status": "status"},
        default="name",
    )


class Campaigns(Resource):
    name, one, many = "campaigns", "campaign", "campaigns"
    model = Campaign
    output, input, filters = CampaignOutput, CampaignInput, CampaignFilters
    joins, prefetch, beside = ("retailer",), ("audiences",), ("audiences",)

    @classmethod
    def settle(cls, brand: Brand, written: dict[int, Written], by: Any) -> set[int]:
        """The audiences of each campaign whose row names them. One question for all, and what changes is set campaign
        by campaign, so that its history knows."""
        named = {place: one for place, one in written.items() if "audiences" in one.beside}
        stored: dict[int, set[int]] = {one.row.pk: set() for one in named.values()}
        through = Campaign.audiences.through.objects
        for campaign, audience in through.filter(campaign__in=list(stored)).values_list("campaign", "audiencesegment"):
            stored[campaign].add(audience)
        changed = set()
        for place, one in named.items():
            wanted = {audience.pk for audience in one.beside["audiences"]}
            if wanted != stored[one.row.pk]:
                one.row.audiences.set(wanted)
                changed.add(place)
        return changed

    @classmethod
    def delete(cls, brand: Brand, row: Any) -> None:
        refuse_with_facts(brand, "campaign", row)
        super().delete(brand, row)


class CampaignPlanOutput(serializers.ModelSerializer[CampaignPlan]):
    """What is planned for one period, days inclusive."""

    campaign = serializers.SlugRelatedField[Campaign](slug_field="external_id", read_only=True)

    class Meta:
        model = CampaignPlan
        fields = (
            "id", "campaign", "starts_on", "ends_on", "spend", "impressions", "clicks", "orders", "sales", "source",
            "changed_at",
        )  # fmt: skip
        read_only_fields = fields


class CampaignPlanInput(Strict, serializers.ModelSerializer[CampaignPlan]):
    """A period's plan, found again by campaign and first day. Null: nothing is planned for that figure."""

    campaign = Reference(Campaign, help_text="External id of the campaign")
    spend = serializers.DecimalField(14, 2, min_value=0, required=False, allow_null=True)
    sales = serializers.DecimalField(14, 2, min_value=0, required=False, allow_null=True)

    class Meta:
        model = CampaignPlan
        fields = ("campaign", "starts_on", "ends_on", "spend", "impressions", "clicks", "orders", "sales", "source")
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        in_order(attrs, self.instance)
        return attrs


class CampaignPlanFilters(RowFilters):
    campaign = Text("campaign__external_id", "External id of the campaign")
    retailer = Text("campaign__retailer__slug", "Slug of the retailer")
    date_from = Day("ends_on", "gte", "Periods that end on this day or later")
    date_to = Day("starts_on", "lte", "Periods that start on this day or earlier")
    ordering = Order({"starts_on": "starts_on", "campaign": "campaign__name"}, default="starts_on")


class CampaignPlans(Resource):
    name, one, many = "campaign-plans", "campaign plan", "campaign plans"
    model, key = CampaignPlan, ("campaign", "starts_on")
    output, input, filters = CampaignPlanOutput, CampaignPlanInput, CampaignPlanFilters
    joins = ("campaign",)


class AudienceOutput(serializers.ModelSerializer[AudienceSegment]):
    """A group of people a campaign may reach. Its members are at `audiences/{id}/members`."""

    retailer = serializers.SlugRelatedField[Retailer](slug_field="slug", read_only=True, allow_null=True)
    definition = serializers.JSONField()

    class Meta:
        model = AudienceSegment
        fields = (
            "id", "external_id", "retailer", "name", "definition", "reach_estimate", "reach_estimated_on", "source",
            "consent_basis", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class AudienceInput(Strict, serializers.ModelSerializer[AudienceSegment]):
    """An audience, found again by its external id."""

    retailer = Reference(Retailer, "slug", required=False, allow_null=True)
    definition = PlainObject(required=False, help_text="Rules in words of the source, by name")

    class Meta:
        model = AudienceSegment
        fields = (
            "external_id", "retailer", "name", "definition", "reach_estimate", "reach_estimated_on", "source",
            "consent_basis",
        )  # fmt: skip
        validators: list[Any] = []


class AudienceFilters(RowFilters):
    retailer = Text("retailer__slug", "Slug of the retailer")
    external_id = Text("external_id", "External id")
    source = Choice("source", AudienceSegment.Source, "Where it comes from")
    consent_basis = Choice("consent_basis", AudienceSegment.Consent, "Ground on which it may be used")
    reach_min = Number("reach_estimate", "gte", "Smallest reach")
    own = YesNo("retailer", "true: of no retailer", lookup_expr="isnull")
    search = Search("name", "external_id")
    ordering = Order({"name": "name", "reach": "reach_estimate", "created": "created_at"}, default="name")


class Audiences(Resource):
    name, one, many = "audiences", "audience", "audiences"
    model = AudienceSegment
    output, input, filters = AudienceOutput, AudienceInput, AudienceFilters
    joins = ("retailer",)
