"""What Data says: imports with what each stored, and the rows set aside, grouped by what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Sum

from crm.models import Brand, Import, Lead, Outcome, QuarantinedRow, Sale


@dataclass(frozen=True)
class Totals:
    """All imports of a brand put together."""

    imports: int
    read: int
    stored: int
    unchanged: int
    set_aside: int


@dataclass(frozen=True)
class Trouble:
    """One reason why rows were set aside, in one file."""

    reason: str
    file: str
    field: str
    rows: int
    example: QuarantinedRow
    batch: int


@dataclass(frozen=True)
class Holding:
    """How much there is of one kind of row, and how fresh it is."""

    name: str
    count: int
    latest: Any


def totals(brand: Brand) -> Totals:
    summed = Import.objects.for_brand(brand).aggregate(
        imports=Count("pk"),
        read=Sum("rows_read", default=0),
        stored=Sum("rows_stored", default=0),
        unchanged=Sum("rows_unchanged", default=0),
        set_aside=Sum("rows_set_aside", default=0),
    )
    return Totals(**summed)


def troubles(brand: Brand, *, batch: Import | None = None, at_most: int = 50) -> list[Trouble]:
    """Reasons with most rows first, each with its first row as an example: two questions."""
    rows = QuarantinedRow.objects.for_brand(brand)
    if batch is not None:
        rows = rows.filter(batch=batch)
    grouped = list(
        rows.order_by()
        .values("reason", "file", "field", "batch")
        .annotate(rows=Count("pk"), first=Min("pk"))
        .order_by("-rows", "reason")[:at_most]
    )
    examples = QuarantinedRow.objects.for_brand(brand).in_bulk([group["first"] for group in grouped])
    return [
        Trouble(group["reason"], group["file"], group["field"], group["rows"], examples[group["first"]], group["batch"])
        for group in grouped
    ]


def holdings(brand: Brand) -> list[Holding]:
    """What there is: leads, sales and outcomes with the newest of each."""
    found = []
    for name, rows, at in (
        ("Leads", Lead.objects.for_brand(brand), "created_at"),
        ("Sales", Sale.objects.for_brand(brand), "sold_at"),
        ("Answers", Outcome.objects.for_brand(brand), "occurred_at"),
    ):
        summed = rows.aggregate(count=Count("pk"), latest=Max(at))
        found.append(Holding(name, summed["count"], summed["latest"]))
    return found
