"""Brands and who works for them; each change is kept."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from crm.admin.base import TabularInline
from crm.models import Brand, Membership


class People(TabularInline):
    model = Membership
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Brand)
class BrandAdmin(SimpleHistoryAdmin):
    list_display = ("name", "slug", "currency", "world", "created_at")
    list_filter = ("currency", "world")
    search_fields = ("name", "slug")
    date_hierarchy = "created_at"
    prepopulated_fields = {"slug": ("name",)}
    inlines = [People]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Deleting a brand deletes all of its business data; that is work for the command line, not for one click."""
        return False


@admin.register(Membership)
class MembershipAdmin(SimpleHistoryAdmin):
    list_display = ("user", "brand", "role")
    list_filter = ("brand", "role")
    list_select_related = ("user", "brand")
    search_fields = ("user__username", "user__email", "brand__name")
    autocomplete_fields = ("user", "brand")
