"""Messages that wake workers up. The database is the truth: a message that is lost costs time, never work."""

from __future__ import annotations

from functools import partial

import structlog
from celery import current_app
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)
RUN = "orchestrator.tasks.run_episode"
CONCLUDE = "orchestrator.tasks.conclude_episode"
TRAIN = "orchestrator.tasks.carry_out_training"
ARGUMENT = {RUN: "episode_id", CONCLUDE: "episode_id", TRAIN: "run_id"}
WAIT_S = 60


def wake_on_commit(episode_id: int) -> None:
    """Tell a worker about the episode once the current transaction has committed."""
    transaction.on_commit(partial(send, RUN, episode_id))


def train_on_commit(run_id: int) -> None:
    """Tell the training worker about the order once the current transaction has committed."""
    transaction.on_commit(partial(send, TRAIN, run_id))


def send(task: str, pk: int) -> bool:
    """Queue the task for the row; False where the broker cannot be reached, then the sweep will send it again."""
    if task not in current_app.tasks:
        # a process that only sends, a web server say, has not read the apps' tasks yet
        current_app.loader.import_default_modules()
    try:
        current_app.tasks[task].apply_async(kwargs={ARGUMENT[task]: pk}, retry=False)
    except OperationalError as error:
        log.warning("not_delivered", task=task, pk=pk, reason=str(error))
        return False
    return True


def send_again(task: str, pk: int) -> bool:
    """`send`, at most once a minute for one row: a long queue must not grow by its own length at every sweep."""
    return cache.add(f"woken/{task}/{pk}", 1, timeout=WAIT_S) and send(task, pk)
