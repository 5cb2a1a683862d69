"""Taking in one file: read, tell what it holds, parse every row, store in one transaction, keep the books.

The same content a second time changes nothing: a file that went in completely is known by its SHA-256, and rows are
known by their ids. A file that cannot be read leaves an Import marked as failed and nothing else.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from crm.imports import rows as parsing
from crm.imports.books import close, fail, open_import, repeat_of
from crm.imports.deals import store_deals
from crm.imports.faults import BrokenFile, Fault
from crm.imports.kinds import kind_of
from crm.imports.leads import store_leads
from crm.imports.reading import RawRow, read
from crm.imports.sales import store_sales
from crm.imports.tally import Tally
from crm.imports.values import fingerprint
from crm.models import Brand, Import


def load_file(
    *,
    brand: Brand,
    path: Path | str | None = None,
    file: IO[bytes] | None = None,
    filename: str = "",
    kind: str = "auto",
    by: Any = None,
    now: datetime | None = None,
) -> Import:
    """Take in a file by `path`, or an open binary `file` (an upload). Always returns an Import; look at its state.

    failed: nothing was stored and `error` says why. partial: some rows were set aside (`batch.quarantine`). stored: all
    rows are in. `kind` is sales, leads, deals or auto. Raises OSError when `path` cannot be opened.
    """
    now = now or timezone.now()
    data, name = _bytes_of(path, file, filename)
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        content = read(data, name)
        found = kind_of(content, name, kind)
    except BrokenFile as error:
        return fail(brand, filename=name, sha256=sha256, kind=kind, error=error, by=by, now=now)
    with transaction.atomic():
        batch = open_import(brand, filename=name, sha256=sha256, kind=found, by=by)
        earlier = repeat_of(batch)
        if earlier is not None:
            return close(batch, [_repeated(name, len(content.rows), earlier)], now=now)
        tally = Tally(name, read=len(content.rows), notes=list(content.notes))
        parsed = parse_rows(found, content.rows, tally, now=now, home=brand.currency)
        if found == "sales":
            store_sales(brand, parsed, tally)
        elif found == "leads":
            store_leads(brand, parsed, tally, now=now)
        else:
            store_deals(brand, parsed, tally, now=now)
        return close(batch, [tally], now=now)


def parse_rows(kind: str, rows: list[RawRow], tally: Tally, *, now: datetime, home: str) -> list[tuple[RawRow, Any]]:
    """Typed records of the rows that can be read; the others and second rows of an id are booked in the tally."""
    around = parsing.surroundings(rows, now=now, home=home)
    parse = parsing.PARSERS[kind]
    first: dict[str, tuple[int, str]] = {}
    made = []
    for row in rows:
        try:
            record = parse(parsing.checked(row), around)
        except Fault as fault:
            tally.refuse(row, fault)
            continue
        external_id = record.lead.external_id if isinstance(record, parsing.DealRow) else record.external_id
        mark = fingerprint(row.values)
        if external_id not in first:
            first[external_id] = (row.number, mark)
            made.append((row, record))
        elif first[external_id][1] == mark:
            tally.unchanged += 1
        else:
            reason = f"row {first[external_id][0]} has the same id and other content"
            tally.refuse(row, Fault("id", external_id, reason))
    return made


def _repeated(name: str, rows: int, earlier: Import) -> Tally:
    note = f"Same content as {earlier.filename}, imported on {earlier.started_at:%d %b %Y}: nothing changed"
    return Tally(name, read=rows, unchanged=rows, notes=[note])


def _bytes_of(path: Path | str | None, file: IO[bytes] | None, filename: str) -> tuple[bytes, str]:
    if file is not None:
        return file.read(), filename or Path(str(getattr(file, "name", "") or "upload")).name
    if path is None:
        raise TypeError("load_file needs a path or a file")
    return Path(path).read_bytes(), filename or Path(path).name
