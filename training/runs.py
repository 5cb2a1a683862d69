"""Care for training runs that nobody works on any more."""

from __future__ import annotations

from datetime import datetime, timedelta

from training.models import TrainingRun

LOST_AFTER = timedelta(minutes=15)


def close_lost(*, now: datetime) -> int:
    """Mark as failed what has been running for longer than any training takes; the number of runs closed.

    A training writes its version and its end in one transaction, so a run that was cut off left nothing behind but
    its own row.
    """
    lost = TrainingRun.across_brands.filter(state=TrainingRun.State.RUNNING, started_at__lt=now - LOST_AFTER)
    closed: int = lost.update(
        state=TrainingRun.State.FAILED,
        error="The process that trained went away. Nothing was changed; train again.",
        finished_at=now,
    )
    return closed
