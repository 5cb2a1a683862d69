"""What people said of the same things, as arrays: what agreement, reliability and usual times are computed from.

Stars, thumbs and choices are three scales that are never mixed. A unit is what several people can rate: an experience,
one widget of it, or two experiences side by side. A person's newest word about a unit counts. Where one person is asked
for, the units are those that this person rated, with what everybody said of them. Of very many ratings the newest
`MOST` of a table are read, and `Ratings.newest_only` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from rlhf.feedback.statistics.asked import Asked, person_key
from rlhf.feedback.statistics.stretches import Stretch, place_of

MOST = 10_000
#: The answers of each scale in their order; both bad is an answer of its own, no better and no worse than a tie.
SCALES: dict[str, tuple[float, ...]] = {"stars": (1, 2, 3, 4, 5), "thumb": (0, 1), "pair": (0, 1, 2, 3)}
METRICS = {"stars": "ordinal", "thumb": "nominal", "pair": "nominal"}
VERDICT_CODES = {"a": 0, "b": 1, "tie": 2, "both_bad": 3}
FLIPPED = {"a": "b", "b": "a"}
LONGEST_MS = 15 * 60 * 1000  # a longer time is a pause and says nothing about an item


@dataclass(frozen=True, slots=True)
class Scale:
    """The ratings of one scale, one row each (ratings,), sorted by unit: codes of unit and person, values, and per unit
    (units,) its kind of work and the stretch of time of its newest rating.

    packed: (units, most ratings of one) values, nan where there are fewer; who is in `packed_by`, −1 where nobody.
    """

    name: str
    people: tuple[str, ...]
    unit: NDArray[np.int64]
    person: NDArray[np.int64]
    value: NDArray[np.float64]
    kind_of: NDArray[Any]
    place_of: NDArray[np.int64]
    packed: NDArray[np.float64]
    packed_by: NDArray[np.int64]

    @property
    def twice(self) -> NDArray[np.bool_]:
        """(units,) whether two people or more rated it."""
        return np.asarray(np.isfinite(self.packed).sum(axis=1) >= 2)

    @property
    def metric(self) -> str:
        return METRICS[self.name]

    @property
    def classes(self) -> tuple[float, ...]:
        return SCALES[self.name]


@dataclass(frozen=True, slots=True)
class Ratings:
    """The scales that somebody used; `times` are the milliseconds of each person's ratings, without pauses.

    `n` ratings were read; `newest_only` where there are more than that.
    """

    scales: tuple[Scale, ...]
    times: dict[str, list[int]]
    n: int
    newest_only: bool


Row = tuple[Any, str, float, str, int, int | None]  # unit, person, value, kind of work, stretch, milliseconds


def read(question: Asked, cut: Sequence[Stretch]) -> Ratings:
    """In two queries."""
    everybody = replace(question, rater="")
    rows: dict[str, list[Row]] = {"stars": [], "thumb": [], "pair": list(_pairs(everybody, cut))}
    words = 0
    for name, row in _words(everybody, cut):
        rows[name].append(row)
        words += 1
    newest_only = max(words, len(rows["pair"])) == MOST
    if question.rater:
        rows = {name: _of_person(some, question.rater) for name, some in rows.items()}
    times: dict[str, list[int]] = {}
    for _, person, _, _, _, ms in (row for some in rows.values() for row in some):
        if ms and ms <= LONGEST_MS:
            times.setdefault(person, []).append(ms)
    scales = tuple(_scale(name, some) for name, some in rows.items() if some)
    return Ratings(scales, times, sum(len(some) for some in rows.values()), newest_only)


def _words(question: Asked, cut: Sequence[Stretch]) -> Iterator[tuple[str, Row]]:
    rows = _newest(question.words().filter(kind__in=["stars", "thumb"], value__isnull=False), cut)
    fields = ("kind", "experience", "widget", "value", "experience__kind", *_COMMON)
    for name, experience, widget, value, kind, rater, rater_name, place, ms in rows.values_list(*fields):
        said = value * 4 + 1 if name == "stars" else value
        yield name, ((experience, widget), person_key(rater, rater_name), said, kind, place, ms)


def _pairs(question: Asked, cut: Sequence[Stretch]) -> Iterator[Row]:
    rows = _newest(question.pairs(), cut)
    for a, b, verdict, kind, rater, rater_name, place, ms in rows.values_list("a", "b", "verdict", "a__kind", *_COMMON):
        turned = verdict if a < b else FLIPPED.get(verdict, verdict)
        unit = (a, b) if a < b else (b, a)
        yield unit, person_key(rater, rater_name), VERDICT_CODES[turned], kind, place, ms


def _of_person(rows: Sequence[Row], person: str) -> list[Row]:
    theirs = {row[0] for row in rows if row[1] == person}
    return [row for row in rows if row[0] in theirs]


_COMMON = ("rater", "rater_name", "place", "duration_ms")


def _newest(rows: QuerySet[Any], cut: Sequence[Stretch]) -> Any:
    return rows.annotate(place=place_of(cut)).order_by("-created_at", "-pk")[:MOST]


def _scale(name: str, rows: Sequence[Row]) -> Scale:
    """From rows, newest first."""
    units: dict[Any, int] = {}
    people: dict[str, int] = {}
    unit_of, person_of = [], []
    for row in rows:
        unit_of.append(units.setdefault(row[0], len(units)))
        person_of.append(people.setdefault(row[1], len(people)))
    unit, person = np.asarray(unit_of), np.asarray(person_of)
    # The first of equals is the newest word of a person about a unit; the result is sorted by unit.
    _, kept = np.unique(unit * len(people) + person, return_index=True)
    value = np.asarray([row[2] for row in rows], dtype=float)
    _, first = np.unique(unit, return_index=True)  # each unit's newest rating
    unit, person, value = unit[kept], person[kept], value[kept]
    begins = np.searchsorted(unit, np.arange(len(units)))
    column = np.arange(len(unit)) - begins[unit]
    packed = np.full((len(units), int(column.max()) + 1), np.nan)
    packed_by = np.full(packed.shape, -1)
    packed[unit, column], packed_by[unit, column] = value, person
    return Scale(
        name=name,
        people=tuple(people),
        unit=unit,
        person=person,
        value=value,
        kind_of=np.asarray([rows[place][3] for place in first]),
        place_of=np.asarray([rows[place][4] for place in first]),
        packed=packed,
        packed_by=packed_by,
    )
