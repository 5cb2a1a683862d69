"""The tables of the export: which files they are, rows with blanks as None, keys that also match their hashes. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crm.imports.dates import parse_instant
from crm.imports.faults import BrokenFile, Fault
from crm.imports.reading import RawRow, read
from crm.imports.rows import checked
from crm.imports.tally import Tally

# Stem of the file (with or without `_data`) and the columns without which it is not that table.
TABLES: dict[str, tuple[str, ...]] = {
    "deal_pipeline": ("pipeline_id",),
    "deal_pipeline_stage": ("stage_id", "pipeline_id", "probability"),
    "company": ("id",),
    "contact": ("id",),
    "deal": ("deal_id",),
    "deal_stage": ("deal_id", "value", "date_entered"),
    "deal_company": ("deal_id", "company_id"),
    "deal_contact": ("deal_id", "contact_id"),
    "email_campaign": ("id",),
    "email_event": ("id", "created", "type"),
    "email_event_bounce": ("id",),
    "email_event_click": ("id",),
    "email_event_open": ("id",),
    "email_event_sent": ("id",),
}
PREFIX = "hubspot:"  # ids of HubSpot never meet ids of another source
EMPTY_HASH = hashlib.md5(b"", usedforsecurity=False).hexdigest()  # what the anonymiser made of blanks


@dataclass
class Table:
    """One file: its rows that are rows, and its books."""

    tally: Tally
    rows: list[tuple[RawRow, dict[str, str | None]]]

    def each(self) -> Iterator[tuple[RawRow, dict[str, str | None]]]:
        yield from self.rows


def find_tables(folder: Path) -> dict[str, Path]:
    """Known tables in the folder by name. Raises BrokenFile when there is none."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = path.name.removesuffix(".gz").removesuffix(".csv")
        name = stem.removesuffix("_data")
        if path.is_file() and stem != path.name and name in TABLES:
            if name in found:
                raise BrokenFile(f"{folder.name} has {found[name].name} and {path.name}: two files for one table.")
            found[name] = path
    if not found:
        raise BrokenFile(
            f"{folder.name} holds no table of a HubSpot export. Expected are files like deal_data.csv, "
            "deal_pipeline_data.csv, deal_pipeline_stage_data.csv, contact_data.csv, email_event_data.csv.",
            folder=folder.name,
        )
    return found


def read_table(name: str, filename: str, data: bytes) -> Table:
    """Rows of one table. Raises BrokenFile when it cannot be read or lacks the columns of that table."""
    content = read(data, filename)
    missing = [column for column in TABLES[name] if column not in content.header]
    if missing:
        raise BrokenFile(f"{filename} lacks the column {missing[0]}, so it is not the table {name}.", file=filename)
    tally = Tally(filename, read=len(content.rows))
    rows = []
    for raw in content.rows:
        try:
            rows.append((raw, {column: _cell(value) for column, value in checked(raw).items()}))
        except Fault as fault:
            tally.refuse(raw, fault)
    return Table(tally, rows)


def empty_table(name: str) -> Table:
    return Table(Tally(f"{name} (not in the folder)"), [])


def needed(row: dict[str, str | None], column: str) -> str:
    value = row.get(column)
    if value is None:
        raise Fault(column, "", "is missing")
    return value


def truth(row: dict[str, str | None], column: str) -> bool:
    """TRUE, true, 1 or FALSE, false, 0; blank is false."""
    value = (row.get(column) or "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise Fault(column, value, "is neither true nor false")
    return value in ("true", "1")


def instant(row: dict[str, str | None], column: str, now: datetime, *, future_allowed: bool = False) -> datetime | None:
    value = row.get(column)
    if value is None:
        return None
    return parse_instant(value, field=column, now=now, future_allowed=future_allowed)


def keys_of(identifier: str) -> Iterator[str]:
    """The identifier and its MD5 as the anonymiser writes it: hexadecimal in some tables, base64 in others.

    A 128-bit digest of the id is equal only for the same id, so a match is proof; nothing is joined by likeness.
    """
    yield identifier
    digest = hashlib.md5(identifier.encode(), usedforsecurity=False).digest()
    yield digest.hex()
    yield base64.b64encode(digest).decode()
    try:
        raw = base64.b64decode(identifier, validate=True)
    except (binascii.Error, ValueError):
        return
    if len(raw) == 16:  # the identifier is itself a hash: other tables write it in hexadecimal
        yield raw.hex()


def index_of(identifiers: Iterable[str]) -> dict[str, str]:
    """Every key under which an identifier may be referred to, to the identifier."""
    return {key: identifier for identifier in identifiers for key in keys_of(identifier)}


def is_hash(text: str) -> bool:
    """Whether a label is base64 of 16 bytes, which no person wrote."""
    try:
        return len(text) == 24 and len(base64.b64decode(text, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def rest(row: dict[str, str | None], *used: str) -> dict[str, Any]:
    """Filled columns that have no field of their own, without the connector's own."""
    return {
        column.removeprefix("property_"): value
        for column, value in row.items()
        if value is not None and column not in used and not column.startswith("_fivetran")
    }


def _cell(value: Any) -> str | None:
    text = str(value).strip()
    return None if not text or text == EMPTY_HASH else text
