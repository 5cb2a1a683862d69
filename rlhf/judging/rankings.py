"""Orders to rank answers to the same request against each other: once a group has two answers that were not ranked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max

from crm.models import Brand
from rlhf.judging import orders, rubrics
from rlhf.models import Evaluation, Experience, JudgeOrder, JudgeSettings

LOOK_BACK = timedelta(days=30)
NEWEST = 64  # answers of a group that are looked at: a pack that runs for months has one group all the time


def order_rankings(brand: Brand, *, now: datetime, judge: str, limit: int = 100) -> int:
    """Make orders for groups with at least two distinct answers that this judge was not asked to rank yet; how many.

    Answers with the same output stand once. More than eight are split into rankings of nearly equal size, newest first.
    """
    row = JudgeSettings.objects.filter(brand=brand).first()
    if row is not None and not row.ranks:
        return 0
    made = 0
    for group in _groups(brand, now)[:limit]:
        for members in _rankings(_new_ones(brand, group, judge)):
            orders.order_group(members, judge=judge)
            made += 1
    return made


def _groups(brand: Brand, now: datetime) -> list[UUID]:
    """Groups with at least two answers, those with the newest first."""
    rows = Experience.objects.for_brand(brand).filter(group__isnull=False, created_at__gte=now - LOOK_BACK)
    counted = rows.order_by().values("group").annotate(answers=Count("pk"), newest=Max("created_at"))
    return [row["group"] for row in counted.filter(answers__gte=orders.FEWEST).order_by("-newest")]


def _new_ones(brand: Brand, group: UUID, judge: str) -> list[Experience]:
    """Distinct answers among the newest of the group that no ranking by this judge has or waits for."""
    rows = Experience.objects.for_brand(brand).filter(group=group)
    answers = list(rows.order_by("-created_at", "-pk")[:NEWEST])
    kind = answers[0].kind
    if rubrics.serving(brand, kind) is None:
        return []
    asked = JudgeOrder.objects.for_brand(brand).filter(form=Evaluation.Form.GROUP, judge=judge, experience__group=group)
    known = {key for members in asked.values_list("members", flat=True) for key in members}
    seen = {_look(one) for one in answers if one.pk in known}
    found = []
    for one in answers:
        if one.kind == kind and one.pk not in known and _look(one) not in seen and one.output:
            seen.add(_look(one))
            found.append(one)
    return found


def _look(experience: Experience) -> str:
    said = {name: value for name, value in experience.output.items() if name != "final"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _rankings(answers: list[Experience]) -> Iterable[list[Experience]]:
    """Two to eight in each, sizes as equal as can be."""
    if len(answers) < orders.FEWEST:
        return
    parts = -(-len(answers) // orders.MOST)
    size, more = divmod(len(answers), parts)
    begin = 0
    for part in range(parts):
        end = begin + size + (part < more)
        yield answers[begin:end]
        begin = end
