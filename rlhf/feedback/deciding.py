"""What several people said about the same thing, as one answer and how far they agree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

THREE_STARS = 3


@dataclass(frozen=True, slots=True)
class Decision:
    """`answer` is None where two answers share the lead. `agreement` is the leaders' share of all votes, in (0, 1]."""

    answer: Hashable | None
    agreement: float
    votes: Mapping[Hashable, int]


def decide(answers: Iterable[Hashable]) -> Decision:
    """The majority of at least one answer, one for each person."""
    votes = Counter(answers)
    (first, most), *others = votes.most_common()
    alone = not others or others[0][1] < most
    return Decision(first if alone else None, most / votes.total(), votes)


def liked(stars: int | None, thumb: bool | None) -> bool | None:
    """Whether one person liked it: their stars (4 and 5 yes, 1 and 2 no) before their thumb; None at three stars."""
    if stars is not None:
        return None if stars == THREE_STARS else stars > THREE_STARS
    return thumb


def put_right(text: str, original: str, corrected: str) -> str:
    """The whole text with the correction in it: in the place of `original` where that is a part of it once, else alone.

    A person who corrects one paragraph of a letter has written a letter, not a paragraph.
    """
    part = original.strip()
    if part and part != text.strip() and text.count(part) == 1:
        return text.replace(part, corrected.strip())
    return corrected.strip()
