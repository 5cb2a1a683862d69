"""Pipelines, people, what they bought and what the market did."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from crm.admin.base import AcrossBrandsAdmin, HistoryAdmin, TabularInline
from crm.models import Company, Contact, Lead, MarketEvent, Outcome, Pipeline, PipelineStage, Sale, StageChange


class Stages(TabularInline):
    model = PipelineStage
    extra = 0


@admin.register(Pipeline)
class PipelineAdmin(AcrossBrandsAdmin):
    list_display = ("name", "external_id", "order")
    search_fields = ("name", "external_id")
    autocomplete_fields = ("brand",)
    inlines = [Stages]


@admin.register(PipelineStage)
class PipelineStageAdmin(SimpleHistoryAdmin, AcrossBrandsAdmin):
    list_display = ("name", "pipeline", "order", "win_probability", "maps_to")
    list_filter = ("maps_to",)
    list_joins = ("pipeline",)
    search_fields = ("name", "external_id", "pipeline__name")
    autocomplete_fields = ("pipeline",)


@admin.register(Company)
class CompanyAdmin(AcrossBrandsAdmin):
    list_display = ("name", "external_id", "industry", "country")
    search_fields = ("name", "external_id")
    autocomplete_fields = ("brand",)


@admin.register(Contact)
class ContactAdmin(AcrossBrandsAdmin):
    list_display = ("__str__", "email", "company", "job_title")
    search_fields = ("name", "email", "external_id")
    autocomplete_fields = ("brand", "company")


class Changes(TabularInline):
    """A lead's history, to be read."""

    model = StageChange
    fields = ("changed_at", "from_funnel", "to_funnel", "to_stage", "source", "attributed_to")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> Any:
        return StageChange.across_brands.select_related("to_stage__pipeline")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Lead)
class LeadAdmin(AcrossBrandsAdmin):
    list_display = ("name", "funnel_stage", "pack", "company", "amount", "currency", "source", "created_at")
    list_filter = ("funnel_stage", "source")
    search_fields = ("name", "external_id", "company__name", "contact__email")
    date_hierarchy = "created_at"
    autocomplete_fields = ("brand", "pack", "company", "contact", "stage")
    inlines = [Changes]
    page = "data"


@admin.register(StageChange)
class StageChangeAdmin(HistoryAdmin):
    list_display = ("lead", "from_funnel", "to_funnel", "changed_at", "source", "attributed_to")
    list_filter = ("to_funnel", "source")
    search_fields = ("lead__name", "lead__external_id", "attributed_to")
    date_hierarchy = "changed_at"


@admin.register(Sale)
class SaleAdmin(AcrossBrandsAdmin):
    list_display = ("external_id", "amount", "currency", "pack", "lead", "sold_at", "source", "attributed_to")
    list_filter = ("source",)
    search_fields = ("external_id", "lead__name", "attributed_to")
    date_hierarchy = "sold_at"
    autocomplete_fields = ("brand", "pack", "lead")
    page = "data"


@admin.register(Outcome)
class OutcomeAdmin(AcrossBrandsAdmin):
    list_display = ("kind", "lead", "pack", "occurred_at", "attributed_to")
    list_filter = ("kind",)
    search_fields = ("external_id", "lead__name", "attributed_to")
    date_hierarchy = "occurred_at"
    autocomplete_fields = ("brand", "pack", "lead")


@admin.register(MarketEvent)
class MarketEventAdmin(HistoryAdmin):
    list_display = ("kind", "prospect_key", "pack", "simulated_days", "due_at", "released_at", "attributed_to")
    list_filter = ("kind", ("released_at", admin.EmptyFieldListFilter))
    search_fields = ("prospect_key", "attributed_to")
    date_hierarchy = "due_at"
