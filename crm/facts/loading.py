"""Frames into tables, as fast as the database takes them: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.db import connection

from crm.imports.reports.canonical import COUNT_SCALE, COUNTS, MONEY, MONEY_SCALE
from crm.models import PerformanceMetric

TABLE = PerformanceMetric._meta.db_table
STAGE = "staged_facts"
# what a report may say differently another time
FIGURES = ("impressions", "clicks", "spend", "window_days", "attribution", "orders", "units", "sales", "ntb_orders",
           "ntb_units", "ntb_sales", "other_windows")  # fmt: skip
COLUMNS = ("brand_id", "retailer_id", "campaign_id", "measured_on", "hour", "grain", "ad_group", "ad", "target",
           "match_type", "breakdown", "item", "sku_id", "audience_id", *FIGURES, "currency", "report", "source_id",
           "source_row", "identity", "counts")  # fmt: skip
# columns that a table may fill in by itself where a whole report says the same
CAN_BE_THE_SAME = ("brand_id", "retailer_id", "campaign_id", "grain", "ad_group", "ad", "target", "match_type",
                   "breakdown", "item", "window_days", "attribution", "currency", "report", "source_id",
                   "counts")  # fmt: skip
PIECE = 1 << 20  # bytes handed to COPY at a time
ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def on_postgresql() -> bool:
    return bool(connection.vendor == "postgresql")


@contextmanager
def stage() -> Iterator[None]:
    """A temporary table like that of facts, for the time of the context; the transaction's end removes it as well."""
    names = ", ".join(COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {STAGE} AS SELECT {names} FROM {TABLE} LIMIT 0")  # noqa: S608
        yield
        cursor.execute(f"DROP TABLE {STAGE}")


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of facts in the text format of COPY, with the columns that they have."""

    columns: tuple[str, ...]
    text: bytes


def same_in_all(frame: pl.DataFrame) -> dict[str, Any]:
    """What every row of a frame with COLUMNS says, by column, as far as a table may fill it in."""
    first = frame.row(0, named=True)
    return {
        name: first[name]
        for name in CAN_BE_THE_SAME
        if first[name] is not None and frame[name].eq_missing(first[name]).all()
    }


def lines(frame: pl.DataFrame, filled_in: Mapping[str, Any]) -> Lines:
    """A frame with COLUMNS in canonical units, for COPY. Columns are left out where all rows say what the table fills
    in (null where `filled_in` does not name the column). Knows no database, so it may run on any thread."""
    given = []
    for name in COLUMNS:
        value = filled_in.get(name)
        there = frame[name]
        if there.null_count() < len(there) if value is None else not there.eq_missing(value).all():
            given.append(name)
    # "1250000e-6" is how numeric reads 1.25: no division, nothing is rounded
    told: list[pl.Expr] = [pl.concat_str(name, pl.lit("e-6")).alias(name) for name in MONEY]
    told += [pl.concat_str(name, pl.lit("e-4")).alias(name) for name in COUNTS]
    for name in given:
        if frame.schema[name] == pl.String and frame[name].str.contains(r"[\\\t\n\r]").any():
            told.append(pl.col(name).str.replace_many(ESCAPED))
    text = frame.with_columns(told).select(given).write_csv(
        include_header=False, separator="\t", quote_style="never", null_value="\\N", date_format="%Y-%m-%d"
    )  # fmt: skip
    return Lines(tuple(given), text.encode())


def copy(some: Lines, table: str) -> None:
    """Append lines on PostgreSQL. Raises IntegrityError for a fact that is there already."""
    written = memoryview(some.text)
    statement = f"COPY {table} ({', '.join(some.columns)}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.cursor.copy(statement) as copying:
        for start in range(0, len(written), PIECE):
            copying.write(written[start : start + PIECE])


def insert(frame: pl.DataFrame, table: str) -> None:
    """Append a frame with COLUMNS in canonical units on SQLite. Raises IntegrityError for a fact that is there."""
    rows: Any = frame.with_columns(
        *(pl.col(name) / MONEY_SCALE for name in MONEY),
        *(pl.col(name) / COUNT_SCALE for name in COUNTS),
        pl.col("measured_on").cast(pl.String),
    ).select(COLUMNS)
    marks = ", ".join("?" for _ in COLUMNS)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        # past Django's cursor: it would rewrite the statement and look at every value of every row
        cursor.connection.executemany(
            f"INSERT INTO {table} ({', '.join(COLUMNS)}) VALUES ({marks})",  # noqa: S608
            rows.iter_rows(),
        )
