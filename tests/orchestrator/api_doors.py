"""How the API tests sign in, and episodes with everything around them."""

from __future__ import annotations

import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from crm.models import Lead, Outcome, Pack, Sale
from orchestrator.models import Episode
from rlhf.models import Evaluation, Experience, Reward, RewardConfig
from tests.factories import EpisodeFactory, StepFactory

NUMBERS = itertools.count(1)


def door(user: Any = None, **kwargs: Any) -> APIClient:
    """A client that is signed in with the session of `user`."""
    client = APIClient(**kwargs)
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def judged(pack: Pack, *, reward: float = 0.6, steps: int = 3, **fields: Any) -> Episode:
    """A done episode with steps, experience, verdict, reward, an outcome and a sale."""
    now = timezone.now()
    episode = EpisodeFactory(
        pack=pack, state="done", reward=reward, steps_count=steps, finished_at=now, concluded_at=now, **fields
    )
    for index in range(steps):
        StepFactory(episode=episode, index=index, output={"text": "Oats"}, quality={"clarity": 0.8})
    experience = Experience.across_brands.create(
        brand=pack.brand, pack=pack, kind=pack.task, episode=episode.public_id, served_by="composer@1"
    )
    Evaluation.across_brands.create(experience=experience, judge="rubric", rubric_version="outreach@1", score=0.7)
    config, _ = RewardConfig.across_brands.get_or_create(brand=pack.brand, version=1, defaults={"values": {}})
    Reward.across_brands.create(
        experience=experience,
        config=config,
        value=reward,
        components={"parts": [{"name": "judge", "score": 0.7, "weight": 1.0, "adds": reward}]},
        attribution="episode",
        settles_at=now + timedelta(days=14),
    )
    lead = Lead.across_brands.create(brand=pack.brand, external_id=f"L-{next(NUMBERS)}", name="Fennel & Co")
    marks = {"brand": pack.brand, "pack": pack, "lead": lead, "attributed_to": episode.public_id}
    Outcome.across_brands.create(external_id=f"O-{next(NUMBERS)}", kind="replied", occurred_at=now, **marks)
    Sale.across_brands.create(
        external_id=f"S-{next(NUMBERS)}", amount=Decimal("114.00"), currency="EUR", sold_at=now, **marks
    )
    return episode
