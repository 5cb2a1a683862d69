"""Rows as CSV or Parquet, read and written in parts, so that a table of any size needs the memory of one part.

Columns carry their type: decimals stay decimals, days stay days. What a spreadsheet would run as a formula is made
harmless in CSV; Parquet keeps texts as they are.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

CHUNK = 5_000
PART = 100_000
# A cell that begins with one of these, after spaces, is a formula to a spreadsheet (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
INSTANT = pl.Datetime("us", "UTC")

Cleaner = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export: its name, the ORM path to its value, and its type in Parquet."""

    name: str
    path: str
    dtype: pl.DataType
    words: Mapping[Any, str] | None = None  # what values are called, where they are stored as numbers


def column(model: type[models.Model], name: str, path: str, words: Mapping[Any, str] | None = None) -> Column:
    """The column `name` that holds what `path` (`retailer__slug`) leads to."""
    *relations, last = path.split("__")
    for relation in relations:
        related = model._meta.get_field(relation).related_model
        assert isinstance(related, type)
        model = related
    return Column(name, path, pl.String() if words else dtype_of(model._meta.get_field(last)), words)


def dtype_of(field: Any) -> pl.DataType:
    """Type of the column that holds a model field."""
    if isinstance(field, models.ForeignKey):
        return dtype_of(field.target_field)
    if isinstance(field, models.DecimalField):
        return pl.Decimal(field.max_digits, field.decimal_places)
    if isinstance(field, models.DateTimeField):
        return INSTANT
    plain: tuple[tuple[type[Any], pl.DataType], ...] = (
        (models.DateField, pl.Date()),
        (models.BooleanField, pl.Boolean()),
        (models.FloatField, pl.Float64()),
        (models.IntegerField, pl.Int64()),
    )
    return next((dtype for kind, dtype in plain if isinstance(field, kind)), pl.String())


def csv_lines(rows: Any, columns: Sequence[Column], cleaners: Mapping[str, Cleaner] | None = None) -> Iterator[str]:
    """The header, then a line for each row of the queryset `rows`. Nothing is held but 5,000 rows."""
    writer = csv.writer(_Line())
    yield writer.writerow([one.name for one in columns])
    clean = _cleaners(columns, cleaners)
    for values in _values(rows, columns):
        for at, cleaner in clean:
            values[at] = cleaner(values[at])
        yield writer.writerow([_cell(value) for value in values])


def write_csv(rows: Any, columns: Sequence[Column], to: Path, cleaners: Mapping[str, Cleaner] | None = None) -> int:
    """The same into a file; returns how many rows."""
    count = 0
    with to.open("w", encoding="utf-8", newline="") as file:
        for line in csv_lines(rows, columns, cleaners):
            count += 1
            file.write(line)
    return count - 1


def write_parquet(rows: Any, columns: Sequence[Column], to: Path, cleaners: Mapping[str, Cleaner] | None = None) -> int:
    """One Parquet file with row groups of 100,000 rows; returns how many rows. Parts lie in a folder beside `to` until
    they are put together, by polars' streaming engine."""
    schema = {one.name: one.dtype for one in columns}
    clean = _cleaners(columns, cleaners)
    count = 0
    with tempfile.TemporaryDirectory(dir=to.parent) as folder:
        parts: list[Path] = []
        values = _values(rows, columns)
        while True:
            part = [_typed(row, columns, clean) for row in islice(values, PART)]
            if not part and parts:
                break
            frame = pl.DataFrame(part, schema=schema, orient="row")
            count += len(part)
            parts.append(Path(folder) / f"{len(parts):06}.parquet")
            frame.write_parquet(parts[-1], compression="lz4")
            if len(part) < PART:
                break
        pl.scan_parquet(parts).sink_parquet(to, compression="zstd", row_group_size=PART, maintain_order=True)
    return count


def _values(rows: Any, columns: Sequence[Column]) -> Iterator[list[Any]]:
    """Values of each row, by a server-side cursor where the database has one."""
    found = rows.select_related(None).prefetch_related(None).values_list(*(one.path for one in columns))
    named = [(at, one.words) for at, one in enumerate(columns) if one.words]
    for row in found.iterator(chunk_size=CHUNK):
        values = list(row)
        for at, words in named:
            values[at] = words.get(values[at])
        yield values


def _cleaners(columns: Sequence[Column], cleaners: Mapping[str, Cleaner] | None) -> list[tuple[int, Cleaner]]:
    return [(at, cleaners[one.name]) for at, one in enumerate(columns) if cleaners and one.name in cleaners]


def _typed(values: list[Any], columns: Sequence[Column], clean: Sequence[tuple[int, Cleaner]]) -> list[Any]:
    for at, cleaner in clean:
        values[at] = cleaner(values[at])
    for at, one in enumerate(columns):
        value = values[at]
        if one.dtype == pl.String() and value is not None and not isinstance(value, str):
            values[at] = _text(value)
    return values


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
    return str(value)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = _text(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


class _Line:
    """A file that hands back what csv writes, one line at a time."""

    def write(self, text: str) -> str:
        return text
