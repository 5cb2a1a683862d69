"""Opening and closing the row that says what one import did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from crm.imports.faults import BrokenFile
from crm.imports.tally import Tally
from crm.models import Brand, Import, QuarantinedRow
from crm.privacy.applying import cleaner


def open_import(brand: Brand, *, filename: str, sha256: str, kind: str, by: Any) -> Import:
    """A running import. Locks the brand, so that two imports of one brand follow each other (inside a transaction)."""
    Brand.objects.select_for_update().get(pk=brand.pk)
    made: Import = Import.objects.for_brand(brand).create(
        brand=brand, filename=filename[:255], sha256=sha256, kind=kind, by=by
    )
    return made


def repeat_of(batch: Import) -> Import | None:
    """The earlier import of exactly this content, when it went in without a row set aside.

    A file of which rows were set aside is read again: the pack that was missing may exist by now.
    """
    earlier: Import | None = (
        Import.objects.for_brand(batch.brand_id)
        .filter(sha256=batch.sha256, kind=batch.kind, state=Import.State.STORED)
        .exclude(pk=batch.pk)
        .order_by("-pk")
        .first()
    )
    return earlier


def close(batch: Import, tallies: Sequence[Tally], *, now: datetime) -> Import:
    """Write the sums, the rows set aside and the final state. Refuses books that do not balance."""
    for tally in tallies:
        if not tally.balanced():
            raise AssertionError(f"{tally.file}: {tally.as_dict()} does not add up")
    models: Counter[str] = Counter()
    for tally in tallies:
        models.update(tally.models)
    aside = [row for tally in tallies for row in tally.set_aside]
    clean = cleaner(batch.brand, "imports", batch.retailer)
    QuarantinedRow.objects.for_brand(batch.brand_id).bulk_create(
        (
            QuarantinedRow(
                batch=batch,
                file=row.file,
                row=row.row,
                field=row.field,
                value=clean(row.value),
                reason=clean(row.reason)[:300],
                raw=clean(row.raw),
            )
            for row in aside
        ),
        batch_size=500,
    )
    batch.rows_read = sum(tally.read for tally in tallies)
    batch.rows_stored = sum(tally.stored for tally in tallies)
    batch.rows_unchanged = sum(tally.unchanged for tally in tallies)
    batch.rows_set_aside = len(aside)
    batch.stored = {
        "models": {name: count for name, count in sorted(models.items()) if count},
        "files": {tally.file: tally.as_dict() for tally in tallies},
        "notes": list(dict.fromkeys(note for tally in tallies for note in tally.notes)),
    }
    batch.state = Import.State.PARTIAL if aside else Import.State.STORED
    batch.finished_at = now
    batch.save()
    return batch


def fail(brand: Brand, *, filename: str, sha256: str, kind: str, error: BrokenFile, by: Any, now: datetime) -> Import:
    """An import that stored nothing, with the reason."""
    made: Import = Import.objects.for_brand(brand).create(
        brand=brand,
        filename=filename[:255],
        sha256=sha256,
        kind=kind,
        by=by,
        state=Import.State.FAILED,
        error=error.message,
        finished_at=now,
    )
    return made
