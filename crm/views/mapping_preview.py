"""A dry run in plain words: the checks beside the mapping, and the first rows as they would be stored."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from crm.imports.reports.canonical import ATTRIBUTED, DELIVERY, MONEY
from crm.reconciled import WORDS
from crm.report_imports import Preview
from crm.views.mapping_form import ATTRIBUTED_WORDS, days_in_words

COLUMNS = {
    "measured_on": "Day", "hour": "Hour", "campaign_name": "Campaign", "campaign_id": "Campaign number",
    "ad_group_name": "Ad group", "ad_group": "Ad group number", "ad": "Ad", "target": "Keyword or target",
    "match_type": "Match type", "breakdown": "Split", "item": "Product code", "item_name": "Product name",
    "audience": "Audience", "impressions": "Views", "clicks": "Clicks", "spend": "Spend", **ATTRIBUTED_WORDS,
    "window_days": "Window", "other_windows": "Other windows", "currency": "Currency",
}  # fmt: skip
FIGURES = frozenset({*DELIVERY, *ATTRIBUTED, "spend"})


@dataclass(frozen=True, slots=True)
class Shown:
    """`heads` are (name, words, whether a figure); `rows` hold a text for each, "" where the report does not say."""

    preview: Preview
    heads: list[tuple[str, str, bool]]
    rows: list[list[tuple[str, bool, str]]]
    refused: list[tuple[str, int, Any]]
    stored: int
    days: str

    @property
    def impossible(self) -> int:
        """Rows with clicks but no views among those that were refused."""
        return sum(count for reason, count, _ in self.refused if "click" in reason.lower())


def shown(preview: Preview) -> Shown:
    heads = [
        (name, words, name in FIGURES)
        for name, words in COLUMNS.items()
        if any(row.get(name) not in (None, "") for row in preview.rows)
    ]
    rows = [
        [(_text(name, row.get(name)), is_figure, words) for name, words, is_figure in heads] for row in preview.rows
    ]
    counted = Counter(one.reason for one in preview.refused)
    first = {one.reason: one for one in reversed(preview.refused)}
    result = preview.result
    return Shown(
        preview, heads, rows, [(reason, count, first[reason]) for reason, count in counted.most_common()],
        result.stored + result.unchanged, _days(result.first_on, result.last_on),
    )  # fmt: skip


def _days(first: Any, last: Any) -> str:
    if first is None or last is None:
        return ""
    if first == last:
        return f"{first.day} {first:%B %Y}"
    return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"


def _text(name: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if name == "other_windows":
        return "; ".join(
            f"{days_in_words(key).lower()}: "
            + ", ".join(f"{WORDS.get(figure, figure).lower()} {number}" for figure, number in figures.items())
            for key, figures in json.loads(value).items()
        )
    if name == "window_days":
        return f"{value} d"
    if name in MONEY:
        whole, _, cents = str(value).partition(".")
        return f"{int(whole):,}.{cents.ljust(2, '0')}" if whole.lstrip("-").isdecimal() else str(value)
    return f"{value:,}" if isinstance(value, int) and name in DELIVERY else str(value)
