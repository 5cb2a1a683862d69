"""Experiences, signals and rewards. All of it is history; new reward weights are a new version."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from crm.admin.base import AcrossBrandsAdmin, HistoryAdmin
from rlhf.models import Experience, Interaction, Reward, RewardConfig, Signal


@admin.register(Experience)
class ExperienceAdmin(HistoryAdmin):
    list_display = ("public_id", "kind", "title", "pack", "policy", "served_by", "simulated", "cost", "created_at")
    list_filter = ("kind", "simulated")
    search_fields = ("public_id", "episode", "group", "title", "request", "served_by")
    date_hierarchy = "created_at"


@admin.register(Signal)
class SignalAdmin(HistoryAdmin):
    list_display = ("kind", "experience", "actor", "created_at")
    list_filter = ("kind",)
    search_fields = ("experience__public_id", "actor")
    date_hierarchy = "created_at"


@admin.register(Interaction)
class InteractionAdmin(HistoryAdmin):
    """Only of people who agreed."""

    list_display = ("kind", "value", "experience", "user", "created_at")
    list_filter = ("kind",)
    search_fields = ("experience__public_id", "user__username")


@admin.register(RewardConfig)
class RewardConfigAdmin(AcrossBrandsAdmin):
    """A version can be added, never changed: rewards point at the weights they were computed with."""

    list_display = ("version", "values", "note", "created_by", "created_at")
    search_fields = ("brand__name", "note")
    date_hierarchy = "created_at"
    autocomplete_fields = ("brand", "created_by")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Reward)
class RewardAdmin(HistoryAdmin):
    list_display = ("value", "experience", "config", "attribution", "provisional", "is_current", "computed_at")
    list_filter = ("is_current", "provisional", "attribution")
    search_fields = ("experience__public_id", "experience__episode")
    date_hierarchy = "computed_at"
