"""Which words and which experiences, and in what order."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import Q

from crm.api.filters import Choice, DayOf, Number, Order, RowFilters, Search, Text, YesNo
from rlhf.models import Feedback, PreferencePair, Source


class Id(filters.UUIDFilter):
    """Equal to an id."""

    described = {"type": "string", "format": "uuid"}

    def __init__(self, *paths: str, label: str) -> None:
        self.paths = paths
        super().__init__(paths[0], label=label)

    def filter(self, rows: Any, value: Any) -> Any:
        if value is None:
            return rows
        found = Q()
        for path in self.paths:
            found |= Q(**{path: value})
        return rows.filter(found)


class Rater(Text):
    """A person's sign-in name, or the name that an outside system gave."""

    def filter(self, rows: Any, value: str) -> Any:
        return rows.filter(Q(rater__username=value) | Q(rater__isnull=True, rater_name=value)) if value else rows


class Undone(YesNo):
    """Taken back or not."""

    def filter(self, rows: Any, value: Any) -> Any:
        return rows if value in (None, "") else rows.filter(undone_at__isnull=not value)


class WordFilters(RowFilters):
    """What words on one experience and choices between two have in common."""

    rater = Rater("rater", "Sign-in name, or the name an outside system gave")
    source = Choice("source", Source, "From where it came")
    date_from = DayOf("created_at", "gte", "First day")
    date_to = DayOf("created_at", "lte", "Last day, included")
    undone = Undone("undone_at", "Taken back or not")


class FeedbackFilters(WordFilters):
    kind = Choice("kind", Feedback.Kind, "Kind of word")
    task = Text("experience__kind", "Kind of experience: budget, creative, measurement, planning, outreach, dashboard")
    experience = Id("experience__public_id", label="Id of the experience")
    ordering = Order({"created": "created_at", "value": "value", "stars": "stars"}, default="-created")


class PairFilters(WordFilters):
    verdict = Choice("verdict", PreferencePair.Verdict, "What was said")
    task = Text("a__kind", "Kind of experience: budget, creative, measurement, planning, outreach, dashboard")
    experience = Id("a__public_id", "b__public_id", label="Id of one of the two experiences")
    ordering = Order({"created": "created_at"}, default="-created")


class ExperienceFilters(RowFilters):
    kind = Text("kind", "Kind: budget, creative, measurement, planning, outreach, dashboard")
    pack = Text("pack__slug", "Slug of the pack")
    episode = Id("episode", label="Public id of the episode")
    group = Id("group", label="Answers to the same request share it")
    served_by = Text("served_by", "Who wrote it")
    policy = Text("policy", "Mode and version that chose the steps")
    simulated = YesNo("simulated", "Answered by a simulated market")
    date_from = DayOf("created_at", "gte", "First day")
    date_to = DayOf("created_at", "lte", "Last day, included")
    cost_max = Number("cost", "lte", "Highest cost, EUR")
    search = Search("request", "title")
    ordering = Order({"created": "created_at", "kind": "kind", "cost": "cost"}, default="-created")
