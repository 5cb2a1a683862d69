"""What Data says: imports with what each stored, and the rows set aside, grouped by what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Min, Q, Sum

from crm import reconciled
from crm.models import (
    Brand,
    Import,
    Lead,
    Outcome,
    PerformanceMetric,
    QuarantinedRow,
    Restatement,
    Sale,
)
from crm.reconciled import Change, Figure


@dataclass(frozen=True)
class Row:
    """One import as the list shows it. `spend` is None where the report holds none."""

    batch: Import
    spend: Figure | None
    currency: str

    @property
    def kept(self) -> int:
        """Rows that the database holds: stored now, or known already."""
        return self.batch.rows_stored + self.batch.rows_unchanged

    @property
    def counts(self) -> bool:
        """Whether it belongs into a sum: what was undone or not kept is nowhere any more."""
        return self.batch.state not in (Import.State.UNDONE, Import.State.DISCARDED, Import.State.MAPPING)


@dataclass(frozen=True)
class Sums:
    """Several imports put together; `spend` only where all are in one currency."""

    imports: int
    read: int
    kept: int
    set_aside: int
    spend: Figure | None
    currency: str


@dataclass(frozen=True)
class Waiting:
    """What waits for a person."""

    reports: int
    set_aside: int


@dataclass(frozen=True)
class Trouble:
    """One reason why rows were set aside, in one file."""

    reason: str
    file: str
    field: str
    rows: int
    spend: Decimal | None
    currency: str
    example: QuarantinedRow
    batch: int

    @property
    def what_helps(self) -> str:
        return reconciled.what_helps(self.reason)


@dataclass(frozen=True)
class Restated:
    """One fact that an import changed."""

    campaign: str
    on: Any
    parts: list[Change]


@dataclass(frozen=True)
class Undoing:
    """What undoing an import does to the facts."""

    removed: int
    put_back: int


@dataclass(frozen=True)
class Holding:
    """How much there is of one kind of row, and how fresh it is."""

    name: str
    count: int
    latest: Any


def row(batch: Import, *, brand: Brand) -> Row:
    """`batch` with its retailer loaded."""
    currency = (batch.retailer.currency if batch.retailer else "") or brand.currency
    return Row(batch, reconciled.spend(batch.reconciliation), currency)


def rows(batches: Iterable[Import], *, brand: Brand) -> list[Row]:
    return [row(batch, brand=brand) for batch in batches]


def sums(given: list[Row]) -> Sums:
    """Of the rows that count."""
    counted = [one for one in given if one.counts]
    with_spend = [one for one in counted if one.spend]
    currencies = {one.currency for one in with_spend}
    return Sums(
        imports=len(counted),
        read=sum(one.batch.rows_read for one in counted),
        kept=sum(one.kept for one in counted),
        set_aside=sum(one.batch.rows_set_aside for one in counted),
        spend=reconciled.added(one.spend for one in with_spend if one.spend) if len(currencies) == 1 else None,
        currency="".join(currencies) if len(currencies) == 1 else "",
    )


def waiting(brand: Brand) -> Waiting:
    """Reports that nobody has confirmed, and rows set aside of imports that count: one question."""
    summed = Import.objects.for_brand(brand).aggregate(
        reports=Count("pk", filter=Q(state=Import.State.MAPPING)),
        set_aside=Sum("rows_set_aside", default=0, filter=~Q(state__in=(Import.State.UNDONE, Import.State.DISCARDED))),
    )
    return Waiting(**summed)


def troubles(brand: Brand, *, batch: Import | None = None, at_most: int = 50) -> list[Trouble]:
    """Reasons with most rows first, each with its first row as an example: two questions."""
    found = QuarantinedRow.objects.for_brand(brand)
    found = found.exclude(batch__state=Import.State.UNDONE) if batch is None else found.filter(batch=batch)
    grouped = list(
        found.order_by()
        .values("reason", "file", "field", "batch", "batch__retailer__currency")
        .annotate(rows=Count("pk"), first=Min("pk"), spend=Sum("spend"))
        .order_by("-rows", "reason")[:at_most]
    )
    examples = QuarantinedRow.objects.for_brand(brand).in_bulk([group["first"] for group in grouped])
    return [
        Trouble(
            reason=group["reason"],
            file=group["file"],
            field=group["field"],
            rows=group["rows"],
            spend=group["spend"],
            currency=group["batch__retailer__currency"] or brand.currency,
            example=examples[group["first"]],
            batch=group["batch"],
        )
        for group in grouped
    ]


def restated(changes: Iterable[Restatement]) -> list[Restated]:
    """Rows with their campaign and retailer loaded."""
    return [
        Restated(str(one.campaign or one.retailer), one.measured_on, reconciled.changes(one.before, one.after))
        for one in changes
    ]


def undoing(batch: Import, *, brand: Brand) -> Undoing:
    """Counted before anything is done: facts that only this import brought go, those it restated get back what was."""
    now_its = PerformanceMetric.objects.for_brand(brand).filter(source=batch).count()
    put_back = Restatement.objects.for_brand(brand).filter(batch=batch).count()
    return Undoing(removed=max(0, now_its - put_back), put_back=put_back)


def holdings(brand: Brand) -> list[Holding]:
    """What there is: leads, sales and outcomes with the newest of each."""
    found = []
    for name, rows, at in (
        ("Leads", Lead.objects.for_brand(brand), "created_at"),
        ("Sales", Sale.objects.for_brand(brand), "sold_at"),
        ("Answers", Outcome.objects.for_brand(brand), "occurred_at"),
    ):
        newest = rows.order_by(f"-{at}").values_list(at, flat=True).first()
        found.append(Holding(name, rows.count(), newest))
    return found
