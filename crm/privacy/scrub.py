"""Takes one known person out of texts and JSON values: addresses, ids and names become `[erased]`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

ERASED = "[erased]"
SHORT_ID = 5  # an id of fewer signs, or of digits only, may be anything in a sentence: only its own place counts
TITLES = {"mr", "mrs", "ms", "dr", "the", "and", "von", "van", "der", "de", "la", "prof", "herr", "frau"}


class Scrubber:
    """`values` are addresses and ids, `names` full names. With `about` (a text written to or about the person) each
    word of a name goes as well: “Hello Jo”."""

    def __init__(self, values: Iterable[str], names: Iterable[str] = (), *, about: bool = False) -> None:
        given = sorted({value for value in values if value.strip()}, key=len, reverse=True)
        self.exact = {value.casefold() for value in given}
        free = [value for value in given if len(value) >= SHORT_ID and not (value.isdigit() and len(value) < 7)]
        full = [name for name in sorted(set(names), key=len, reverse=True) if len(name.strip()) >= 3]
        self.exact |= {name.casefold() for name in full}
        free += [name for name in full if " " in name.strip() or about]
        words = {word for name in full for word in re.split(r"[\s,;.]+", name)} if about else set()
        spoken = sorted(
            word for word in words if len(word) >= 2 and word[0].isupper() and word.casefold() not in TITLES
        )
        parts = [rf"(?<![\w@]){_spaced(one)}(?!\w)" for one in free]
        parts += [rf"(?<=prospect:){re.escape(one)}(?=#|$|[\s\"'\],}}])" for one in given if one not in free]
        self.anywhere = re.compile("|".join(parts), re.IGNORECASE) if parts else None
        self.words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, spoken))})(?!\w)") if spoken else None

    def text(self, text: str) -> str:
        """The text without the person."""
        if text.strip().casefold() in self.exact:
            return ERASED
        if self.anywhere is not None:
            text = self.anywhere.sub(ERASED, text)
        return self.words.sub(ERASED, text) if self.words is not None else text

    def value(self, value: Any) -> Any:
        """The same for every text and every key inside a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(one) for one in value]
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self.exact and value > 99_999:
            return ERASED
        return value


def _spaced(value: str) -> str:
    return r"\s+".join(re.escape(part) for part in value.split())
