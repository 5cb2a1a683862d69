"""Every word and every choice as it was said, one row each, for people who want to look at them elsewhere."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q

from crm.imports.quarantine import harmless
from crm.models import Brand
from crm.privacy.applying import cleaner
from rlhf.models import Feedback, PreferencePair

COLUMNS = (
    "word", "id", "kind", "verdict", "experience", "other_experience", "task", "value", "stars", "widget",
    "shown_order", "seed", "reasons", "comment", "original", "corrected", "rich", "rater", "source", "counts",
    "duration_ms", "created_at", "exported_at", "undone_at",
)  # fmt: skip
SAID = (
    "public_id", "reasons", "comment", "rater__username", "rater_name", "source", "counts", "duration_ms", "created_at",
    "exported_at", "undone_at",
)  # fmt: skip
PERSONAL = ("reasons", "comment", "original", "corrected", "rich")
CHUNK = 2000
Row = dict[str, Any]


def rows(
    brand: Brand,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str = "",
    rater: str = "",
    source: str = "",
    people: bool = True,
) -> Iterator[Row]:
    """Rows with every name of COLUMNS: words on one experience first, then choices; oldest first, read in chunks.

    `people` False leaves out who said it.
    """
    clean = cleaner(brand, "exports")
    words = ("experience__public_id", "experience__kind", "kind", "value", "stars", "widget", "original", "corrected",
             "rich")  # fmt: skip
    pairs = ("a__public_id", "b__public_id", "a__kind", "verdict", "shown_order", "seed")
    for model, task, own in ((Feedback, "experience__kind", words), (PreferencePair, "a__kind", pairs)):
        found: Any = model.objects.for_brand(brand)
        if since is not None:
            found = found.filter(created_at__gte=since)
        if until is not None:
            found = found.filter(created_at__lt=until)
        if kind:
            found = found.filter(**{task: kind})
        if rater:
            found = found.filter(Q(rater__username=rater) | Q(rater__isnull=True, rater_name=rater))
        if source:
            found = found.filter(source=source)
        for row in found.order_by("created_at", "pk").values(*SAID, *own).iterator(chunk_size=CHUNK):
            made = dict.fromkeys(COLUMNS) | _named(row)
            if not people:
                made["rater"] = None
            yield made | {name: clean(made[name]) for name in PERSONAL if made[name]}


def csv_lines(found: Iterator[Row]) -> Iterator[str]:
    """The header, then a line for each row; what a spreadsheet would run gets an apostrophe in front."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    for row in found:
        yield writer.writerow([_cell(row[name]) for name in COLUMNS])


def jsonl_lines(found: Iterator[Row]) -> Iterator[str]:
    """A JSON object for each row."""
    for row in found:
        yield json.dumps(row, ensure_ascii=False, default=_text) + "\n"


def _named(row: Row) -> Row:
    a = row.pop("a__public_id", None)
    name, outside = row.pop("rater__username"), row.pop("rater_name")
    common = {"id": row.pop("public_id"), "rater": name or outside}
    if a is None:
        other = {"experience": row.pop("experience__public_id"), "task": row.pop("experience__kind")}
        return {**row, **common, **other, "word": "feedback"}
    other = {"experience": a, "other_experience": row.pop("b__public_id"), "task": row.pop("a__kind")}
    return {**row, **common, **other, "word": "pair"}


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return harmless(_text(value))


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class _Line:
    """What csv.writer writes to: gives the line back to the caller."""

    def write(self, line: str) -> Any:
        return line
