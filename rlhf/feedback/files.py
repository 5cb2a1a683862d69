"""What each file to train with would hold right now: how many lines, what is left out and why, how large, a first line.

The count goes through the lines as the export itself does, so the two agree, up to AT_MOST words: a page is no place to
wait for a large file. It is kept until somebody says something new. Texts are those that would leave: without personal
data, as the brand's privacy policy says.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from crm.models import Brand
from rlhf.feedback.exporting import HUMAN, PANEL, Wanted
from rlhf.feedback.exporting_files import LINES
from rlhf.feedback.statistics import asked

KEPT_S = 3600
AT_MOST = 10_000  # words looked at for each file
SHOWN = 64  # characters of each field of the sample
MOST_FIELDS = 3
SAMPLED = {"dpo": ("prompt", "chosen", "rejected"), "kto": ("prompt", "completion", "label"),
           "sft": ("prompt", "completion")}  # fmt: skip
WHY_LEFT_OUT = {
    "tie": "About the same",
    "both_bad": "Both bad",
    "undecided": "No side has more voices",
    "low_agreement": "Too little agreement",
    "few_raters": "Too few raters",
    "disagree": "Rated both ways",
    "neither": "Three stars",
    "different_requests": "Answers to different requests",
    "same_text": "Twice the same text",
    "no_text": "No text to learn from",
    "erased": "About somebody who was erased",
    "no_consent": "About somebody who said no to training",
    "too_old": "Kept texts ran out",
    "flagged": "Flagged, and nobody found it fine",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file: `lines` in it, `size` in bytes, `left_out` as (reason, how many), most first; `sample` are fields of
    the first line as JSON, cut. `good` and `poor` count labels of yes and no. With `more` the file
    goes on after these."""

    what: str
    lines: int
    size: int
    left_out: tuple[tuple[str, int], ...]
    sample: tuple[tuple[str, str], ...]
    good: int
    poor: int
    more: bool

    @property
    def looked_at(self) -> int:
        return self.lines + sum(n for _, n in self.left_out)


def files(brand: Brand, *, kind: str = "", simulated: bool = False) -> list[File]:
    """All three; of people's words, or of the simulated panel's alone."""
    question = asked.asked(brand, kind=kind)
    known = f"feedback-files/{question.key()}/{simulated}/{asked.fingerprint(brand)}"
    found: list[File] | None = cache.get(known)
    if found is None:
        wanted = Wanted(kind=kind, source=PANEL if simulated else HUMAN)
        found = [_file(what, brand, wanted) for what in LINES]
        cache.set(known, found, KEPT_S)
    return found


def _file(what: str, brand: Brand, wanted: Wanted) -> File:
    left_out: Counter[str] = Counter()  # also of the chunk that comes next
    kept: Counter[str] = Counter()
    lines = size = good = poor = 0
    sample: tuple[tuple[str, str], ...] = ()
    more = False
    for chunk in LINES[what](brand, wanted, left_out):
        if more := lines + kept.total() >= AT_MOST:
            break
        for line in chunk:
            lines += 1
            size += len(json.dumps(line.row, ensure_ascii=False).encode()) + 1
            good += line.row.get("label") is True
            poor += line.row.get("label") is False
            sample = sample or _sample(what, line.row)
        kept = left_out.copy()
    reasons = [(WHY_LEFT_OUT.get(why, why.replace("_", " ").capitalize()), n) for why, n in kept.most_common()]
    return File(what, lines, size, tuple(reasons), sample, good, poor, more)


def _sample(what: str, row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    def cut(value: Any) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else value
        if isinstance(text, str) and len(text) > SHOWN:
            text = f"{text[:SHOWN].rstrip()}…"
        return json.dumps(text, ensure_ascii=False)

    return tuple((name, cut(row[name])) for name in SAMPLED[what][:MOST_FIELDS] if name in row)
