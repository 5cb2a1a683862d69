"""Trainings that a worker carries out while the person goes on: the order is a row, a message only wakes the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from orchestrator import deliveries, learning
from training.models import TrainingRun

# An order that runs for longer has lost its worker; `training.runs.close_lost` closes it.
UNDER_WAY = timedelta(minutes=15)


class AlreadyTraining(EndcapError):
    """A training of this brand is ordered or under way."""

    status = 409


def order(*, brand: Brand, max_runs: int | None = None, by: Any = None) -> TrainingRun:
    """Write the order and wake a worker once it is committed. Raises AlreadyTraining."""
    with transaction.atomic():
        Brand.objects.select_for_update().get(pk=brand.pk)
        open_states = (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)
        recent = timezone.now() - UNDER_WAY
        if TrainingRun.objects.for_brand(brand).filter(state__in=open_states, created_at__gt=recent).exists():
            raise AlreadyTraining(f"A training of {brand} is under way. Look at its result first.", brand=brand.slug)
        run: TrainingRun = TrainingRun.objects.for_brand(brand).create(
            brand=brand, options={"learner": "clipped", "max_runs": max_runs, "seed": 0}, by=by
        )
        deliveries.train_on_commit(run.pk)
    return run


def carry_out(*, run_id: int) -> bool:
    """Train as ordered; False when the order was taken already, is closed or gone. Safe to call twice."""
    claimed = TrainingRun.across_brands.filter(pk=run_id, state=TrainingRun.State.QUEUED).update(
        state=TrainingRun.State.RUNNING, started_at=timezone.now()
    )
    if claimed != 1:
        return False
    run = TrainingRun.across_brands.select_related("brand", "by").get(pk=run_id)
    options = run.options
    learning.train(brand=run.brand, max_runs=options["max_runs"], learner=options["learner"], by=run.by, run=run)
    return True


def undelivered() -> list[int]:
    """Orders that nobody has taken yet, for the sweep."""
    return list(TrainingRun.across_brands.filter(state=TrainingRun.State.QUEUED).values_list("pk", flat=True))
