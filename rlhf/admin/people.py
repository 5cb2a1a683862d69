"""What people are asked and what they said. Tasks can be changed; words, items and assignments are history."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin, HistoryAdmin, ModelAdmin
from rlhf.models import Assignment, Feedback, PreferencePair, RaterSettings, RatingItem, RatingTask


@admin.register(RatingTask)
class RatingTaskAdmin(AcrossBrandsAdmin):
    list_display = ("name", "kind", "asks", "overlap", "gold_share", "repeat_share", "is_open")
    list_filter = ("kind", "asks", "is_open")
    search_fields = ("name", "slug", "question")
    autocomplete_fields = ("brand",)


@admin.register(RatingItem)
class RatingItemAdmin(HistoryAdmin):
    list_display = ("task", "a", "b", "state", "priority", "wanted", "taken", "answered", "is_gold", "disputed")
    list_filter = ("state", "is_gold", "disputed")
    search_fields = ("task__name", "a__public_id", "b__public_id")


@admin.register(Assignment)
class AssignmentAdmin(HistoryAdmin):
    list_display = ("public_id", "rater", "state", "showing", "shown_order", "locked_until", "answered_at")
    list_filter = ("state", "showing")
    search_fields = ("public_id", "rater__username")


@admin.register(Feedback)
class FeedbackAdmin(HistoryAdmin):
    list_display = ("kind", "experience", "rater", "value", "stars", "source", "counts", "undone_at", "created_at")
    list_filter = ("kind", "source", "counts", "settled")
    search_fields = ("public_id", "experience__public_id", "rater__username", "rater_name", "comment")
    date_hierarchy = "created_at"


@admin.register(PreferencePair)
class PreferencePairAdmin(HistoryAdmin):
    list_display = ("a", "b", "verdict", "shown_order", "rater", "source", "counts", "undone_at", "created_at")
    list_filter = ("verdict", "source", "counts")
    search_fields = ("public_id", "a__public_id", "b__public_id", "rater__username", "rater_name", "comment")
    date_hierarchy = "created_at"


@admin.register(RaterSettings)
class RaterSettingsAdmin(ModelAdmin):
    list_display = ("user", "keys_on", "timings_consent")
    list_filter = ("keys_on", "timings_consent")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    autocomplete_fields = ("user",)
