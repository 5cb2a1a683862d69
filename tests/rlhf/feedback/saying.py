"""Words of people for tests of statistics: many at once, with the moment that is asked for."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from rlhf.models import Experience, Feedback, PreferencePair
from tests.factories import MembershipFactory, UserFactory


def people_of(brand: Any, *names: str) -> list[Any]:
    """Raters of the brand."""
    made = [UserFactory(username=name) for name in names]
    for one in made:
        MembershipFactory(user=one, brand=brand, role="rater")
    return made


def work(brand: Any, n: int = 1, *, kind: str = "outreach", **values: Any) -> list[Experience]:
    """Experiences, in order."""
    common = {
        "kind": kind,
        "served_by": "composer@1",
        "policy": "rule@1",
        "request": "Win them back",
        "output": {"emails": [{"subject": "A sturdier sack", "body": "Hello Jo.\n\nOurs is double since May."}]},
        **values,
    }
    rows = [Experience(brand=brand, title=f"{kind} {number}", **common) for number in range(n)]
    return list(Experience.objects.for_brand(brand).bulk_create(rows))


def stars(experience: Experience, rater: Any, given: int, *, at: datetime | None = None, **values: Any) -> Feedback:
    return _at(
        Feedback.objects.for_brand(experience.brand_id).create(
            brand_id=experience.brand_id, experience=experience, rater=rater, kind="stars", stars=given,
            value=(given - 1) / 4, **values,
        ),
        at,
    )  # fmt: skip


def thumb(experience: Experience, rater: Any, up: bool, *, at: datetime | None = None, **values: Any) -> Feedback:
    return _at(
        Feedback.objects.for_brand(experience.brand_id).create(
            brand_id=experience.brand_id, experience=experience, rater=rater, kind="thumb", value=float(up), **values
        ),
        at,
    )


def choice(a: Experience, b: Experience, rater: Any, verdict: str, *, at: datetime | None = None, **values: Any) -> Any:
    made = PreferencePair.objects.for_brand(a.brand_id).create(
        brand_id=a.brand_id, a=a, b=b, rater=rater, verdict=verdict, **values
    )
    return _at(made, at)


def many(brand: Any, raters: list[Any], *, words: int, weeks: int = 12, seed: int = 7) -> None:
    """About `words` ratings by two people each: half stars, a fifth thumbs, the rest choices of rule@1 or rl@2."""
    draw, now = random.Random(seed), timezone.now()
    kinds = ("outreach", "creative", "budget", "dashboard")
    made = [
        Experience(
            brand=brand, kind=kinds[number % 4], served_by=f"composer@{1 + number % 2}",
            policy=("rule@1", "rl@2")[number // 4 % 2], title=f"Work {number}",
        )
        for number in range(max(16, words // 2))
    ]  # fmt: skip
    experiences = Experience.objects.for_brand(brand).bulk_create(made, batch_size=500)
    feedback, pairs = [], []
    for number in range(words // 2):
        at = now - timedelta(days=draw.random() * 7 * weeks)
        two, truth = draw.sample(raters, 2), draw.random()
        one = experiences[number % len(experiences)]
        for rater in two:
            heard = min(1.0, max(0.0, truth + draw.gauss(0, 0.12)))
            said = {"brand": brand, "rater": rater, "created_at": at, "duration_ms": draw.randint(3000, 60_000)}
            if number % 10 < 5:
                given = 1 + round(heard * 4)
                feedback.append(Feedback(experience=one, kind="stars", stars=given, value=(given - 1) / 4, **said))
            elif number % 10 < 7:
                feedback.append(Feedback(experience=one, kind="thumb", value=float(heard > 0.4), **said))
            else:
                other = experiences[(number + 4) % len(experiences)]
                verdict = "tie" if 0.45 < heard < 0.55 else "a" if heard > 0.5 else "b"
                pairs.append(PreferencePair(a=one, b=other, verdict=verdict, **said))
    for model, rows in ((Feedback, feedback), (PreferencePair, pairs)):
        times = [row.created_at for row in rows]
        stored = model.objects.for_brand(brand).bulk_create(rows, batch_size=500)
        for row, at in zip(stored, times, strict=True):
            row.created_at = at
        model.objects.for_brand(brand).bulk_update(stored, ["created_at"], batch_size=300)


def _at(row: Any, at: datetime | None) -> Any:
    if at is not None:
        type(row).objects.for_brand(row.brand_id).filter(pk=row.pk).update(created_at=at)
        row.created_at = at
    return row
