"""A report into the facts: read to its end, then stored in one transaction, so that a broken file changes nothing.

Rows are found again by brand, day and identity. What a report brings is new, known with the same figures, or known
with others: then the newest import holds, and a Restatement keeps what was said before. "Newest" is the order in which
reports are brought in: a file of last month that comes late states last month as that file has it; undo takes it back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
from django.db import IntegrityError, connection, transaction

from crm.facts import building, choosing, comparing, loading
from crm.facts.entities import store_entities
from crm.facts.identity import identify
from crm.facts.partitions import make_months, month_after
from crm.facts.places import Places, as_set_aside
from crm.facts.spool import Books, Spool
from crm.imports.reports.ahead import ahead
from crm.imports.reports.canonical import COUNT_SCALE, COUNTS, DELIVERY, FIGURES, MONEY, MONEY_SCALE, Batch, Grain
from crm.imports.reports.mapping import Mapping
from crm.models import Brand, Import, QuarantinedRow, Retailer, RetailerItem
from crm.products import crosswalk
from crm.products.gtin import holds

CHUNK = 1000
TEXTS = ("campaign_name", "ad_group_name", "target", "breakdown", "item_name", "audience")  # in words of people
Progress = Callable[[int, int], None]  # bytes of the file that were read, rows that are stored


class _DryRun(Exception):
    """Takes a transaction back that was only to show what it would do."""


@dataclass
class MergeResult:
    """Rows by what became of them, and sums by figure as exact decimals."""

    read: int = 0
    stored: int = 0
    unchanged: int = 0
    restated: int = 0
    set_aside: int = 0
    duplicates: int = 0
    models: Counter[str] = field(default_factory=Counter)
    reconciliation: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first_on: date | None = None
    last_on: date | None = None
    made_campaigns: int = 0
    left_out: int = 0


def merge(
    brand: Brand,
    retailer: Retailer,
    batches: Iterable[Batch],
    mapping: Mapping,
    source: Import,
    *,
    progress: Progress = lambda read, stored: None,
    owned: Callable[[], None] = lambda: None,
    clean: Callable[[Any], Any] = lambda text: text,
    close: Callable[[MergeResult], None] = lambda result: None,
    keep: bool = True,
) -> MergeResult:
    """Store what the batches hold. Raises IntegrityError where two rows of them are the same fact.

    `progress` is called while they are read and stored, `owned` inside the transaction before anything is written (it
    raises to stop), `close` at its end, to write down the result with it. `clean` is the privacy policy for texts and
    JSON. With `keep` False everything is done and taken back: a dry run.
    """
    with Spool() as spool:
        books = Books()
        places = Places(brand, retailer, mapping.name, mapping.grain)
        for batch in batches:
            _read(batch, spool, books, places, mapping, source, clean)
            progress(batch.bytes_read, 0)
        months = _months(books) if mapping.kind == "facts" and keep else []
        alone = building.is_worth_it(months, spool.rows) and not _read_before(source, mapping, books)
        if not alone:
            make_months(months)
        made: list[MergeResult] = []
        try:
            with transaction.atomic():
                owned()
                Brand.objects.select_for_update(no_key=True).get(pk=brand.pk)  # imports of a brand follow each other
                made.append(
                    _store(brand, retailer, spool, books, places, mapping, source, progress, months if alone else [])
                )
                close(made[0])
                if not keep:
                    raise _DryRun
        except _DryRun:
            pass
        make_months(months)  # those that could not be built: their rows are moved
        return made[0]


def _read(
    batch: Batch, spool: Spool, books: Books, places: Places, mapping: Mapping, source: Import,
    clean: Callable[[Any], Any],
) -> None:  # fmt: skip
    books.take(batch)
    books.refused += spool.refuse(replace(row, value=clean(row.value), raw=clean(row.raw)) for row in batch.refused)
    if mapping.kind == "entities" or batch.frame.is_empty():
        spool.put(batch.frame)
        return
    frame = _cleaned(batch.frame, clean)
    if frame is not batch.frame:
        # the identity is that of the words as they came: two search terms that a policy blanks stay two rows
        frame = frame.with_columns(identify(batch.frame, retailer=places.retailer.slug, report=mapping.name))
    frame, homeless = places.key(frame)
    if not homeless.is_empty():
        books.aside(homeless)
        books.refused += spool.refuse(as_set_aside(homeless, source.filename))
    if frame.is_empty():
        return
    books.span(frame)
    spool.put(frame)


def _cleaned(frame: pl.DataFrame, clean: Callable[[Any], Any]) -> pl.DataFrame:
    """The frame with its words as the privacy policy lets them in (itself where it lets in all of them); every
    different text is looked at once."""
    changed = []
    for name in TEXTS:
        texts = frame[name].unique().to_list()
        allowed = {text: after for text in texts if text and (after := clean(text)) != text}
        if allowed:
            changed.append(pl.col(name).replace(allowed))
    return frame.with_columns(changed) if changed else frame


def _months(books: Books) -> list[date]:
    if books.first_on is None or books.last_on is None:
        return []
    first, last = books.first_on.replace(day=1), books.last_on
    found = []
    while first <= last:
        found.append(first)
        first = month_after(first)
    return found


def _store(
    brand: Brand, retailer: Retailer, spool: Spool, books: Books, places: Places, mapping: Mapping, source: Import,
    progress: Progress, months: list[date],
) -> MergeResult:  # fmt: skip
    result = MergeResult(
        read=books.read, duplicates=books.duplicates, set_aside=books.refused, first_on=books.first_on,
        last_on=books.last_on, notes=[*books.notes],
    )  # fmt: skip
    result.left_out = books.left_out.total()
    result.notes += [f"Left out: {count:,} rows, {why}" for why, count in books.left_out.items()]
    _keep_refused(spool, source)
    if mapping.kind == "entities":
        stored = store_entities(brand, retailer, spool.frames(), source)
        result.stored, result.unchanged, result.models = stored.stored, stored.unchanged, stored.models
        result.set_aside += stored.set_aside
        return result
    stored_sums, unchanged_sums = Counter[str](), Counter[str]()
    if spool.parts and books.first_on and books.last_on:
        places.settle()
        result.made_campaigns = places.made
        columns = _Columns(brand, retailer, mapping, source, places, _skus(brand, retailer, spool))
        scope = (brand.pk, books.first_on, books.last_on)
        campaigns = places.used(spool.frames("campaign"))
        rivals = choosing.competing(brand, campaigns, *scope[1:], report=mapping.name, grain=mapping.grain)
        if _read_before(source, mapping, books) or not _load_straight(spool, columns, progress, months):
            result.unchanged, result.restated, unchanged_sums = _load_staged(spool, columns, scope, source, progress)
        if rivals:
            choosing.rechoose(brand, campaigns, *scope[1:])
        result.stored, stored_sums = _stored(source, scope)
        result.models = Counter({"PerformanceMetric": result.stored, "Campaign": places.made})
    result.reconciliation = _reconciled(books, stored_sums, unchanged_sums)
    return result


def _read_before(source: Import, mapping: Mapping, books: Books) -> bool:
    """Whether a report of this kind and of some of these days was stored before: then rows are compared."""
    earlier = Import.objects.for_brand(source.brand_id).filter(retailer=source.retailer_id, mapping=mapping.name)
    states = (Import.State.STORED, Import.State.PARTIAL)
    found = earlier.filter(state__in=states, first_on__lte=books.last_on, last_on__gte=books.first_on)
    return bool(found.exclude(pk=source.pk).exists())


def _load_straight(spool: Spool, columns: _Columns, progress: Progress, months: list[date]) -> bool:
    """Into the table itself; what is new among `months` is built beside it, and joins it at the end. False, and nothing
    stored, where a row was there already."""
    try:
        with transaction.atomic():
            if months:
                _build(spool, columns, progress, months)
            else:
                _append(spool, columns, loading.TABLE, progress)
    except IntegrityError:
        return False
    return True


def _append(spool: Spool, columns: _Columns, table: str, progress: Progress) -> None:
    if not loading.on_postgresql():
        for frame in spool.frames():
            loading.insert(columns.fill(frame), table)
            progress(0, len(frame))
        return
    # neighbours in the index of identities are written several times as quickly
    sizes_and_lines = ahead(
        spool.frames(),
        lambda frame: (len(frame), loading.lines(columns.fill(frame).sort("measured_on", "identity"), {})),
        workers=1,
    )
    for size, some in sizes_and_lines:
        loading.copy(some, table)
        progress(0, size)


def _build(spool: Spool, columns: _Columns, progress: Progress, months: list[date]) -> None:
    filled_in = loading.same_in_all(columns.fill(next(spool.frames())))
    new = building.NewMonths(months, filled_in, number=columns.source.pk)

    def by_table(frame: pl.DataFrame) -> list[tuple[int, str, loading.Lines]]:
        made = []
        month = pl.col("measured_on").dt.month_start()
        for (first,), part in columns.fill(frame).group_by(month, maintain_order=True):
            table = new.tables.get(first)
            if table:
                made.append((len(part), table, loading.lines(part, filled_in)))
            else:
                made.append((len(part), loading.TABLE, loading.lines(part.sort("measured_on", "identity"), {})))
        return made

    for parts in ahead(spool.frames(), by_table, workers=1):
        for size, table, some in parts:
            loading.copy(some, table)
            progress(0, size)
    new.join()


def _load_staged(
    spool: Spool, columns: _Columns, scope: tuple[int, date, date], source: Import, progress: Progress
) -> tuple[int, int, Counter[str]]:
    """Beside the table, then compared. (rows unchanged, rows restated, sums of those unchanged)"""
    with loading.stage():
        _append(spool, columns, loading.STAGE, progress)
        comparing.index()
        unchanged, sums = comparing.unchanged(scope)
        restated = comparing.keep_changes(source, scope)
        if restated:
            comparing.restate(scope)
        comparing.add_new(scope)
    return unchanged, restated, sums


def _stored(source: Import, scope: tuple[int, date, date]) -> tuple[int, Counter[str]]:
    """What the table holds of this import, added up by the database: the proof that it arrived."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), {comparing.sums(loading.TABLE)} FROM {loading.TABLE}"  # noqa: S608
            " WHERE brand_id = %s AND measured_on BETWEEN %s AND %s AND source_id = %s",
            [*scope, source.pk],
        )
        count, *totals = cursor.fetchone()
    return count, comparing.totals_by_name(totals)


