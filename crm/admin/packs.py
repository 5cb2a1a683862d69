"""Packs; each change is kept."""

from __future__ import annotations

from django.contrib import admin
from simple_history.admin import SimpleHistoryAdmin

from crm.admin.base import AcrossBrandsAdmin
from crm.models import Pack


@admin.register(Pack)
class PackAdmin(SimpleHistoryAdmin, AcrossBrandsAdmin):
    list_display = ("name", "slug", "task", "max_steps", "quality_threshold")
    list_filter = ("task",)
    search_fields = ("name", "slug", "goal", "external_id")
    autocomplete_fields = ("brand",)
    page = "packs"
