"""Rows that were set aside, as a table to download, put right and import again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from crm.models import Import, QuarantinedRow
from crm.privacy.applying import cleaner

COLUMNS = ("import", "file", "row", "field", "value", "reason", "raw")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows_as_csv(source: Import | Iterable[QuarantinedRow]) -> Iterator[str]:
    """CSV lines, header first, streamed. A text that a spreadsheet would run as a formula gets a quote in front."""
    rows = source.quarantine.order_by("file", "row", "pk").iterator() if isinstance(source, Import) else source
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)
    cleaners: dict[tuple[int, int | None], Callable[[Any], Any]] = {}
    for row in rows:
        of = (row.batch.brand_id, row.batch.retailer_id)
        if of not in cleaners:
            cleaners[of] = cleaner(row.batch.brand, "exports", row.batch.retailer)
        value, reason, raw = cleaners[of]([row.value, row.reason, row.raw])
        raw = json.dumps(raw, ensure_ascii=False)
        cells: tuple[Any, ...] = (row.batch_id, row.file, row.row, row.field, value, reason, raw)
        yield writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])


def harmless(cell: str) -> str:
    """The cell as text for a spreadsheet: `=1+1` becomes `'=1+1`."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Line:
    """What csv.writer writes to: gives the line back to the caller."""

    def write(self, line: str) -> Any:
        return line
