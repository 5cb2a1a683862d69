"""How buyers read a text: which needs it speaks to, how specific, how long, how pushy. Pure.

The judge's rubric (rlhf/judge) looks for other things (citations, structure, voice), on purpose: a loop that learned
its rubric by heart would gain nothing here. Two known simplifications: single words are compared by stem, and irony
is lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’-]*")
_FIGURE = re.compile(r"(?<![\w.])[€$£]?\d[\d.,]*(?:\s?(?:%|‰|kg|g|ml|l|h|W|lm|x)\b|%)?")
_GREETING = re.compile(r"^\s*(?:dear|hi|hello|good (?:morning|afternoon|day))[ ,]+([A-ZÀ-Þ][\w'’.-]+)", re.IGNORECASE)
_NOBODY = {"sir", "madam", "team", "there", "customer", "friend", "all", "everyone", "valued", "buyer", "colleague"}
_SUFFIXES = ("ations", "ation", "ingly", "ings", "ing", "ies", "ers", "er", "ed", "ly", "es", "s", "y", "e")


def stem(word: str) -> str:
    """The word in lower case without its ending: margins, margin -> margin; saving, saves -> sav."""
    word = word.lower().strip("'’-")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def stems(words: Iterable[str]) -> frozenset[str]:
    """The stems of some words; a hyphenated word counts as its parts and as itself."""
    found = set()
    for word in words:
        found.add(stem(word))
        if "-" in word:
            found.update(stem(part) for part in word.split("-") if len(part) > 2)
    return frozenset(found)


@dataclass(frozen=True)
class Lexicon:
    """Stems by need (in the order of `needs`) and the stems of pushy, offering and price words."""

    needs: tuple[str, ...]
    of_need: tuple[frozenset[str], ...]
    spam: frozenset[str]
    offer: frozenset[str]
    price: frozenset[str]

    @classmethod
    def of(
        cls, needs: Mapping[str, Iterable[str]], *, spam: Iterable[str], offer: Iterable[str], price: Iterable[str]
    ) -> Lexicon:
        return cls(
            tuple(needs), tuple(stems(words) for words in needs.values()), stems(spam), stems(offer), stems(price)
        )

    def need_of(self, stated: str) -> int | None:
        """Index of the need that a stated need means, by its own name or by most words; None when it means none."""
        if not stated.strip():
            return None
        said = stems(_WORD.findall(stated))
        hits = [
            len(said & words) + 2 * (stem(name) in said) for name, words in zip(self.needs, self.of_need, strict=True)
        ]
        best = int(np.argmax(hits))
        return best if hits[best] > 0 else None


@dataclass(frozen=True)
class Reading:
    """One text as the market takes it in. `need` and `headline_need` have one value in [0, 1] per need."""

    need: NDArray[np.float64]  # (needs,)
    headline_need: NDArray[np.float64]  # (needs,)
    figures: float
    length: float
    question: float
    personal: float
    offer: float
    price: float
    spam: float
    words: int


def read(headline: str, body: str, lexicon: Lexicon, *, ideal_words: float) -> Reading:
    """Read a text.

    need: 1 - exp(-h / 1.5) of h distinct stems of the need, times (1 + focus) / 2, where focus is the share of this
    need in all need words, so that naming every need at once is no trick. figures: 1 - exp(-n / 2) of n distinct
    numbers, falling again beyond eight. length: a bell on the log of words / ideal_words (sd 0.6). question: 1 for
    exactly one, 0.5 for two, 0 for none or three, -0.5 for more. personal: greets somebody by name. offer, price: any
    of those words. spam: 1 - exp(-s / 2), s counting pushy words, words in capitals and exclamation marks.
    """
    body_words = _WORD.findall(body)
    head_words = _WORD.findall(headline)
    found = stems([*head_words, *body_words])
    everything = f"{headline}\n{body}"
    questions = everything.count("?")
    greeting = _GREETING.match(body)
    return Reading(
        need=_matches(found, lexicon),
        headline_need=_matches(stems(head_words), lexicon),
        figures=_figures(everything),
        length=_bell(len(body_words), ideal_words),
        question={0: 0.0, 1: 1.0, 2: 0.5, 3: 0.0}.get(questions, -0.5),
        personal=float(greeting is not None and greeting.group(1).lower().strip(".,") not in _NOBODY),
        offer=float(bool(found & lexicon.offer)),
        price=float(bool(found & lexicon.price)),
        spam=_spam(head_words + body_words, found, everything, lexicon),
        words=len(body_words),
    )


def _matches(found: frozenset[str], lexicon: Lexicon) -> NDArray[np.float64]:
    hits = np.array([len(found & words) for words in lexicon.of_need], dtype=np.float64)
    total = hits.sum()
    if total == 0:
        return hits
    return np.asarray((1 - np.exp(-hits / 1.5)) * (1 + hits / total) / 2, dtype=np.float64)


def _figures(text: str) -> float:
    distinct = len({match.strip(" .,") for match in _FIGURE.findall(text)})
    return (1 - math.exp(-distinct / 2)) * math.exp(-max(0, distinct - 8) / 6)


def _bell(words: int, ideal: float) -> float:
    return math.exp(-((math.log(words / ideal) / 0.6) ** 2) / 2) if words else 0.0


def _spam(words: list[str], found: frozenset[str], text: str, lexicon: Lexicon) -> float:
    shouted = sum(1 for word in words if len(word) > 3 and word.isupper())
    pushy = len(found & lexicon.spam) + shouted + max(0, text.count("!") - 1)
    return 1 - math.exp(-pushy / 2)


def figures_in(text: str) -> float:
    """The figures score alone, for reports."""
    return _figures(text)


def length_fit(text: str, ideal_words: float) -> float:
    """The length score alone, for reports."""
    return _bell(len(_WORD.findall(text)), ideal_words)
