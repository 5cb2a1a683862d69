"""Writes rows by the hundred thousand past the ORM: COPY on PostgreSQL, executemany on SQLite; keys given by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models


def first_free(model: type[models.Model]) -> int:
    """The key that comes after the largest one of the table."""
    largest = model._base_manager.aggregate(found=models.Max("pk"))["found"]
    return int(largest or 0) + 1


def write(model: type[models.Model], rows: Iterable[dict[str, Any]]) -> None:
    """Insert `rows`, each by column of the model (`brand_id`, not `brand`); what a row leaves out has its default."""
    fields = model._meta.concrete_fields
    blank = model()
    usual = {
        field.attname: None
        if field.primary_key
        else field.get_db_prep_save(field.pre_save(blank, add=True), connection)
        for field in fields
    }
    by_name = {field.attname: field for field in fields}

    def values(row: dict[str, Any]) -> list[Any]:
        given = {name: by_name[name].get_db_prep_save(value, connection) for name, value in row.items()}
        return [given[name] if name in given else usual[name] for name in by_name]

    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(values(row))
        else:
            places = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", [values(row) for row in rows])


def settle(*tables: type[models.Model]) -> None:
    """Let the sequences go on after the keys given by hand, and count the rows anew for the planner."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(tables)):
            cursor.execute(statement)
        cursor.execute("ANALYZE")  # as autovacuum does soon after such a load, and SQLite by itself
