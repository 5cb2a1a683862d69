"""The account of a room's privacy budget: the sum of what its questions spent in the last `period_days`.

The period rolls: what a question spent comes back `period_days` later, so no stretch of that length ever holds more
than the limit. Spending happens under a lock on the room's row, so that two questions at once cannot spend the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Sum

from crm.cleanroom.answers import Budget
from crm.cleanroom.errors import BudgetSpent
from crm.models import CleanRoom, CleanRoomQuery

ROUNDING = 1e-9


@dataclass(frozen=True)
class Account:
    """What was spent and what is left, in epsilon; `whole_again_at` is None where nothing is spent."""

    limit: float
    spent: float
    delta_spent: float
    period_days: int
    whole_again_at: datetime | None

    @property
    def left(self) -> float:
        return max(round(self.limit - self.spent, 6), 0.0)

    def budget(self, spent: float, delta: float = 0.0) -> Budget:
        """As an answer tells it."""
        return Budget(
            spent=spent, delta=delta, left=self.left, limit=self.limit, period_days=self.period_days,
            whole_again_at=self.whole_again_at,
        )  # fmt: skip


def paid(room: CleanRoom, now: datetime) -> Any:
    """Rows of the account that still weigh."""
    since = now - timedelta(days=room.period_days)
    return CleanRoomQuery.objects.for_brand(room.brand_id).filter(room=room, asked_at__gt=since, epsilon__gt=0)


def account(room: CleanRoom, now: datetime) -> Account:
    """The account as it stands."""
    sums = paid(room, now).order_by().aggregate(epsilon=Sum("epsilon"), delta=Sum("delta"), last=Max("asked_at"))
    whole = sums["last"] + timedelta(days=room.period_days) if sums["last"] else None
    spent = round(sums["epsilon"] or 0.0, 6)
    return Account(room.epsilon_limit, spent, sums["delta"] or 0.0, room.period_days, whole)


def check(room: CleanRoom, *, epsilon: float, delta: float, now: datetime) -> Account:
    """The account, if it covers this much. Raises BudgetSpent that says when it will."""
    stands = account(room, now)
    fits = stands.spent + epsilon <= stands.limit + ROUNDING
    if fits and (not delta or stands.delta_spent + delta <= room.delta * (1 + ROUNDING)):
        return stands
    affordable = _affordable_at(room, epsilon, delta, now)
    whole = stands.whole_again_at
    dates = [f"{at:%d %b %Y, %H:%M} UTC" for at in (affordable, whole) if at is not None]
    if not affordable:
        when = "It never will be enough: the whole budget is smaller."
    elif len(set(dates)) == 1:
        when = f"It is whole again on {dates[0]}."
    else:
        when = f"It will be enough on {dates[0]}, and whole again on {dates[1]}."
    raise BudgetSpent(
        f"The privacy budget of {room.name} does not cover this: it costs {epsilon:g}, and {stands.left:g} of "
        f"{stands.limit:g} is left. {when} A question asked before is answered again at no cost.",
        room=room.name,
        epsilon=epsilon,
        left=stands.left,
        whole_again_at=whole.isoformat() if whole else None,
        affordable_at=affordable.isoformat() if affordable else None,
    )


def recorded(room: CleanRoom, fingerprint: str, now: datetime) -> CleanRoomQuery | None:
    """The row of this period that paid for the same question, if there is one."""
    rows = paid(room, now).filter(question_hash=fingerprint, state=CleanRoomQuery.State.ANSWERED)
    found: CleanRoomQuery | None = rows.order_by("-asked_at", "-pk").first()
    return found


def _affordable_at(room: CleanRoom, epsilon: float, delta: float, now: datetime) -> datetime | None:
    """When enough of what was spent has come back; None where the limit itself is too small."""
    rows = list(paid(room, now).order_by("asked_at", "pk").values_list("asked_at", "epsilon", "delta"))
    spent, loose = sum(row[1] for row in rows), sum(row[2] for row in rows)
    for asked_at, its_epsilon, its_delta in rows:
        spent, loose = spent - its_epsilon, loose - its_delta
        if spent + epsilon <= room.epsilon_limit + ROUNDING and loose + delta <= room.delta * (1 + ROUNDING):
            back: datetime = asked_at + timedelta(days=room.period_days)
            return back
    return None
