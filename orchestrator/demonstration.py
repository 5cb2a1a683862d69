"""Keeps the loop turning where the market is simulated: a few episodes at a time, in every pack and mode, and now and
then a training. Brands with real data are never touched.

Whether it runs at all is the switch of its schedule (admin, Periodic tasks). It slows to a trickle at `ENOUGH`
episodes of a brand, so that a forgotten demo does not fill a disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import Count

from crm.models import Brand, Pack
from orchestrator import episodes
from orchestrator.models import OPEN_STATES, Episode, PolicyMode, PolicyVersion
from training.models import TrainingRun

AT_ONCE = 3
MOST_WAITING = 6
ENOUGH = 500
TRICKLE = timedelta(minutes=5)
TRAIN_EVERY = 50
TRAINING_TAKES = timedelta(minutes=10)
LEARN_FROM = 1000
BEFORE_TRAINING = {PolicyMode.RULE: 0.8, PolicyMode.STATIC: 0.2}
AFTER_TRAINING = {PolicyMode.RL: 0.5, PolicyMode.RULE: 0.35, PolicyMode.STATIC: 0.15}


@dataclass(frozen=True, slots=True)
class Turn:
    """How many episodes were started, and the brands whose policy should learn now."""

    started: int
    to_train: list[int]


def turn(*, now: datetime, rng: np.random.Generator | None = None) -> Turn:
    """Start up to `AT_ONCE` episodes in each simulated brand whose workers keep up."""
    chance = rng or np.random.default_rng()
    started, to_train = 0, []
    for brand in Brand.objects.simulated():
        for _ in range(_room(brand, now)):
            pack = _least_run(brand)
            if pack is None:
                break
            episodes.start(brand=brand, pack=pack, mode=_mode(brand, chance))
            started += 1
        if _ready_to_learn(brand, now):
            to_train.append(brand.pk)
    return Turn(started, to_train)


def _room(brand: Brand, now: datetime) -> int:
    rows = Episode.objects.for_brand(brand)
    if rows.filter(state__in=OPEN_STATES).count() >= MOST_WAITING:
        return 0
    if rows.count() < ENOUGH:
        return AT_ONCE
    return 0 if rows.filter(created_at__gt=now - TRICKLE).exists() else 1


def _least_run(brand: Brand) -> Pack | None:
    pack: Pack | None = Pack.objects.for_brand(brand).annotate(runs=Count("episodes")).order_by("runs", "pk").first()
    return pack


def _mode(brand: Brand, chance: np.random.Generator) -> str:
    trained = PolicyVersion.objects.for_brand(brand).filter(number__gt=0).exists()
    shares = AFTER_TRAINING if trained else BEFORE_TRAINING
    return str(chance.choice([mode.value for mode in shares], p=list(shares.values())))


def _ready_to_learn(brand: Brand, now: datetime) -> bool:
    """`TRAIN_EVERY` more rewarded episodes than at the last training, which is not under way."""
    last = TrainingRun.objects.for_brand(brand).filter(kind=TrainingRun.Kind.POLICY).first()
    rewarded = Episode.objects.for_brand(brand).rewarded()
    if last is None:
        return rewarded.count() >= TRAIN_EVERY
    # one that has not ended after so long lost its worker
    if last.state in (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING) and now - last.created_at < TRAINING_TAKES:
        return False
    return rewarded.filter(finished_at__gt=last.created_at).count() >= TRAIN_EVERY
