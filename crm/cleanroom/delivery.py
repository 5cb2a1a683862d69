"""Delivery of campaigns for the embedded room: sums of what networks report. No persons, so no noise and no budget.

Attributed orders and sales are left out: figures of different attribution windows must not be added; the campaign pages
show them side by side.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, Sum
from django.db.models.functions import TruncMonth, TruncWeek

from crm.cleanroom.answers import Figure, Row
from crm.cleanroom.names import Listed, listed, period
from crm.cleanroom.query import Aggregate, Words
from crm.cleanroom.vocabulary import PERIODS
from crm.models import Brand, PerformanceMetric

COLUMNS = {
    "campaign": F("campaign_id"),
    "retailer": F("retailer_id"),
    "product_category": F("sku__category"),
    "week": TruncWeek("measured_on"),
    "month": TruncMonth("measured_on"),
}


def delivered(brand: Brand, question: Aggregate) -> tuple[list[Row], list[str]]:
    """Rows, largest first, and notes on what was left out. Raises BadQuery for a value that is not known."""
    lists: dict[str, Listed] = {
        name: listed(name, brand)
        for name in {*question.by, *(one.field for one in question.where if isinstance(one, Words))} - set(PERIODS)
    }
    rows = _filtered(PerformanceMetric.objects.for_brand(brand).counting().order_by(), question, lists)
    ours = Q(currency__in=("", brand.currency))
    sums = {f"sum_{name}": Sum(name, filter=ours) if name == "spend" else Sum(name) for name in question.metrics}
    split = {f"by_{name}": COLUMNS[name] for name in question.by}
    # Without a split everything is one group, also where there is nothing.
    found = rows.values(**split).annotate(**sums) if split else [rows.aggregate(**sums)]
    largest = f"sum_{question.metrics[0]}"
    shown = [
        (one[largest] or 0, Row(group=group, figures={n: _figure(one[f"sum_{n}"]) for n in question.metrics}))
        for one in found
        if (group := _group(question, one, lists)) is not None
    ]
    shown.sort(key=lambda pair: (-pair[0], tuple(pair[1].group.values())))
    notes = []
    if "spend" in question.metrics and (others := rows.exclude(ours).count()):
        notes.append(f"{others:,} rows have spend in another currency than {brand.currency}; it is not in the sum.")
    return [row for _, row in shown[: question.limit]], notes


def _filtered(rows: Any, question: Aggregate, lists: dict[str, Listed]) -> Any:
    if question.starts_on:
        rows = rows.filter(measured_on__gte=question.starts_on)
    if question.ends_on:
        rows = rows.filter(measured_on__lte=question.ends_on)
    for index, one in enumerate(question.where):
        if isinstance(one, Words):
            keys = [lists[one.field].key(word, field=f"where.{index}.values") for word in one.values]
            test = Q(**{f"{COLUMNS[one.field].name}__in": keys})  # type: ignore[attr-defined]
            rows = rows.filter(test) if one.test == "in" else rows.exclude(test)
    return rows


def _group(question: Aggregate, row: dict[str, Any], lists: dict[str, Listed]) -> dict[str, str] | None:
    """The names of a group; None where one of them is not known (a fact without a campaign or a product)."""
    group: dict[str, str] = {}
    for name in question.by:
        value = row[f"by_{name}"]
        label = period(value, name) if name in PERIODS else lists[name].labels.get(value)
        if label is None:
            return None
        group[name] = label
    return group


def _figure(value: Any) -> Figure:
    return Figure() if value is None else Figure(value=float(value), low=float(value), high=float(value))
