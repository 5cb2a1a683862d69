"""Training of a brand's policy: from its finished episodes to a new version, with the evidence that lets it serve.

A version is never changed. Where real money is at stake it serves only when the log says that it is not worse than the
one before it, or when a person puts it there; in a simulated market it serves at once, because trying is how it learns
and nothing is lost. Older versions stay and can be put back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from orchestrator.episode_log import EpisodeLog, logged_episodes
from orchestrator.models import PolicyVersion
from orchestrator.policies import LEARNERS, ClippedPolicyGradient, LinearSoftmax, PlainReinforce
from orchestrator.policies.buckets import Bucket, summarise
from orchestrator.policies.evidence import Evidence, compare
from training.models import TrainingRun

PRIOR = "prior"
# In a version's evidence: the newest episode it was fitted to. It is compared with its successor on later ones only.
LEARNED_UP_TO = "learned_up_to_episode"
# Buckets stored with a version; the rest moved least.
KEPT_BUCKETS = 200


class UnknownLearner(EndcapError):
    """There is no learner of this name."""


class AlreadyServing(EndcapError):
    """This version serves already."""

    status = 409


@dataclass(frozen=True)
class TrainingSummary:
    """What `train` returns.

    `total_runs` finished episodes were looked at, `total_runs_used` were learned from, `skipped` says why the others
    were not. `avg_episode_reward` is the mean over the used ones, `avg_reward` over all that have a reward; None
    without any. `version` is the number of the new version, None when nothing was learned.
    """

    total_runs: int = 0
    total_runs_used: int = 0
    avg_reward: float | None = None
    avg_episode_reward: float | None = None
    updated_buckets: list[dict[str, Any]] = field(default_factory=list)
    number_of_buckets_updated: int = 0
    policy_mode_distribution: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, Any] = field(default_factory=lambda: {"count": 0, "reasons": {}})
    version: int | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def serving(brand: Brand) -> PolicyVersion | None:
    """The version that rl episodes of this brand use, if there is any yet."""
    found: PolicyVersion | None = PolicyVersion.objects.for_brand(brand).filter(serving=True).first()
    return found


def ensure_prior(brand: Brand) -> PolicyVersion:
    """The serving version; where there is none, number 0, which is the rules, is made (or put back) and serves."""
    with transaction.atomic():
        _lock(brand)
        current = serving(brand)
        if current is not None:
            return current
        prior, _ = PolicyVersion.objects.for_brand(brand).get_or_create(
            brand=brand,
            number=0,
            defaults={"learner": PRIOR, "parameters": LinearSoftmax.zero().to_json()},
        )
        _serve(prior)
    made: PolicyVersion = prior
    return made


def put_back(*, version: PolicyVersion, by: Any = None) -> PolicyVersion:
    """Let this version serve from now on; running episodes keep the version they were started with.

    `by` is the person who decided; the summary of the version records who and when. Raises AlreadyServing.
    """
    with transaction.atomic():
        _lock(version.brand)
        version = PolicyVersion.objects.for_brand(version.brand).get(pk=version.pk)
        if version.serving:
            raise AlreadyServing(f"Version {version.number} serves already.", version=version.number)
        moved = {"at": timezone.now().isoformat(), "by": str(by) if by else ""}
        version.summary = version.summary | {"put_back": [*version.summary.get("put_back", []), moved]}
        version.save(update_fields=["summary"])
        _serve(version)
    return version


def train(
    *,
    brand: Brand,
    max_runs: int | None = None,
    learner: str = "clipped",
    by: Any = None,
    seed: int = 0,
    run: TrainingRun | None = None,
) -> TrainingSummary:
    """Learn from the newest `max_runs` finished episodes of the brand (all: None) and store a new version.

    `run` is the row of a training that was ordered before (`orchestrator.training_orders`); else one is made.

    The new version serves at once if the market is simulated, or if the evidence says that it is not worse than the one
    serving; else it waits. With nothing to learn from, nothing is written. Raises UnknownLearner; whatever else goes
    wrong is kept on the run.
    """
    if learner not in LEARNERS:
        known = ", ".join(LEARNERS)
        raise UnknownLearner(f"There is no learner {learner}. Known: {known}.", field="learner", value=learner)
    log = logged_episodes(brand=brand, max_runs=max_runs)
    if not log.episodes:
        summary = _summary(log, [], None, {"verdict": "nothing to learn from", "moves": False})
        if run is not None:
            _finish(run, TrainingRun.State.DONE, summary=summary.as_dict())
        return summary
    run = run or TrainingRun.objects.for_brand(brand).create(
        brand=brand,
        state=TrainingRun.State.RUNNING,
        options={"learner": learner, "max_runs": max_runs, "seed": seed},
        by=by,
        started_at=timezone.now(),
    )
    try:
        previous = ensure_prior(brand)
        make = partial(_learner, learner, seed, live=not brand.is_simulated)
        policy, evidence, buckets = _learn(log, make, seed, previous)
        said = {**evidence.as_dict(), "previous_version": previous.number}
        said[LEARNED_UP_TO] = max(int(episode.key) for episode in log.episodes)
        return _store(brand, run, log, policy, said, buckets)
    except Exception as error:
        _finish(run, TrainingRun.State.FAILED, error=f"{type(error).__name__}: {error}")
        raise


def _learner(name: str, seed: int, *, live: bool) -> ClippedPolicyGradient | PlainReinforce:
    """In a live market nothing is tried out of curiosity: it would reach people, and no log could vouch for it."""
    if live and name == ClippedPolicyGradient.name:
        return ClippedPolicyGradient(seed=seed, curiosity=0.0)
    return LEARNERS[name](seed=seed)


def _learn(
    log: EpisodeLog, make: Callable[[], Any], seed: int, previous: PolicyVersion
) -> tuple[LinearSoftmax, Evidence, list[Bucket]]:
    before = LinearSoftmax.from_json(previous.parameters)
    known_up_to = previous.summary.get("evidence", {}).get(LEARNED_UP_TO, 0)
    policy = make().fit(log.episodes).policy_
    evidence = compare(
        log.episodes,
        learner=make,
        previous=before,
        rng=np.random.default_rng(seed),
        unseen=lambda episode: int(episode.key) > known_up_to,
    )
    return policy, evidence, summarise(log.episodes, before=before, now=policy)


def _store(
    brand: Brand,
    run: TrainingRun,
    log: EpisodeLog,
    policy: LinearSoftmax,
    evidence: dict[str, Any],
    buckets: list[Bucket],
) -> TrainingSummary:
    """Version, serving mark and finished run in one transaction."""
    with transaction.atomic():
        _lock(brand)
        newest = PolicyVersion.objects.for_brand(brand).order_by("-number").first()
        number = newest.number + 1 if newest else 1
        current = serving(brand)
        if current is not None and current.number != evidence["previous_version"]:
            evidence |= {"moves": False, "verdict": f"version {current.number} took over while this one was trained"}
        elif brand.is_simulated and not evidence["moves"]:
            evidence |= {"moves": True, "moves_because": "the market is simulated: trying it costs nothing"}
        summary = _summary(log, buckets, number, evidence)
        version = PolicyVersion.objects.for_brand(brand).create(
            brand=brand,
            number=number,
            learner=run.options["learner"],
            parameters=policy.to_json(),
            summary=summary.as_dict(),
            buckets=[bucket.as_dict() for bucket in buckets[:KEPT_BUCKETS]],
            trained_by=run,
        )
        if evidence["moves"]:
            _serve(version)
        _finish(run, TrainingRun.State.DONE, summary=summary.as_dict())
    return summary


def _finish(run: TrainingRun, state: TrainingRun.State, **said: Any) -> None:
    run.state, run.finished_at = state, timezone.now()
    for name, value in said.items():
        setattr(run, name, value)
    run.save(update_fields=["state", "finished_at", *said])


def _summary(log: EpisodeLog, buckets: list[Bucket], number: int | None, evidence: dict[str, Any]) -> TrainingSummary:
    used = [episode.reward for episode in log.episodes]
    updated = [bucket for bucket in buckets if bucket.updated]
    return TrainingSummary(
        total_runs=log.looked_at,
        total_runs_used=len(used),
        avg_reward=float(np.mean(log.rewards)) if log.rewards else None,
        avg_episode_reward=float(np.mean(used)) if used else None,
        updated_buckets=[bucket.as_dict() for bucket in updated[:KEPT_BUCKETS]],
        number_of_buckets_updated=len(updated),
        policy_mode_distribution=dict(Counter(episode.mode for episode in log.episodes)),
        skipped={"count": log.skipped.total(), "reasons": dict(log.skipped)},
        version=number,
        evidence=evidence,
    )


def _lock(brand: Brand) -> None:
    """One trainer of a brand at a time writes. On SQLite every transaction already holds the write lock."""
    Brand.objects.select_for_update().get(pk=brand.pk)


def _serve(version: PolicyVersion) -> None:
    """Inside a transaction: the old one stops first, since only one may serve."""
    PolicyVersion.objects.for_brand(version.brand).filter(serving=True).update(serving=False)
    version.serving = True
    version.save(update_fields=["serving"])
