"""A worker carries an import out. The row is the truth: state, lease and attempts; a message only wakes a worker up.

Reading touches no fact and may be begun again at any time; storing is one transaction that also writes the final state,
so after a crash an import is either done or as it was. During that transaction the worker holds the lock of the row,
which no sweep waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from crm.errors import EndcapError
from crm.facts.merging import MergeResult, merge
from crm.imports.reports.harmonize import harmonize
from crm.models import Import
from crm.privacy.applying import cleaner
from crm.products import crosswalk
from crm.report_imports.keeping import path_of
from crm.report_imports.known import mapping_of
from crm.report_imports.receiving import send

State = Import.State
EVERY_S = 0.5  # progress is written at most so often
READING = 0.6  # share of the work that reading is
log = structlog.get_logger(__name__)


class LeaseLost(EndcapError):
    """Another worker has the import by now; this one stores nothing."""

    status = 409


def carry_out(batch_id: int, *, worker: str, watch: Callable[[Import], None] = lambda batch: None) -> Import | None:
    """Do the work of one import, if it is there to be done and nobody else is at it; None otherwise.

    `watch` sees the row whenever its progress was written.
    """
    batch = _claim(batch_id, worker)
    if batch is None:
        return None
    try:
        _work(batch, worker, watch)
    except LeaseLost:
        log.warning("import_lease_lost", id=batch.pk, worker=worker)
        return None
    except EndcapError as error:
        _fail(batch, worker, error.message)
    except IntegrityError as error:
        log.warning("import_collides", id=batch.pk, reason=str(error))
        _fail(batch, worker, "Two rows of this file are the same fact with other figures. Keep the right one of them.")
    batch.refresh_from_db()
    return batch


def sweep(*, now: datetime | None = None, limit: int = 50) -> dict[str, int]:
    """Wake up what waits or lost its worker; give up what lost its worker too often."""
    now = now or timezone.now()
    with transaction.atomic():
        # rows locked by a worker that is storing right now are none of our business
        fallen = _to_do(now).select_for_update(skip_locked=True)
        over = list(fallen.filter(attempts__gte=settings.IMPORT_MAX_ATTEMPTS).values_list("pk", flat=True)[:limit])
        Import.across_brands.filter(pk__in=over).update(
            state=State.FAILED, finished_at=now, leased_by="", leased_until=None,
            error=f"Its worker stopped {settings.IMPORT_MAX_ATTEMPTS} times before the end. Bring it in again.",
        )  # fmt: skip
    waiting = list(_to_do(now).order_by("pk").values_list("pk", flat=True)[:limit])
    return {"woken": sum(send(pk) for pk in waiting), "failed": len(over)}


def _to_do(now: datetime) -> QuerySet[Any]:
    """Reports in the queue, and those whose lease is over."""
    rows: QuerySet[Any] = Import.across_brands.filter(
        Q(state=State.QUEUED) | Q(state=State.RUNNING, leased_until__lt=now), kind="report"
    )
    return rows


def _claim(batch_id: int, worker: str) -> Import | None:
    now = timezone.now()
    with transaction.atomic():
        free = _to_do(now).filter(pk=batch_id, attempts__lt=settings.IMPORT_MAX_ATTEMPTS)
        if free.select_for_update(skip_locked=True).first() is None:
            return None
        claimed = free.update(
            state=State.RUNNING, leased_by=worker[:80], leased_until=now + _lease(), attempts=F("attempts") + 1,
            progress=0, error="",
        )  # fmt: skip
    if claimed != 1:
        return None
    batch: Import = Import.across_brands.select_related("brand", "retailer").get(pk=batch_id)
    return batch


def _lease() -> timedelta:
    return timedelta(seconds=settings.IMPORT_LEASE_S)


def _mine(batch: Import, worker: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = Import.objects.for_brand(batch.brand_id).filter(
        pk=batch.pk, state=State.RUNNING, leased_by=worker[:80]
    )
    return rows


def _work(batch: Import, worker: str, watch: Callable[[Import], None]) -> None:
    mapping = mapping_of(batch.brand, batch.mapping)
    retailer = batch.retailer
    assert retailer is not None  # receiving queues no import without
    said = _Progress(batch, worker, watch)

    def owned() -> None:
        if _mine(batch, worker).update(leased_until=timezone.now() + _lease()) != 1:
            raise LeaseLost("Another worker has this import.", id=batch.pk)

    merge(
        batch.brand,
        retailer,
        harmonize(
            path_of(batch), mapping, currency=retailer.currency or batch.brand.currency,
            today=timezone.now().date(), filename=batch.filename, repair=crosswalk.repairer(batch.brand),
        ),
        mapping,
        batch,
        progress=said,
        owned=owned,
        clean=cleaner(batch.brand, "imports", retailer),
        close=lambda result: _close(batch, result),
    )  # fmt: skip


def _close(batch: Import, result: MergeResult) -> None:
    """Write the books; in the transaction that stored."""
    batch.rows_read = result.read
    batch.rows_stored = result.stored
    batch.rows_unchanged = result.unchanged
    batch.rows_set_aside = result.set_aside
    batch.rows_restated = result.restated
    batch.stored = {
        "models": {name: count for name, count in sorted(result.models.items()) if count},
        "files": {}, "notes": result.notes, "duplicates": result.duplicates,
    }  # fmt: skip
    batch.reconciliation = result.reconciliation
    batch.first_on, batch.last_on = result.first_on, result.last_on
    batch.state = State.PARTIAL if result.set_aside else State.STORED
    batch.finished_at = timezone.now()
    batch.progress = 1
    batch.leased_by, batch.leased_until = "", None
    if result.read != result.stored + result.unchanged + result.set_aside:
        raise AssertionError(f"{batch.filename}: {result} does not add up")
    batch.save()


def _fail(batch: Import, worker: str, reason: str) -> None:
    _mine(batch, worker).update(
        state=State.FAILED, error=reason, finished_at=timezone.now(), leased_by="", leased_until=None
    )


class _Progress:
    """Writes how far the reading is, and with it that the worker lives. Raises LeaseLost where it no longer owns it."""

    def __init__(self, batch: Import, worker: str, watch: Callable[[Import], None]) -> None:
        self.batch, self.worker, self.watch = batch, worker, watch
        self.bytes = self.rows = 0
        self.written_at = 0.0

    def __call__(self, bytes_read: int, rows_stored: int) -> None:
        self.bytes = max(self.bytes + bytes_read, 0)
        self.rows += rows_stored
        if time.monotonic() - self.written_at < EVERY_S:
            return
        self.written_at = time.monotonic()
        read = min(1.0, self.bytes / self.batch.size_bytes) if self.batch.size_bytes else 0.0
        self.batch.progress = round(READING * read, 4)
        if not self.rows:  # while rows are stored the row is locked, and nobody would see it
            changed = _mine(self.batch, self.worker).update(
                progress=self.batch.progress, leased_until=timezone.now() + _lease()
            )
            if changed != 1:
                raise LeaseLost("Another worker has this import.", id=self.batch.pk)
        self.watch(self.batch)
