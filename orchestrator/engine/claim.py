"""Who works on an episode: claimed by one conditional UPDATE, held by a lease, given back when the work is over.

The update's row count is the answer, so the same code is safe on SQLite and on PostgreSQL with any number of workers.
Workers compare `leased_until` with their own clocks: a clock that is wrong by some seconds makes a takeover early or
late, never a step twice, because every write asks for the lease's token and not for the time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from orchestrator.models import ENDED_STATES, Episode, EpisodeState, Step


class LeaseLost(Exception):
    """Somebody else owns the episode now; nothing that was being done for it has been written."""


@dataclass(slots=True)
class Lease:
    """The right to write steps of one episode. `token` is unique to this claim, also among threads of one worker."""

    episode_id: int
    token: str
    seconds: float
    until: datetime
    renewed: float = field(default_factory=time.monotonic)
    counted: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """A third of it is gone. Until then `until` is left alone, which keeps the row's index untouched."""
        return time.monotonic() - self.renewed > self.seconds / 3

    def next_until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.seconds) if self.due else self.until

    def note_renewal(self, until: datetime) -> None:
        if until != self.until:
            self.until, self.renewed = until, time.monotonic()


def lapsed(now: datetime) -> Q:
    """Running, but whoever ran it has stopped renewing the lease."""
    return Q(state=EpisodeState.RUNNING) & (Q(leased_until__lt=now) | Q(leased_until__isnull=True))


def claim(episode_id: int, *, worker: str, lease_s: float | None = None) -> Lease | None:
    """Own the episode if it is queued, or if its lease ran out; None where it is neither.

    Taking over a lapsed lease counts one attempt. An episode that was taken over `EPISODE_MAX_ATTEMPTS` times is parked
    as stuck instead.
    """
    now = timezone.now()
    seconds = float(settings.EPISODE_LEASE_S if lease_s is None else lease_s)
    lease = Lease(episode_id, f"{worker[:80]}#{uuid4().hex[:12]}", seconds, now + timedelta(seconds=seconds))
    mine = {"leased_by": lease.token, "leased_until": lease.until}
    row = Episode.across_brands.filter(pk=episode_id)
    started = Coalesce("started_at", now)
    # durable: refuses a caller who is inside a transaction, where no commit of a step would be one
    with transaction.atomic(durable=True):
        claimed = row.filter(state=EpisodeState.QUEUED).update(state=EpisodeState.RUNNING, started_at=started, **mine)
    if claimed == 1:
        return lease
    abandoned = row.filter(lapsed(now))
    if abandoned.filter(attempts__lt=settings.EPISODE_MAX_ATTEMPTS).update(attempts=F("attempts") + 1, **mine) == 1:
        return lease
    park_hopeless(now, episode_id=episode_id)
    return None


def park_hopeless(now: datetime, *, episode_id: int | None = None) -> int:
    """Park as stuck what lost its worker too often; returns how many."""
    limit = settings.EPISODE_MAX_ATTEMPTS
    rows = Episode.across_brands.filter(lapsed(now), attempts__gte=limit)
    if episode_id is not None:
        rows = rows.filter(pk=episode_id)
    parked: int = rows.update(
        state=EpisodeState.STUCK,
        error=f"Lost its worker {limit + 1} times, the last time in the step after the ones below. "
        "Look at the worker's log, then retry or cancel.",
        leased_by="",
        leased_until=None,
        wanted="",
        finished_at=now,
        **_counters(),
    )
    return parked


def renew(lease: Lease) -> None:
    """Start the lease anew. Raises LeaseLost."""
    until = timezone.now() + timedelta(seconds=lease.seconds)
    if _owned(lease).update(leased_until=until) != 1:
        raise LeaseLost(lease.token)
    lease.note_renewal(until)


def leave(lease: Lease, state: EpisodeState, *, error: str = "") -> EpisodeState:
    """Give the episode up in `state` (QUEUED: for anybody to go on). Raises LeaseLost."""
    ended = {"finished_at": timezone.now()} if state in ENDED_STATES else {}
    fields = {"state": state, "error": error, "leased_by": "", "leased_until": None, "wanted": ""}
    if _owned(lease).update(**fields, **ended, **_counters()) != 1:
        raise LeaseLost(lease.token)
    return state


def _counters() -> dict[str, Any]:
    """The episode's totals from its steps on record: while it runs, the row may be some steps behind them."""
    steps = Step.across_brands.filter(episode=OuterRef("pk")).order_by().values("episode")

    def total(what: Any) -> Coalesce:
        return Coalesce(Subquery(steps.annotate(total=what).values("total")), Value(0), output_field=what.output_field)

    return {
        "steps_count": total(Count("pk")),
        "cost": total(Sum("cost", output_field=Episode._meta.get_field("cost"))),
        "tokens": total(Sum("tokens", output_field=Episode._meta.get_field("tokens"))),
    }


def _owned(lease: Lease) -> Any:
    return Episode.across_brands.filter(pk=lease.episode_id, leased_by=lease.token, state=EpisodeState.RUNNING)
