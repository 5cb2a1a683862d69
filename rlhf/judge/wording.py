"""What can be counted in a text: sentences, figures, stems, how easily it reads. Pure, English, no model."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache

WORD = re.compile(r"[^\W\d_][\w'’-]*")
SENTENCE = re.compile(r"(?<=[.!?])[”\"')]*\s+|\n+")
GROUPED = r"[+−-]?\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?(?!\d)"
PLAIN = r"[+−-]?\d+(?:[.,]\d+)?(?!\d)"
FIGURE = re.compile(rf"(?<![\w.,])(?:{GROUPED}|{PLAIN})")
STOP = frozenset(
    """a about after all also an and any are as at be been before but by can do does each every for from had has have he
    her here how i if in into is it its just less made make many may more most much my new no not of off on one only or
    our out over own per she so some such than that the their them then there these they this to too two up us very was
    we were what when where which who whom why will with would you your""".split()  # noqa: SIM905
)
STEM_SIGNS = 5


def words(text: str) -> list[str]:
    return WORD.findall(text)


def sentences(text: str) -> list[str]:
    """Sentences and lines with a word in them, in order."""
    return [part.strip() for part in SENTENCE.split(text) if part and WORD.search(part)]


@lru_cache(maxsize=4096)
def stems(text: str) -> frozenset[str]:
    """Content words cut to five signs: margins and marginal meet, the and of are gone."""
    found: set[str] = set()
    for word in WORD.findall(text.lower()):
        for part in {word, *word.split("-")}:
            if len(part) > 2 and part not in STOP:
                found.add(part[:STEM_SIGNS])
    return frozenset(found)


def overlap(one: str, other: str) -> float:
    """Share of the smaller text's stems that the other has too, in [0, 1]; 0 where one has none."""
    left, right = stems(one), stems(other)
    return len(left & right) / min(len(left), len(right)) if left and right else 0.0


def covered(wanted: str, text: str) -> float:
    """Share of the wanted words whose stems the text has, in [0, 1]; 0 where nothing is wanted."""
    asked = stems(wanted)
    return len(asked & stems(text)) / len(asked) if asked else 0.0


def likeness(one: str, other: str) -> float:
    """Jaccard index of the stems, in [0, 1]."""
    left, right = stems(one), stems(other)
    return len(left & right) / len(left | right) if left or right else 1.0


def figures(text: str) -> list[float]:
    """Every number in a text as written: 1,204 and 12.5 and 3; a minus sign counts, a hyphen in a word does not."""
    found = []
    for match in FIGURE.findall(text):
        plain = (
            re.sub(r"(?<=\d)[,\u00a0\u202f](?=\d{3}(?!\d))", "", match)
            .replace("−", "-")
            .replace("+", "")
            .replace(",", ".")
        )
        found.append(float(plain))
    return found


def figure_is_among(number: float, known: Iterable[float]) -> bool:
    """Whether a figure is one of the known ones, allowing for the rounding of the last digit that people write."""
    size = abs(number)
    return any(
        math.isclose(size, abs(other), rel_tol=0.005, abs_tol=0.0051) or (size >= 10 and abs(size - abs(other)) <= 0.5)
        for other in known
    )


@lru_cache(maxsize=4096)
def syllables(word: str) -> int:
    """Groups of vowels, a silent final e taken off; at least 1."""
    low = word.lower()
    count = len(re.findall(r"[aeiouyà-ÿ]+", low))
    if low.endswith("e") and not low.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(count, 1)


def reading_ease(text: str) -> float:
    """Flesch reading ease (1948), 206.835 − 1.015·words/sentences − 84.6·syllables/words, from [0, 80] to [0, 1]."""
    spoken = words(text)
    if not spoken:
        return 0.0
    lines = max(len(sentences(text)), 1)
    ease = 206.835 - 1.015 * len(spoken) / lines - 84.6 * sum(map(syllables, spoken)) / len(spoken)
    return min(max(ease / 80, 0.0), 1.0)
