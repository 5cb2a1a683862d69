"""Feedback as files to train with: DPO, KTO and SFT in the dataset formats of TRL, as JSON lines, in chunks.

Columns beyond those of TRL say where a line comes from: who said so, how far they agree, what a judge thought. With
`actor`, what leaves is marked `exported_at` and written into the history; from then on nobody can take it back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.feedback.splits import SPLITS
from rlhf.models import Experience, Feedback, PreferencePair, Signal, Source

STANDARD, CONVERSATIONAL, MESSAGES = "standard", "conversational", "messages"
HUMAN, PANEL, JUDGE = "human", "panel", "judge"
FORMS = {
    "dpo": (STANDARD, CONVERSATIONAL),
    "kto": (STANDARD, CONVERSATIONAL),
    "sft": (STANDARD, CONVERSATIONAL, MESSAGES),
}
SOURCES = {"dpo": (HUMAN, PANEL, JUDGE), "kto": (HUMAN, PANEL), "sft": (HUMAN, PANEL)}
CHUNK = 250  # requests looked at together; the memory of an export


class BadExport(EndcapError):
    """An export that does not exist: `detail` names field and value."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines. `since` and `until` bound when it was said; `min_agreement` is the majority's share of raters."""

    form: str = STANDARD
    source: str = HUMAN
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    split: str = ""
    min_agreement: float = 0.0
    min_raters: int = 1

    def checked(self, what: str) -> Wanted:
        """Itself. Raises BadExport."""
        for field, value, choices in (
            ("form", self.form, FORMS[what]),
            ("source", self.source, SOURCES[what]),
            ("split", self.split, ("", *SPLITS)),
        ):
            if value not in choices:
                told = ", ".join(one for one in choices if one)
                raise BadExport(f"{field} is {value!r}. For {what} choose one of {told}.", field=field, value=value)
        return self

    def within(self, rows: Any, at: str = "created_at") -> Any:
        """The rows of the period."""
        rows = rows.filter(**{f"{at}__gte": self.since}) if self.since else rows
        return rows.filter(**{f"{at}__lt": self.until}) if self.until else rows

    def words(self, rows: Any) -> Any:
        """The words of the source and period that count and were not taken back."""
        rows = self.within(rows.filter(undone_at__isnull=True, counts=True))
        return rows.filter(source=Source.PANEL) if self.source == PANEL else rows.exclude(source=Source.PANEL)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, the keys of the words it rests on, and the experiences in it."""

    row: dict[str, Any]
    words: tuple[int, ...]
    experiences: tuple[Experience, ...]


def jsonl(chunks: Iterator[list[Line]], *, brand: Brand, what: str, actor: str = "") -> Iterator[str]:
    """A JSON object a line. With `actor` (who does it) each chunk is marked before it leaves; without, nothing is
    written."""
    for chunk in chunks:
        for line in marked(chunk, brand=brand, what=what, actor=actor) if actor else chunk:
            yield json.dumps(line.row, ensure_ascii=False) + "\n"


def counted(chunks: Iterator[list[Line]], left_out: Counter[str]) -> dict[str, Any]:
    """How many lines there are by split, and how many were left out and why."""
    splits = Counter(dict.fromkeys(SPLITS, 0))
    for chunk in chunks:
        splits.update(line.row["split"] for line in chunk)
    return {"lines": splits.total(), "splits": dict(splits), "left_out": dict(sorted(left_out.items()))}


def marked(chunk: list[Line], *, brand: Brand, what: str, actor: str) -> list[Line]:
    """The lines whose words stand, marked as exported. A word taken back in this very moment takes its line along."""
    words: type[PreferencePair | Feedback] = PreferencePair if what == "dpo" else Feedback
    keys = {key for line in chunk for key in line.words}
    now = timezone.now()
    with transaction.atomic():
        rows = words.objects.for_brand(brand).filter(pk__in=keys, undone_at__isnull=True)
        standing = dict(rows.select_for_update().values_list("pk", "exported_at"))
        kept = [line for line in chunk if standing.keys() >= set(line.words)]
        new = {key for line in kept for key in line.words if standing[key] is None}
        rows.filter(pk__in=new).update(exported_at=now)
        told = {one.pk: one for line in kept if new & set(line.words) for one in line.experiences}
        Signal.objects.for_brand(brand).bulk_create(
            Signal(
                brand=brand, experience=one, kind=Signal.Kind.EXPORTED, actor=actor[:120], said={"as": what}
            )
            for one in told.values()
        )  # fmt: skip
    return kept


def prompted(form: str, prompt: str, **answers: str) -> dict[str, Any]:
    """The columns of TRL: texts, or lists of messages."""
    if form == STANDARD:
        return {"prompt": prompt, **answers}
    asked = [{"role": "user", "content": prompt}]
    told = {name: [{"role": "assistant", "content": answer}] for name, answer in answers.items()}
    if form == MESSAGES:
        return {"messages": [*asked, *told["completion"]]}
    return {"prompt": asked, **told}
