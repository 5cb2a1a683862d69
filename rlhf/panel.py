"""Three simulated raters for brands with a simulated market, so that a new user sees what ratings look like.

Like the simulated buyers they are a stated model, never people: every word of theirs has the source `panel`, no reward
and no training file takes it, and no average mixes it with people's. A panellist's taste is

    u = Σ_d taste_d · dimension_d + ε,   ε ~ N(0, NOISE²)

over the rubric judge's dimensions, with weights drawn once for each panellist; stars cut u at `CUTS`, and of a pair the
one with the higher u is better unless they are within `SAME`. Chance is seeded by experience and panellist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import OuterRef, QuerySet, Subquery

from crm.models import Brand
from rlhf.feedback.giving import prefer, rate
from rlhf.models import Evaluation, Experience, Feedback, PreferencePair, RatingItem, Source

PANEL = ("Simulated rater 1", "Simulated rater 2", "Simulated rater 3")
DIMENSIONS = ("accuracy", "completeness", "coherence", "relevance", "brand_fit", "compliance")
CONCENTRATION = 3.0  # of the Dirichlet that a panellist's taste is drawn from; higher is more alike
NOISE = 0.03
CUTS = (0.70, 0.82, 0.90, 0.96)
SAME = 0.015
TAKES_PART = 0.75
AT_ONCE = 8
ENOUGH = 400


@dataclass(frozen=True, slots=True)
class Turn:
    stars: int
    pairs: int


def turn(brand: Brand) -> Turn:
    """Rate up to `AT_ONCE` new experiences and pairs; nothing in a brand with a real market."""
    if not brand.is_simulated:
        return Turn(0, 0)
    words = Feedback.objects.for_brand(brand).filter(source=Source.PANEL)
    choices = PreferencePair.objects.for_brand(brand).filter(source=Source.PANEL)
    stars = pairs = 0
    if words.count() < ENOUGH:
        stars = sum(_rate(one) for one in _judged(brand).exclude(pk__in=words.values("experience"))[:AT_ONCE])
    if choices.count() < ENOUGH:
        fresh = RatingItem.objects.for_brand(brand).filter(b__isnull=False).exclude(a__in=choices.values("a"))
        pairs = sum(_prefer(item) for item in fresh.select_related("a__brand", "b", "task").order_by("pk")[:AT_ONCE])
    return Turn(stars, pairs)


def utility(dimensions: dict[str, float], panellist: int, chance: np.random.Generator) -> float:
    """u of one panellist, about in [0, 1]; dimensions that the judge could not check are left out of the weights."""
    taste = np.random.default_rng([7, panellist]).dirichlet(np.full(len(DIMENSIONS), CONCENTRATION))
    known = [(weight, dimensions[name]) for weight, name in zip(taste, DIMENSIONS, strict=True) if name in dimensions]
    total = sum(weight for weight, _ in known)
    return float(sum(weight * value for weight, value in known) / total + chance.normal(0, NOISE)) if known else 0.5


def stars_of(u: float) -> int:
    return 1 + int(np.searchsorted(CUTS, u))


def _judged(brand: Brand) -> QuerySet[Any]:
    dimensions = Evaluation.objects.for_brand(brand).filter(
        experience=OuterRef("pk"), form=Evaluation.Form.ABSOLUTE, judge="rubric", score__isnull=False
    )
    rows = Experience.objects.for_brand(brand).annotate(
        dimensions=Subquery(dimensions.order_by("-pk").values("dimensions")[:1])
    )
    judged: QuerySet[Any] = rows.filter(dimensions__isnull=False).select_related("brand").order_by("pk")
    return judged


def _rate(experience: Any) -> int:
    said = 0
    for number, name in enumerate(PANEL):
        chance = _chance(experience, number)
        if said and chance.random() > TAKES_PART:  # the first always speaks, so that no experience is asked again
            continue
        u = utility(experience.dimensions, number, chance)
        _, new = rate(experience=experience, rater=None, rater_name=name, stars=stars_of(u), source=Source.PANEL,
                      key=f"panel/{experience.pk}")  # fmt: skip
        said += new
    return said


def _prefer(item: RatingItem) -> int:
    if item.b is None:
        return 0
    both = {one.pk: one for one in _judged(item.brand).filter(pk__in=[item.a_id, item.b_id])}
    if len(both) < 2:
        return 0
    said = 0
    for number, name in enumerate(PANEL):
        a, b = (utility(both[key].dimensions, number, _chance(both[key], number)) for key in (item.a_id, item.b_id))
        verdict = "tie" if abs(a - b) < SAME else "a" if a > b else "b"
        if a < CUTS[0] and b < CUTS[0]:
            verdict = "both_bad"
        _, new = prefer(a=item.a, b=item.b, verdict=verdict, rater=None, rater_name=name, task=item.task,
                        source=Source.PANEL, key=f"panel/{item.pk}")  # fmt: skip
        said += new
    return said


def _chance(experience: Experience, panellist: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{experience.public_id}/{panellist}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
