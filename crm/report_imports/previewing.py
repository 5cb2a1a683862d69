"""What an import would do, without doing it: everything is carried out in a transaction that is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.utils import timezone

from crm.facts.merging import MergeResult, exact, merge
from crm.imports.faults import SetAside
from crm.imports.reports.canonical import COUNTS, MONEY, Batch
from crm.imports.reports.harmonize import harmonize
from crm.imports.reports.mapping import Mapping, parse
from crm.models import Import, Retailer
from crm.privacy.applying import cleaner
from crm.products import crosswalk
from crm.report_imports.errors import NotNow
from crm.report_imports.keeping import path_of
from crm.report_imports.known import mapping_of

ROWS = 50_000  # of the file that a dry run reads; a page cannot wait for more
REFUSED = 50


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `ok`, and in words what was found."""

    name: str
    ok: bool
    text: str


@dataclass
class Preview:
    """A dry run. `rows` are the first as they would be stored (canonical columns; money, orders and units as exact
    decimal texts), `refused` the first that would be set aside, `result` the counts and the reconciliation. `whole` is
    False where the file goes on after the rows that were read."""

    mapping: Mapping
    rows: list[dict[str, Any]] = field(default_factory=list)
    refused: list[SetAside] = field(default_factory=list)
    result: MergeResult = field(default_factory=MergeResult)
    checks: list[Check] = field(default_factory=list)
    whole: bool = True


def preview(
    batch: Import,
    *,
    mapping: str = "",
    body: dict[str, Any] | None = None,
    retailer: Retailer | None = None,
    limit: int = 20,
    rows: int | None = ROWS,
) -> Preview:
    """Dry run of a report that waits, by the mapping of this name, by `body`, or by the one it is to have.

    `limit` rows are shown, `rows` of the file are read (None: all). Raises NotNow, UnknownMapping, BadMapping.
    """
    chosen = parse(body) if body is not None else mapping_of(batch.brand, mapping or batch.mapping)
    shop = retailer or batch.retailer
    if shop is None or shop.brand_id != batch.brand_id:
        raise NotNow("Choose the retailer whose report this is.", field="retailer", id=batch.pk)
    made = Preview(chosen)
    currency = shop.currency or batch.brand.currency
    batches = harmonize(
        path_of(batch), chosen, currency=currency, today=timezone.now().date(), filename=batch.filename, limit=rows,
        repair=crosswalk.repairer(batch.brand),
    )  # fmt: skip
    currencies: set[str] = set()
    clean = cleaner(batch.brand, "imports", shop)
    made.result = merge(
        batch.brand, shop, _seen(batches, made, limit, currencies), chosen, batch, clean=clean, keep=False
    )
    made.refused = [SetAside(one.file, one.row, one.field, clean(one.value), one.reason, clean(one.raw))
                    for one in made.refused]  # fmt: skip
    made.rows = [clean(row) for row in made.rows]
    made.whole = rows is None or made.result.read + made.result.left_out < rows
    made.checks = list(_checks(batch, made, currency, currencies))
    return made


def _seen(batches: Iterable[Batch], made: Preview, limit: int, currencies: set[str]) -> Iterator[Batch]:
    for batch in batches:
        made.refused += islice(batch.refused, REFUSED - len(made.refused))
        for row in batch.frame.head(max(0, limit - len(made.rows))).iter_rows(named=True):
            made.rows.append({
                name: exact(name, value) if name in (*MONEY, *COUNTS) and value is not None else value
                for name, value in row.items()
            })  # fmt: skip
        if "currency" in batch.frame.columns:
            currencies.update(batch.frame["currency"].unique().to_list())
        yield batch


def _checks(batch: Import, made: Preview, currency: str, currencies: set[str]) -> Iterator[Check]:
    result = made.result
    off = [name for name, sums in result.reconciliation.items() if not sums["adds_up"]]
    yield Check("adds_up", not off, f"does not add up: {', '.join(off)}" if off else "Every figure adds up.")
    for name, sums in result.reconciliation.items():
        if made.whole and sums["said"] is not None and sums["said"] != sums["source"]:
            yield Check(
                "total",
                False,
                f"The file's own total of {name} is {sums['said']}, its rows add up to {sums['source']}.",
            )
    others = sorted(currencies - {currency, ""})
    if others:
        yield Check(
            "currency", False, f"Amounts in {', '.join(others)} beside {currency}: they are kept apart, never added."
        )
    if result.duplicates:
        yield Check(
            "duplicates", False, f"{result.duplicates:,} rows say again what another row says; they count once."
        )
    if result.first_on and result.last_on:
        earlier = (
            Import.objects.for_brand(batch.brand_id)
            .filter(mapping=made.mapping.name, state__in=(Import.State.STORED, Import.State.PARTIAL))
            .filter(first_on__lte=result.last_on, last_on__gte=result.first_on)
            .exclude(pk=batch.pk)
            .order_by("-pk")
        )
        if (one := earlier.first()) is not None:
            text = f"{one.filename} has some of these days ({one.first_on} to {one.last_on}): what differs is restated."
            yield Check("overlap", result.restated == 0, text)