def _reconciled(books: Books, stored: Counter[str], unchanged: Counter[str]) -> dict[str, dict[str, Any]]:
    """By figure that the report has: what the file holds and where it went, as exact decimal texts. `off` is what is
    missing (0: adds up), `said` what the file's own total row says."""
    found: dict[str, dict[str, Any]] = {}
    for name in FIGURES:
        if name not in books.source and name not in books.said:
            continue
        parts = {
            "source": books.source[name], "stored": stored[name], "unchanged": unchanged[name],
            "set_aside": books.set_aside[name],
        }  # fmt: skip
        off = parts["source"] - parts["stored"] - parts["unchanged"] - parts["set_aside"]
        said = books.said.get(name)
        found[name] = {
            **{part: exact(name, value) for part, value in parts.items()},
            "off": exact(name, off),
            "said": None if said is None else exact(name, said),
            "adds_up": off == 0,
        }
    return found


def exact(name: str, value: int) -> str:
    """A figure in canonical units as a decimal text: 1250000 of spend is "1.25"."""
    if name in DELIVERY:
        return str(value)
    places = Decimal(MONEY_SCALE if name in MONEY else COUNT_SCALE if name in COUNTS else 1)
    text = f"{Decimal(value) / places:f}"
    whole, _, rest = text.partition(".")
    rest = rest.rstrip("0")
    if name in MONEY:
        rest = rest.ljust(2, "0")
    return f"{whole}.{rest}" if rest else whole


