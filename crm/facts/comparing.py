"""What a staged report changes: rows that are new, rows that are known, and known rows that it states otherwise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from crm.facts.loading import COLUMNS, FIGURES, STAGE, TABLE, on_postgresql
from crm.imports.reports.canonical import COUNT_SCALE, COUNTS, DELIVERY, MONEY, MONEY_SCALE
from crm.models import Import, Restatement

CHUNK = 2000
SUMMED = (*DELIVERY, *MONEY, *COUNTS)
SAME_ROW = (
    f"{TABLE}.brand_id = s.brand_id AND {TABLE}.measured_on = s.measured_on AND {TABLE}.identity = s.identity"
    f" AND {TABLE}.brand_id = %s AND {TABLE}.measured_on BETWEEN %s AND %s"
)
_KNOWN = ("source_id", "source_row")


def index() -> None:
    """Prepare the staged rows for comparison. Raises IntegrityError where two of them are the same row."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE UNIQUE INDEX staged_once ON {STAGE} (measured_on, identity)")
        cursor.execute(f"ANALYZE {STAGE}" if on_postgresql() else "SELECT 1")


def differs() -> str:
    """SQL that holds where a fact and its staged row say different figures. The texts of other windows are read where
    they are not the same, as spaces and the order of keys say nothing."""
    figures = [name for name in FIGURES if name != "other_windows"]
    ours, theirs = (", ".join(f"{alias}.{name}" for name in figures) for alias in (TABLE, "s"))
    is_not = "IS DISTINCT FROM" if on_postgresql() else "IS NOT"
    read = "({}.other_windows)::jsonb" if on_postgresql() else "json({}.other_windows)"
    return (
        f"(({ours}) {is_not} ({theirs}) OR ({TABLE}.other_windows {is_not} s.other_windows"
        f" AND {read.format(TABLE)} {is_not} {read.format('s')}))"
    )


def unchanged(scope: tuple[int, date, date]) -> tuple[int, Counter[str]]:
    """How many staged rows are known with the same figures, and the sums of those in canonical units."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), {sums('s')} FROM {STAGE} s JOIN {TABLE} ON {SAME_ROW} WHERE NOT ({differs()})",  # noqa: S608
            scope,
        )
        count, *totals = cursor.fetchone()
    return count, totals_by_name(totals)


def sums(alias: str) -> str:
    """SQL of the sums of all figures: exact numbers on PostgreSQL, whole ones in canonical units on SQLite."""
    if on_postgresql():
        return ", ".join(f"sum({alias}.{name})" for name in SUMMED)
    parts = [f"sum({alias}.{name})" for name in DELIVERY]
    for names, scale in ((MONEY, MONEY_SCALE), (COUNTS, COUNT_SCALE)):
        parts += [f"sum(CAST(round({alias}.{name} * {scale}) AS bigint))" for name in names]
    return ", ".join(parts)


def totals_by_name(totals: list[Any]) -> Counter[str]:
    """Sums as `sums` gives them, by figure and in canonical units."""
    scales = dict.fromkeys(MONEY, MONEY_SCALE) | dict.fromkeys(COUNTS, COUNT_SCALE) if on_postgresql() else {}
    found = zip(SUMMED, totals, strict=True)
    return Counter({name: int(total * scales.get(name, 1)) for name, total in found if total})


def keep_changes(batch: Import, scope: tuple[int, date, date]) -> int:
    """Write a Restatement for every fact that the staged rows change; how many."""
    count = 0
    rows: list[Restatement] = []
    for row in _changed(scope):
        rows.append(_restatement(batch, row))
        if len(rows) == CHUNK:
            count += len(Restatement.objects.for_brand(batch.brand_id).bulk_create(rows))
            rows = []
    return count + len(Restatement.objects.for_brand(batch.brand_id).bulk_create(rows))


def _changed(scope: tuple[int, date, date]) -> Iterator[dict[str, Any]]:
    names = ["measured_on", "identity", "retailer_id", "campaign_id", *_KNOWN, *FIGURES]
    wanted = ", ".join([*(f"{TABLE}.{name}" for name in names), *(f"s.{name}" for name in (*FIGURES, *_KNOWN))])
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {wanted} FROM {STAGE} s JOIN {TABLE} ON {SAME_ROW} WHERE {differs()}", scope)  # noqa: S608
        columns = [*names, *(f"new {name}" for name in (*FIGURES, *_KNOWN))]
        while found := cursor.fetchmany(CHUNK):
            for row in found:
                yield dict(zip(columns, row, strict=True))


def _restatement(batch: Import, row: dict[str, Any]) -> Restatement:
    changed = [name for name in FIGURES if plain(name, row[name]) != plain(name, row[f"new {name}"])]
    before = {name: plain(name, row[name]) for name in changed}
    after = {name: plain(name, row[f"new {name}"]) for name in changed}
    return Restatement(
        brand_id=batch.brand_id,
        batch=batch,
        retailer_id=row["retailer_id"],
        campaign_id=row["campaign_id"],
        measured_on=row["measured_on"],
        identity=row["identity"],
        before={**before, "source": row["source_id"], "source_row": row["source_row"]},
        after={**after, "source": row["new source_id"], "source_row": row["new source_row"]},
    )


def plain(name: str, value: Any) -> Any:
    """A figure as JSON: money, orders and units as exact texts."""
    if value is None or name not in (*MONEY, *COUNTS, "other_windows"):
        return value
    if name == "other_windows":
        return json.loads(value) if isinstance(value, str) else value
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    text = f"{exact.quantize(Decimal('0.000001')):f}"
    return text.rstrip("0").rstrip(".")


def restate(scope: tuple[int, date, date]) -> None:
    """Give known facts the figures of the staged rows, where they differ."""
    assignments = ", ".join(f"{name} = s.{name}" for name in (*FIGURES, *_KNOWN))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {TABLE} SET {assignments} FROM {STAGE} s WHERE {SAME_ROW} AND {differs()}", scope)  # noqa: S608


def add_new(scope: tuple[int, date, date]) -> int:
    """Store the staged rows that are not known; how many."""
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM {STAGE} s"  # noqa: S608
            f" WHERE NOT EXISTS (SELECT 1 FROM {TABLE} WHERE {SAME_ROW})",
            scope,
        )
        return int(cursor.rowcount)
