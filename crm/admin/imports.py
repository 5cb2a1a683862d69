"""What came in and what was set aside."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import HistoryAdmin
from crm.models import Import, QuarantinedRow


@admin.register(Import)
class ImportAdmin(HistoryAdmin):
    list_display = (
        "filename",
        "kind",
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
