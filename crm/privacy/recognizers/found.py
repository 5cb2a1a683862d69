"""What a recognizer returns."""

from __future__ import annotations

import re
from typing import NamedTuple


class Found(NamedTuple):
    """One find: `text[start:end]`. `score` in [0, 1]: how sure, given pattern, checksum and words around.

    `personal` is False for what is labelled but says nothing about a person (a plain link, any date); `what` names it
    more closely where the kind is wide (`DE Steuer-ID`).
    """

    kind: str
    start: int
    end: int
    score: float
    personal: bool = True
    what: str = ""


def at(kind: str, match: re.Match[str], score: float, group: int = 0, **more: object) -> Found:
    """The find of a match or of one of its groups."""
    return Found(kind, match.start(group), match.end(group), score, **more)  # type: ignore[arg-type]
