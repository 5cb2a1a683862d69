"""Words of product names as retailers shorten them: HARBOR OAT RLLD is harbor rolled oats. Knows no Django.

A word counts as much as it is rare in the catalogue (inverse document frequency), and a short word stands for a long
one where its letters come in the same order and begin alike. Spelling mistakes are left to rapidfuzz.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.fuzz import ratio

from crm.products.sizes import without_size

FILLERS = frozenset(
    "a an and the of with in for de la le les du des et au aux en di con und mit der die das".split()  # noqa: SIM905
)
_WORD = re.compile(r"[^\W_]+")
_VOWELS = frozenset("aeiouyh")


@lru_cache(maxsize=200_000)
def words_of(text: str) -> tuple[str, ...]:
    """Lower-case words without accents, sizes and fillers, each once, in order."""
    folded = unicodedata.normalize("NFKD", without_size(text.replace("'", "").replace("’", ""))).casefold()
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return tuple(dict.fromkeys(word for word in _WORD.findall(plain) if word not in FILLERS))


@lru_cache(maxsize=200_000)
def keys_of(word: str) -> tuple[str, ...]:
    """What a word and its abbreviations share: the first letter, and that with the next consonant."""
    rest = [letter for letter in word[1:] if letter not in _VOWELS and letter != word[0]]
    return (word[0] + rest[0],) if rest else (word[:2],)


@lru_cache(maxsize=500_000)
def alike(theirs: str, ours: str) -> float:
    """How surely two words are the same, in [0, 1]: 1 equal, 0.9 cut off, 0.8 vowels left out, less for misspelt."""
    if theirs == ours:
        return 1.0
    if theirs.isdigit() or ours.isdigit():
        return 0.0
    short, long = sorted((theirs, ours), key=len)
    if short[0] == long[0] and len(short) >= 2:
        if long.startswith(short):
            return 0.9 if len(short) >= 3 else 0.7
        if _in_order(short, long):
            return 0.82 if len(short) >= 3 else 0.65
    score = ratio(theirs, ours) / 100
    return score * 0.95 if score >= 0.8 else 0.0


def _in_order(short: str, long: str) -> bool:
    left = iter(long)
    return all(letter in left for letter in short)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Weighted share of their words found in ours, and of ours found in theirs, both in [0, 1]."""

    theirs: float
    ours: float

    @property
    def score(self) -> float:
        """Harmonic mean of both shares: one side alone proves little."""
        return 2 * self.theirs * self.ours / (self.theirs + self.ours) if self.theirs + self.ours else 0.0


class Weights:
    """How much a word proves: ln((n + 1) / (documents with it + 0.5)), so that rare words count more."""

    def __init__(self, documents: Iterable[Sequence[str]]) -> None:
        counts: dict[str, int] = {}
        total = 0
        for words in documents:
            total += 1
            for word in words:
                counts[word] = counts.get(word, 0) + 1
        self._known = {word: math.log((total + 1) / (count + 0.5)) + 0.3 for word, count in counts.items()}
        self._unknown = math.log(2 * (total + 1)) + 0.3

    def __getitem__(self, word: str) -> float:
        return self._known.get(word, self._unknown)


def overlap(theirs: Sequence[str], ours: Sequence[str], weights: Weights) -> Overlap:
    """Each word looks for its best counterpart; two of ours written together (OATDRK) count for both."""
    found = dict.fromkeys(ours, 0.0)
    hit = weight = 0.0
    for word in theirs:
        best, at = max(((alike(word, other), other) for other in ours), default=(0.0, ""))
        joined = _joined(word, ours) if best < 0.7 and len(word) >= 5 else ()
        if joined:
            best = 0.75
            for other in joined:
                found[other] = max(found[other], best)
        elif at:
            found[at] = max(found[at], best)
        # What their word weighs is what the word of ours weighs that it stands for: HRBR is in no catalogue.
        worth = weights[at] if best >= 0.6 and at and not joined else min(weights[word], weights[at or word] + 1)
        hit += best * worth
        weight += worth
    held = sum(share * weights[word] for word, share in found.items())
    total = sum(weights[word] for word in ours)
    return Overlap(hit / weight if weight else 0.0, held / total if total else 0.0)


def _joined(word: str, ours: Sequence[str]) -> tuple[str, str] | tuple[()]:
    """Two neighbouring words of ours whose beginnings make up the word."""
    for first, second in zip(ours, ours[1:], strict=False):
        if word[0] != first[0]:
            continue
        for cut in range(2, len(word) - 1):
            if word[cut] == second[0] and alike(word[:cut], first) >= 0.65 and alike(word[cut:], second) >= 0.65:
                return first, second
    return ()
