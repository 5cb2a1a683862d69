"""Orders for verdicts that take time: rows that are claimed by one conditional UPDATE, leased, put back or parked.

Two workers never carry out the same order: whoever's UPDATE found the row has it. A worker that died lets its lease run
out and another one begins again; what the dead one had in hand can no longer be stored (`close` asks for the lease).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.judge.retries import MOST_ATTEMPTS, wait_s
from rlhf.judging import rubrics
from rlhf.judging.embedded import JUDGE
from rlhf.judging.latest import verdict_of
from rlhf.models import Evaluation, Experience, Feedback, JudgeOrder, JudgeSettings

FEWEST, MOST = 2, 8  # members of a ranking
RUNNING, QUEUED = JudgeOrder.State.RUNNING, JudgeOrder.State.QUEUED
WAITING_FOR_MONEY_S = 3600  # how soon a limit that was raised is noticed


class BadOrder(EndcapError):
    """Experiences that cannot be judged together, or a kind that nobody wrote a rubric for."""


class LostOrder(EndcapError):
    """Somebody else has the order now; nothing of what was in hand was stored."""


def judge_of(brand: Brand) -> str:
    """The judge whose verdicts a brand orders: the model's name where it chose Claude and a key is set, else rubric."""
    row = JudgeSettings.objects.filter(brand=brand).first()
    wants = row is not None and row.backend == JudgeSettings.Backend.CLAUDE
    return str(settings.CLAUDE_MODEL) if wants and settings.ANTHROPIC_API_KEY else JUDGE


def priority_of(experience: Experience) -> float:
    """Live before simulated, flagged by people before others, then where the judge is least sure, then newest."""
    flagged = (
        Feedback.objects.for_brand(experience.brand_id)
        .filter(experience=experience, kind=Feedback.Kind.FLAG, undone_at__isnull=True)
        .exists()
    )
    first = verdict_of(experience)
    unsure = 1 - float(first.confidence) if first is not None and first.confidence is not None else 1.0
    # Below 1 until 2057; a millisecond is 1e-12, which a float near 1,000 still tells apart.
    newness = (float(experience.created_at.timestamp()) - 1.75e9) / 1e9
    live, steps = not experience.simulated, round(10 * unsure)
    return float(1000 * live + 100 * flagged + steps + newness)


def order_absolute(
    experience: Experience, *, judge: str, rubric_version: str = "", priority: float | None = None
) -> tuple[JudgeOrder, bool]:
    """An order for an absolute verdict, and whether it is new. By the rubric in force or the version given."""
    version = rubric_version or _version(experience)
    made: JudgeOrder
    made, new = JudgeOrder.objects.for_brand(experience.brand_id).get_or_create(
        experience=experience,
        form=Evaluation.Form.ABSOLUTE,
        judge=judge,
        rubric_version=version,
        defaults={
            "brand_id": experience.brand_id,
            "members": [experience.pk],
            "priority": priority_of(experience) if priority is None else priority,
        },
    )
    return made, new


def order_group(experiences: Sequence[Experience], *, judge: str, rubric_version: str = "") -> JudgeOrder:
    """An order to rank 2 to 8 experiences of one brand and kind. Raises BadOrder."""
    if not FEWEST <= len(experiences) <= MOST:
        raise BadOrder(f"A ranking has {FEWEST} to {MOST} members, not {len(experiences)}.", count=len(experiences))
    return _together(experiences, Evaluation.Form.GROUP, judge, rubric_version)


def order_pair(a: Experience, b: Experience, *, judge: str, rubric_version: str = "") -> JudgeOrder:
    """An order to compare two experiences in both orders. Raises BadOrder."""
    return _together([a, b], Evaluation.Form.PAIR, judge, rubric_version)


def _together(experiences: Sequence[Experience], form: str, judge: str, rubric_version: str) -> JudgeOrder:
    first = experiences[0]
    if len({one.pk for one in experiences}) < len(experiences):
        raise BadOrder("An experience cannot be compared with itself.")
    if any((one.brand_id, one.kind) != (first.brand_id, first.kind) for one in experiences):
        raise BadOrder("Only experiences of one brand and one kind can be compared.")
    made: JudgeOrder = JudgeOrder.objects.for_brand(first.brand_id).create(
        brand_id=first.brand_id,
        form=form,
        experience=first,
        members=[one.pk for one in experiences],
        judge=judge,
        rubric_version=rubric_version or _version(first),
        priority=max(priority_of(one) for one in experiences),
    )
    return made


def _version(experience: Experience) -> str:
    rubric = rubrics.serving(experience.brand_id, experience.kind)
    if rubric is None:
        raise BadOrder(f"There is no rubric for {experience.kind or 'an unnamed kind'}.", kind=experience.kind)
    return rubric.version


def lease_s() -> float:
    """How long a worker has: two calls of a pair and time to store."""
    return 2 * float(settings.CLAUDE_TIMEOUT_S) + 30


