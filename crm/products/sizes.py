"""Sizes on packages and in product names, in base units: grams, millilitres, pieces, millimetres. Knows no Django.

Conversions are those of NIST Special Publication 811, appendix B.8 (avoirdupois ounces, US fluid measures).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

SAME, CLOSE = 0.01, 0.06  # relative difference; 2 lb and 900 g are 0.8 % apart, 12 and 12.5 oz 4 %


class Fit(StrEnum):
    """How two things that were compared agree; UNKNOWN where one side does not say."""

    SAME = "same"
    CLOSE = "close"
    APART = "apart"
    UNKNOWN = ""


_TABLES: dict[str, dict[str, float]] = {
    "g": {"mg": 0.001, "g gr grm grms gm gms gram grams gramm grammes": 1, "kg kgs kilo kilos kilogram kilograms": 1000,
          "oz ozs ounce ounces": 28.349523125, "lb lbs pound pounds": 453.59237},
    "ml": {"ml mls millilitre millilitres milliliter milliliters": 1, "cl": 10, "dl": 100,
           "l lt ltr ltrs litre litres liter liters": 1000,
           "floz": 29.5735295625, "pt pint pints": 473.176473, "qt quart quarts": 946.352946,
           "gal gallon gallons": 3785.411784},
    "pieces": {"ct count pc pcs piece pieces pk pks pack packs ea each caps capsules tabs tablets sachets bags "
               "teabags rolls wipes sheets pods stk st stück bars eggs": 1},
    "mm": {"mm": 1, "cm": 10, "m mtr metre metres meter meters": 1000, "in inch inches": 25.4, "ft": 304.8},
}  # fmt: skip
_UNITS = {
    name: (kind, factor) for kind, table in _TABLES.items() for names, factor in table.items() for name in names.split()
}

_NUMBER = r"\d{1,3}(?:[ \u00a0]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+"
_UNIT = r"fl\.?\s?oz|" + "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_SIZE = re.compile(
    rf"(?<![\w.,])(?:(?P<packs>\d{{1,3}})\s?[x×*]\s?)?(?P<number>{_NUMBER})\s?-?(?P<unit>{_UNIT})\b\.?"
    rf"(?:\s?[x×*]\s?(?P<after>\d{{1,3}})\b)?",
    re.IGNORECASE,
)
_PACK_OF = re.compile(r"\b(?:pack|case|box|set)\s+of\s+(\d{1,3})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Size:
    """`total` in base units of `unit` (g, ml, pieces, mm); `packs` of `total / packs` each. `oz` may mean either."""

    total: float
    unit: str
    packs: int = 1
    ounces: bool = False

    def __str__(self) -> str:
        each = f"{self.total / self.packs:g} {self.unit}"
        return f"{self.packs} x {each}" if self.packs > 1 else each


def parse_size(text: str) -> Size | None:
    """The size that a text states, or None. The last one counts where several stand: names end with their size.

    `5KG`, `6x27g`, `33 cl`, `8 fl oz`, `1,5 L`, `pack of 4`, `4pk 330ml`. A bare number says nothing.
    """
    measured: Size | None = None
    pieces = 0
    for found in _SIZE.finditer(text):
        name = re.sub(r"[\s.]", "", found["unit"].lower())
        unit, factor = _UNITS[name]
        number = _number(found["number"])
        packs = int(found["packs"] or found["after"] or 1)
        if number <= 0 or packs < 1:
            continue
        if unit == "pieces":
            pieces = round(number * packs) or 1
        else:
            measured = Size(number * factor * packs, unit, packs, ounces=name in ("oz", "ozs", "ounce", "ounces"))
    of = _PACK_OF.search(text)
    pieces = int(of[1]) if of and int(of[1]) else pieces
    if measured is None:
        return Size(float(pieces), "pieces") if pieces else None
    if pieces > 1 and measured.packs == 1:
        return Size(measured.total * pieces, measured.unit, pieces, measured.ounces)
    return measured


def without_size(text: str) -> str:
    """The text with its sizes taken out, for comparing the words alone."""
    return " ".join(_PACK_OF.sub(" ", _SIZE.sub(" ", text)).split())


def compare(theirs: Size | None, ours: Size | None) -> tuple[Fit, str]:
    """How the sizes agree, and what there is to say about it."""
    if theirs is None or ours is None:
        return Fit.UNKNOWN, "" if theirs is ours else "one side does not say"
    a, b = theirs.total, ours.total
    if theirs.unit != ours.unit:
        if {theirs.unit, ours.unit} == {"g", "ml"} and (theirs.ounces or ours.ounces):
            a = a if theirs.unit == "ml" else a / _UNITS["oz"][1] * _UNITS["floz"][1]
            b = b if ours.unit == "ml" else b / _UNITS["oz"][1] * _UNITS["floz"][1]
        elif "pieces" in (theirs.unit, ours.unit):
            return Fit.UNKNOWN, "one counts pieces, the other measures"
        else:
            return Fit.APART, f"{theirs.unit} against {ours.unit}"
    apart = abs(a - b) / max(a, b)
    if apart > CLOSE:
        single = abs(theirs.total / theirs.packs - ours.total / ours.packs) <= SAME * max(a, b) / max(1, ours.packs)
        return Fit.APART, "another number in the pack" if single else f"{max(a, b) / min(a, b):.2g} times as much"
    if theirs.packs != ours.packs:
        return Fit.CLOSE, "the same in all, in another number of packs"
    return (Fit.SAME, "") if apart <= SAME else (Fit.CLOSE, f"{apart * 100:.0f} % apart")


def _number(text: str) -> float:
    return float(re.sub(r"[ \u00a0]", "", text).replace(",", "."))
