"""What came in, what was set aside, what the columns of reports mean, and the places that are watched."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin, HistoryAdmin
from crm.models import Import, QuarantinedRow, ReportMapping, Restatement, WatchedSource


@admin.register(Import)
class ImportAdmin(HistoryAdmin):
    list_display = (
        "filename",
        "kind",
        "retailer",
        "mapping",
        "state",
        "rows_read",
        "rows_stored",
        "rows_unchanged",
        "rows_set_aside",
        "by",
        "started_at",
    )
    list_filter = ("state", "kind")
    search_fields = ("filename", "sha256")
    date_hierarchy = "started_at"
    page = "data"


@admin.register(QuarantinedRow)
class QuarantinedRowAdmin(HistoryAdmin):
    list_display = ("file", "row", "field", "value", "reason", "batch")
    list_filter = ("field",)
    search_fields = ("file", "field", "value", "reason")
    page = "data"


@admin.register(Restatement)
class RestatementAdmin(HistoryAdmin):
    list_display = ("campaign", "measured_on", "before", "after", "batch", "changed_at")
    search_fields = ("campaign__name", "campaign__external_id")
    date_hierarchy = "measured_on"
    list_joins = ("retailer",)
    page = "data"


@admin.register(ReportMapping)
class ReportMappingAdmin(AcrossBrandsAdmin):
    list_display = ("title", "name", "retailer", "confirmed_by", "confirmed_at")
    search_fields = ("title", "name")
    autocomplete_fields = ("brand", "retailer", "confirmed_by")


@admin.register(WatchedSource)
class WatchedSourceAdmin(AcrossBrandsAdmin):
    list_display = ("place", "pattern", "retailer", "mapping", "active", "looked_at", "trouble")
    list_filter = ("active",)
    search_fields = ("place", "retailer__name")
    autocomplete_fields = ("brand", "retailer")
