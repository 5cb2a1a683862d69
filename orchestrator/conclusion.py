"""What follows a finished episode: its output becomes an experience, is judged, goes to the simulated market where the
brand has one, and gets a first reward; later news from the CRM makes newer rewards.

Nothing here can fail an episode. What a judge, a market or a CRM could not do is logged and missing from the reward.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from crm.attribution import facts_for
from crm.market import answers
from crm.market.produced import Produced
from crm.models import Import, MarketEvent, Outcome, Sale, StageChange
from orchestrator import engine
from orchestrator.agents.outputs import context_of, output_of, produced_by
from orchestrator.engine.packs import bench_of, brief_of, snapshot_of
from orchestrator.models import Episode, EpisodeState, ReflectionLog
from rlhf import judging, rewards, signals
from rlhf.models import Experience, Reward, Signal

log = structlog.get_logger(__name__)

GROUPS = uuid.UUID("5d0b3bb4-6a0c-4c0e-9f0e-5b9b6c1f7a11")  # a namespace of our own for RFC 9562 version 5
MIN_PROPENSITY = 1e-12
# What people and judges say after a reward was computed; each leaves a signal.
SPOKEN = [
    Signal.Kind.JUDGED, Signal.Kind.RATED, Signal.Kind.PREFERRED, Signal.Kind.UNDONE, Signal.Kind.RESOLVED,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Concluded:
    """The episode's output in its two forms: for the market, and for judges and people."""

    produced: Produced
    experience: Experience


def conclude(episode: Episode) -> bool:
    """Judge, hand to the market and reward a finished episode; False where that is done already or not due.

    One transaction, and twice is once: two workers that begin together wait for each other.
    """
    with transaction.atomic():
        rows = Episode.objects.for_brand(episode.brand_id).filter(pk=episode.pk)
        due = rows.filter(state=EpisodeState.DONE, concluded_at__isnull=True)
        if due.select_for_update().first() is None:
            return False
        now = timezone.now()
        loaded = engine.load(episode.pk)
        row = loaded.episode
        made = _experience(loaded)
        _log_doubts(row)
        _attempt("judge", row, judging.evaluate, made.experience)
        if row.brand.is_simulated:
            _attempt("market", row, _tell_market, row, made.produced, now)
        _attempt("reward", row, _reward, row, made.experience, now)
        rows.update(concluded_at=now)
    log.info("episode_concluded", episode=row.pk, pack=row.pack.slug, mode=row.mode)
    return True


def refresh_rewards(*, now: datetime, limit: int = 200) -> int:
    """Compute provisional rewards again where the CRM has news or the time to settle has come; how many were computed.

    News are outcomes, sales and stage changes of the episode since its last computation, imports of its brand, and what
    judges and people have said or taken back; people's words also reach a reward that has settled.
    """
    told = {"attributed_to": OuterRef("experience__episode")}
    since = OuterRef("computed_at")
    news = (
        Exists(Outcome.across_brands.filter(**told, occurred_at__gt=since))
        | Exists(Sale.across_brands.filter(**told, sold_at__gt=since))
        | Exists(StageChange.across_brands.filter(**told, changed_at__gt=since))
        | Exists(Import.across_brands.filter(brand=OuterRef("experience__brand"), finished_at__gt=since))
    )
    heard = Exists(
        Signal.across_brands.filter(experience=OuterRef("experience"), kind__in=SPOKEN, created_at__gt=since)
    )
    waiting = (
        Reward.across_brands.filter(is_current=True, experience__episode__isnull=False)
        .filter(Q(provisional=True) & (Q(settles_at__lte=now) | news) | heard)
        .select_related("experience")
        .order_by("settles_at", "pk")[:limit]
    )
    computed = 0
    for reward in waiting:
        episode = (
            Episode.across_brands.select_related("brand", "pack").filter(public_id=reward.experience.episode).first()
        )
        if episode is not None:
            with transaction.atomic():
                computed += _attempt("reward", episode, _reward, episode, reward.experience, now)
                # where nothing changed the row stays the current one, and this news has been looked at
                Reward.across_brands.filter(pk=reward.pk, is_current=True).update(computed_at=now)
    return computed


