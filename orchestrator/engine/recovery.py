"""Finds what fell through: episodes whose worker died, and episodes whose wake-up message was lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from orchestrator.engine.claim import lapsed, park_hopeless
from orchestrator.models import Episode, EpisodeState


@dataclass(frozen=True, slots=True)
class Sweep:
    """Episode ids to wake up again, and how many were parked for a person."""

    abandoned: list[int]
    undelivered: list[int]
    unconcluded: list[int]
    parked: int


def sweep(now: datetime, *, patience_s: float = 30.0, limit: int = 500) -> Sweep:
    """Park the hopeless and list what needs a worker, oldest first; at most `limit` of each kind.

    Waking one up that is in good hands after all does no harm: its claim fails. `patience_s` is how long a message may
    take before it counts as lost.
    """
    parked = park_hopeless(now)
    rows = Episode.across_brands.order_by("pk")
    patience = now - timedelta(seconds=patience_s)

    def ids(which: Q) -> list[int]:
        return list(rows.filter(which).values_list("pk", flat=True)[:limit])

    return Sweep(
        abandoned=ids(lapsed(now)),
        undelivered=ids(Q(state=EpisodeState.QUEUED, created_at__lt=patience)),
        unconcluded=ids(Q(state=EpisodeState.DONE, concluded_at__isnull=True, finished_at__lt=patience)),
        parked=parked,
    )
