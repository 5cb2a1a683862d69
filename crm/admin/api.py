"""Answers kept for repeated calls, to be read."""

from __future__ import annotations

from django.contrib import admin
from django.utils.text import Truncator

from crm.admin.base import ReadOnly
from crm.models import IdempotencyRecord


@admin.register(IdempotencyRecord)
class IdempotencyRecordAdmin(ReadOnly):
    list_display = ("key", "user", "path", "status", "answer", "created_at")
    list_filter = ("status",)
    list_select_related = ("user",)
    search_fields = ("key", "path", "user__username")
    date_hierarchy = "created_at"

    @admin.display(description="Answer")
    def answer(self, row: IdempotencyRecord) -> str:
        return Truncator(str(row.body)).chars(80)
