"""Companies, contacts, and leads on their way through pipelines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from crm import pipelines
from crm.api.filters import Choice, DayOf, Number, Order, RowFilters, Search, Text
from crm.api.inputs import Strict
from crm.api.references import Currency, PlainObject, Reference
from crm.api.resource import SOURCE, Resource, Written
from crm.models import Brand, Company, Contact, FunnelStage, Lead, Pack, Pipeline, PipelineStage, StageChange


class CompanyOutput(serializers.ModelSerializer[Company]):
    """An organisation a lead belongs to."""

    detail = serializers.JSONField()

    class Meta:
        model = Company
        fields = ("id", "external_id", "name", "industry", "country", "detail")
        read_only_fields = fields


class CompanyInput(Strict, serializers.ModelSerializer[Company]):
    """A company, found again by its external id."""

    detail = PlainObject(required=False)

    class Meta:
        model = Company
        fields = ("external_id", "name", "industry", "country", "detail")
        validators: list[Any] = []


class CompanyFilters(RowFilters):
    external_id = Text("external_id", "External id")
    industry = Text("industry", "Industry")
    country = Text("country", "Country")
    search = Search("name", "external_id")
    ordering = Order({"name": "name", "industry": "industry"}, default="name")


class Companies(Resource):
    name, one, many = "companies", "company", "companies"
    model = Company
    output, input, filters = CompanyOutput, CompanyInput, CompanyFilters


class ContactOutput(serializers.ModelSerializer[Contact]):
    """A person who can be written to."""

    company = serializers.SlugRelatedField[Company](slug_field="external_id", read_only=True, allow_null=True)
    detail = serializers.JSONField()

    class Meta:
        model = Contact
        fields = ("id", "external_id", "company", "name", "email", "job_title", "detail")
        read_only_fields = fields


class ContactInput(Strict, serializers.ModelSerializer[Contact]):
    """A person, found again by the external id."""

    company = Reference(Company, required=False, allow_null=True)
    detail = PlainObject(required=False)

    class Meta:
        model = Contact
        fields = ("external_id", "company", "name", "email", "job_title", "detail")
        validators: list[Any] = []


class ContactFilters(RowFilters):
    external_id = Text("external_id", "External id")
    company = Text("company__external_id", "External id of the company")
    email = Text("email", "E-mail address")
    search = Search("name", "email", "external_id")
    ordering = Order({"name": "name", "external_id": "external_id"}, default="name")


class Contacts(Resource):
    name, one, many = "contacts", "contact", "contacts"
    model = Contact
    output, input, filters = ContactOutput, ContactInput, ContactFilters
    joins = ("company",)
    personal = ("external_id", "name", "email", "detail")


class StageOutput(serializers.ModelSerializer[PipelineStage]):
    """One stage of a pipeline."""

    pipeline = serializers.SlugRelatedField[Pipeline](slug_field="external_id", read_only=True)

    class Meta:
        model = PipelineStage
        fields = ("id", "pipeline", "external_id", "name", "order", "win_probability", "maps_to")
        read_only_fields = fields


class StageInput(Strict, serializers.ModelSerializer[PipelineStage]):
    """A stage, found again by pipeline and external id."""

    pipeline = Reference(Pipeline)

    class Meta:
        model = PipelineStage
        fields = ("pipeline", "external_id", "name", "order", "win_probability", "maps_to")
        validators: list[Any] = []


class StageFilters(RowFilters):
    pipeline = Text("pipeline__external_id", "External id of the pipeline")
    maps_to = Choice("maps_to", FunnelStage, "Word of the funnel")
    search = Search("name", "external_id")
    ordering = Order({"order": "order", "name": "name", "pipeline": "pipeline__order"}, default="order")


class PipelineStages(Resource):
    name, one, many = "pipeline-stages", "pipeline stage", "pipeline stages"
    model, key = PipelineStage, ("pipeline", "external_id")
    output, input, filters = StageOutput, StageInput, StageFilters
    joins = ("pipeline",)


class PipelineOutput(serializers.ModelSerializer[Pipeline]):
    """A named row of stages."""

    stages = StageOutput(many=True, read_only=True)

    class Meta:
        model = Pipeline
        fields = ("id", "external_id", "name", "order", "stages")
        read_only_fields = fields


class PipelineInput(Strict, serializers.ModelSerializer[Pipeline]):
    """A pipeline, found again by its external id. Its stages are at `pipeline-stages/`."""

    class Meta:
        model = Pipeline
        fields = ("external_id", "name", "order")
        validators: list[Any] = []


class PipelineFilters(RowFilters):
    external_id = Text("external_id", "External id")
    search = Search("name", "external_id")
    ordering = Order({"order": "order", "name": "name"}, default="order")


class Pipelines(Resource):
    name, one, many = "pipelines", "pipeline", "pipelines"
    model = Pipeline
    output, input, filters = PipelineOutput, PipelineInput, PipelineFilters
    prefetch = ("stages__pipeline",)


class LeadOutput(serializers.ModelSerializer[Lead]):
    """A deal, or a person or household that may buy."""

    pack = serializers.SlugRelatedField[Pack](slug_field="slug", read_only=True, allow_null=True)
    company = serializers.SlugRelatedField[Company](slug_field="external_id", read_only=True, allow_null=True)
    contact = serializers.SlugRelatedField[Contact](slug_field="external_id", read_only=True, allow_null=True)
    pipeline = serializers.CharField(source="stage.pipeline.external_id", default=None, allow_null=True)
    stage = serializers.SlugRelatedField[PipelineStage](slug_field="external_id", read_only=True, allow_null=True)
    detail = serializers.JSONField()

    class Meta:
        model = Lead
        fields = (
            "id", "external_id", "name", "pack", "company", "contact", "pipeline", "stage", "funnel_stage", "amount",
            "currency", "detail", "source", "created_at", "attributed_to",
        )  # fmt: skip
        read_only_fields = fields


class LeadInput(Strict, serializers.ModelSerializer[Lead]):
    """A lead, found again by its external id. Without a stage a new one begins as a prospect."""

    pack = Reference(Pack, "slug", required=False, allow_null=True)
    company = Reference(Company, required=False, allow_null=True)
    contact = Reference(Contact, required=False, allow_null=True)
    pipeline = Reference(Pipeline, required=False, help_text="`default` when left out")
    stage = serializers.CharField(required=False, max_length=120, help_text="External id of a stage of the pipeline")
    stage_at = serializers.DateTimeField(required=False, help_text="When it reached the stage; now when left out")
    amount = serializers.DecimalField(14, 2, min_value=0, required=False, allow_null=True)
    currency = Currency(required=False, allow_blank=True)
    detail = PlainObject(required=False)

    class Meta:
        model = Lead
        fields = (
            "external_id", "name", "pack", "company", "contact", "pipeline", "stage", "stage_at", "amount", "currency",
            "detail", "source", "created_at", "attributed_to",
        )  # fmt: skip
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        pipeline, name = attrs.pop("pipeline", None), attrs.get("stage")
        if name is None:
            for field, given in (("pipeline", pipeline), ("stage_at", attrs.get("stage_at"))):
                if given is not None:
                    raise serializers.ValidationError({field: "Says nothing without `stage`. Send the stage, too."})
            return attrs
        stages: dict[str, dict[str, PipelineStage]] = self.context["stages"]
        key = pipeline.external_id if pipeline is not None else pipelines.DEFAULT_PIPELINE
        if key not in stages:
            pipelines.ensure_default_pipeline(self.context["brand"])
            found = PipelineStage.objects.for_brand(self.context["brand"]).filter(pipeline__external_id=key)
            stages[key] = {stage.external_id: stage for stage in found}
        if name not in stages[key]:
            known = ", ".join(stages[key]) or "none"
            raise serializers.ValidationError({"stage": f"Pipeline {key} has no stage {name!r}. It has: {known}."})
        attrs["stage"] = stages[key][name]
        return attrs


class LeadFilters(RowFilters):
    external_id = Text("external_id", "External id")
    pack = Text("pack__slug", "Slug of the pack")
    company = Text("company__external_id", "External id of the company")
    contact = Text("contact__external_id", "External id of the contact")
    pipeline = Text("stage__pipeline__external_id", "External id of the pipeline")
    stage = Text("stage__external_id", "External id of the stage")
    funnel_stage = Choice("funnel_stage", FunnelStage, "Word of the funnel")
    source = Text("source", "Where it comes from")
    amount_min = Number("amount", "gte", "Lowest amount")
    amount_max = Number("amount", "lte", "Highest amount")
    created_from = DayOf("created_at", "gte", "First day of its beginning")
    created_to = DayOf("created_at", "lte", "Last day of its beginning")
    search = Search("name", "external_id")
    ordering = Order({"created": "created_at", "name": "name", "amount": "amount"}, default="-created")


class Leads(Resource):
    name, one, many = "leads", "lead", "leads"
    model = Lead
    output, input, filters = LeadOutput, LeadInput, LeadFilters
    joins = ("pack", "company", "contact", "stage__pipeline")
    beside = ("stage", "stage_at")
    personal = ("name", "detail")

    @classmethod
    def settle(cls, brand: Brand, written: dict[int, Written], by: Any) -> set[int]:
        """Where each lead stands: new ones begin somewhere, known ones move by `Lead.move_to`. Both leave a
        StageChange; `stage_at` older than the newest change moves all the same, and says so in the history."""
        begun: list[tuple[Lead, PipelineStage, datetime]] = []
        moved = set()
        first = None
        if any(one.created and "stage" not in one.beside for one in written.values()):
            first = pipelines.default_stages(brand)[FunnelStage.PROSPECT]
        for place, one in written.items():
            stage: Any = one.beside.get("stage", first)
            if one.created:
                begun.append((one.row, stage, one.beside.get("stage_at") or one.row.created_at))
            elif "stage" in one.beside:
                at = one.beside.get("stage_at") or timezone.now()
                if one.row.move_to(stage, at=at, source=SOURCE) is not None:
                    moved.add(place)
        begin(brand, begun)
        return moved


def begin(brand: Brand, leads: list[tuple[Lead, PipelineStage, datetime]]) -> None:
    """What `move_to` does for a lead without a stage, for many in a few statements."""
    StageChange.objects.for_brand(brand).bulk_create(
        [
            StageChange(lead=lead, to_stage=stage, to_funnel=stage.maps_to, changed_at=at, source=SOURCE)
            for lead, stage, at in leads
        ],
        batch_size=500,
    )
    by_stage: dict[PipelineStage, list[int]] = {}
    for lead, stage, _ in leads:
        by_stage.setdefault(stage, []).append(lead.pk)
    for stage, numbers in by_stage.items():
        rows = Lead.objects.for_brand(brand).filter(pk__in=numbers)
        rows.update(stage=stage, funnel_stage=stage.maps_to)
