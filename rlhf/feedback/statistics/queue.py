"""What is in the queues now, whatever the filters of time and person say: waiting, done, in dispute."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from crm.models import Brand
from rlhf.models import RatingItem


@dataclass(frozen=True, slots=True)
class Queue:
    """Items that wait for somebody, that enough people rated, and disagreements to resolve; known answers left out."""

    waiting: int = 0
    done: int = 0
    to_resolve: int = 0


def queues(brand: Brand | int) -> dict[str, Queue]:
    """By kind of work; one query."""
    rows = RatingItem.objects.for_brand(brand).filter(is_gold=False).order_by().values("task__kind")
    counted = rows.annotate(
        waiting=Count("pk", filter=Q(state=RatingItem.State.OPEN, task__is_open=True)),
        done=Count("pk", filter=Q(state=RatingItem.State.DONE)),
        to_resolve=Count("pk", filter=Q(disputed=True, resolved_at__isnull=True)),
    )
    fields = ("task__kind", "waiting", "done", "to_resolve")
    return {kind: Queue(*numbers) for kind, *numbers in counted.values_list(*fields)}
