"""Frames into tables, as fast as the database takes them: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
PIECE = 1 << 20  # bytes handed to COPY at a time


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


def load(frame: pl.DataFrame, table: str) -> None:
    """Append a frame with COLUMNS in canonical units. Raises IntegrityError for a fact that is there already."""
    if on_postgresql():
        _copy(frame, table)
    else:
        _insert(frame, table)


def _copy(frame: pl.DataFrame, table: str) -> None:
    # "1250000e-6" is how numeric reads 1.25: no division, nothing is rounded. Sorted, because neighbours in the index
    # of identities are written several times as quickly.
    texts = [pl.concat_str(name, pl.lit("e-6")).alias(name) for name in MONEY]
    texts += [pl.concat_str(name, pl.lit("e-4")).alias(name) for name in COUNTS]
    body = frame.sort("measured_on", "identity").with_columns(texts).select(COLUMNS)
    written = memoryview(body.write_csv(include_header=False, date_format="%Y-%m-%d").encode())
    with connection.cursor() as cursor, connection.wrap_database_errors:
        statement = f"COPY {table} ({', '.join(COLUMNS)}) FROM STDIN WITH (FORMAT csv)"
        with cursor.cursor.copy(statement) as copying:
            for start in range(0, len(written), PIECE):
                copying.write(written[start : start + PIECE])


def _insert(frame: pl.DataFrame, table: str) -> None:
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
