"""What people may do with episodes: start, pause, resume, cancel, retry, fork. Each change of state is one conditional
update; one that comes too late is refused and says what the state is."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand, Pack
from orchestrator import deliveries, learning, subjects
from orchestrator.models import Episode, EpisodeQuerySet, EpisodeState, PolicyMode
from orchestrator.policies.contract import FINISH

LONGEST_REQUEST = 4000
MOST_STEPS = 100


class BadRun(EndcapError):
    """What was asked for cannot be run; `field`, `value` and the message say which and what would do."""


class NotAllowedNow(EndcapError):
    """The episode's state does not allow it."""

    status = 409


def start(
    *,
    brand: Brand,
    pack: Pack,
    mode: str = PolicyMode.RULE,
    max_steps: int | None = None,
    request: str = "",
    by: Any = None,
    seed: int | None = None,
    deliver: bool = True,
) -> Episode:
    """A queued episode of the pack about a subject of its own; a worker is told once the transaction commits.

    Args:
        max_steps: 1 to 100; None takes the pack's.
        seed: reproduces subject and choices on the same data; None draws one.
        deliver: False where the caller runs it in its own process.

    Raises:
        BadRun: pack of another brand, unknown mode, steps out of range, a request that is too long.
    """
    limit = pack.max_steps if max_steps is None else max_steps
    _check(brand, pack, mode, limit, request, seed)
    chance = secrets.randbits(48) if seed is None else seed
    # a stream of its own: steps draw from [seed, index]
    subject = subjects.pick(brand, pack=pack, rng=np.random.default_rng([chance, MOST_STEPS]))
    with transaction.atomic():
        episode: Episode = Episode.objects.for_brand(brand).create(
            brand=brand,
            pack=pack,
            mode=mode,
            policy_version=learning.ensure_prior(brand) if mode == PolicyMode.RL else None,
            title=str(subject.get("title") or pack.name)[:200],
            request=request.strip(),
            subject=subject,
            seed=chance,
            max_steps=limit,
            simulated=brand.is_simulated,
            created_by=by,
        )
        if deliver:
            deliveries.wake_on_commit(episode.pk)
    return episode


def pause(*, episode: Episode, by: Any = None) -> Episode:
    """Stop before the next step. Raises NotAllowedNow for what neither waits nor runs, or was told to stop already."""
    row = _row(episode)
    if row.filter(state=EpisodeState.QUEUED).update(state=EpisodeState.PAUSED):
        return _fresh(episode)
    if row.filter(state=EpisodeState.RUNNING, wanted="").update(wanted="pause"):
        return _fresh(episode)
    raise _refusal(episode, "pause", "Only a queued or running episode can be paused.")


def resume(*, episode: Episode, by: Any = None) -> Episode:
    """Go on behind the last finished step; takes back a pause that was not obeyed yet. Raises NotAllowedNow."""
    row = _row(episode)
    with transaction.atomic():
        if row.filter(state=EpisodeState.PAUSED).update(state=EpisodeState.QUEUED):
            deliveries.wake_on_commit(episode.pk)
            return _fresh(episode)
    if row.filter(state=EpisodeState.RUNNING, wanted="pause").update(wanted=""):
        return _fresh(episode)
    raise _refusal(episode, "resume", "Only a paused episode can be resumed.")


def cancel(*, episode: Episode, by: Any = None) -> Episode:
    """End it for good, after the step under way; nothing it made goes to the market. Raises NotAllowedNow."""
    row = _row(episode)
    still = row.filter(state__in=(EpisodeState.QUEUED, EpisodeState.PAUSED, EpisodeState.STUCK))
    if still.update(state=EpisodeState.CANCELLED, finished_at=timezone.now(), wanted=""):
        return _fresh(episode)
    if row.filter(state=EpisodeState.RUNNING).exclude(wanted="cancel").update(wanted="cancel"):
        return _fresh(episode)
    raise _refusal(episode, "cancel", "Only an episode that has not ended can be cancelled.")


