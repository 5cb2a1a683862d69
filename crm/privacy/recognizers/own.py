"""Recognizers told in YAML: a pattern, words around it, a checksum. The shipped ones and a brand's own are alike.

A brand's pattern runs over every text, so patterns that can take exponential time (a repeat inside a repeat) are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm.errors import EndcapError
from crm.privacy.checksums import Check, check_of
from crm.privacy.recognizers.found import Found

NEAR = 60  # characters
LONGEST_PATTERN = 300
KNOWN = {"name", "kind", "pattern", "checksum", "context", "alone", "whole", "not_after"}
KIND = re.compile(r"^[a-z][a-z0-9_]{1,30}$")


class BadRecognizer(EndcapError):
    """An entry that cannot be used: which one, which field, what to do."""


@dataclass(frozen=True, slots=True)
class Recognizer:
    """One entry. `alone`: no word around is needed. `whole`: groups are the pattern's own, the match is the value."""

    name: str
    kind: str
    pattern: re.Pattern[str]
    check: Check | None
    context: re.Pattern[str] | None
    not_after: re.Pattern[str] | None
    group: int
    words: tuple[str, ...] = ()

    def find(self, text: str) -> Iterator[Found]:
        for match in self.pattern.finditer(text):
            value, start = match.group(self.group), match.start(self.group)
            if not value or (self.check is not None and not self.check(value)):
                continue
            before = text[max(0, start - NEAR) : start]
            if self.not_after is not None and self.not_after.search(before[-24:]):
                continue
            named = self.context is not None and bool(
                self.context.search(before) or self.context.search(text[match.end() : match.end() + NEAR])
            )
            if self.context is not None and not named:
                continue
            score = 0.95 if self.check is not None and named else 0.85
            yield Found(self.kind, start, match.end(self.group), score, True, self.name)


def read(entries: Sequence[Any], *, where: str = "recognizers") -> tuple[Recognizer, ...]:
    """Checked recognizers. Raises BadRecognizer naming entry and field."""
    return tuple(_read(entry, f"{where}[{place}]") for place, entry in enumerate(entries))


@lru_cache(maxsize=1)
def shipped() -> tuple[Recognizer, ...]:
    """Those of `numbers.yaml`."""
    said = yaml.safe_load((Path(__file__).parent / "numbers.yaml").read_text(encoding="utf-8"))
    return read(said, where="numbers.yaml")


@lru_cache(maxsize=1)
def words_of_shipped() -> tuple[str, ...]:
    """Every word that a shipped recognizer with context waits for: without one, those need not run."""
    return tuple(sorted({word for one in shipped() for word in one.words}))


def numbers(text: str) -> Iterator[Found]:
    """Finds of the shipped recognizers."""
    lowered = text.lower()
    speaks = any(word in lowered for word in words_of_shipped())
    for one in shipped():
        if speaks or one.context is None:
            yield from one.find(text)


def _read(entry: Any, where: str) -> Recognizer:
    if not isinstance(entry, Mapping):
        raise BadRecognizer(f"{where}: expected a mapping with name, kind and pattern, got {type(entry).__name__}.")
    unknown = sorted(set(map(str, entry)) - KNOWN)
    if unknown:
        raise BadRecognizer(f"{where}: {unknown[0]} is not known. Known are {', '.join(sorted(KNOWN))}.")
    for needed in ("kind", "pattern"):
        if not isinstance(entry.get(needed), str) or not entry[needed]:
            raise BadRecognizer(f"{where}.{needed}: “{entry.get(needed)}” is no text. Write one.")
    if not KIND.match(entry["kind"]):
        raise BadRecognizer(f"{where}.kind: “{entry['kind']}” is no name. Use small letters, digits and _.")
    words = entry.get("context", [])
    if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
        raise BadRecognizer(f"{where}.context: “{words}” is no list of words. Write [member, loyalty].")
    if not words and not entry.get("alone") and not entry.get("checksum"):
        raise BadRecognizer(
            f"{where}: a pattern with neither context nor checksum finds too much. Add one, or alone: true."
        )
    pattern = compiled(entry["pattern"], f"{where}.pattern")
    refused = entry.get("not_after", [])
    return Recognizer(
        name=str(entry.get("name", entry["kind"])),
        kind=entry["kind"],
        pattern=pattern,
        check=check_of(str(entry["checksum"])) if entry.get("checksum") else None,
        context=_words(words) if words and not entry.get("alone") else None,
        not_after=re.compile(rf"\b(?:{'|'.join(map(re.escape, refused))})\b", re.IGNORECASE) if refused else None,
        group=1 if pattern.groups and not entry.get("whole") else 0,
        words=tuple(word.lower() for word in words),
    )


def compiled(pattern: str, where: str) -> re.Pattern[str]:
    """The pattern, compiled. Raises BadRecognizer where it is wrong, too long or may run for ever."""
    if len(pattern) > LONGEST_PATTERN and not where.startswith("numbers.yaml"):
        raise BadRecognizer(f"{where}: {len(pattern)} signs, {LONGEST_PATTERN} are enough. Shorten it.")
    try:
        made = re.compile(pattern)
    except re.error as error:
        raise BadRecognizer(f"{where}: “{pattern}” is no regular expression: {error}. Put it right.") from error
    if _nested(re._parser.parse(pattern), inside=False):  # type: ignore[attr-defined]
        raise BadRecognizer(f"{where}: “{pattern}” repeats a repeat and may run for ever. Bound the inner one.")
    if made.match(""):
        raise BadRecognizer(f"{where}: “{pattern}” matches nothing at all. Ask for at least one sign.")
    return made


def _nested(parsed: Any, *, inside: bool) -> bool:
    """Whether an unbounded repeat stands inside another."""
    for name, value in parsed:
        if str(name) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            endless = value[1] > 64
            if (endless and inside) or _nested(value[2], inside=inside or endless):
                return True
        elif str(name) == "SUBPATTERN":
            if _nested(value[3], inside=inside):
                return True
        elif str(name) in ("ASSERT", "ASSERT_NOT"):
            if _nested(value[1], inside=inside):
                return True
        elif str(name) == "ATOMIC_GROUP":
            if _nested(value, inside=inside):
                return True
        elif str(name) == "BRANCH" and any(_nested(one, inside=inside) for one in value[1]):
            return True
    return False


def _words(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in words)})", re.IGNORECASE)
