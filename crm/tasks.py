"""Periodic work of the CRM. Each task may run twice without harm."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from crm.market.answers import release_due


@shared_task(name="crm.tasks.release_market")
def release_market(limit: int = 500) -> int:
    """Release the answers of simulated markets that are due."""
    return release_due(now=timezone.now(), limit=limit)