def retry(*, episode: Episode, by: Any = None) -> Episode:
    """Let a failed or stuck episode try its next step again, with its recoveries counted anew. Raises NotAllowedNow."""
    row = _row(episode).filter(state__in=(EpisodeState.FAILED, EpisodeState.STUCK))
    with transaction.atomic():
        if row.update(state=EpisodeState.QUEUED, attempts=0, error="", finished_at=None, wanted=""):
            deliveries.wake_on_commit(episode.pk)
            return _fresh(episode)
    raise _refusal(episode, "retry", "Only a failed or stuck episode can be retried.")


def fork(*, episode: Episode, after_step: int, by: Any = None, deliver: bool = True) -> Episode:
    """A new episode that takes over the first `after_step` steps (0: none) and draws its own choices from there.

    The same pack, request, subject and limit; in mode rl the version that serves now. Raises NotAllowedNow where there
    are fewer steps, or nothing is left to do behind them.
    """
    taken = list(episode.steps.filter(index__lt=after_step).order_by("index"))
    detail = {"field": "after_step", "value": after_step}
    if after_step < 0 or len(taken) < after_step:
        done = episode.steps.count()
        raise NotAllowedNow(
            f"{episode.number} has {done} finished steps; choose a number from 0 to {done}, not {after_step}.", **detail
        )
    if after_step >= episode.max_steps or (taken and taken[-1].action == FINISH):
        raise NotAllowedNow(
            f"Nothing is left to do behind step {after_step} of {episode.number}; choose an earlier one.", **detail
        )
    with transaction.atomic():
        child: Episode = Episode.objects.for_brand(episode.brand_id).create(
            brand=episode.brand,
            pack=episode.pack,
            mode=episode.mode,
            policy_version=learning.ensure_prior(episode.brand) if episode.mode == PolicyMode.RL else None,
            title=episode.title,
            request=episode.request,
            subject=episode.subject,
            seed=secrets.randbits(48),
            max_steps=episode.max_steps,
            simulated=episode.simulated,
            created_by=by,
            forked_from=episode,
            forked_after=after_step,
            steps_count=len(taken),
            cost=sum(step.cost for step in taken),
            tokens=sum(step.tokens for step in taken),
        )
        for step in taken:
            step.pk, step.episode = None, child
        child.steps.bulk_create(taken)
        if deliver:
            deliveries.wake_on_commit(child.pk)
    return child


def _check(brand: Brand, pack: Pack, mode: str, max_steps: Any, request: str, seed: Any) -> None:
    if pack.brand_id != brand.pk:
        raise BadRun(f"{brand} has no pack {pack.slug}.", field="pack", value=pack.slug)
    if mode not in PolicyMode.values:
        known = ", ".join(PolicyMode.values)
        raise BadRun(f"{mode!r} is no policy mode; choose one of {known}.", field="mode", value=mode)
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or not 1 <= max_steps <= MOST_STEPS:
        raise BadRun(
            f"max_steps is {max_steps!r}; choose a whole number from 1 to {MOST_STEPS}.",
            field="max_steps",
            value=max_steps,
        )
    if len(request) > LONGEST_REQUEST:
        raise BadRun(
            f"The request has {len(request):,} characters; say it in {LONGEST_REQUEST:,}.",
            field="request",
            value=request[:80],
        )
    if seed is not None and not 0 <= seed < 2**63:
        raise BadRun(f"seed is {seed}; choose a whole number from 0 to 2^63 - 1.", field="seed", value=seed)


def _row(episode: Episode) -> EpisodeQuerySet:
    """The episode as a query, for updates that ask for its state."""
    rows: EpisodeQuerySet = Episode.objects.for_brand(episode.brand_id).filter(pk=episode.pk)
    return rows


def _fresh(episode: Episode) -> Episode:
    """The same object as the database has it now."""
    episode.refresh_from_db()
    return episode


def _refusal(episode: Episode, verb: str, rule: str) -> NotAllowedNow:
    current = _fresh(episode)
    asked = f" and already asked to {current.wanted}" if current.wanted else ""
    return NotAllowedNow(
        f"{current.number} is {current.get_state_display().lower()}{asked}. {rule}",
        episode=current.pk,
        state=current.state,
        wish=verb,
    )
