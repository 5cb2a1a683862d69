"""Figures that a program sends, row by row, go the way of reports: one import for each retailer, report and grain.

So identity, restatement, one reading of each campaign and day, and undo hold for them as for files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as Values
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.facts.identity import identify
from crm.facts.merging import MergeResult, merge
from crm.imports.reports.canonical import (
    COUNT_SCALE,
    COUNTS,
    DELIVERY,
    FIGURES,
    MONEY,
    MONEY_SCALE,
    SCHEMA,
    TEXTS,
    Batch,
    Grain,
)
from crm.imports.reports.mapping import Column, Mapping, Unit
from crm.models import Brand, Import, Retailer
from crm.privacy.applying import cleaner
from crm.upserts import Refusal

FILENAME = "sent through the API"
Row = Values[str, Any]
Key = tuple[int, str, int]


class RowsRefused(EndcapError):
    """Some rows cannot be stored, and all or nothing was asked for."""

    def __init__(self, refused: Sequence[Refusal]) -> None:
        super().__init__(f"{len(refused)} rows cannot be stored.")
        self.refused = refused


@dataclass(slots=True)
class Sent:
    """What became of the rows, and the imports that keep them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    imports: list[int] = field(default_factory=list)


def store(*, brand: Brand, rows: Sequence[tuple[int, Row]], by: Any, keep_good: bool) -> Sent:
    """Merge `rows`, pairs of place and checked values, into the facts of the brand.

    A row has retailer, campaign and audience as rows of the database, `grain` as a number, money and counts as Decimal,
    `other_windows` as in PerformanceMetric. Without `keep_good` one refused row stops all with RowsRefused.
    """
    sent = Sent()
    groups: dict[Key, list[tuple[int, Row]]] = {}
    for place, row in rows:
        groups.setdefault((row["retailer"].pk, row["report"], row["grain"]), []).append((place, row))
    seen: dict[tuple[int, str, int], int] = {}
    with transaction.atomic():
        for (retailer, report, _), group in groups.items():
            once = []
            frame = _frame(group)
            same = identify(frame, retailer=group[0][1]["retailer"].slug, report=report)
            for (place, row), identity in zip(group, same, strict=True):
                first = seen.setdefault((retailer, report, identity), place)
                if first == place:
                    once.append((place, row))
                else:
                    said = f"Row {first} says the same retailer, report, day, campaign and parts. Send each row once."
                    sent.refused.append(Refusal(place, "measured_on", row["measured_on"], said))
            if once:
                _merge(brand, once, by, sent)
        sent.refused.sort(key=lambda one: one.index)
        if sent.refused and not keep_good:
            raise RowsRefused(sent.refused)
    return sent


def _merge(brand: Brand, group: list[tuple[int, Row]], by: Any, sent: Sent) -> None:
    first = group[0][1]
    retailer: Retailer = first["retailer"]
    mapping = _mapping(first["report"], Grain(first["grain"]))
    body = json.dumps([row for _, row in group], cls=_Encoder, sort_keys=True)
    batch: Import = Import.objects.for_brand(brand).create(
        brand=brand, kind="report", filename=FILENAME, sha256=hashlib.sha256(body.encode()).hexdigest(), by=by,
        retailer=retailer, mapping=mapping.name, size_bytes=len(body), attempts=1,
    )  # fmt: skip
    frame = _frame(group)
    totals = {name: (int(frame[name].sum()), 0) for name in FIGURES}
    parts = [Batch(frame=frame, totals=totals, read=len(group), bytes_read=len(body))]
    result = merge(
        brand, retailer, parts, mapping, batch, clean=cleaner(brand, "imports", retailer),
        close=lambda done: _close(batch, done),
    )  # fmt: skip
    places = [place for place, _ in group]
    for row in batch.quarantine.all():
        sent.refused.append(Refusal(places[row.row - 1], _named(row.field), row.value, row.reason))
    sent.created += result.stored - result.restated
    sent.updated += result.restated
    sent.unchanged += result.unchanged
    sent.imports.append(batch.pk)


def _close(batch: Import, done: MergeResult) -> None:
    batch.state = Import.State.PARTIAL if done.set_aside else Import.State.STORED
    batch.rows_read, batch.rows_stored, batch.rows_unchanged = done.read, done.stored, done.unchanged
    batch.rows_set_aside, batch.rows_restated = done.set_aside, done.restated
    batch.first_on, batch.last_on, batch.progress = done.first_on, done.last_on, 1.0
    batch.reconciliation = done.reconciliation
    batch.stored = {"models": {name: n for name, n in done.models.items() if n}, "files": {}, "notes": done.notes}
    batch.finished_at = timezone.now()
    batch.save()


def _frame(group: Sequence[tuple[int, Row]]) -> pl.DataFrame:
    """The canonical frame; `row` is the place within the group, from 1."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA}
    for number, (_, row) in enumerate(group, start=1):
        related = {
            "campaign_id": row["campaign"].external_id if row.get("campaign") else "",
            "campaign_name": row["campaign"].name if row.get("campaign") else "",
            "audience": row["audience"].external_id if row.get("audience") else "",
        }
        for name, values in columns.items():
            values.append(number if name == "row" else related.get(name, _value(name, row.get(name))))
    return pl.DataFrame(columns, schema=SCHEMA)


def _value(name: str, value: Any) -> Any:
    if name in TEXTS:
        return value or ""
    if value is None or name in DELIVERY:
        return value
    if name in MONEY or name in COUNTS:
        return int(value * (MONEY_SCALE if name in MONEY else COUNT_SCALE))
    if name == "other_windows":
        return json.dumps(value, cls=_Encoder)
    return value


def _mapping(report: str, grain: Grain) -> Mapping:
    """What a report would say that has these rows."""
    columns = {
        "measured_on": Column(names=("measured_on",)),
        **{name: Column(names=(name,), unit=Unit.COUNT) for name in DELIVERY},
        "spend": Column(names=("spend",), unit=Unit.CURRENCY),
    }
    return Mapping(name=report, title="Sent through the API", grain=grain, columns=columns)


def _named(field: str) -> str:
    """The field of the API that a field of the canonical frame comes from."""
    return "campaign" if field in ("campaign_id", "campaign_name") else field


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        if isinstance(o, Decimal):
            return format(o, "f")
        if isinstance(o, date):
            return o.isoformat()
        return o.pk if hasattr(o, "pk") else super().default(o)
