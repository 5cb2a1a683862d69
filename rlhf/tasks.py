"""Celery: judge what is waiting. Thin doors to the services; safe to run twice."""

from __future__ import annotations

from celery import shared_task

from rlhf.judging import evaluate
from rlhf.models import Experience


@shared_task(name="rlhf.tasks.evaluate_experience")
def evaluate_experience(*, experience_id: int) -> str:
    """Judge one experience by the rubric of its kind; the version that judged."""
    experience = Experience.across_brands.get(pk=experience_id)
    return evaluate(experience).rubric_version
