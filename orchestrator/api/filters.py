"""Which episodes and in what order: the filters that the list and the exports of the API share."""

from __future__ import annotations

import datetime as dt
from typing import Any

import django_filters as filters
from django.db.models import F

from crm.api.filters import chosen
from orchestrator.models import Episode, EpisodeQuerySet, EpisodeState, PolicyMode

ORDERINGS = {
    "reward": "reward",
    "mode": "mode",
    "pack": "pack__name",
    "created": "created_at",
    "cost": "cost",
}
# No reward is near; beyond it a number is a mistake.
FAR = 1_000_000
YES_NO = (("true", "true"), ("false", "false"))


class EpisodeOrdering(filters.OrderingFilter):
    """`reward` or `-reward` and the like. Episodes without a reward come last either way; the newest breaks ties."""

    def filter(self, rows: EpisodeQuerySet, value: list[str] | None) -> EpisodeQuerySet:
        if not value:
            return rows
        order = []
        for name in value:
            field = F(ORDERINGS[name.lstrip("-")])
            order.append(field.desc(nulls_last=True) if name.startswith("-") else field.asc(nulls_last=True))
        return rows.order_by(*order, "-created_at", "-pk")


class EpisodeFilters(filters.FilterSet):
    """Of one brand's episodes: the queryset given must already start from the brand."""

    pack = filters.CharFilter("pack__slug", label="Slug of the pack")
    mode = filters.ChoiceFilter(choices=PolicyMode.choices, label="Policy mode")
    state = filters.ChoiceFilter(choices=EpisodeState.choices, label="State")
    reward_min = filters.NumberFilter("reward", "gte", label="Lowest reward", min_value=-FAR, max_value=FAR)
    reward_max = filters.NumberFilter("reward", "lte", label="Highest reward", min_value=-FAR, max_value=FAR)
    date_from = filters.DateFilter(method="from_day", label="First day, for example 2026-11-21 (UTC)")
    date_to = filters.DateFilter(method="to_day", label="Last day, included (UTC)")
    simulated = filters.TypedChoiceFilter(
        choices=YES_NO, coerce=lambda text: text == "true", label="Answered by a simulated market: true or false"
    )
    ordering = EpisodeOrdering(fields=[(field, name) for name, field in ORDERINGS.items()], label="Order")

    class Meta:
        model = Episode
        fields: list[str] = []

    def from_day(self, rows: EpisodeQuerySet, name: str, day: dt.date) -> EpisodeQuerySet:
        return rows.filter(created_at__gte=dt.datetime.combine(day, dt.time.min, dt.UTC))

    def to_day(self, rows: EpisodeQuerySet, name: str, day: dt.date) -> EpisodeQuerySet:
        if day == dt.date.max:
            return rows
        return rows.filter(created_at__lt=dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min, dt.UTC))


def filtered(rows: EpisodeQuerySet, wanted: Any) -> EpisodeQuerySet:
    """The rows that the query parameters `wanted` (a QueryDict) leave.

    Raises ValidationError (`message_dict` by parameter) for a bad or missing value, and for a parameter that is no
    filter: a mistyped filter must not quietly select everything.
    """
    left: EpisodeQuerySet = chosen(EpisodeFilters, rows, wanted)
    return left
