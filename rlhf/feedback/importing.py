"""Files of feedback events, a JSON object a line: rankings, choices of people, outcomes of the market.

An import like any other: it stands on the page Data, its books balance, bad lines are set aside with their reason and
the good ones are kept. The same file, or the same events in another file, changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.imports.books import close, fail, open_import, repeat_of
from crm.imports.dates import parse_instant
from crm.imports.decoding import decode
from crm.imports.faults import BrokenFile, Fault
from crm.imports.reading import RawRow
from crm.imports.tally import Tally
from crm.models import Brand, Import
from rlhf.feedback.importing_events import Read, store_choices, store_outcomes, store_rankings
from rlhf.feedback.importing_lines import EVENTS, Event, event_of, values_of

KIND = "feedback"
STORE: dict[str, Callable[[Brand, list[Read[Any]], Tally], None]] = {
    "RULER": store_rankings,
    "HumanPreference": store_choices,
    "OnlineOutcome": store_outcomes,
}


def take_in(*, brand: Brand, data: bytes, filename: str, by: Any = None, now: datetime | None = None) -> Import:
    """Take a file in (text or gzip). Always returns an Import; look at its state.

    failed: nothing was stored and `error` says why. partial: some lines were set aside (`batch.quarantine`).
    """
    now = now or timezone.now()
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        decoded = decode(data, filename)
    except BrokenFile as error:
        return fail(brand, filename=filename, sha256=sha256, kind=KIND, error=error, by=by, now=now)
    lines = [(n, line) for n, line in enumerate(decoded.text.split("\n"), start=1) if line.strip("\ufeff \t\r")]
    with transaction.atomic():
        batch = open_import(brand, filename=filename, sha256=sha256, kind=KIND, by=by)
        earlier = repeat_of(batch)
        tally = Tally(filename, read=len(lines))
        if earlier is not None:
            said = f"Same content as {earlier.filename}, imported on {earlier.started_at:%d %b %Y}: nothing changed"
            tally.unchanged, tally.notes = len(lines), [said]
            return close(batch, [tally], now=now)
        read = [one for n, line in lines if (one := _read(RawRow(n, line), tally, now)) is not None]
        for kind in EVENTS:
            STORE[kind](brand, [one for one in read if one.event.type == kind], tally)  # type: ignore[attr-defined]
        return close(batch, [tally], now=now)


def _read(row: RawRow, tally: Tally, now: datetime) -> Read[Event] | None:
    try:
        values = values_of(str(row.values).strip("\ufeff \t\r"))
        row = RawRow(row.number, values)
        event = event_of(values)
        at = parse_instant(event.at, field="at", now=now) if event.at is not None else None
    except Fault as fault:
        tally.refuse(row if isinstance(row.values, dict) else RawRow(row.number, {"line": row.values[:2000]}), fault)
        return None
    return Read(row, event, at)