def settle(episode: Episode) -> float | None:
    """Let the simulated market answer this episode in full right now and settle its reward; the reward's value.

    What the market would say over simulated days is said at once, by the same draw. None for an episode that was not
    concluded. A brand without a simulated market is answered by real time only and keeps its provisional reward.
    """
    experience = Experience.objects.for_brand(episode.brand).filter(episode=episode.public_id).first()
    current = experience.rewards.filter(is_current=True).first() if experience else None
    if experience is None or current is None:
        return None
    if not episode.brand.is_simulated:
        return float(current.value)
    now = timezone.now()
    ahead = MarketEvent.objects.for_brand(episode.brand).filter(
        attributed_to=episode.public_id, released_at__isnull=True
    )
    ahead.update(due_at=now)
    while ahead.exists() and answers.release_due(now=now):
        pass  # releases what is due of every episode, a batch at a time
    with transaction.atomic():
        _attempt("reward", episode, _reward, episode, experience, max(now, current.settles_at))
    episode.refresh_from_db()
    return episode.reward


def _experience(loaded: engine.LoadedEpisode) -> Concluded:
    episode = loaded.episode
    pack, work, snapshot = brief_of(episode.pack, max_steps=episode.max_steps), bench_of(loaded), snapshot_of(episode)
    produced = produced_by(work, pack=pack, snapshot=snapshot)
    steps = list(episode.steps.order_by("index").values_list("served_by", "policy", "duration_ms", "probability"))
    experience, made = Experience.objects.for_brand(episode.brand).get_or_create(
        episode=episode.public_id,
        defaults={
            "brand": episode.brand,
            "pack": episode.pack,
            "kind": produced.kind,
            "title": episode.title[:200],
            "group": _group(episode),
            "request": episode.request or episode.pack.goal,
            "context": context_of(snapshot, pack=pack),
            "output": output_of(produced, work),
            "served_by": ", ".join(dict.fromkeys(served for served, *_ in steps if served))[:80],
            "policy": steps[-1][1] if steps else episode.mode,
            "versions": {"policy": steps[-1][1]} if steps else {},
            "propensity": max(math.prod(chance for *_, chance in steps), MIN_PROPENSITY) if steps else None,
            "simulated": episode.simulated,
            "processing_ms": sum(took for _, _, took, _ in steps),
            "cost": episode.cost,
        },
    )
    if made:
        signals.record(experience, Signal.Kind.MADE, actor=experience.served_by, policy=experience.policy)
    return Concluded(produced, experience)


def _group(episode: Episode) -> uuid.UUID:
    """Answers to the same request share it: same pack and words, same person or product; for the brand as a whole, the
    same day, since its figures are others tomorrow."""
    about = episode.subject.get("key") or episode.subject.get("code") or episode.created_at.date().isoformat()
    return uuid.uuid5(GROUPS, json.dumps([episode.brand_id, episode.pack.slug, about, episode.request]))


def _log_doubts(episode: Episode) -> None:
    """What `reflect` said, as rows that can be counted."""
    said = episode.steps.filter(action="reflect").values_list("index", "output")
    episode.reflections.bulk_create(
        [
            ReflectionLog(
                episode=episode,
                step_index=index,
                confidence=output["confidence"],
                threshold=output["threshold"],
                risks=output["risks"],
                decision=output["decision"],
            )
            for index, output in said
        ],
        ignore_conflicts=True,
    )


def _tell_market(episode: Episode, produced: Produced, now: datetime) -> int:
    return answers.respond(
        brand=episode.brand, pack=episode.pack, episode=episode.public_id, produced=produced, now=now
    )


def _reward(episode: Episode, experience: Experience, now: datetime) -> None:
    # a simulated market has a clock of its own
    day_s = settings.MARKET_SECONDS_PER_DAY if episode.brand.is_simulated else 86_400
    crm = facts_for(
        episode.brand,
        episode=episode.public_id,
        pack=episode.pack,
        window_days=settings.REWARD_WINDOW_DAYS,
        now=now,
    )
    reward = rewards.compute(
        experience,
        crm=crm,
        steps=episode.steps_count,
        tokens=episode.tokens,
        now=now,
        window=timedelta(seconds=day_s * settings.REWARD_WINDOW_DAYS),
    )
    Episode.objects.for_brand(episode.brand_id).filter(pk=episode.pk).update(
        reward=reward.value, reward_provisional=reward.provisional
    )


def _attempt(what: str, episode: Episode, work: Callable[..., Any], *given: Any) -> bool:
    """Do it in a savepoint; on an error undo and log it, except where the database itself is away."""
    try:
        with transaction.atomic():
            work(*given)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("conclusion_part_failed", part=what, episode=episode.pk)
        return False
    return True
