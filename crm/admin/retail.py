"""Retailers, products, campaigns and their days."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin
from crm.models import SKU, Campaign, PerformanceMetric, Retailer


@admin.register(Retailer)
class RetailerAdmin(AcrossBrandsAdmin):
    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    autocomplete_fields = ("brand",)


@admin.register(SKU)
class SKUAdmin(AcrossBrandsAdmin):
    list_display = ("code", "name", "category", "price")
    list_filter = ("category",)
    search_fields = ("code", "name")
    autocomplete_fields = ("brand",)


@admin.register(Campaign)
class CampaignAdmin(AcrossBrandsAdmin):
    list_display = ("name", "retailer", "status", "budget", "starts_on", "ends_on")
    list_filter = ("status",)
    search_fields = ("name", "external_id", "retailer__name")
    date_hierarchy = "starts_on"
    autocomplete_fields = ("brand", "retailer")


@admin.register(PerformanceMetric)
class PerformanceMetricAdmin(AcrossBrandsAdmin):
    list_display = ("campaign", "measured_on", "impressions", "clicks", "orders", "spend", "sales")
    search_fields = ("campaign__name", "campaign__external_id")
    date_hierarchy = "measured_on"
    autocomplete_fields = ("brand", "campaign")
