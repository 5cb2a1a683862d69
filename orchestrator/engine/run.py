"""The loop of an episode: decide, act, write; between two steps obey a person's wish; leave when all is done."""

from __future__ import annotations

import time
from contextlib import suppress

import structlog
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from orchestrator.engine import ledger
from orchestrator.engine.claim import Lease, LeaseLost, claim, leave
from orchestrator.engine.effects import EpisodeEffects
from orchestrator.engine.heartbeat import heartbeat
from orchestrator.engine.runtime import FinishedStep, LoadedEpisode, Runtime
from orchestrator.models import Episode, EpisodeState, Step

log = structlog.get_logger(__name__)
WISHES = {"pause": EpisodeState.PAUSED, "cancel": EpisodeState.CANCELLED}


def run(episode_id: int, *, worker: str, runtime: Runtime, lease_s: float | None = None) -> EpisodeState:
    """Work on the episode until it ends, is paused or is taken away; the state it was left in.

    Calling it for an episode that somebody else works on, or that has ended, changes nothing. After a crash it goes on
    behind the last step on record, once the dead worker's lease has run out. Must not be called inside a transaction.

    Args:
        worker: who is asking, for people to read; need not be unique.
        lease_s: seconds without a sign of life until others may take over; default `EPISODE_LEASE_S`.

    Raises:
        Episode.DoesNotExist: there is no such episode.
        OperationalError, InterfaceError: the database went away. The lease runs out and another worker goes on.
    """
    lease = claim(episode_id, worker=worker, lease_s=lease_s)
    if lease is None:
        return _state_of(episode_id)
    with heartbeat.keeping(lease):
        try:
            return _work(lease, runtime)
        except LeaseLost:
            log.warning("lease_lost", episode=episode_id, token=lease.token)
            return _state_of(episode_id)
        except (KeyboardInterrupt, SystemExit):
            # an orderly end of the process is no crash: whoever comes next need not wait for the lease
            with suppress(LeaseLost):
                leave(lease, EpisodeState.QUEUED)
            raise


def _work(lease: Lease, runtime: Runtime) -> EpisodeState:
    episode = lease.episode
    loaded, wish = _with_steps(episode), episode.wanted
    while True:
        if wish:
            return leave(lease, WISHES[wish])
        if loaded.is_complete:
            return leave(lease, EpisodeState.DONE)
        index, began = loaded.index, time.perf_counter()
        try:
            decision = runtime.decide(loaded)
            outcome = runtime.act(loaded, decision, EpisodeEffects(episode, index, lease))
            now = timezone.now()
            duration_ms = round((time.perf_counter() - began) * 1000)
            values = ledger.step_values(lease, index, decision, outcome, duration_ms=duration_ms, now=now)
            state, wish = ledger.write(
                lease,
                values,
                steps=index + 1,
                cost=loaded.cost + outcome.cost,
                tokens=loaded.tokens + outcome.tokens,
                now=now,
                last=loaded.ends_with(decision.action),
            )
        except (LeaseLost, OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("step_failed", episode=episode.pk, step=index)
            return leave(lease, EpisodeState.FAILED, error=_reason(index, error))
        if state != EpisodeState.RUNNING:
            return state
        loaded.add(FinishedStep(decision.action, outcome.output, outcome.quality, outcome.cost, outcome.tokens))


def load(episode_id: int) -> LoadedEpisode:
    """The episode and every step on record, two queries (one where it is new)."""
    return _with_steps(Episode.across_brands.get(pk=episode_id))


def _with_steps(episode: Episode) -> LoadedEpisode:
    # a worker that died may not have counted what it did; everybody else has
    begun = episode.steps_count or episode.attempts
    steps = Step.across_brands.filter(episode=episode).order_by("index") if begun else []
    return LoadedEpisode(episode, [FinishedStep.from_row(step) for step in steps])


def _state_of(episode_id: int) -> EpisodeState:
    return EpisodeState(Episode.across_brands.values_list("state", flat=True).get(pk=episode_id))


def _reason(index: int, error: Exception) -> str:
    # PostgreSQL refuses null characters, and an error must always find its way to a person
    return f"Step {index + 1} failed: {type(error).__name__}: {error}".replace("\x00", "")
