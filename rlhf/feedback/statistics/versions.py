"""Which version people prefer: win rates from choices between two, with Bradley-Terry intervals.

Versions that were compared, directly or through others, are one family; each is measured against the version of its
family that was compared most. A tie is half a win. "Both bad" says nothing about which is better and is left out. Where
wins and losses do not connect a family (somebody never lost), strengths would be endless: then the plain share against
that version stands there, with Wilson's interval, and `method` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count
from scipy.sparse.csgraph import connected_components

from rlhf.agreement import Estimate, Tally, bradley_terry, tally, win_rate
from rlhf.feedback.statistics.asked import Asked

BY = {"policy": "Who chose the steps", "served_by": "Who wrote it"}
HALF = 0.5
NO_VERSION = "not said"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a family. `won`, `lost` and `tied` count all its comparisons; `rate` is the chance to be chosen
    over `against` (empty for the version that the others are measured against), a tie as half a win."""

    name: str
    against: str
    won: int
    lost: int
    tied: int
    rate: Estimate
    method: str

    @property
    def verdict(self) -> str:
        """better or worse once the whole interval is above or below half; unclear until then."""
        if not self.against or self.rate.low is None or self.rate.high is None:
            return "" if not self.against else "unclear"
        return "better" if self.rate.low > HALF else "worse" if self.rate.high < HALF else "unclear"


@dataclass(frozen=True, slots=True)
class Versions:
    """`rows` by family and strength; `decided` choices and `tied` ones between different versions, `both_bad` left out,
    `same` choices between two texts of one version."""

    by: str
    rows: tuple[Version, ...]
    decided: int
    tied: int
    both_bad: int
    same: int


Choice = tuple[str, str, str, int]  # version of a, version of b, verdict, how often


def versions(question: Asked) -> dict[str, Versions]:
    """By each of BY, in one query."""
    fields = ("a__policy", "b__policy", "a__served_by", "b__served_by", "verdict")
    grouped = question.pairs().values(*fields).annotate(n=Count("pk")).values_list(*fields, "n")
    rows: list[tuple[Any, ...]] = list(grouped)
    return {
        "policy": compared("policy", [(a, b, verdict, n) for a, b, _, _, verdict, n in rows]),
        "served_by": compared("served_by", [(a, b, verdict, n) for _, _, a, b, verdict, n in rows]),
    }


def compared(by: str, choices: Iterable[Choice]) -> Versions:
    """The statistics of choices that were counted."""
    first, second, outcome = [], [], []
    both_bad = same = 0
    for a, b, verdict, n in choices:
        if a == b:
            same += n
        elif verdict == "both_bad":
            both_bad += n
        else:
            first += [a or NO_VERSION] * n
            second += [b or NO_VERSION] * n
            outcome += [{"a": 1.0, "b": -1.0}.get(verdict, 0.0)] * n
    tied = sum(1 for one in outcome if one == 0)
    rows = _rows(tally(first, second, outcome)) if outcome else []
    return Versions(by, tuple(rows), len(outcome) - tied, tied, both_bad, same)


def _rows(counted: Tally) -> list[Version]:
    met = counted.wins + counted.wins.T + counted.ties
    _, family_of = connected_components(met > 0, directed=False)
    families = [np.nonzero(family_of == family)[0].tolist() for family in set(family_of.tolist())]
    families.sort(key=lambda members: -float(met[np.ix_(members, members)].sum()))
    return [row for members in families for row in _family(counted, met, members)]


def _family(counted: Tally, met: Any, members: Sequence[int]) -> list[Version]:
    chosen = np.ix_(members, members)
    wins, ties = counted.wins[chosen], counted.ties[chosen]
    base = int(np.argmax(met[chosen].sum(axis=1)))  # the first of equals, by name
    strengths = bradley_terry(wins, ties)
    made = []
    for place, member in enumerate(members):
        if strengths.value is not None:
            rate, method = strengths.chance_to_beat(place, base), "bradley-terry"
        else:
            rate = win_rate(int(wins[place, base]), int(wins[base, place]), int(ties[place, base]))
            method = "direct"
        if place == base:
            rate, method = Estimate(value=HALF, n=int(met[member].sum())), ""
        made.append(
            Version(
                name=str(counted.names[member]),
                against="" if place == base else str(counted.names[members[base]]),
                won=int(wins[place].sum()),
                lost=int(wins[:, place].sum()),
                tied=int(ties[place].sum()),
                rate=rate,
                method=method,
            )
        )
    return sorted(made, key=lambda one: -(one.rate.value if one.rate.value is not None else -1.0))
