"""Taking an import back: its new facts go, and those that it restated say again what they said before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from crm.errors import EndcapError
from crm.facts.choosing import rechoose
from crm.imports.reports.canonical import COUNTS, MONEY
from crm.models import Brand, Import, PerformanceMetric, Restatement

CHUNK = 1000


class CannotUndo(EndcapError):
    """The import cannot be taken back as things stand; the message says what to do first."""

    status = 409


def undo(batch: Import) -> dict[str, int]:
    """Restore the facts as before the import: {"deleted": .., "restored": ..}. Raises CannotUndo where a later import
    changed facts of this one or relies on them. Campaigns and names that it brought stay."""
    with transaction.atomic():
        Brand.objects.select_for_update(no_key=True).get(pk=batch.brand_id)
        _refuse_where_built_upon(batch)
        facts = PerformanceMetric.objects.for_brand(batch.brand_id)
        if batch.first_on is None or batch.last_on is None:
            return {"deleted": 0, "restored": 0}
        days = (batch.first_on, batch.last_on)
        mine = facts.filter(measured_on__range=days, source=batch)
        campaigns = set(mine.filter(campaign__isnull=False).order_by().values_list("campaign_id", flat=True).distinct())
        restored = _put_back(batch)
        left = facts.filter(measured_on__range=days, source=batch)
        deleted = left._raw_delete(left.db)  # nothing refers to a fact
        rechoose(batch.brand, campaigns, *days)
    return {"deleted": deleted, "restored": restored}


def _refuse_where_built_upon(batch: Import) -> None:
    later = (
        Restatement.objects.for_brand(batch.brand_id)
        .filter(before__source=batch.pk)
        .exclude(batch=batch)
        .select_related("batch")
        .order_by("-pk")
        .first()
    )
    if later is not None:
        raise CannotUndo(
            f"{later.batch.filename} (import {later.batch_id}) came later and changed figures of this one, for example "
            f"of {later.measured_on}. Undo that one first.",
            later=later.batch_id,
        )

    again = (
        Import.objects.for_brand(batch.brand_id)
        .filter(retailer=batch.retailer_id, mapping=batch.mapping, state__in=("stored", "partial"), pk__gt=batch.pk)
        .filter(first_on__lte=batch.last_on, last_on__gte=batch.first_on, rows_unchanged__gt=0)
        .order_by("-pk")
        .first()
        if batch.last_on
        else None
    )
    if again is not None:
        raise CannotUndo(
            f"{again.filename} (import {again.pk}) came later and has rows of this one, unchanged: they would be lost. "
            "Undo that one first.",
            later=again.pk,
        )


def _put_back(batch: Import) -> int:
    count = 0
    changes = Restatement.objects.for_brand(batch.brand_id).filter(batch=batch).order_by("pk")
    known = PerformanceMetric.objects.for_brand(batch.brand_id)
    for start in range(0, changes.count(), CHUNK):
        part = list(changes[start : start + CHUNK])
        by_key = {(one.measured_on, one.identity): one for one in part}
        days = [one.measured_on for one in part]
        found = known.filter(
            measured_on__range=(min(days), max(days)), identity__in=[one.identity for one in part], source=batch
        )
        rows, names = [], set[str]()
        for fact in found:
            change = by_key.get((fact.measured_on, fact.identity))
            if change is None:
                continue
            for name, value in change.before.items():
                _set(fact, name, value)
                names.add("source" if name == "source" else name)
            rows.append(fact)
        if rows:
            count += _write(batch.brand_id, rows, sorted(names))
    changes.delete()
    return count


def _set(fact: PerformanceMetric, name: str, value: Any) -> None:
    if name == "source":
        fact.source_id = value
    elif name in (*MONEY, *COUNTS):
        setattr(fact, name, None if value is None else Decimal(str(value)))
    else:
        setattr(fact, name, value)


def _write(brand: int, rows: list[PerformanceMetric], names: list[str]) -> int:
    """By month, so that PostgreSQL looks into one partition for each statement."""
    months: dict[date, list[PerformanceMetric]] = {}
    for row in rows:
        months.setdefault(row.measured_on.replace(day=1), []).append(row)
    facts = PerformanceMetric.objects.for_brand(brand)
    for part in months.values():
        days = [row.measured_on for row in part]
        facts.filter(measured_on__range=(min(days), max(days))).bulk_update(part, names, batch_size=200)
    return len(rows)
