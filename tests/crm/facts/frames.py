"""Canonical batches made by hand, and what the database holds of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import polars as pl

from crm.facts.merging import MergeResult, merge
from crm.imports.reports.canonical import COUNTS, DELIVERY, ENTITIES, MONEY, SCHEMA, TEXTS, Batch
from crm.imports.reports.mapping import Mapping, parse
from crm.models import Brand, Import, PerformanceMetric, Restatement, Retailer

DAY = date(2026, 3, 1)
FIGURES = (*DELIVERY, *MONEY, *COUNTS)


def mapping(name: str = "hand-made", grain: str = "campaign", **more: Any) -> Mapping:
    columns = {"measured_on": "date", "spend": "cost"}
    return parse({"name": name, "title": name, "grain": grain, "columns": columns, **more})


def row(number: int = 1, day: date = DAY, campaign: str = "C-1", **more: Any) -> dict[str, Any]:
    """A row that cost 12.50 (in micros) unless `more` says otherwise."""
    blank: dict[str, Any] = dict.fromkeys(SCHEMA) | dict.fromkeys(TEXTS, "")
    return blank | {
        "row": number, "measured_on": day, "campaign_id": campaign, "currency": "EUR", "impressions": 1000,
        "clicks": 10, "spend": 12_500_000, "attribution": "unknown",
    } | more  # fmt: skip


def batch(rows: Sequence[dict[str, Any]], **more: Any) -> Batch:
    frame = pl.DataFrame(rows, schema=SCHEMA)
    totals = {name: (int(frame[name].sum()), 0) for name in FIGURES}
    return Batch(frame, totals=totals, read=len(rows), **more)


def entities(kind: str, rows: Iterable[dict[str, Any]]) -> Batch:
    blank = {name: "" if kind == pl.String() else None for name, kind in ENTITIES.items()}
    made = [blank | {"row": at, "entity": kind} | one for at, one in enumerate(rows, start=1)]
    return Batch(pl.DataFrame(made, schema=ENTITIES), read=len(made))


def bring(retailer: Retailer, *batches: Batch, by: Mapping | None = None, **more: Any) -> tuple[Import, MergeResult]:
    """Merge batches as an import of their own, booked as the service does."""
    by = by or mapping()
    source = Import.across_brands.create(
        brand=retailer.brand, retailer=retailer, kind="report", filename="hand.csv", sha256="0" * 64, mapping=by.name
    )
    result = merge(retailer.brand, retailer, batches, by, source, **more)
    source.state = Import.State.STORED
    source.first_on, source.last_on = result.first_on, result.last_on
    source.rows_stored, source.rows_unchanged = result.stored, result.unchanged
    source.save()
    return source, result


NOT_TRUTH = ("id", "source_id", "source_row", "campaign_id", "sku_id", "audience_id")


def truth(brand: Brand) -> list[dict[str, Any]]:
    """All that facts say, without the numbers that depend on when they came."""
    found = []
    for fact in PerformanceMetric.objects.for_brand(brand).select_related("campaign", "sku", "audience"):
        said = {field.attname: getattr(fact, field.attname) for field in fact._meta.concrete_fields}
        said = {name: value for name, value in said.items() if name not in NOT_TRUTH}
        said["campaign"] = (fact.campaign.external_id, fact.campaign.name) if fact.campaign else None
        said["audience"] = fact.audience.external_id if fact.audience else None
        found.append(said)
    return sorted(found, key=lambda one: (one["measured_on"], one["identity"]))


def restatements(brand: Brand) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(one.before, one.after) for one in Restatement.objects.for_brand(brand).order_by("pk")]
