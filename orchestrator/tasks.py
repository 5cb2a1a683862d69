"""Celery's doors to the services. Every task takes ids, calls one service and may run twice without harm: what is done
already is left alone. Queues are in the settings, times of day in `orchestrator/schedules.py`."""

from __future__ import annotations

import os
import socket
from typing import Any

import structlog
from celery import shared_task
from django.contrib.auth import get_user_model
from django.utils import timezone

from crm import idempotency
from crm.errors import EndcapError
from crm.models import Brand
from crm.privacy import consent
from orchestrator import conclusion, deliveries, demonstration, engine, learning, retention, training_orders
from orchestrator.engine.packs import PackRuntime
from orchestrator.engine.recovery import sweep as find_fallen
from orchestrator.models import Episode, EpisodeState
from training.runs import close_lost

log = structlog.get_logger(__name__)


@shared_task(name="orchestrator.tasks.run_episode")
def run_episode(*, episode_id: int) -> str:
    """Work on the episode until it ends or pauses; the state it was left in."""
    try:
        state = engine.run(episode_id, worker=f"{socket.gethostname()}:{os.getpid()}", runtime=PackRuntime())
    except Episode.DoesNotExist:
        log.warning("episode_gone", episode=episode_id)
        return "gone"
    if state == EpisodeState.DONE:
        deliveries.send(deliveries.CONCLUDE, episode_id)
    return state.value


@shared_task(name="orchestrator.tasks.conclude_episode")
def conclude_episode(*, episode_id: int) -> bool:
    """Judge, hand to the market and reward a finished episode."""
    episode = Episode.across_brands.filter(pk=episode_id).first()
    return episode is not None and conclusion.conclude(episode)


@shared_task(name="orchestrator.tasks.refresh_rewards")
def refresh_rewards(*, limit: int = 200) -> int:
    """Rewards follow what the CRM learned since."""
    return conclusion.refresh_rewards(now=timezone.now(), limit=limit)


@shared_task(name="orchestrator.tasks.sweep")
def sweep() -> dict[str, int]:
    """Wake up what lost its worker or its message; park what lost its worker too often; close lost trainings."""
    now = timezone.now()
    found = find_fallen(now)
    close_lost(now=now)
    runs = [*found.abandoned, *found.undelivered]
    woken = sum(deliveries.send_again(deliveries.RUN, pk) for pk in runs)
    woken += sum(deliveries.send_again(deliveries.CONCLUDE, pk) for pk in found.unconcluded)
    woken += sum(deliveries.send_again(deliveries.TRAIN, pk) for pk in training_orders.undelivered())
    if found.abandoned or found.parked:
        log.warning("swept", abandoned=found.abandoned, parked=found.parked)
    return {"woken": woken, "parked": found.parked}


@shared_task(name="orchestrator.tasks.train_policy")
def train_policy(
    *, brand_id: int, max_runs: int | None = None, learner: str = "clipped", by_id: int | None = None
) -> dict[str, Any]:
    """Learn from the brand's logged episodes."""
    by = get_user_model().objects.filter(pk=by_id).first() if by_id else None
    summary = learning.train(brand=Brand.objects.get(pk=brand_id), max_runs=max_runs, learner=learner, by=by)
    return summary.as_dict()


@shared_task(name="orchestrator.tasks.carry_out_training")
def carry_out_training(*, run_id: int) -> bool:
    """Train as somebody ordered on a page."""
    return training_orders.carry_out(run_id=run_id)


@shared_task(name="orchestrator.tasks.forget_old_answers")
def forget_old_answers() -> int:
    """Answers kept for repeated calls are needed for two days."""
    return idempotency.forget_old(timezone.now())


@shared_task(name="orchestrator.tasks.demo_turn")
def demo_turn() -> int:
    """Start a few episodes in simulated brands, so that a new user sees the loop turn."""
    plan = demonstration.turn(now=timezone.now())
    for brand_id in plan.to_train:
        train_policy.apply_async(kwargs={"brand_id": brand_id, "max_runs": demonstration.LEARN_FROM})
    return plan.started


@shared_task(name="orchestrator.tasks.apply_privacy")
def apply_privacy() -> dict[str, Any]:
    """For every brand: whoever unsubscribed or bounced goes on the suppression list, and what is older than the
    privacy policy keeps it goes. A brand whose policy is broken does not keep the others from theirs."""
    now, done = timezone.now(), {}
    for brand in Brand.objects.order_by("pk"):
        try:
            done[brand.slug] = {"suppressed": consent.follow_outcomes(brand), **retention.sweep(brand, now=now)}
        except EndcapError as error:
            log.error("privacy_not_applied", brand=brand.slug, reason=error.message)
    return done
