"""Who works on an episode: claimed by one conditional UPDATE, held by a lease, given back when the work is over.

Whether the update found its row is the answer, so the same code is safe on SQLite and on PostgreSQL with any number of
workers. They compare `leased_until` with their own clocks: a clock that is wrong by some seconds makes a takeover early
or late, never a step twice, because every write asks for the lease's token and not for the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from orchestrator.models import ENDED_STATES, Episode, EpisodeState, Step

_FIELDS: list[Any] = list(Episode._meta.concrete_fields)


class LeaseLost(Exception):
    """Somebody else owns the episode now; nothing that was being done for it has been written."""


@dataclass(slots=True)
class Lease:
    """The right to write steps of one episode. `token` is unique to this claim, also among threads of one worker.

    `episode` is its row as it stood right after the claim.
    """

    episode: Episode
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
    _refuse_open_transaction()
    now = timezone.now()
    seconds = float(settings.EPISODE_LEASE_S if lease_s is None else lease_s)
    token, until = f"{worker[:80]}#{uuid4().hex[:12]}", now + timedelta(seconds=seconds)
    instants = [connection.ops.adapt_datetimefield_value(instant) for instant in (now, until)]
    with connection.cursor() as cursor:
        cursor.execute(_take_queued(), [instants[0], token, instants[1], episode_id])
        row = cursor.fetchone()
    if row is not None:
        return Lease(_episode_of(row), token, seconds, until)
    abandoned = Episode.across_brands.filter(lapsed(now), pk=episode_id, attempts__lt=settings.EPISODE_MAX_ATTEMPTS)
    if abandoned.update(attempts=F("attempts") + 1, leased_by=token, leased_until=until) == 1:
        return Lease(Episode.across_brands.get(pk=episode_id), token, seconds, until)
    park_hopeless(now, episode_id=episode_id)
    return None


@cache
def _take_queued() -> str:
    """Makes a queued episode ours and returns its row, in one statement that commits by itself; no row: not queued."""
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in _FIELDS)
    return (
        f"UPDATE {Episode._meta.db_table} "  # noqa: S608 - our own names
        "SET state = 'running', started_at = COALESCE(started_at, %s), leased_by = %s, leased_until = %s "
        f"WHERE id = %s AND state = 'queued' RETURNING {columns}"
    )


@cache
def _converters() -> list[tuple[int, list[Callable[..., Any]], Any]]:
    """Position, functions and expression of every column that the database does not give as Python wants it."""
    columns = [field.get_col(Episode._meta.db_table) for field in _FIELDS]
    found = Episode.across_brands.all().query.get_compiler(connection=connection).get_converters(columns)
    return [(position, list(functions), column) for position, (functions, column) in found.items()]


def _episode_of(row: Sequence[Any]) -> Episode:
    """As `Manager.raw` would make it, which finds the converters anew each time and costs more than the update."""
    values = list(row)
    for position, functions, column in _converters():
        for convert in functions:
            values[position] = convert(values[position], column, connection)
    return Episode.from_db(connection.alias, [field.attname for field in _FIELDS], values)


def _refuse_open_transaction() -> None:
    """Inside a caller's transaction no commit of a step would be one. The rule of `atomic(durable=True)`, but it costs
    no round trips for a BEGIN and a COMMIT."""
    blocks: list[Any] = connection.atomic_blocks
    if blocks and not blocks[-1]._from_testcase:
        raise RuntimeError("An episode's steps must be durable: it cannot be run inside a transaction.")


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
    return Episode.across_brands.filter(pk=lease.episode.pk, leased_by=lease.token, state=EpisodeState.RUNNING)
