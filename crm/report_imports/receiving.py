"""A report comes in, a person says what it means, and a worker is told; or it is discarded, or taken back."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import IO, Any

import structlog
from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from crm.errors import EndcapError
from crm.facts import undoing
from crm.imports.reports.mapping import Mapping, parse
from crm.imports.reports.proposing import propose
from crm.imports.reports.recognise import Recognised, recognise
from crm.models import Brand, Import, ReportMapping, Retailer
from crm.report_imports.errors import NotNow
from crm.report_imports.keeping import keep, path_of
from crm.report_imports.known import candidates, confirmed_for, mapping_of, mappings_of

TASK = "crm.tasks.carry_out_import"
SHOWN = 20
State = Import.State
log = structlog.get_logger(__name__)


def receive(
    *,
    brand: Brand,
    retailer: Retailer | None,
    file: IO[bytes],
    filename: str,
    mapping: str = "",
    by: Any = None,
    confirm: bool = True,
    limit: int | None = None,
) -> Import:
    """Keep a report and find out what it is. It is queued where the mapping is known, nobody wants to `confirm` it and
    the retailer is clear; else it waits for a person, with a proposal. Raises UploadTooLarge, UnknownType, BrokenFile
    and UnknownMapping; nothing is kept then. `limit` in bytes, as in keeping.keep."""
    if mapping:
        mapping_of(brand, mapping)
    kept = keep(brand, file, filename, limit=limit)
    batch = Import(
        brand=brand, retailer=retailer, kind="report", filename=filename[:255], sha256=kept.sha256, by=by,
        kept_as=kept.kept_as, size_bytes=kept.size_bytes, state=State.MAPPING, mapping=mapping,
    )  # fmt: skip
    try:
        found = recognise(path_of(batch), candidates(brand, retailer).values(), filename)
        if not found.fits:
            found = recognise(path_of(batch), mappings_of(brand).values(), filename)
        batch.mapping = mapping or confirmed_for(brand, found.fingerprint) or found.mapping
        batch.retailer = retailer or _retailer_of(brand, batch.mapping)
        batch.proposal = _proposal(brand, found, batch.mapping)
    except EndcapError:
        path_of(batch).unlink(missing_ok=True)
        raise
    with transaction.atomic():
        if batch.mapping and batch.retailer and not confirm:
            batch.state = State.QUEUED
            batch.save()
            wake(batch)
        else:
            batch.save()
    return batch


def confirm(
    batch: Import,
    *,
    mapping: str = "",
    body: dict[str, Any] | None = None,
    retailer: Retailer | None = None,
    by: Any = None,
    keep: bool = True,
    tell: bool = True,
) -> Import:
    """A person says what the report means: the mapping of this name, or a `body`, which is kept for next time (unless
    not `keep`: then no other file is read by it of itself). Without `tell` no worker is woken up: the caller carries it
    out. Raises NotNow, UnknownMapping and BadMapping."""
    chosen: Mapping = parse(body) if body is not None else mapping_of(batch.brand, mapping or batch.mapping)
    shop = retailer or batch.retailer
    if shop is None or shop.brand_id != batch.brand_id:
        raise NotNow("Choose the retailer whose report this is.", field="retailer", id=batch.pk)
    with transaction.atomic():
        if body is not None:
            _keep_mapping(batch, chosen, body, shop, by=by, keep=keep)
        _move(batch, State.MAPPING, State.QUEUED, mapping=chosen.name, retailer=shop)
        if tell:
            wake(batch)
    return batch


def discard(batch: Import, *, by: Any) -> Import:
    """A report that waits is not wanted: its file goes. Raises NotNow."""
    path = path_of(batch) if batch.kept_as else None
    with transaction.atomic():
        _move(batch, State.MAPPING, State.DISCARDED, kept_as="", finished_at=timezone.now(), undone_by=by)
        if path is not None:
            transaction.on_commit(partial(path.unlink, missing_ok=True))
    return batch


def undo(batch: Import, *, by: Any) -> Import:
    """Take back what a stored report changed. Raises NotNow and CannotUndo."""
    with transaction.atomic():
        now = timezone.now()
        if batch.kind != "report":
            raise undoing.CannotUndo(f"{batch.filename} is no report of facts; only those can be undone.", id=batch.pk)
        mapping = mappings_of(batch.brand).get(batch.mapping)
        if mapping is not None and mapping.kind == "entities":
            raise undoing.CannotUndo(
                f"{batch.filename} is a list of names. Bring in the right list instead: it replaces this one.",
                id=batch.pk,
            )
        fields = {"undone_at": now, "undone_by": by}
        if batch.state == State.PARTIAL:
            _move(batch, State.PARTIAL, State.UNDONE, **fields)
        else:
            _move(batch, State.STORED, State.UNDONE, **fields)
        undoing.undo(batch)
    return batch


def wake(batch: Import) -> None:
    """Tell a worker, once the current transaction has committed. The sweep sends a lost message again."""
    transaction.on_commit(partial(send, batch.pk))


def send(pk: int) -> bool:
    """Whether the broker took the message."""
    if TASK not in current_app.tasks:
        # a process that only sends, a web server say, has not read the apps' tasks yet
        current_app.loader.import_default_modules()
    try:
        current_app.tasks[TASK].apply_async(kwargs={"import_id": pk}, retry=False)
    except OperationalError as error:
        log.warning("not_delivered", task=TASK, pk=pk, reason=str(error))
        return False
    return True


def _move(batch: Import, start: str, end: str, **fields: Any) -> None:
    """From one state to the next, where it still is in the first. Raises NotNow."""
    rows = Import.objects.for_brand(batch.brand_id).filter(pk=batch.pk, state=start)
    if rows.update(state=end, **fields) != 1:
        batch.refresh_from_db(fields=["state"])
        raise NotNow(
            f"{batch.filename} is {batch.get_state_display().lower()}: this cannot be done any more.",
            id=batch.pk, state=batch.state,
        )  # fmt: skip
    batch.refresh_from_db()


def _keep_mapping(
    batch: Import, chosen: Mapping, body: dict[str, Any], retailer: Retailer, *, by: Any, keep: bool
) -> None:
    """One that is not for next time has no fingerprint."""
    ReportMapping.objects.for_brand(batch.brand_id).update_or_create(
        brand=batch.brand, name=chosen.name,
        defaults={
            "title": chosen.title[:120], "body": body, "retailer": retailer, "confirmed_by": by,
            "fingerprint": batch.proposal.get("fingerprint", "") if keep else "",
        },
    )  # fmt: skip


def _retailer_of(brand: Brand, mapping: str) -> Retailer | None:
    """The brand's only retailer of the mapping's network."""
    known = mappings_of(brand).get(mapping)
    if known is None or not known.network:
        return None
    shops = list(Retailer.objects.for_brand(brand).filter(network=known.network)[:2])
    return shops[0] if len(shops) == 1 else None


def _proposal(brand: Brand, found: Recognised, chosen: str) -> dict[str, Any]:
    """What the page and the command show: how the file was read, which mappings fit, and for an unknown report a
    mapping column by column, with a confidence and what is missing."""
    made: dict[str, Any] = {
        "mapping": chosen, "score": found.score, "why": found.why, "fingerprint": found.fingerprint,
        "header": list(found.header), "sample": [list(row) for row in found.sample[:SHOWN]], "facts": found.facts,
        "fits": [asdict(fit) for fit in found.fits],
    }  # fmt: skip
    if not chosen:
        known = mappings_of(brand)
        past = [parse(one.body) for one in ReportMapping.objects.for_brand(brand)]
        made |= propose(found.header, found.sample, mappings=known.values(), past=past).as_json()
    return made
