"""H: what people think of one experience, in [0, 1].

    absolute  A = mean over people of (their newest stars, else their newest thumb)
    compared  P = (wins + ties / 2 + 1) / (comparisons + 2)      Laplace's rule; "both bad" counts as lost for both
    H = (n_people · A + n_comparisons · P) / (n_people + n_comparisons)

Gold and repeated items, what was taken back and what the simulated panel said do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from crm.models import Brand
from rlhf.models import Experience, Feedback, PreferencePair, Source

STARS_FIRST = {Feedback.Kind.STARS: 1, Feedback.Kind.THUMB: 0}


@dataclass(frozen=True, slots=True)
class HumanScore:
    """`value` in [0, 1]; `people` gave stars or thumbs, `comparisons` are choices in which it took part."""

    value: float
    people: int
    comparisons: int
    absolute: float | None
    compared: float | None


def human_score(experience: Experience) -> HumanScore | None:
    """None where nobody has said anything."""
    return human_scores(experience.brand_id, [experience.pk]).get(experience.pk)


def human_scores(brand: Brand | int, experiences: Iterable[int]) -> dict[int, HumanScore]:
    """H by key of experience, in two queries; experiences nobody spoke about are left out."""
    keys = list(experiences)
    people: dict[int, dict[object, tuple[int, float]]] = {}
    words = valid(Feedback.objects.for_brand(brand)).filter(experience__in=keys, value__isnull=False)
    words = words.filter(widget__isnull=True, kind__in=STARS_FIRST).order_by("created_at", "pk")
    for key, rater, name, kind, value in words.values_list("experience", "rater", "rater_name", "kind", "value"):
        mine = people.setdefault(key, {})
        rank = STARS_FIRST[kind]
        if rank >= mine.get(rater or name, (-1, 0.0))[0]:
            mine[rater or name] = (rank, value)
    points: dict[int, list[float]] = {}
    pairs = valid(PreferencePair.objects.for_brand(brand)).filter(Q(a__in=keys) | Q(b__in=keys))
    wanted = set(keys)
    for a, b, verdict in pairs.values_list("a", "b", "verdict"):
        for key, won in ((a, "a"), (b, "b")):
            if key in wanted:
                points.setdefault(key, []).append(1.0 if verdict == won else 0.5 if verdict == "tie" else 0.0)
    return {
        key: blended([value for _, value in people.get(key, {}).values()], points.get(key, []))
        for key in people.keys() | points.keys()
    }


def blended(absolute: list[float], compared: list[float]) -> HumanScore:
    """H from people's ratings and the points of comparisons (won 1, tie 0.5, lost 0); one of them is not empty."""
    rated = sum(absolute) / len(absolute) if absolute else None
    share = (sum(compared) + 1) / (len(compared) + 2) if compared else None
    total = len(absolute) * (rated or 0.0) + len(compared) * (share or 0.0)
    return HumanScore(total / (len(absolute) + len(compared)), len(absolute), len(compared), rated, share)


def valid(words: Any) -> Any:
    """Words that count: not taken back, no gold or repeat, said by a person."""
    return words.filter(undone_at__isnull=True, counts=True).exclude(source=Source.PANEL)
