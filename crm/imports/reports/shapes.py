"""What the values of an unknown column look like: days, whole numbers, amounts, shares, currencies, product codes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crm.imports.money import CURRENCIES, SIGNS
from crm.imports.reports.days import NoDay, day_of
from crm.imports.reports.mapping import Dates

_NUMBER = re.compile(r"^[-+(]?\d[\d.,'’  ]*\)?$|^[-+]?[.,]\d+$")
_SIGN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True))
_MONEY = re.compile(rf"^(?:{_SIGN}|[A-Z]{{3}})\s?[-(]?\d[\d.,' ]*\)?$|^[-(]?\d[\d.,' ]*\)?\s?(?:{_SIGN}|[A-Z]{{3}})$")
_WORDS = {
    "day": "days",
    "currency": "currencies",
    "percent": "shares",
    "money": "amounts",
    "gtin": "product codes with a right check digit",
    "asin": "Amazon product codes",
}
_BLANK = {"", "-", "--", "—", "n/a", "null", "none"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Shares in [0, 1] of the filled values that could be read so; `filled` is how many there were."""

    filled: int = 0
    different: int = 0
    day: float = 0
    number: float = 0
    whole: float = 0
    money: float = 0
    percent: float = 0
    currency: float = 0
    gtin: float = 0
    asin: float = 0
    largest: float = 0

    @property
    def word(self) -> str:
        """The one word for a person."""
        if not self.filled:
            return "empty"
        for name in ("day", "currency", "percent", "money", "gtin", "asin"):
            if getattr(self, name) >= 0.9:
                return _WORDS[name]
        if self.whole >= 0.9:
            return "whole numbers"
        return "numbers" if self.number >= 0.9 else "texts"


def shape_of(values: Sequence[str]) -> Shape:
    """The shape of a column from some of its values."""
    texts = [text for value in values if plain_value(text := _unwrapped(value))]
    if not texts:
        return Shape()
    count = len(texts)
    numbers = [text for text in texts if _NUMBER.match(text)]

    def share(found: int) -> float:
        return found / count

    return Shape(
        filled=count,
        different=len(set(texts)),
        day=share(sum(_is_day(text) for text in texts)),
        number=share(len(numbers)),
        whole=share(sum(text.lstrip("+-").isdigit() for text in texts)),
        money=share(sum(bool(_MONEY.match(text)) for text in texts)),
        percent=share(sum(text.endswith("%") for text in texts)),
        currency=share(sum(text in CURRENCIES for text in texts)),
        gtin=share(sum(_is_gtin(text) for text in texts)),
        asin=share(sum(bool(re.fullmatch(r"B0[0-9A-Z]{8}", text)) for text in texts)),
        largest=max((_size(text) for text in numbers), default=0.0),
    )


def plain_value(text: str) -> bool:
    return text.strip().casefold() not in _BLANK


def _unwrapped(value: str) -> str:
    text = value.strip()
    return text[2:-1] if text.startswith('="') and text.endswith('"') else text


def _is_day(text: str) -> bool:
    if not any(char in "-/. " for char in text):
        return bool(re.fullmatch(r"20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", text))
    try:
        day_of(text, Dates(), "day_first")
    except NoDay:
        try:
            day_of(text, Dates(), "month_first")
        except NoDay:
            return False
    return True


def _is_gtin(text: str) -> bool:
    """Whether the check digit of GS1 is right: weights 3 and 1 from the right, the sum a multiple of ten."""
    if not text.isdigit() or len(text) not in (8, 12, 13, 14):
        return False
    return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(reversed(text))) % 10 == 0


def _size(text: str) -> float:
    digits = re.sub(r"[^\d]", "", text.split(".")[0].split(",")[0])
    return float(digits or 0)
