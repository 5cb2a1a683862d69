"""Backlogs as batches, at half price: what waits behind the first orders is sent together and collected within a day.

Results come in any order and are matched by `custom_id`, which names order and attempt. A batch that cannot be read
stays sent and is looked at again; one that is gone, or older than it can be, gives its orders back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import anthropic
import structlog
from anthropic import Anthropic
from django.db import transaction
from django.utils import timezone

from crm.models import Brand
from rlhf.judge import claude
from rlhf.judge.materials import Ask
from rlhf.judge.replies import Missing
from rlhf.judging import carrying, orders, spending
from rlhf.judging.carrying import NoVerdict, Work
from rlhf.judging.embedded import JUDGE
from rlhf.judging.orders import LostOrder
from rlhf.models import Evaluation, JudgeBatch, JudgeCall, JudgeOrder, JudgeSettings

log = structlog.get_logger(__name__)
BEHIND = 20  # so many orders are asked for one by one; a batch takes what waits behind them
LARGEST = 200
OLDEST = timedelta(hours=27)  # the service gives a batch 24 hours
CUSTOM_ID = re.compile(r"order-(\d+)-(\d+)")


def custom_id(order: JudgeOrder) -> str:
    return f"order-{order.pk}-{order.attempts}"


def send(
    brand: Brand, *, worker: str, client: Anthropic, now: datetime, behind: int = BEHIND, largest: int = LARGEST
) -> JudgeBatch | None:
    """Send what waits behind the first `behind` orders of the brand as one batch; None where nothing does, or the brand
    wants no batches, or the service took none."""
    row = JudgeSettings.objects.filter(brand=brand).first()
    if row is None or not row.batches:
        return None
    waiting = JudgeOrder.objects.for_brand(brand).filter(orders.due(now), state=JudgeOrder.State.QUEUED)
    waiting = waiting.exclude(judge=JUDGE).exclude(form=Evaluation.Form.PAIR)  # a pair is two calls, one by one
    keys = list(waiting.order_by("-priority", "pk").values_list("pk", flat=True)[behind : behind + largest])
    packed = [one for one in (_packed(brand, key, worker, now) for key in keys) if one is not None]
    if not packed:
        return None
    requests: list[Any] = [
        {"custom_id": custom_id(work.order), "params": claude.params(ask, model=work.order.judge, roomier=work.roomier)}
        for work, ask, _ in packed
    ]
    try:
        external_id = str(client.messages.batches.create(requests=requests).id)
    except (anthropic.AnthropicError, ValueError, AttributeError) as error:
        _not_sent(packed, error)
        return None
    return _sent(brand, external_id, packed)


Packed = tuple[Work, Ask, JudgeCall]


def _packed(brand: Brand, key: int, worker: str, now: datetime) -> Packed | None:
    """One order claimed and made ready; None where it cannot be part of a batch."""
    order = orders.claim(brand, worker=worker, now=now, order=key)
    if order is None:
        return None
    work = Work(order)
    try:
        if work.rubric is None:
            raise NoVerdict(Missing("no_rubric", f"the rubric {order.rubric_version} is not there"))
        materials = work.materials
        if isinstance(materials, Missing):
            raise NoVerdict(materials)
        if len(materials) < len(order.members):
            raise NoVerdict(Missing("unreadable", "an experience is not there any more"))
        ask, _ = carrying.asks(work, work.rubric, materials)
        call = carrying.set_aside(work, ask, now=now, batched=True)
    except NoVerdict as failed:
        carrying.fail(order, work.members, failed.missing)
        return None
    if call is None:
        carrying.wait_for_money(order, work.members)
        return None
    return work, ask, call


def _not_sent(packed: list[Packed], error: Exception) -> None:
    missing, tokens = (
        (Missing("not_json", "the service did not name the batch"), None)
        if isinstance(error, AttributeError)
        else claude.fault(error)
    )
    for work, _, call in packed:
        spending.settle(call, claude.Answer(None, missing, tokens=tokens))
        try:
            carrying.fail(work.order, work.members, missing)
        except LostOrder:
            log.info("order_lost", order=work.order.pk)


def _sent(brand: Brand, external_id: str, packed: list[Packed]) -> JudgeBatch:
    # until here the orders were held by leases: a worker that dies before this line loses the batch, not the orders
    with transaction.atomic():
        batch: JudgeBatch = JudgeBatch.objects.for_brand(brand).create(
            brand=brand, external_id=external_id, size=len(packed)
        )
        for work, _, _ in packed:
            try:
                with transaction.atomic():
                    orders.close(work.order, state=JudgeOrder.State.IN_BATCH, batch=batch)
            except LostOrder:
                log.info("order_lost", order=work.order.pk)
    log.info("batch_sent", batch=external_id, size=len(packed))
    return batch


def collect(batch: JudgeBatch, *, client: Anthropic, now: datetime) -> dict[str, int] | None:
    """Take in the results of a batch that ended: counts by `done` or cause. None where it has not ended yet."""
    try:
        shown = client.messages.batches.retrieve(batch.external_id)
        ended = shown.processing_status == "ended"
    except anthropic.NotFoundError:
        return _give_up(batch, "the batch is not there any more", now)
    except (anthropic.AnthropicError, ValueError, AttributeError) as error:
        log.warning("batch_unreadable", batch=batch.external_id, error=str(error)[:200])
        ended = False
    if ended:
        return _take_in(batch, client, now)
    if now - batch.created_at > OLDEST:
        return _give_up(batch, "the batch did not end in time", now)
    return None


def _take_in(batch: JudgeBatch, client: Anthropic, now: datetime) -> dict[str, int] | None:
    counts: dict[str, int] = {}
    try:
        for name, answer in claude.read_batch(client, batch.external_id):
            outcome = _taken(batch, name, answer)
            counts[outcome] = counts.get(outcome, 0) + 1
    except (anthropic.AnthropicError, ValueError) as error:
        log.warning("batch_results_broke_off", batch=batch.external_id, error=str(error)[:200])
        return _give_up(batch, "its results cannot be read", now) if now - batch.created_at > OLDEST else None
    missing = _without_result(batch, "the batch has no result for it")
    if missing:
        counts["expired"] = counts.get("expired", 0) + missing
    _close(batch, JudgeBatch.State.ENDED, counts, now)
    return counts


def _taken(batch: JudgeBatch, name: str, answer: claude.Answer) -> str:
    """One result. What is unknown, comes a second time, or belongs to an earlier attempt changes nothing."""
    named = CUSTOM_ID.fullmatch(name)
    order = _in(batch).filter(pk=named[1], attempts=named[2]).first() if named else None
    if order is None:
        return "unknown"
    work = Work(order)
    call = order.calls.filter(batched=True).order_by("-pk").first()
    try:
        materials, rubric = work.materials, work.rubric
        if call is None or rubric is None or isinstance(materials, Missing) or len(materials) < len(order.members):
            raise NoVerdict(
                materials if isinstance(materials, Missing) else Missing("unreadable", "what was judged is gone")
            )
        ask, ids = carrying.asks(work, rubric, materials)
        carrying.read_and_store(work, rubric, materials, ask, ids, answer, call)
    except NoVerdict as failed:
        return carrying.fail(
            order, work.members, failed.missing, raw=failed.raw, prompt_version=failed.prompt_version
        )  # fmt: skip
    except LostOrder:
        return "unknown"
    return "done"


def _in(batch: JudgeBatch) -> Any:
    rows = JudgeOrder.objects.for_brand(batch.brand_id).select_related("experience", "brand")
    return rows.filter(batch=batch, state=JudgeOrder.State.IN_BATCH)


def _without_result(batch: JudgeBatch, why: str) -> int:
    count = 0
    for order in _in(batch):
        missing = Missing("expired", why)
        for call in order.calls.filter(batched=True, cause=Evaluation.Cause.TIMED_OUT):
            spending.settle(call, claude.Answer(None, missing, tokens=claude.NOTHING))
        carrying.fail(order, Work(order).members, missing)
        count += 1
    return count


def _give_up(batch: JudgeBatch, why: str, now: datetime) -> dict[str, int]:
    counts = {"expired": _without_result(batch, why)}
    _close(batch, JudgeBatch.State.LOST, counts, now)
    return counts


def _close(batch: JudgeBatch, state: str, counts: Mapping[str, int], now: datetime) -> None:
    rows = JudgeBatch.objects.for_brand(batch.brand_id).filter(pk=batch.pk, state=JudgeBatch.State.SENT)
    rows.update(state=state, counts=dict(counts), ended_at=now)
    log.info("batch_closed", batch=batch.external_id, state=state, counts=dict(counts))


def open_batches(brand: Brand) -> list[JudgeBatch]:
    return list(JudgeBatch.objects.for_brand(brand).filter(state=JudgeBatch.State.SENT).order_by("created_at"))


def collect_open(brand: Brand, *, client: Anthropic) -> int:
    """Look at every batch of the brand that was sent; how many were closed."""
    closed = 0
    for batch in open_batches(brand):
        closed += collect(batch, client=client, now=timezone.now()) is not None
    return closed
