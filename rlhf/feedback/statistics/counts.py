"""How many words there are, by type, kind of work, rater and stretch of time, and what they said. Counted in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Count

from rlhf.feedback.statistics.asked import TYPES, Asked, person_key
from rlhf.feedback.statistics.stretches import Stretch, place_of

VERDICTS = {"a": "A", "b": "B", "tie": "About the same", "both_bad": "Both bad"}


class Cell(NamedTuple):
    """So many (`n`) words of one `type` that said the same (`said`: stars, up, down, a verdict, or nothing)."""

    place: int
    type: str
    kind: str
    person: str
    said: str
    n: int


@dataclass(frozen=True, slots=True)
class Counts:
    """All words, by whatever is asked for."""

    cells: tuple[Cell, ...]
    places: int

    @property
    def total(self) -> int:
        return sum(cell.n for cell in self.cells)

    def by(self, what: Callable[[Cell], str]) -> dict[str, int]:
        """Most first."""
        found: Counter[str] = Counter()
        for cell in self.cells:
            found[what(cell)] += cell.n
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    def by_type(self) -> dict[str, int]:
        """In the order of TYPES; those nobody gave are left out."""
        found = self.by(lambda cell: cell.type)
        return {type_: found[type_] for type_ in TYPES if type_ in found}

    def by_kind(self) -> dict[str, int]:
        return self.by(lambda cell: cell.kind)

    def by_person(self) -> dict[str, int]:
        return self.by(lambda cell: cell.person)

    def over_time(self, what: Callable[[Cell], str]) -> list[dict[str, int]]:
        """One count for each stretch."""
        found: list[Counter[str]] = [Counter() for _ in range(self.places)]
        for cell in self.cells:
            found[cell.place][what(cell)] += cell.n
        return [dict(one) for one in found]

    def said(self, type_: str) -> dict[str, int]:
        found: Counter[str] = Counter()
        for cell in self.cells:
            if cell.type == type_:
                found[cell.said] += cell.n
        return dict(found)

    def stars(self) -> dict[int, int]:
        """1 to 5, each with its count."""
        found = self.said("stars")
        return {stars: found.get(str(stars), 0) for stars in range(1, 6)}

    def thumbs(self) -> dict[str, int]:
        found = self.said("thumb")
        return {name: found.get(name, 0) for name in ("up", "down")}

    def verdicts(self) -> dict[str, int]:
        found = self.said("pair")
        return {name: found.get(name, 0) for name in VERDICTS}

    def types_of(self, kind: str) -> list[str]:
        """Which types of words there are about a kind of work, most first."""
        found: Counter[str] = Counter()
        for cell in self.cells:
            if cell.kind == kind:
                found[cell.type] += cell.n
        return [type_ for type_, _ in found.most_common()]


def count(question: Asked, cut: Sequence[Stretch]) -> Counts:
    """In two queries."""
    return Counts((*_words(question, cut), *_pairs(question, cut)), len(cut))


def _words(question: Asked, cut: Sequence[Stretch]) -> Iterator[Cell]:
    rows = question.words().annotate(place=place_of(cut))
    grouped = rows.values("place", "kind", "experience__kind", "rater", "rater_name", "stars", "value")
    fields = ("place", "kind", "experience__kind", "rater", "rater_name", "stars", "value", "n")
    for place, type_, kind, rater, name, stars, value, n in grouped.annotate(n=Count("pk")).values_list(*fields):
        said = str(stars) if type_ == "stars" else ("up" if value else "down") if type_ == "thumb" else ""
        yield Cell(place, type_, kind, person_key(rater, name), said, n)


def _pairs(question: Asked, cut: Sequence[Stretch]) -> Iterator[Cell]:
    rows = question.pairs().annotate(place=place_of(cut))
    grouped = rows.values("place", "a__kind", "rater", "rater_name", "verdict")
    fields = ("place", "a__kind", "rater", "rater_name", "verdict", "n")
    for place, kind, rater, name, verdict, n in grouped.annotate(n=Count("pk")).values_list(*fields):
        yield Cell(place, "pair", kind, person_key(rater, name), verdict, n)
