"""Episodes, their steps and the versions of the policy. Rows are history; actions go through the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from crm.admin.base import HistoryAdmin, ModelAdmin, TabularInline
from crm.errors import EndcapError
from orchestrator import episodes, learning
from orchestrator.models import Episode, PolicyVersion, RecordedReply, ReflectionLog, Step


def _ask_each(
    model_admin: ModelAdmin, request: HttpRequest, rows: QuerySet[Any], ask: Callable[[Any], Any], done: str
) -> None:
    """Ask the service for every row; each refusal is told with its reason."""
    count = 0
    for row in rows:
        try:
            ask(row)
        except EndcapError as error:
            model_admin.message_user(request, f"{row}: {error.message}", messages.WARNING)
        else:
            count += 1
    if count:
        model_admin.message_user(request, f"{count} {done}.", messages.SUCCESS)


class Steps(TabularInline):
    """The timeline, to be read."""

    model = Step
    fields = ("index", "action", "probability", "policy", "summary", "quality_overall", "cost", "duration_ms")
    readonly_fields = fields
    show_change_link = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Episode)
class EpisodeAdmin(HistoryAdmin):
    list_display = (
        "number",
        "pack",
        "mode",
        "policy_version",
        "state",
        "title",
        "steps_count",
        "reward",
        "cost",
        "attempts",
        "created_at",
    )
    list_filter = ("state", "mode", "simulated")
    search_fields = ("public_id", "title", "request", "pack__name", "pack__slug")
    date_hierarchy = "created_at"
    actions = ("pause", "cancel", "retry")
    inlines = [Steps]
    page, page_argument = "episode", "pk"

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may pause, cancel and retry: staff with the stock permission to change episodes."""
        return request.user.has_perm("orchestrator.change_episode")

    @admin.action(description="Pause after the step under way", permissions=["operate"])
    def pause(self, request: HttpRequest, rows: QuerySet[Episode]) -> None:
        _ask_each(self, request, rows, lambda row: episodes.pause(episode=row, by=request.user), "asked to pause")

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, rows: QuerySet[Episode]) -> None:
        _ask_each(self, request, rows, lambda row: episodes.cancel(episode=row, by=request.user), "asked to stop")

    @admin.action(description="Try again (stuck episodes)", permissions=["operate"])
    def retry(self, request: HttpRequest, rows: QuerySet[Episode]) -> None:
        _ask_each(self, request, rows, lambda row: episodes.retry(episode=row, by=request.user), "queued again")


@admin.register(Step)
class StepAdmin(HistoryAdmin):
    list_display = (
        "__str__",
        "episode",
        "policy",
        "probability",
        "quality_overall",
        "cost",
        "duration_ms",
        "finished_at",
    )
    list_filter = ("action", "served_by")
    search_fields = ("episode__public_id", "action", "summary")
    date_hierarchy = "finished_at"


@admin.register(RecordedReply)
class RecordedReplyAdmin(HistoryAdmin):
    list_display = ("key", "episode", "created_at")
    search_fields = ("key",)
    date_hierarchy = "created_at"


@admin.register(ReflectionLog)
class ReflectionLogAdmin(HistoryAdmin):
    list_display = ("episode", "step_index", "confidence", "threshold", "decision")
    list_filter = ("decision",)
    search_fields = ("episode__public_id",)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(HistoryAdmin):
    list_display = ("__str__", "learner", "serving", "trained_by", "created_at")
    list_filter = ("serving", "learner")
    search_fields = ("brand__name", "learner")
    date_hierarchy = "created_at"
    actions = ("put_back",)
    page = "packs"

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orchestrator.change_policyversion")

    @admin.action(description="Put back: let this version serve", permissions=["operate"])
    def put_back(self, request: HttpRequest, rows: QuerySet[PolicyVersion]) -> None:
        brands = {row.brand_id for row in rows}
        if len(brands) != len(rows):
            self.message_user(request, "Choose one version for each brand: only one can serve.", messages.ERROR)
            return
        _ask_each(self, request, rows, lambda row: learning.put_back(version=row, by=request.user), "serving again")
