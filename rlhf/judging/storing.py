"""Verdicts into rows: one per member of an order, in the transaction that closes it; what is missing says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from rlhf.judge.rubric import Verdict
from rlhf.judge.verdicts import PairVerdict, Rank
from rlhf.judging.orders import finish
from rlhf.models import Evaluation, Experience, JudgeOrder, Signal
from rlhf.signals import record

RAW_SIGNS = 50_000


def store_absolute(
    order: JudgeOrder, verdict: Verdict, *, raw: str, model: str, prompt_version: str, cost: Decimal, latency_ms: int
) -> None:
    """The verdict and the end of its order, or neither. Raises LostOrder."""
    said = {**verdict.rich(), "model": model}
    fields = {
        "score": verdict.score, "confidence": verdict.confidence, "overall_rating": verdict.overall_rating,
        "dimensions": verdict.dimensions, "verdict": said,
    }  # fmt: skip
    common = {"raw": raw, "prompt_version": prompt_version, "cost_usd": cost, "latency_ms": latency_ms}
    _store(order, [order.experience], [{**fields, **common}])


def store_ranks(
    order: JudgeOrder, members: Sequence[Experience], ranks: Sequence[Rank], *,
    raw: str = "", model: str = "", prompt_version: str = "", cost: Decimal = Decimal(0), latency_ms: int = 0,
) -> None:  # fmt: skip
    """One row for each member; the cost of the call is shared out among them. Raises LostOrder."""
    share = cost / len(members)
    rows = [
        {
            "score": rank.score, "centred": rank.centred, "raw": raw, "prompt_version": prompt_version,
            "cost_usd": share, "latency_ms": latency_ms,
            "verdict": {"reasoning": rank.reasoning, "members": len(members), "model": model},
        }
        for rank in ranks
    ]  # fmt: skip
    _store(order, members, rows)


def store_pair(
    order: JudgeOrder, members: Sequence[Experience], found: PairVerdict, *,
    raw: str = "", model: str = "", prompt_version: str = "", cost: Decimal = Decimal(0), latency_ms: int = 0,
) -> None:  # fmt: skip
    """A row for each side. `verdict["orders"]` says who won in each order, seen from that side. Raises LostOrder."""
    mirrored = {"a": "b", "b": "a", "tie": "tie"}
    rows = []
    for side, other in ((0, 1), (1, 0)):
        orders = list(found.orders) if side == 0 else [mirrored[one] for one in found.orders]
        rows.append(
            {
                "score": found.score if side == 0 else 1 - found.score, "opponent": members[other],
                "raw": raw, "prompt_version": prompt_version, "cost_usd": cost / 2, "latency_ms": latency_ms,
                "verdict": {
                    "reasoning": found.reasoning, "orders": orders, "agreed": found.agreed, "model": model,
                    "shown_first": "self" if side == 0 else "opponent",
                },
            }
        )  # fmt: skip
    _store(order, members, rows)


def _store(order: JudgeOrder, members: Sequence[Experience], rows: Sequence[Mapping[str, Any]]) -> None:
    with transaction.atomic():
        finish(order)  # first: whoever lost the order must not delete what the other one wrote
        _missing_rows(order).delete()
        for member, row in zip(members, rows, strict=True):
            kept = {**row, "raw": str(row["raw"])[:RAW_SIGNS]}
            made = _rows(order).create(experience=member, **_key(order), **kept)
            record(
                member, Signal.Kind.JUDGED, actor=order.judge, evaluation=made.pk, form=order.form, score=made.score,
                centred=made.centred, rubric_version=order.rubric_version,
            )  # fmt: skip


def store_missing(
    order: JudgeOrder, members: Sequence[Experience], *, cause: str, why: str, raw: str = "", prompt_version: str = ""
) -> None:
    """One row for each member that says why there is no verdict; it is replaced by the verdict when that comes, and by
    the newest cause until then."""
    with transaction.atomic():
        known = {one.experience_id: one for one in _missing_rows(order)}
        for member in members:
            row = known.get(member.pk)
            if row is not None and row.cause == cause:
                continue
            if row is not None:
                row.delete()
            made = _rows(order).create(
                experience=member, **_key(order), cause=cause, missing_because=why[:200], raw=raw[:RAW_SIGNS],
                prompt_version=prompt_version,
            )  # fmt: skip
            record(
                member, Signal.Kind.JUDGED, actor=order.judge, evaluation=made.pk, form=order.form, score=None,
                cause=cause, why=why[:200], rubric_version=order.rubric_version,
            )  # fmt: skip


def _rows(order: JudgeOrder) -> Any:
    return Evaluation.objects.for_brand(order.brand_id)


def _key(order: JudgeOrder) -> dict[str, Any]:
    alone = order.form == Evaluation.Form.ABSOLUTE
    return {
        "form": order.form,
        "judge": order.judge,
        "rubric_version": order.rubric_version,
        "group": None if alone else order.group,
    }


def _missing_rows(order: JudgeOrder) -> Any:
    return _rows(order).filter(experience_id__in=order.members, score__isnull=True, **_key(order))
