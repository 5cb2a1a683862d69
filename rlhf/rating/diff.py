"""What a person changed in a text, word by word. Pure; difflib does the matching."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, GONE, NEW = "same", "gone", "new"
TOKEN = re.compile(r"\n[ \t]*\n\s*|\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Piece:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`places` changed; `paragraphs` are those with a change in them, as pieces."""

    places: int
    paragraphs: tuple[tuple[Piece, ...], ...]


def changes(original: str, corrected: str) -> Difference:
    """Compare two texts. Changes that only one word or none stands between are one place."""
    before, after = _tokens(original), _tokens(corrected)
    matcher = SequenceMatcher(None, before, after, autojunk=len(before) > 2000)
    runs = [("", before[a:b], after[c:d]) if tag == "equal" else ("x", before[a:b], after[c:d])
            for tag, a, b, c, d in matcher.get_opcodes()]  # fmt: skip
    pieces: list[Piece] = []
    places = 0
    for changed, old, new in _joined(runs):
        if not changed:
            pieces.append(Piece(SAME, "".join(new)))
            continue
        places += 1
        pieces += [Piece(kind, "".join(text)) for kind, text in ((GONE, old), (NEW, new)) if "".join(text)]
    paragraphs = tuple(tuple(one) for one in _paragraphs(pieces) if any(piece.kind != SAME for piece in one))
    return Difference(places, paragraphs)


def _tokens(text: str) -> list[str]:
    return TOKEN.findall(text.replace("\r\n", "\n").strip())


def _joined(runs: Iterable[tuple[str, list[str], list[str]]]) -> list[tuple[str, list[str], list[str]]]:
    made: list[tuple[str, list[str], list[str]]] = []
    listed = list(runs)
    for place, (changed, old, new) in enumerate(listed):
        between = 0 < place < len(listed) - 1
        small = sum(1 for one in old if one.strip()) <= 1 and not any("\n\n" in one for one in old)
        inside = not changed and between and small and listed[place - 1][0] and listed[place + 1][0]
        if (changed or inside) and made and made[-1][0]:
            made[-1] = ("x", made[-1][1] + old, made[-1][2] + new)
        else:
            made.append((changed, list(old), list(new)))
    return made


def _paragraphs(pieces: Iterable[Piece]) -> list[list[Piece]]:
    made: list[list[Piece]] = [[]]
    for piece in pieces:
        parts = re.split(r"\n\s*\n", piece.text)
        for number, part in enumerate(parts):
            if number and piece.kind != GONE:
                made.append([])
            if part:
                made[-1].append(Piece(piece.kind, part))
    return made
