"""Is a retailer's item one of our products? Candidates by words and size, evidence in rows, a calibrated confidence.

Knows no Django. Only a bar code decides by itself (see `crm.products.crosswalk`); what is said here waits for a
person. The confidence is a logistic regression on what was compared, fitted and checked by `benchmarks/matching.py`
on real product names that were shortened as retailers do.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rapidfuzz.fuzz import token_set_ratio

from crm.products.sizes import Fit, Size, compare, parse_size, without_size
from crm.products.wording import Overlap, Weights, keys_of, overlap, words_of

CANDIDATES = 20
WORDS_SAME, WORDS_CLOSE = 0.93, 0.6
PRICE_SAME, PRICE_CLOSE = 0.005, 0.25
TAIL = 8  # digits of the bar code that are compared; shops often keep only these
FEWEST_TAIL = 6

#: What is compared, in the order of the coefficients; `benchmarks/matching.py --fit` prints them. Bar code and own code
#: are set by hand: no file at hand has both a shop's codes and ours.
FEATURES = (
    "one", "words", "theirs in ours", "ours in theirs", "token set", "lead", "size same", "size close", "size apart",
    "price same", "price apart", "bar code same", "bar code apart", "own code",
)  # fmt: skip
COEFFICIENTS = np.array([-8.54, 3.89, 2.74, 2.25, 2.96, 1.69, 1.25, -0.1, -1.64, 1.83, -0.96, 6.0, -3.0, 6.0])


@dataclass(frozen=True, slots=True)
class Ours:
    """A product of the brand, as far as it is compared. `key` is the caller's own."""

    key: Any
    code: str
    name: str
    product_brand: str = ""
    size: str = ""
    gtin: str = ""
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Theirs:
    """An item as the retailer lists it. `digits`: what stands there of a bar code, any length."""

    code: str
    name: str = ""
    size: str = ""
    digits: str = ""
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was compared, as texts for a person."""

    compared: str
    theirs: str
    ours: str
    fits: str
    note: str = ""

    def as_dict(self) -> dict[str, str]:
        return {
            "compared": self.compared, "theirs": self.theirs, "ours": self.ours, "fits": self.fits, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """The product that fits best, how surely in [0, 1], and why."""

    ours: Ours
    confidence: float
    evidence: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """An item against one product: the features before the sigmoid, and what a person is shown."""

    ours: Ours
    words: Overlap
    token_set: float
    size: Fit
    price: Fit
    tail: Fit
    own_code: bool
    size_note: str
    digits: str

    def features(self, lead: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """(len(FEATURES),); `lead` is how far its words are ahead of the next best product's, in [-1, 1]."""
        return np.array(
            [1.0, self.words.score, self.words.theirs, self.words.ours, self.token_set, lead,
             self.size == Fit.SAME, self.size == Fit.CLOSE, self.size == Fit.APART,
             self.price == Fit.SAME, self.price == Fit.APART,
             self.tail == Fit.SAME, self.tail == Fit.APART, self.own_code], dtype=np.float64,
        )  # fmt: skip

    @property
    def rank(self) -> float:
        """Order of candidates, before anything is calibrated."""
        return (
            self.words.score + 0.2 * self.token_set
            + {Fit.SAME: 0.25, Fit.CLOSE: 0.1, Fit.APART: -0.35, Fit.UNKNOWN: 0.0}[self.size]
            + {Fit.SAME: 0.1, Fit.CLOSE: 0.03, Fit.APART: -0.1, Fit.UNKNOWN: 0.0}[self.price]
            + (2.0 if self.tail == Fit.SAME else 0.0) + (2.0 if self.own_code else 0.0)
        )  # fmt: skip


