"""New months of the table of facts, filled before they join it: on PostgreSQL, in the transaction that stores a report.

A month that nobody has yet is a table by itself at first: without indexes, which are made of all its rows at the end
(about a third of the work of keeping them row by row), and with what a report says the same in every row as defaults of
its columns, so that nobody has to send it. Nothing of it is there for others, or after a crash, until the transaction
ends. Small reports are not worth it: their months are made by partitions.py and filled as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import structlog
from django.db import OperationalError, ProgrammingError, connection, transaction

from crm.facts.loading import COLUMNS, on_postgresql
from crm.facts.partitions import PATIENCE, TABLE, month_after, name_of, without_partition

WORTH = 20_000  # rows of a report from which its new months are built by themselves
WITHIN = "rows_of_the_month"

log = structlog.get_logger(__name__)


def is_worth_it(months: Sequence[date], rows: int) -> bool:
    """Whether a report of so many rows should build those of its months that are new. Never on SQLite."""
    return on_postgresql() and bool(months) and rows >= WORTH


class NewMonths:
    """The months among `months` that have no partition yet. `filled_in` are defaults by column.

    Belongs into one transaction: made, its `tables` filled by COPY, then `join`.
    """

    def __init__(self, months: Iterable[date], filled_in: Mapping[str, Any], *, number: int) -> None:
        self.tables = {first: f"{name_of(first)}_of_{number}" for first in without_partition(months)}
        self.filled_in = filled_in
        for first, table in self.tables.items():
            self._make(table, first)

    def _make(self, table: str, first: date) -> None:
        within = f"measured_on IS NOT NULL AND measured_on >= '{first}' AND measured_on < '{month_after(first)}'"
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE {table} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS,"
                f" CONSTRAINT {WITHIN} CHECK ({within}))"
            )
            for column, value in self.filled_in.items():
                cursor.execute(f"ALTER TABLE {table} ALTER {column} SET DEFAULT %s", [value])

    def join(self) -> None:
        """Make the tables partitions. Where that is not possible now (another import made the month meanwhile, or a
        reader holds the table for longer than PATIENCE), their rows move to where they belong; IntegrityError where
        two rows are the same fact."""
        for first, table in self.tables.items():
            try:
                with transaction.atomic():
                    self._join(table, first)
            except (OperationalError, ProgrammingError) as error:
                log.warning("month_not_joined", month=name_of(first), reason=str(error))
                names = ", ".join(COLUMNS)
                with connection.cursor() as cursor:
                    cursor.execute(f"INSERT INTO {TABLE} ({names}) SELECT {names} FROM {table}")  # noqa: S608
                    cursor.execute(f"DROP TABLE {table}")

    def _join(self, table: str, first: date) -> None:
        name = name_of(first)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")
            for column in self.filled_in:
                cursor.execute(f"ALTER TABLE {name} ALTER {column} DROP DEFAULT")
            for statement in _indexes(name):
                cursor.execute(statement)
            cursor.execute(
                f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{month_after(first)}')"
            )
            cursor.execute(f"ALTER TABLE {name} DROP CONSTRAINT {WITHIN}")
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")


def _indexes(table: str) -> list[str]:
    """Statements that make of `table` what the table of facts wants of a partition: its keys and indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(con.oid), pg_get_indexdef(it.indexrelid), it.indisunique FROM pg_index it"
            " LEFT JOIN pg_constraint con ON con.conindid = it.indexrelid AND con.conrelid = it.indrelid"
            " WHERE it.indrelid = %s::regclass ORDER BY it.indexrelid",
            [TABLE],
        )
        return [
            f"ALTER TABLE {table} ADD {constraint}"
            if constraint
            else f"CREATE {'UNIQUE ' if unique else ''}INDEX ON {table} USING {index.partition(' USING ')[2]}"
            for constraint, index, unique in cursor.fetchall()
        ]
