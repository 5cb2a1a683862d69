"""Clean rooms are set up here; what was asked of them can only be read."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin, HistoryAdmin
from crm.models import CleanRoom, CleanRoomQuery


@admin.register(CleanRoom)
class CleanRoomAdmin(AcrossBrandsAdmin):
    list_display = ("name", "retailer", "endpoint", "minimum_group", "epsilon_limit", "period_days", "active")
    list_filter = ("active",)
    search_fields = ("name", "endpoint")
    autocomplete_fields = ("brand", "retailer")
    page = "clean_room"


@admin.register(CleanRoomQuery)
class CleanRoomQueryAdmin(HistoryAdmin):
    list_display = ("room", "state", "epsilon", "served_by", "asked_by", "asked_at", "took_ms")
    list_filter = ("state", "served_by")
    search_fields = ("room__name", "asked_by__username", "question_hash")
    date_hierarchy = "asked_at"
    list_select_related = ("room", "asked_by")
