"""What can be said of each rater: how much they rated, how far others agree, how often they are right, how fast.

Reliability is Dawid and Skene's, for each scale on its own, averaged by the number of ratings. How fast somebody is
comes only from people who agreed that it is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.contrib.auth import get_user_model

from rlhf.agreement import Estimate, dawid_skene
from rlhf.feedback.statistics.ratings import Ratings
from rlhf.models import RaterSettings

FEWEST_PEOPLE = 3  # of two people nothing says which one errs
FEWEST_TIMES = 5
STEPS, TOLERANCE = 60, 1e-6


@dataclass(frozen=True, slots=True)
class Rater:
    """`agrees` is kappa with the others; `reliable` the share of items on which Dawid and Skene hold them right, in
    [0, 1]; `seconds` the median for one rating. The last two are None where there is not enough, or no consent."""

    key: str
    name: str
    ratings: int
    agrees: Estimate
    reliable: float | None
    seconds: float | None


def reliability(ratings: Ratings) -> dict[str, float]:
    """By person, from units that two people or more rated, on scales that three people or more used."""
    found: dict[str, list[tuple[float, int]]] = {}
    for scale in ratings.scales:
        kept = scale.twice[scale.unit]
        if len(set(scale.person[kept].tolist())) < FEWEST_PEOPLE:
            continue
        fitted = dawid_skene(scale.unit[kept], scale.person[kept], scale.value[kept], steps=STEPS, tolerance=TOLERANCE)
        for code, reliable, n in zip(fitted.raters, fitted.reliability, fitted.ratings, strict=True):
            found.setdefault(scale.people[int(code)], []).append((float(reliable), int(n)))
    return {person: sum(value * n for value, n in parts) / sum(n for _, n in parts) for person, parts in found.items()}


def usual_seconds(times: Mapping[str, list[int]]) -> dict[str, float]:
    """Median seconds by person, of those with enough ratings."""
    return {person: median(ms) / 1000 for person, ms in times.items() if len(ms) >= FEWEST_TIMES}


def names_of(keys: Iterable[str]) -> dict[str, str]:
    """What people are called, by key; one query. Somebody whose account is gone is called so."""
    inside = [int(key) for key in keys if not key.startswith("name:")]
    users = {str(user.pk): user.get_full_name() or user.get_username() for user in _users(inside)}
    return {
        key: (key.removeprefix("name:") or "Somebody without a name")
        if key.startswith("name:")
        else users.get(key, "Somebody who left")
        for key in keys
    }


def consented(keys: Iterable[str]) -> set[str]:
    """Who agreed that times are measured; one query."""
    inside = [int(key) for key in keys if not key.startswith("name:")]
    rows = RaterSettings.objects.filter(user__in=inside, timings_consent=True)
    return {str(user) for user in rows.values_list("user", flat=True)}


def _users(keys: list[int]) -> Iterable[Any]:
    return get_user_model().objects.filter(pk__in=keys) if keys else []
