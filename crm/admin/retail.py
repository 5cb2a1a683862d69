"""Retailers, campaigns with their plans, parts and audiences, and their facts."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin
from crm.models import (
    AdEntity,
    AudienceSegment,
    Campaign,
    CampaignPlan,
    PerformanceMetric,
    Retailer,
    SegmentMember,
)


@admin.register(Retailer)
class RetailerAdmin(AcrossBrandsAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    autocomplete_fields = ("brand",)


@admin.register(Campaign)
class CampaignAdmin(AcrossBrandsAdmin):
    list_display = ("name", "retailer", "status", "budget", "starts_on", "ends_on")
    list_filter = ("status",)
    search_fields = ("name", "external_id", "retailer__name")
    date_hierarchy = "starts_on"
    autocomplete_fields = ("brand", "retailer")


@admin.register(CampaignPlan)
class CampaignPlanAdmin(AcrossBrandsAdmin):
    list_display = ("campaign", "starts_on", "ends_on", "spend", "impressions", "clicks", "orders", "sales", "source")
    search_fields = ("campaign__name", "campaign__external_id")
    date_hierarchy = "starts_on"
    autocomplete_fields = ("campaign",)


@admin.register(AdEntity)
class AdEntityAdmin(AcrossBrandsAdmin):
    list_display = ("external_id", "kind", "name", "campaign", "retailer")
    list_filter = ("kind",)
    search_fields = ("external_id", "name", "campaign__name")
    autocomplete_fields = ("brand", "retailer", "campaign")


@admin.register(AudienceSegment)
class AudienceSegmentAdmin(AcrossBrandsAdmin):
    list_display = ("name", "external_id", "retailer", "reach_estimate", "source", "consent_basis")
    list_filter = ("source", "consent_basis")
    search_fields = ("name", "external_id")
    autocomplete_fields = ("brand", "retailer")


@admin.register(SegmentMember)
class SegmentMemberAdmin(AcrossBrandsAdmin):
    list_display = ("segment", "lead")
    search_fields = ("segment__name", "lead__name", "lead__external_id")
    autocomplete_fields = ("segment", "lead")


@admin.register(PerformanceMetric)
class PerformanceMetricAdmin(AcrossBrandsAdmin):
    list_display = (
        "campaign", "measured_on", "grain", "report", "counts", "impressions", "clicks", "orders", "spend", "sales",
        "window_days", "attribution", "currency",
    )  # fmt: skip
    list_filter = ("grain", "counts", "attribution")
    list_joins = ("retailer",)
    search_fields = ("campaign__name", "campaign__external_id")
    date_hierarchy = "measured_on"
    autocomplete_fields = ("brand", "retailer", "campaign", "sku", "audience")
    raw_id_fields = ("source",)
