"""Periodic work of the CRM. Each task may run twice without harm."""

from __future__ import annotations

import os
import socket

from celery import shared_task
from django.utils import timezone

from crm import report_imports
from crm.market.answers import release_due


@shared_task(name="crm.tasks.release_market")
def release_market(limit: int = 500) -> int:
    """Release the answers of simulated markets that are due."""
    return release_due(now=timezone.now(), limit=limit)


@shared_task(name="crm.tasks.carry_out_import")
def carry_out_import(*, import_id: int) -> str:
    """Read and store a report; the state it was left in, empty where there was nothing to do."""
    batch = report_imports.carry_out(import_id, worker=f"{socket.gethostname()}:{os.getpid()}")
    return batch.state if batch else ""


@shared_task(name="crm.tasks.sweep_imports")
def sweep_imports() -> dict[str, int]:
    """Wake up reports that lost their worker or their message; give up what lost its worker too often."""
    return report_imports.sweep()


@shared_task(name="crm.tasks.look_at_watched_places")
def look_at_watched_places() -> int:
    """Take in what is new in watched folders and buckets."""
    return report_imports.look_at_all()
