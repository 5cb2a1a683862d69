"""What calls cost a brand, and the limit of a month (UTC) that is never passed: money is set aside before a call."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from crm.models import Brand
from rlhf.judge.claude import Answer
from rlhf.judge.prices import cost_usd
from rlhf.models import Evaluation, JudgeCall, JudgeOrder, JudgeSettings


def month_of(now: datetime) -> datetime:
    """The first instant of the month."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month_of(now: datetime) -> datetime:
    began = month_of(now)
    return began.replace(year=began.year + began.month // 12, month=began.month % 12 + 1)


def spent(brand: Brand | int, now: datetime) -> Decimal:
    """USD of this month, with what is set aside for calls under way."""
    rows = JudgeCall.objects.for_brand(brand).filter(created_at__gte=month_of(now))
    return rows.aggregate(total=Sum("cost_usd"))["total"] or Decimal(0)


def limit_of(brand: Brand | int) -> Decimal:
    """USD a month."""
    row = JudgeSettings.objects.filter(brand=brand).first()
    return Decimal(row.monthly_limit_usd if row is not None else JudgeSettings().monthly_limit_usd)


def left(brand: Brand | int, now: datetime) -> Decimal:
    """USD of this month that can still be spent, at least 0."""
    return max(limit_of(brand) - spent(brand, now), Decimal(0))


def set_aside(order: JudgeOrder, usd: Decimal, *, now: datetime, batched: bool = False) -> JudgeCall | None:
    """A row for a call that is about to be made, at the most it can cost; None where the month's limit leaves no room.

    It says "no reply" until it is settled, which is what it stays if the worker dies in between.
    """
    with transaction.atomic():
        # the brand's row is the lock: two workers cannot both take the last dollar
        Brand.objects.select_for_update(no_key=True).get(pk=order.brand_id)
        if spent(order.brand_id, now) + usd > limit_of(order.brand_id):
            return None
        made: JudgeCall = JudgeCall.objects.for_brand(order.brand_id).create(
            brand_id=order.brand_id,
            order=order,
            model=order.judge,
            cost_usd=usd,
            batched=batched,
            cause=Evaluation.Cause.TIMED_OUT,
        )
        return made


def settle(call: JudgeCall, answer: Answer, *, cause: str = "") -> Decimal:
    """Write what the call really took; the cost. Where nobody can say, what was set aside stays."""
    tokens = answer.tokens
    if tokens is not None:
        call.input_tokens, call.output_tokens = tokens.input, tokens.output
        call.cache_write_tokens, call.cache_read_tokens = tokens.cache_write, tokens.cache_read
        call.cost_usd = cost_usd(answer.model or call.model, tokens, batched=call.batched)
    call.request_id, call.latency_ms = answer.request_id[:80], answer.latency_ms
    call.cause = cause or (answer.missing.cause if answer.missing is not None else "")
    call.save()
    return call.cost_usd
