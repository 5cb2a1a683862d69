"""What a person can rate: every kind of work with its two questions, how many wait for them and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.models import Brand
from rlhf.models import Assignment, RatingTask
from rlhf.rating.progress import SITTING, usual_seconds, waiting_by_task
from rlhf.rating.tasks import ensure_tasks

KINDS = {
    "budget": "Budgeting",
    "creative": "Creative",
    "measurement": "Measurement",
    "planning": "Planning",
    "outreach": "Outreach",
    "dashboard": "Dashboards",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One task; `minutes` are 0 where nothing waits."""

    task: RatingTask
    waiting: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    offers: tuple[Offer, ...]

    @property
    def waiting(self) -> int:
        return sum(offer.waiting for offer in self.offers)


def kinds_for(brand: Brand, rater: Any, *, now: datetime) -> list[Kind]:
    """In three queries, however many tasks there are."""
    waiting = waiting_by_task(brand, rater)
    seconds = _seconds(brand, rater, now)
    by_kind: dict[str, list[Offer]] = {kind: [] for kind in KINDS}
    for task in ensure_tasks(brand).filter(is_open=True):
        count = waiting.get(task.pk, 0)
        minutes = max(1, round(count * seconds / 60)) if count else 0
        by_kind.setdefault(task.kind, []).append(Offer(task, count, minutes))
    return [
        Kind(KINDS.get(kind, kind.capitalize()), tuple(sorted(offers, key=lambda one: one.task.is_pair)))
        for kind, offers in by_kind.items()
        if offers
    ]


def _seconds(brand: Brand, rater: Any, now: datetime) -> float:
    mine = Assignment.objects.for_brand(brand).filter(rater=rater, state=Assignment.State.ANSWERED)
    recent = mine.filter(answered_at__gt=now - SITTING).order_by("-answered_at")
    return usual_seconds(list(recent.values_list("answered_at", flat=True)[:200]))
