"""The one write of a step: the Step row, in one commit, only while the lease is ours.

This is the engine's hot path, so it sends SQL texts made once instead of building them through the ORM each time (about
half the time of a step). Columns and value conversions still come from the models. The episode's counters repeat what
its steps say: they go along in the same commit when half a second has passed since they last did, with the last step,
and whenever the episode is left. Steps that follow faster than anybody can read cost one INSERT each.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection, transaction

from orchestrator.engine.claim import Lease, LeaseLost
from orchestrator.engine.runtime import StepOutcome
from orchestrator.models import Episode, EpisodeState, Step
from orchestrator.policies.contract import Decision

COUNT_EVERY_S = 0.5
_COLUMNS: list[Any] = [field for field in Step._meta.concrete_fields if not field.primary_key]
_NAMES = [field.attname for field in _COLUMNS]
_JSON = json.JSONEncoder(allow_nan=False)


def _update(last: bool) -> str:
    """The episode's totals, and its end where the step is the last. Changes nothing once the lease is lost."""
    # a person's wish to cancel wins over the last step: what was cancelled is not handed to the market
    end = (
        "state = CASE WHEN wanted = 'cancel' THEN 'cancelled' ELSE 'done' END, "
        "leased_by = '', leased_until = NULL, wanted = '', finished_at = %s"
    )
    return (
        f"UPDATE {Episode._meta.db_table} SET steps_count = %s, cost = %s, tokens = %s, "  # noqa: S608 - our own names
        f"{end if last else 'leased_until = %s'} "
        "WHERE id = %s AND leased_by = %s AND state = 'running' RETURNING state, wanted"
    )


def _insert(rows: str) -> str:
    names = ", ".join(connection.ops.quote_name(field.column) for field in _COLUMNS)
    return f"INSERT INTO {Step._meta.db_table} ({names}) {rows}"


@cache
def _step_alone() -> str:
    """A step of an episode whose lease is ours and of which nobody wants anything. Without either it writes no row.

    Asking for the wish here instead of returning it saves a twelfth of the statement's time on PostgreSQL.
    """
    values = ", ".join(["%s"] * len(_COLUMNS))
    # a takeover waits for this commit, or else this statement sees it and writes nothing; SQLite has one writer anyway
    lock = " FOR UPDATE" if connection.vendor == "postgresql" else ""
    return _insert(
        f"SELECT {values} FROM {Episode._meta.db_table} "  # noqa: S608
        f"WHERE id = %s AND leased_by = %s AND state = 'running' AND wanted = ''{lock}"
    )


@cache
def _one_statement(last: bool) -> str:
    """PostgreSQL takes both writes in one statement, which is one round trip and commits by itself."""
    values = ", ".join(["%s"] * len(_COLUMNS))
    insert = _insert(f"SELECT {values} FROM kept")  # noqa: S608
    return f"WITH kept AS ({_update(last)}), written AS ({insert}) SELECT state, wanted FROM kept"  # noqa: S608


@cache
def _two_statements(last: bool) -> tuple[str, str]:
    return _update(last), _insert(f"VALUES ({', '.join(['%s'] * len(_COLUMNS))})")


def step_values(
    lease: Lease, index: int, decision: Decision, outcome: StepOutcome, *, duration_ms: int, now: datetime
) -> list[Any]:
    """Column values of the new Step, ready for the database.

    Raises TypeError or ValueError for an outcome that cannot be stored as JSON.
    """
    values = {
        "episode_id": lease.episode.pk,
        "index": index,
        "action": decision.action,
        "allowed": _JSON.encode(decision.allowed),
        "probabilities": _JSON.encode(decision.probabilities),
        "probability": decision.probability,
        "policy": decision.policy,
        "why": decision.why[:300],
        "summary": outcome.summary[:300],
        "output": _JSON.encode(outcome.output),
        "quality": _JSON.encode(outcome.quality),
        "quality_overall": outcome.quality_overall,
        "served_by": outcome.served_by,
        "cost": connection.ops.adapt_decimalfield_value(outcome.cost, 12, 6),
        "tokens": outcome.tokens,
        "duration_ms": duration_ms,
        "finished_at": connection.ops.adapt_datetimefield_value(now),
    }
    return [values[name] for name in _NAMES]


def write(
    lease: Lease, values: list[Any], *, steps: int, cost: Decimal, tokens: int, now: datetime, last: bool
) -> tuple[EpisodeState, str]:
    """Commit the step, and the episode's totals where they are due; (state, wish of a person) as they stand after it.

    Raises:
        LeaseLost: another worker owns the episode; nothing was written.
    """
    if not last and not lease.due and time.monotonic() - lease.counted < COUNT_EVERY_S:
        with connection.cursor() as cursor:
            cursor.execute(_step_alone(), [*values, lease.episode.pk, lease.token])
            if cursor.rowcount == 1:
                return EpisodeState.RUNNING, ""
        # the lease is lost or a person wants something; what follows finds out which and writes the step in that case
    until = lease.next_until(now)
    convert = connection.ops
    totals = [
        steps,
        convert.adapt_decimalfield_value(cost, 12, 6),
        tokens,
        convert.adapt_datetimefield_value(now if last else until),
        lease.episode.pk,
        lease.token,
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_one_statement(last), [*totals, *values])
            row = cursor.fetchone()
        else:
            update, insert = _two_statements(last)
            with transaction.atomic(durable=True):
                cursor.execute(update, totals)
                row = cursor.fetchone()
                if row is not None:
                    cursor.execute(insert, values)
    if row is None:
        raise LeaseLost(lease.token)
    lease.counted = time.monotonic()
    lease.note_renewal(until)
    return EpisodeState(row[0]), row[1]
