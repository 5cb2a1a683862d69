"""The one write of a step: the Step row and the episode's counters, in one commit, only while the lease is ours.

This is the engine's hot path, so it sends two prepared SQL texts instead of building them through the ORM each time
(about half the time of a step on SQLite). Columns and value conversions still come from the models.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import connection, models, transaction

from orchestrator.engine.claim import Lease, LeaseLost
from orchestrator.engine.runtime import Decision, StepOutcome
from orchestrator.models import Episode, EpisodeState, Step

_COLUMNS = [field for field in Step._meta.concrete_fields if not field.primary_key]


@cache
def _statements(vendor: str) -> tuple[str, str, str]:
    """(insert a step, count it and go on, count it and end), of our own names only. The lease guards both updates."""
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in _COLUMNS)
    insert = f"INSERT INTO {quote(Step._meta.db_table)} ({names}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"  # noqa: S608
    count = f"UPDATE {quote(Episode._meta.db_table)} SET steps_count = %s, cost = %s, tokens = %s, "  # noqa: S608
    guard = " WHERE id = %s AND leased_by = %s AND state = 'running' RETURNING state, wanted"
    go_on = count + "leased_until = %s" + guard
    # a person's wish to cancel wins over the last step: what was cancelled is not handed to the market
    end = (
        count + "state = CASE WHEN wanted = 'cancel' THEN 'cancelled' ELSE 'done' END, "
        "leased_by = '', leased_until = NULL, wanted = '', finished_at = %s" + guard
    )
    return insert, go_on, end


def plain_json(value: Any) -> str:
    """JSON text. Raises TypeError for what JSON cannot hold and ValueError for NaN and infinities."""
    return json.dumps(value, allow_nan=False)


def _prepared(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, models.JSONField):
        return plain_json(value)
    return field.get_db_prep_save(value, connection)


def step_values(
    lease: Lease, index: int, decision: Decision, outcome: StepOutcome, *, duration_ms: int, now: datetime
) -> list[Any]:
    """Column values of the new Step, ready for the database.

    Raises:
        TypeError, ValueError: something in the outcome cannot be stored as JSON.
        LookupError: the decision chose an action that it did not allow.
    """
    if decision.action not in decision.allowed:
        raise LookupError(f"{decision.policy} chose {decision.action}, which is not among {list(decision.allowed)}")
    values = {
        "episode_id": lease.episode_id,
        "index": index,
        "action": decision.action,
        "allowed": list(decision.allowed),
        "probabilities": list(decision.probabilities),
        "probability": decision.probabilities[list(decision.allowed).index(decision.action)],
        "policy": decision.policy,
        "why": decision.why[:300],
        "summary": outcome.summary[:300],
        "output": outcome.output,
        "quality": dict(outcome.quality),
        "quality_overall": outcome.quality_overall,
        "served_by": outcome.served_by,
        "cost": outcome.cost,
        "tokens": outcome.tokens,
        "duration_ms": duration_ms,
        "finished_at": now,
    }
    return [_prepared(field, values[field.attname]) for field in _COLUMNS]


def write(
    lease: Lease, values: list[Any], *, steps: int, cost: Decimal, tokens: int, now: datetime, last: bool
) -> tuple[EpisodeState, str]:
    """Commit the step and the episode's totals; (state, wish of a person) as they stand after it.

    Raises:
        LeaseLost: another worker owns the episode; nothing was written.
    """
    insert, go_on, end = _statements(connection.vendor)
    until = lease.next_until(now)
    money, at = Episode._meta.get_field("cost"), Episode._meta.get_field("leased_until")
    parameters = [
        steps,
        money.get_db_prep_save(cost, connection),
        tokens,
        at.get_db_prep_save(now if last else until, connection),
        lease.episode_id,
        lease.token,
    ]
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(end if last else go_on, parameters)
        row = cursor.fetchone()
        if row is None:
            raise LeaseLost(lease.token)
        cursor.execute(insert, values)
    lease.note_renewal(until)
    return EpisodeState(row[0]), row[1]
