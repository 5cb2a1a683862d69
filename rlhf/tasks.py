"""Celery: judge what is waiting. Thin doors to the services; safe to run twice."""

from __future__ import annotations

import os
import socket

from celery import shared_task
from django.utils import timezone

from crm.models import Brand
from rlhf import panel
from rlhf.calibration import measure_all
from rlhf.judging import evaluate, turns
from rlhf.models import Experience
from rlhf.rating import filling, holding


@shared_task(name="rlhf.tasks.evaluate_experience")
def evaluate_experience(*, experience_id: int) -> str:
    """Judge one experience by the rubric of its kind; the version that judged."""
    experience = Experience.across_brands.get(pk=experience_id)
    return evaluate(experience).rubric_version


@shared_task(name="rlhf.tasks.evaluate_new")
def evaluate_new() -> dict[str, int]:
    """Judge new experiences of every brand, most wanted first, and carry out orders that are due."""
    return turns.evaluate_new(worker=_worker())


@shared_task(name="rlhf.tasks.turn_batches")
def turn_batches() -> dict[str, int]:
    """Collect Claude's batches that ended and send new ones."""
    return turns.turn_batches(worker=_worker())


@shared_task(name="rlhf.tasks.order_rankings")
def order_rankings() -> int:
    """Order rankings of answers to the same request."""
    return turns.order_rankings()


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task(name="rlhf.tasks.keep_queues")
def keep_queues() -> dict[str, int]:
    """For every brand: give back what people held too long, and put new work into the queues of the rating pages."""
    now, done = timezone.now(), {"released": 0, "new": 0}
    for brand in Brand.objects.order_by("pk"):
        done["released"] += holding.release_expired(brand, now=now)
        done["new"] += filling.fill_all(brand, now=now)
    return done


@shared_task(name="rlhf.tasks.panel_turn")
def panel_turn() -> int:
    """The simulated panel looks at what is new in brands with a simulated market."""
    turns = [panel.turn(brand) for brand in Brand.objects.simulated()]
    return sum(one.stars + one.pairs for one in turns)


@shared_task(name="rlhf.tasks.measure_judges")
def measure_judges() -> int:
    """Hold every judge beside what people said since."""
    return sum(measure_all(brand) for brand in Brand.objects.order_by("pk"))
