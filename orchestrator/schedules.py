"""What beat does and how often. The rows can be changed in the admin; written again, switched-off tasks stay off."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task of ours, every so many seconds. `in_production` False: created switched off there."""

    name: str
    task: str
    every_s: int
    in_production: bool = True
    queue: str = "default"


SCHEDULES = (
    Schedule("Market answers that are due", "crm.tasks.release_market", 2),
    Schedule("Rewards follow the CRM", "orchestrator.tasks.refresh_rewards", 5),
    Schedule("Wake up what fell through", "orchestrator.tasks.sweep", 10),
    Schedule("Rating queues", "rlhf.tasks.keep_queues", 20),
    Schedule("Reports that lost their worker", "crm.tasks.sweep_imports", 30),
    Schedule("Watched folders and buckets", "crm.tasks.look_at_watched_places", 60),
    Schedule("Forget old answers to repeated calls", "orchestrator.tasks.forget_old_answers", 3600),
    Schedule("Consent lists and retention", "orchestrator.tasks.apply_privacy", 3600),
    Schedule("New experiences are judged", "rlhf.tasks.evaluate_new", 15, queue="evaluation"),
    Schedule("Batches for Claude", "rlhf.tasks.turn_batches", 60, queue="evaluation"),
    Schedule("Answers to the same request are ranked", "rlhf.tasks.order_rankings", 60, queue="evaluation"),
    Schedule("Judges beside people", "rlhf.tasks.measure_judges", 300, queue="evaluation"),
    Schedule("Demo: start episodes in simulated brands", "orchestrator.tasks.demo_turn", 10, in_production=False),
    Schedule("Demo: the simulated panel rates", "rlhf.tasks.panel_turn", 20, in_production=False),
)


def ensure_schedules() -> int:
    """Write every schedule; how many are new."""
    created = 0
    with transaction.atomic():
        for wanted in SCHEDULES:
            interval, _ = IntervalSchedule.objects.get_or_create(every=wanted.every_s, period=IntervalSchedule.SECONDS)
            row = {
                "task": wanted.task,
                "interval": interval,
                "queue": wanted.queue,
                # nobody needs the turns that were missed while no worker ran
                "expire_seconds": 3 * wanted.every_s,
            }
            enabled = wanted.in_production or not settings.PRODUCTION
            _, new = PeriodicTask.objects.update_or_create(
                name=wanted.name, defaults=row, create_defaults={**row, "enabled": enabled}
            )
            created += new
    return created
