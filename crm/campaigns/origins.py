"""Where the rows of a campaign come from, and which of its days a later report changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Max, Min

from crm.campaigns.reading import counting
from crm.models import Campaign, Import, PerformanceMetric, Restatement


@dataclass(frozen=True)
class RestatedDay:
    """A day whose figures a later report changed: each figure as it was and as it is now."""

    day: date
    at: Any
    batch: Import
    figures: Sequence[tuple[str, Any, Any]]


def restated(campaign: Campaign, *, at_most: int = 100) -> tuple[set[date], list[RestatedDay]]:
    """Days that were restated, and the newest changes with what they changed."""
    rows = Restatement.objects.for_brand(campaign.brand).filter(campaign=campaign)
    days = set(rows.order_by().values_list("measured_on", flat=True).distinct())
    shown = [
        RestatedDay(
            one.measured_on, one.changed_at, one.batch,
            [
                (name.replace("ntb_", "new-to-brand ").replace("_", " "), one.before.get(name), value)
                for name, value in one.after.items()
                if name not in ("source", "source_row", "other_windows")
            ],
        )
        for one in rows.select_related("batch").order_by("-measured_on", "-changed_at")[:at_most]
    ]  # fmt: skip
    return days, shown


@dataclass(frozen=True)
class CameFrom:
    """An import that brought rows of this campaign; None: rows that no report brought."""

    batch: Import | None
    rows: int
    counted: int
    first_on: date
    last_on: date


def came_from(campaign: Campaign) -> list[CameFrom]:
    """Where its rows come from, newest days first: two queries."""
    rows = (
        PerformanceMetric.objects.for_brand(campaign.brand)
        .filter(campaign=campaign)
        .order_by()
        .values("source_id")
        .annotate(n=Count("pk"), first=Min("measured_on"), last=Max("measured_on"))
    )
    found = list(rows)
    batches = Import.objects.for_brand(campaign.brand).in_bulk([row["source_id"] for row in found if row["source_id"]])
    counted = dict(counting(campaign).values_list("source_id").annotate(Count("pk")))
    listed = [
        CameFrom(batches.get(row["source_id"]), row["n"], counted.get(row["source_id"], 0), row["first"], row["last"])
        for row in found
    ]
    return sorted(listed, key=lambda one: one.last_on, reverse=True)
