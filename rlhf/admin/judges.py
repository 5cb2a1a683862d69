"""Verdicts, orders, batches, calls and what they cost; rubrics and how judges agree with people."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import HistoryAdmin, ModelAdmin
from rlhf.models import (
    Calibration,
    Evaluation,
    FrozenItem,
    FrozenSet,
    JudgeBatch,
    JudgeCall,
    JudgeOrder,
    JudgeSettings,
    RubricVersion,
)


@admin.register(Evaluation)
class EvaluationAdmin(HistoryAdmin):
    list_display = ("experience", "form", "judge", "rubric_version", "score", "confidence", "cause", "created_at")
    list_filter = ("form", "judge", "cause", "rubric_version")
    search_fields = ("experience__public_id", "experience__episode", "judge", "missing_because")
    date_hierarchy = "created_at"


@admin.register(JudgeOrder)
class JudgeOrderAdmin(HistoryAdmin):
    list_display = ("experience", "form", "judge", "state", "priority", "attempts", "cause", "retry_at", "created_at")
    list_filter = ("state", "form", "cause")
    search_fields = ("experience__public_id", "judge", "reason")
    date_hierarchy = "created_at"


@admin.register(JudgeBatch)
class JudgeBatchAdmin(HistoryAdmin):
    list_display = ("external_id", "state", "size", "created_at", "ended_at")
    list_filter = ("state",)
    search_fields = ("external_id",)


@admin.register(JudgeCall)
class JudgeCallAdmin(HistoryAdmin):
    list_display = ("model", "input_tokens", "cache_read_tokens", "output_tokens", "cost_usd", "batched", "cause", "created_at")  # fmt: skip  # noqa: E501
    list_filter = ("model", "batched", "cause")
    search_fields = ("request_id", "model")
    date_hierarchy = "created_at"


@admin.register(JudgeSettings)
class JudgeSettingsAdmin(ModelAdmin):
    list_display = ("brand", "backend", "monthly_limit_usd", "batches", "ranks")
    list_filter = ("backend",)
    list_select_related = ("brand",)
    search_fields = ("brand__name",)
    autocomplete_fields = ("brand",)


@admin.register(RubricVersion)
class RubricVersionAdmin(HistoryAdmin):
    list_display = ("kind", "number", "state", "version", "note", "created_by", "created_at")
    list_filter = ("state", "kind")
    search_fields = ("version", "note", "text")


@admin.register(FrozenSet)
class FrozenSetAdmin(HistoryAdmin):
    list_display = ("name", "kind", "created_by", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)


@admin.register(FrozenItem)
class FrozenItemAdmin(HistoryAdmin):
    list_display = ("frozen_set", "experience", "human", "raters")
    search_fields = ("frozen_set__name", "experience__public_id")


@admin.register(Calibration)
class CalibrationAdmin(HistoryAdmin):
    list_display = ("judge", "kind", "rubric_version", "frozen_set", "items", "reliability", "created_at")
    list_filter = ("kind", "judge")
    search_fields = ("rubric_version", "judge")
    date_hierarchy = "created_at"