def _keep_refused(spool: Spool, source: Import) -> None:
    rows: list[QuarantinedRow] = []
    manager = QuarantinedRow.objects.for_brand(source.brand_id)
    for row in spool.refused():
        rows.append(
            QuarantinedRow(
                batch=source, file=row.file[:255], row=row.row, field=row.field[:120], value=row.value[:2000],
                reason=row.reason[:300], raw=row.raw,
                spend=None if row.spend is None else Decimal(row.spend) / MONEY_SCALE,
            )
        )  # fmt: skip
        if len(rows) == CHUNK:
            manager.bulk_create(rows)
            rows = []
    manager.bulk_create(rows)


def _skus(brand: Brand, retailer: Retailer, spool: Spool) -> dict[str, int | None]:
    """Products by the retailer's code, for every code of the report."""
    named: dict[str, str] = {}
    for frame in spool.frames("item", "item_name"):
        for code, name in frame.filter(pl.col("item") != "").unique(maintain_order=True).iter_rows():
            named[code] = name or named.get(code, "")
    items = [crosswalk.Seen(scheme_of(code), code, name) for code, name in sorted(named.items())]
    return {"": None, **dict.fromkeys(named), **crosswalk.resolve(brand, retailer, items)}


_ASIN = re.compile(r"B0[0-9A-Z]{8}")
_BARCODE = re.compile(r"\d{12,14}")


def scheme_of(code: str) -> str:
    """What kind of code a report's item is: an ASIN, a bar code whose check digit is right, else the shop's own."""
    if _ASIN.fullmatch(code):
        return RetailerItem.Scheme.ASIN
    if _BARCODE.fullmatch(code) and holds(code):
        return RetailerItem.Scheme.GTIN
    return RetailerItem.Scheme.ITEM


@dataclass
class _Columns:
    """Fills the columns of facts that are keys of other rows, or the same for the whole report."""

    brand: Brand
    retailer: Retailer
    mapping: Mapping
    source: Import
    places: Places
    skus: dict[str, int | None]

    def fill(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A spooled frame with the columns of loading.COLUMNS."""

        def key(column: str, known: dict[str, int | None]) -> pl.Expr:
            return pl.col(column).replace_strict(list(known), list(known.values()), return_dtype=pl.Int64)

        if "identity" not in frame.columns:
            frame = frame.with_columns(identify(frame, retailer=self.retailer.slug, report=self.mapping.name))
        return frame.with_columns(
            key("campaign", self.places.pks).alias("campaign_id"),
            key("audience", self.places.audiences).alias("audience_id"),
            key("item", self.skus).alias("sku_id"),
            pl.when(pl.col("ad_group") == "").then(pl.col("ad_group_name").str.head(120))
            .otherwise(pl.col("ad_group")).alias("ad_group"),
            pl.col("row").alias("source_row"),
            brand_id=pl.lit(self.brand.pk),
            retailer_id=pl.lit(self.retailer.pk),
            source_id=pl.lit(self.source.pk),
            grain=pl.lit(int(self.mapping.grain)),
            report=pl.lit(self.mapping.name),
            counts=pl.lit(self.mapping.grain != Grain.ACCOUNT),
        )  # fmt: skip
