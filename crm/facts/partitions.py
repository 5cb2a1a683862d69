"""Months of the table of facts on PostgreSQL: made before rows of them are loaded. SQLite has one table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import structlog
from django.db import OperationalError, connection, transaction

from crm.models import PerformanceMetric

TABLE = PerformanceMetric._meta.db_table
OTHER = f"{TABLE}_other"  # rows of months that nobody made
PATIENCE = "10s"

log = structlog.get_logger(__name__)


def make_months(days: Iterable[date]) -> int:
    """Make the partitions of all months of `days` that are missing; how many. Does nothing on SQLite.

    A new partition locks the table for a moment, so this belongs before the transaction that loads. Where readers hold
    the table for longer than PATIENCE, the rows go to the partition of other months and are moved by a later call.
    """
    made = 0
    for first in without_partition(days):
        try:
            _make(name_of(first), first)
        except OperationalError as error:
            log.warning("month_not_made", month=name_of(first), reason=str(error))
        else:
            made += 1
    return made


def without_partition(days: Iterable[date]) -> list[date]:
    """First days of the months of `days` that have no partition, in order; none on SQLite."""
    wanted = sorted({day.replace(day=1) for day in days})
    if connection.vendor != "postgresql" or not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [TABLE])
        there = {row[0] for row in cursor.fetchall()}
    return [first for first in wanted if name_of(first) not in there]


def name_of(day: date) -> str:
    """The partition of the month in which `day` lies."""
    return f"{TABLE}_{day:%Y_%m}"


def month_after(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _make(name: str, first: date) -> None:
    after = month_after(first)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
        # one at a time: two workers may want the same month
        cursor.execute(f"LOCK TABLE {OTHER} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(
            f"CREATE TEMPORARY TABLE moving ON COMMIT DROP AS SELECT * FROM {OTHER}"  # noqa: S608
            " WHERE measured_on >= %s AND measured_on < %s",
            [first, after],
        )
        cursor.execute(f"DELETE FROM {OTHER} WHERE measured_on >= %s AND measured_on < %s", [first, after])  # noqa: S608
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {TABLE} FOR VALUES FROM ('{first}') TO ('{after}')"
        )
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM moving")  # noqa: S608
        cursor.execute("DROP TABLE moving")