def due(now: datetime) -> Q:
    """Orders that may be taken: queued and not waiting, or left behind by a worker that is gone."""
    free = Q(state=QUEUED) & (Q(retry_at__isnull=True) | Q(retry_at__lte=now))
    return free | Q(state=RUNNING, leased_until__lt=now)


def under_way(brand: Brand, *, now: datetime) -> int:
    """How many orders of the brand workers have in hand."""
    return int(JudgeOrder.objects.for_brand(brand).filter(state=RUNNING, leased_until__gte=now).count())


def claim(brand: Brand, *, worker: str, now: datetime, order: int | None = None) -> JudgeOrder | None:
    """The next due order of the brand, or that one; None where there is none. Counts an attempt.

    `leased_by` becomes a token of this claim, so that two threads of one worker are told apart.
    """
    rows = JudgeOrder.objects.for_brand(brand)
    while True:
        waiting = rows.filter(due(now))
        if order is not None:
            waiting = waiting.filter(pk=order)
        found = waiting.order_by("-priority", "pk").values_list("pk", "attempts", "state").first()
        if found is None:
            return None
        key, attempts, state = found
        if attempts >= MOST_ATTEMPTS:
            # only a worker that died leaves an order like this: everything else parks it in time
            rows.filter(pk=key, state=state, attempts=attempts).update(
                state=JudgeOrder.State.PARKED, finished_at=now, reason=f"given up after {attempts} attempts"
            )
            continue
        token = f"{worker[:80]}#{uuid.uuid4().hex[:12]}"
        taken = rows.filter(due(now), pk=key, attempts=attempts).update(
            state=RUNNING, attempts=F("attempts") + 1, leased_by=token, retry_at=None,
            leased_until=now + timedelta(seconds=lease_s()),
        )  # fmt: skip
        if taken == 1:
            return rows.select_related("experience", "brand").get(pk=key)  # type: ignore[no-any-return]


def close(order: JudgeOrder, **changes: Any) -> None:
    """Write the end of what this claim began. Inside the transaction that stores its verdicts: raises LostOrder where
    the lease went to somebody else, and with it undoes them."""
    held = JudgeOrder.objects.for_brand(order.brand_id).filter(
        pk=order.pk, state=order.state, leased_by=order.leased_by, attempts=order.attempts
    )
    wrote = held.update(**{"leased_by": "", "leased_until": None, **changes})
    if wrote != 1:
        raise LostOrder("Another worker has this order now.", order=order.pk)


def finish(order: JudgeOrder) -> None:
    close(order, state=JudgeOrder.State.DONE, finished_at=timezone.now(), cause="", reason="", batch=None)


def put_back(order: JudgeOrder, *, cause: str, why: str, asked_s: float | None = None) -> bool:
    """After a fault: queued again after a while as `retries` says, else parked with the reason. Whether it is tried
    again."""
    before = order.calls.filter(cause=cause).count()
    wait = wait_s(cause, failures=max(before, 1), attempts=order.attempts, asked_s=asked_s)
    now = timezone.now()
    with transaction.atomic():
        if wait is None:
            close(order, state=JudgeOrder.State.PARKED, cause=cause, reason=why[:200], finished_at=now, batch=None)
            return False
        close(order, state=QUEUED, cause=cause, reason=why[:200], retry_at=now + timedelta(seconds=wait), batch=None)
    return True


def wait_for_money(order: JudgeOrder, *, until: datetime) -> None:
    """The month's limit leaves no room: this order, and all that the brand has queued for the same judge, wait without
    losing an attempt. They look again every hour, in case somebody raised the limit, and at the latest next month."""
    again = min(until, timezone.now() + timedelta(seconds=WAITING_FOR_MONEY_S))
    why = "the month's limit is reached; it goes on when the limit is raised or a new month begins"
    limit = Evaluation.Cause.LIMIT
    with transaction.atomic():
        close(order, state=QUEUED, cause=limit, reason=why, retry_at=again, attempts=order.attempts - 1, batch=None)
        JudgeOrder.objects.for_brand(order.brand_id).filter(
            due(timezone.now()), state=QUEUED, judge=order.judge
        ).update(cause=limit, reason=why, retry_at=again)


def wanted_now(order: JudgeOrder) -> None:
    """Somebody asks for this verdict: an order that waits or was parked is due at once; one in hand is left alone."""
    rows = JudgeOrder.objects.for_brand(order.brand_id).filter(pk=order.pk)
    rows.filter(state=QUEUED).update(retry_at=None)
    rows.filter(state=JudgeOrder.State.PARKED).update(state=QUEUED, attempts=0, retry_at=None, finished_at=None)


def take_up_again(brand: Brand, *, cause: str = "") -> int:
    """Queue parked orders again, all or those of one cause, after a person put right what was wrong; how many."""
    parked = JudgeOrder.objects.for_brand(brand).filter(state=JudgeOrder.State.PARKED)
    parked = parked.filter(cause=cause) if cause else parked
    return int(parked.update(state=QUEUED, attempts=0, retry_at=None, finished_at=None, reason=""))