class Shelf:
    """Products of a brand, ready to be compared with many items: built once, asked ten thousand times."""

    def __init__(self, products: Sequence[Ours]) -> None:
        self.products = list(products)
        self._words = [words_of(f"{one.product_brand} {one.name}") for one in self.products]
        self._plain = [" ".join(words) for words in self._words]
        self._sizes = [parse_size(one.size) or parse_size(one.name) for one in self.products]
        self._weights = Weights(self._words)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        for at, words in enumerate(self._words):
            for key in {key for word in words for key in keys_of(word)}:
                self._by_key[key].append(at)
        self._by_tail: dict[str, list[int]] = defaultdict(list)
        self._by_code: dict[str, list[int]] = defaultdict(list)
        for at, one in enumerate(self.products):
            if one.gtin:
                self._by_tail[one.gtin[-FEWEST_TAIL:]].append(at)
                self._by_tail[one.gtin[-FEWEST_TAIL - 1 : -1]].append(at)
            self._by_code[one.code.casefold()].append(at)

    def propose(self, item: Theirs) -> Proposal | None:
        """The product that fits best, or None where nothing is alike."""
        ranked = self.compare(item)
        if not ranked:
            return None
        best = ranked[0]
        confidence = sigmoid(float(best.features(lead_of(ranked)) @ COEFFICIENTS))
        return Proposal(best.ours, round(confidence, 4), evidence(item, best))

    def compare(self, item: Theirs) -> list[Comparison]:
        """The likeliest products, best first, at most CANDIDATES."""
        words = words_of(item.name)
        size = parse_size(item.size) or parse_size(item.name)
        found = [self._against(item, words, size, at) for at in self._likely(item, words, size)]
        kept = [one for one in found if one.words.score > 0.05 or one.own_code or one.tail == Fit.SAME]
        return sorted(kept, key=lambda one: (-one.rank, one.ours.code))

    def _likely(self, item: Theirs, words: Sequence[str], size: Size | None) -> list[int]:
        """Products that share keys of words, the rarer the better, or the end of the bar code, or our own code."""
        votes: Counter[int] = Counter()
        total = len(self.products) + 1
        for key in {key for word in words for key in keys_of(word)}:
            places = self._by_key.get(key, ())
            worth = math.log(total / (len(places) + 0.5)) if places else 0.0
            for at in places:
                votes[at] += worth  # type: ignore[assignment]
        if size is not None:
            for at in votes:
                other = self._sizes[at]
                if other is not None and compare(size, other)[0] == Fit.SAME:
                    votes[at] += 2
        best = [at for at, _ in votes.most_common(CANDIDATES)]
        sure = [*self._by_code.get(item.code.casefold(), ())]
        if len(item.digits) >= FEWEST_TAIL:
            sure += self._by_tail.get(item.digits[-FEWEST_TAIL:], [])
        return list(dict.fromkeys([*sure[:CANDIDATES], *best]))

    def _against(self, item: Theirs, words: Sequence[str], size: Size | None, at: int) -> Comparison:
        ours = self.products[at]
        size_fit, size_note = compare(size, self._sizes[at])
        return Comparison(
            ours=ours,
            words=overlap(words, self._words[at], self._weights),
            token_set=token_set_ratio(" ".join(words), self._plain[at]) / 100,
            size=size_fit,
            price=_price(item.price, ours.price),
            tail=_tail(item.digits, ours.gtin),
            own_code=bool(ours.code) and item.code.casefold() == ours.code.casefold(),
            size_note=size_note,
            digits=item.digits[-TAIL:],
        )


def lead_of(ranked: Sequence[Comparison]) -> float:
    """How far the best is ahead of the next, in [-1, 1]; 1 where there is no other."""
    return max(-1.0, min(1.0, ranked[0].rank - ranked[1].rank)) if len(ranked) > 1 else 1.0


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, x))))


def evidence(item: Theirs, found: Comparison) -> tuple[Row, ...]:
    """What was compared, in the order a person looks at it."""
    ours, rows = found.ours, []
    if found.own_code:
        rows.append(Row("Your own code", item.code, ours.code, Fit.SAME))
    if item.digits:
        many = min(TAIL, len(item.digits))
        note = "" if ours.gtin else "we have no bar code of it"
        rows.append(Row(f"Bar code, last {many}", item.digits[-many:], ours.gtin[-many:], found.tail, note))
    if found.size is not Fit.UNKNOWN or item.size or ours.size:
        theirs = item.size or _said(item.name)
        rows.append(Row("Size", theirs, ours.size or _said(ours.name), found.size, found.size_note))
    score = found.words.score
    fit = Fit.SAME if score >= WORDS_SAME else Fit.CLOSE if score >= WORDS_CLOSE else Fit.APART
    own = without_size(f"{ours.product_brand} {ours.name}".strip()).lower()
    if item.name:
        rows.append(Row("Words", without_size(item.name).lower(), own, fit, f"{score:.0%} alike"))
    if item.price is not None and ours.price is not None:
        rows.append(_price_row(item.price, ours.price, found.price))
    return tuple(rows)


def _said(text: str) -> str:
    size = parse_size(text)
    return str(size) if size else ""


def _price(theirs: float | None, ours: float | None) -> Fit:
    if not theirs or not ours:
        return Fit.UNKNOWN
    apart = abs(theirs - ours) / max(theirs, ours)
    return Fit.SAME if apart <= PRICE_SAME else Fit.CLOSE if apart <= PRICE_CLOSE else Fit.APART


def _price_row(theirs: float, ours: float, fit: Fit) -> Row:
    note = "" if fit is Fit.SAME else f"{abs(theirs - ours):.2f} apart"
    return Row("Shelf price", f"{theirs:.2f}", f"{ours:.2f}", fit, note)


def _tail(digits: str, gtin: str) -> Fit:
    """The last digits of the bar code, also where the check digit is missing on their side."""
    if len(digits) < FEWEST_TAIL or not gtin:
        return Fit.UNKNOWN
    tail = digits[-TAIL:]
    return Fit.SAME if gtin.endswith(tail) or gtin[:-1].endswith(tail) else Fit.APART
