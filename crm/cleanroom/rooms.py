"""Asking a clean room, ours or a retailer's: one door, one shape of answer, one account."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from crm.cleanroom import client, embedded
from crm.cleanroom.account import Account, account, check, recorded
from crm.cleanroom.answers import Answer
from crm.cleanroom.errors import BadQuery, BudgetSpent, CleanRoomError
from crm.cleanroom.planning import Plan, plan
from crm.cleanroom.query import Aggregate, Overlap, parse
from crm.models import Brand, CleanRoom, CleanRoomQuery

EMBEDDED_NAME = "Our own data"
State = CleanRoomQuery.State


@dataclass(frozen=True)
class Cost:
    """What a question would cost and how exact it would be. `again`: it was asked before and is free."""

    plan: Plan
    account: Account
    again: bool

    @property
    def epsilon(self) -> float:
        return 0.0 if self.again else self.plan.epsilon

    @property
    def is_covered(self) -> bool:
        return self.again or self.plan.epsilon <= self.account.left + 1e-9


def embedded_for(brand: Brand) -> CleanRoom:
    """The brand's room over its own data; made when there is none yet."""
    rooms = CleanRoom.objects.for_brand(brand).filter(endpoint="")
    found: CleanRoom | None = rooms.order_by("pk").first()
    if found is None:
        found, _ = CleanRoom.objects.for_brand(brand).get_or_create(brand=brand, name=EMBEDDED_NAME)
    return found


def open_to(brand: Brand) -> list[CleanRoom]:
    """The brand's rooms that can be asked, the embedded ones first."""
    embedded_for(brand)
    rooms = CleanRoom.objects.for_brand(brand).filter(active=True).select_related("brand", "retailer")
    return sorted(rooms, key=lambda room: (bool(room.endpoint), room.name))


def served_by(room: CleanRoom) -> str:
    """`embedded`, or the host that answers."""
    return client.host_of(room) if room.endpoint else embedded.SERVED_BY


def cost(room: CleanRoom, query: Any, *, now: datetime | None = None) -> Cost:
    """What a question would cost, before it is asked. Nothing is read but the account. Raises BadQuery."""
    now, question = now or timezone.now(), as_question(query)
    planned = plan(question, embedded.limits_of(room))
    return Cost(planned, account(room, now), recorded(room, embedded.fingerprint_of(room, question), now) is not None)


def ask(*, room: CleanRoom, query: Any, by: Any, now: datetime | None = None) -> Answer:
    """Put a question (a model, or its JSON) to a room and record what became of it.

    Raises BadQuery, BudgetSpent, and for a retailer's room RoomRefused, RoomUnavailable, BadReply, RoomNotSafe.
    """
    now, began = now or timezone.now(), time.monotonic()
    question = as_question(query)
    if not room.active:
        raise BadQuery(f"{room.name} is closed. Choose another room.", field="room", value=room.name)
    try:
        if not room.endpoint:
            return embedded.ask(room, question, by=by, now=now)
        return _ask_elsewhere(room, question, by=by, now=now, began=began)
    except BadQuery:
        raise
    except CleanRoomError as error:
        state = State.REFUSED if isinstance(error, BudgetSpent) else State.FAILED
        _record(room, question, by=by, now=now, began=began, state=state, error=error.message)
        raise


def as_question(query: Any) -> Aggregate | Overlap:
    """A question from a model or from JSON. Raises BadQuery."""
    return query if isinstance(query, Aggregate | Overlap) else parse(query)


def _ask_elsewhere(room: CleanRoom, question: Aggregate | Overlap, *, by: Any, now: datetime, began: float) -> Answer:
    """The retailer keeps the budget; our own limit holds as well, and what it says it took is written down here."""
    known = recorded(room, embedded.fingerprint_of(room, question), now)
    if known is not None:
        return embedded.again(known, room, now)
    check(room, epsilon=float(question.epsilon) if is_paid(question) else 0.0, delta=0.0, now=now)
    answer = client.ask(room, question)
    row = _record(
        room, question, by=by, now=now, began=began, state=State.ANSWERED, epsilon=answer.budget.spent,
        delta=answer.budget.delta, answer=answer,
    )  # fmt: skip
    return answer.model_copy(update={"query_id": row.pk})


def is_paid(question: Aggregate | Overlap) -> bool:
    return isinstance(question, Overlap) or question.is_about_people


def _record(
    room: CleanRoom,
    question: Aggregate | Overlap,
    *,
    by: Any,
    now: datetime,
    began: float,
    state: str,
    epsilon: float = 0.0,
    delta: float = 0.0,
    answer: Answer | None = None,
    error: str = "",
) -> CleanRoomQuery:
    row: CleanRoomQuery = CleanRoomQuery.objects.for_brand(room.brand_id).create(
        room=room, question=question.written(), question_hash=embedded.fingerprint_of(room, question), state=state,
        asked_by=by, served_by=served_by(room),
        epsilon=epsilon, delta=delta, answer=answer.stored() if answer else None, error=error, asked_at=now,
        took_ms=round((time.monotonic() - began) * 1000),
    )  # fmt: skip
    return row
