"""Training runs."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import HistoryAdmin
from training.models import TrainingRun


@admin.register(TrainingRun)
class TrainingRunAdmin(HistoryAdmin):
    list_display = ("__str__", "state", "by", "attempts", "created_at", "started_at", "finished_at")
    list_filter = ("kind", "state")
    search_fields = ("error", "by__username")
    date_hierarchy = "created_at"
