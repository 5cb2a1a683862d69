"""What a worker does when beat wakes it up: judge what is new, carry out what is due, for a limited time."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import structlog
from anthropic import Anthropic
from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from crm.models import Brand
from rlhf.judging import batches, carrying, orders, rankings, rubrics
from rlhf.judging.embedded import JUDGE, evaluate
from rlhf.judging.orders import LostOrder
from rlhf.models import Evaluation, Experience, JudgeOrder

log = structlog.get_logger(__name__)
TURN_S = 45.0
AT_ONCE = 200
ONE, MANY = 1, 8  # orders of a brand under way at the same time: embedded, in production
LOOK_BACK = timedelta(days=30)  # what is older is judged when somebody asks for it (evaluate_experiences)
#: After these it makes no sense to go on at once: the service, the key or the money is the matter, not the order.
STOP_AFTER = frozenset({"rate_limited", "overloaded", "unreachable", "bad_call", "limit"})


class _Clients:
    """One client for a turn, made when the first order needs it."""

    @cached_property
    def claude(self) -> Anthropic:
        return carrying.client()


def evaluate_new(*, worker: str, seconds: float = TURN_S) -> dict[str, int]:
    """Verdicts for new experiences of every brand in the order of their priority; counts by outcome.

    The rubric judge's at once where nobody gave one yet, a model's by orders where the brand wants it. Safe with any
    number of workers at the same time.
    """
    ends = time.monotonic() + seconds
    clients, done = _Clients(), Counter[str]()
    for brand in Brand.objects.order_by("pk"):
        done["rubric"] += _embedded(brand, ends)
        judge = orders.judge_of(brand)
        if judge != JUDGE:
            done["ordered"] += order_new(brand, judge=judge, now=timezone.now())
        stopped = carry_out_due(brand, worker=worker, ends=ends, done=done, clients=clients)
        if stopped in ("rate_limited", "overloaded", "unreachable") or time.monotonic() > ends:
            break  # all brands share one key
    return {name: count for name, count in done.items() if count}


def carry_out_due(brand: Brand, *, worker: str, ends: float, done: Counter[str], clients: Any = None) -> str:
    """Carry out the brand's due orders until none is due, time is over, or the service says stop; why it stopped.

    Calls wait for seconds, so a brand takes few processes at once and leaves the others to episodes.
    """
    clients = clients or _Clients()
    while time.monotonic() < ends:
        if orders.under_way(brand, now=timezone.now()) >= (MANY if settings.PRODUCTION else ONE):
            return "busy"
        order = orders.claim(brand, worker=worker, now=timezone.now())
        if order is None:
            return ""
        by = clients.claude if order.judge != JUDGE and settings.ANTHROPIC_API_KEY else None
        try:
            outcome = carrying.carry_out(order, client=by)
        except LostOrder:
            outcome = "lost"
        done[outcome] += 1
        if outcome in STOP_AFTER:
            return outcome
    return "time"


def _embedded(brand: Brand, ends: float) -> int:
    judged = Evaluation.objects.for_brand(brand).filter(experience=OuterRef("pk"), form=Evaluation.Form.ABSOLUTE)
    rows = Experience.objects.for_brand(brand).filter(~Exists(judged))
    count = 0
    for experience in rows.order_by("simulated", "-created_at")[:AT_ONCE]:
        if time.monotonic() > ends:
            break
        evaluate(experience)
        count += 1
    return count


def order_new(brand: Brand, *, judge: str, now: datetime, limit: int = AT_ONCE) -> int:
    """Order a model's absolute verdict for every experience of the last 30 days that was never asked of it; how many.

    A rubric that changes does not bring back what was judged under another one.
    """
    asked = JudgeOrder.objects.for_brand(brand).filter(
        experience=OuterRef("pk"), form=Evaluation.Form.ABSOLUTE, judge=judge
    )
    rows = Experience.objects.for_brand(brand).filter(~Exists(asked), created_at__gte=now - LOOK_BACK)
    made = 0
    for experience in rows.exclude(output={}).order_by("simulated", "-created_at")[:limit]:
        rubric = rubrics.serving(brand, experience.kind)
        if rubric is not None:
            made += orders.order_absolute(experience, judge=judge, rubric_version=rubric.version)[1]
    return made


def turn_batches(*, worker: str) -> dict[str, int]:
    """Collect the batches that ended, then send what waits behind the first orders; counts."""
    if not settings.ANTHROPIC_API_KEY:
        return {}
    client, done = carrying.client(), Counter[str]()
    for brand in Brand.objects.order_by("pk"):
        done["collected"] += batches.collect_open(brand, client=client)
        if orders.judge_of(brand) != JUDGE:
            sent = batches.send(brand, worker=worker, client=client, now=timezone.now())
            done["sent"] += sent.size if sent is not None else 0
    return {name: count for name, count in done.items() if count}


def order_rankings() -> int:
    """Rankings that are wanted in any brand; how many orders were made."""
    now = timezone.now()
    return sum(
        rankings.order_rankings(brand, now=now, judge=orders.judge_of(brand)) for brand in Brand.objects.order_by("pk")
    )
