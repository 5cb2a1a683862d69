"""Taking in a HubSpot folder: all tables in one transaction, parents before children, books for every file."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.imports.books import close, fail, open_import, repeat_of
from crm.imports.faults import BrokenFile
from crm.imports.hubspot.board import Board
from crm.imports.hubspot.deals import link, store_deals, store_history
from crm.imports.hubspot.events import PARTS, Events
from crm.imports.hubspot.people import store_companies, store_contacts
from crm.imports.hubspot.tables import TABLES, Table, empty_table, find_tables, read_table
from crm.imports.tally import Tally
from crm.models import Brand, Company, Contact, Import

KIND = "hubspot"


def load_folder(*, brand: Brand, folder: Path | str, by: Any = None, now: datetime | None = None) -> Import:
    """Take in a folder of HubSpot tables. Always returns an Import; one broken file stops all of them.

    Raises OSError when the folder cannot be opened.
    """
    now = now or timezone.now()
    folder = Path(folder)
    sha256 = ""
    try:
        paths = find_tables(folder)
        contents = {name: path.read_bytes() for name, path in paths.items()}
        sha256 = _digest(contents)
        tables = {name: read_table(name, paths[name].name, data) for name, data in contents.items()}
    except BrokenFile as error:
        return fail(brand, filename=folder.name, sha256=sha256, kind=KIND, error=error, by=by, now=now)
    with transaction.atomic():
        batch = open_import(brand, filename=folder.name, sha256=sha256, kind=KIND, by=by)
        earlier = repeat_of(batch)
        if earlier is not None:
            return close(batch, [_repeated(table, earlier) for table in tables.values()], now=now)
        _store(brand, {name: tables.get(name) or empty_table(name) for name in TABLES}, now)
        return close(batch, [table.tally for table in tables.values()], now=now)


def _store(brand: Brand, tables: dict[str, Table], now: datetime) -> None:
    board = Board(brand, tables["deal_pipeline"], tables["deal_pipeline_stage"])
    store_companies(brand, tables["company"])
    store_contacts(brand, tables["contact"])
    leads = store_deals(brand, tables["deal"], board, now=now)
    store_history(brand, tables["deal_stage"], leads, board, now=now)
    link(brand, tables["deal_company"], leads, Company, column="company_id")
    link(brand, tables["deal_contact"], leads, Contact, column="contact_id")
    parts = {name: tables[f"email_event_{name}"] for name in PARTS}
    Events(brand, tables["email_event"], tables["email_campaign"], parts, now=now).store()


def _digest(contents: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(contents):
        whole.update(f"{name} {hashlib.sha256(contents[name]).hexdigest()}\n".encode())
    return whole.hexdigest()


def _repeated(table: Table, earlier: Import) -> Tally:
    tally = table.tally
    note = f"Same content as the import of {earlier.started_at:%d %b %Y}: nothing changed"
    return Tally(tally.file, read=tally.read, unchanged=tally.read, notes=[note])
