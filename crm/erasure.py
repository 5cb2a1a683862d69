"""Forgets one person in the CRM's own tables. Figures stay: amounts, stages, dates; what says who it was goes.

Each app erases its own (`rlhf.erasure`, `training.erasure`, `orchestrator.erasure`, which composes them all). With
`dry_run` nothing is changed and the counts say what would be reached.
"""

from __future__ import annotations

import gzip
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from crm.models import (
    Brand,
    Consent,
    Contact,
    Erasure,
    Import,
    Lead,
    MarketEvent,
    Outcome,
    QuarantinedRow,
    Sale,
    SegmentMember,
    StageChange,
    Suppression,
)
from crm.persons import Person, mentioning
from crm.privacy.consent import suppress_many

PIECE = 1 << 20
LARGEST_UNPACKED = 2 << 30
WAITING = (Import.State.MAPPING, Import.State.QUEUED, Import.State.RUNNING)
NAME_OF_ERASED = "Erased person"


def erase(brand: Brand, person: Person, *, dry_run: bool = False) -> Counter[str]:
    """Forget the person; counts like `crm.Lead blanked`. Runs inside the caller's transaction."""
    done: Counter[str] = Counter()
    done += _sales(brand, person, dry_run=dry_run)
    done += _outcomes(brand, person, dry_run=dry_run)
    done += _events(brand, person, dry_run=dry_run)
    done += _people(brand, person, dry_run=dry_run)
    done += _set_aside(brand, person, dry_run=dry_run)
    done += _proposals(brand, person, dry_run=dry_run)
    if not dry_run:
        suppress_many(
            brand=brand, addresses=[value for value in person.values if len(value.strip()) >= 3],
            reason=Suppression.Reason.ERASED, source="erasure",
        )  # fmt: skip
    return done


def uploads(brand: Brand, person: Person, *, dry_run: bool = False) -> list[dict[str, Any]]:
    """Kept files that hold the person, with what was done: a file whose rows are stored is removed; one that still
    waits is only named, because removing it would lose the other rows. Call after the transaction has committed."""
    found = []
    needles = [value.encode() for value in person.values if len(value) >= 6]
    for batch in Import.objects.for_brand(brand).exclude(kept_as="").order_by("pk"):
        path = Path(settings.UPLOADS_ROOT) / batch.kept_as
        held = _holds(path, needles)
        if held is False:
            continue
        waits = batch.state in WAITING
        if held and not waits and not dry_run:
            path.unlink(missing_ok=True)
            Import.objects.for_brand(brand).filter(pk=batch.pk).update(kept_as="")
        what = "waits: decide on it by hand" if waits else ("would be removed" if dry_run else "removed")
        found.append({"import": batch.pk, "what": what if held else "cannot be searched: look at it by hand"})
    return found


def open_erasure(brand: Brand, person: Person, *, by: Any) -> Erasure:
    """The row that says somebody asked; it never names the person."""
    made: Erasure = Erasure.objects.for_brand(brand).create(brand=brand, person=person.hash, asked_by=by)
    return made


def close_erasure(row: Erasure, report: dict[str, Any]) -> Erasure:
    """Done, with the report."""
    row.report, row.state, row.done_at = report, Erasure.State.DONE, timezone.now()
    row.save(update_fields=["report", "state", "done_at"])
    return row


def fail_erasure(row: Erasure, reason: str) -> None:
    """Nothing was changed; the reason stays for whoever asks again."""
    row.error, row.state, row.done_at = reason[:2000], Erasure.State.FAILED, timezone.now()
    row.save(update_fields=["error", "state", "done_at"])


def scrub_rows(rows: QuerySet[Any], fields: tuple[str, ...], person: Person, *, about: bool, dry_run: bool) -> int:
    """Take the person out of text and JSON fields of the rows; how many had to change."""
    scrubber, changed = person.scrubber(about=about), 0
    for row in rows.iterator(chunk_size=200):
        before = {name: getattr(row, name) for name in fields}
        after = {name: scrubber.value(value) for name, value in before.items()}
        if after == before:
            continue
        changed += 1
        if not dry_run:
            for name, value in after.items():
                limit = getattr(type(row)._meta.get_field(name), "max_length", None)
                setattr(row, name, value[:limit] if isinstance(value, str) and limit else value)
            row.save(update_fields=list(fields))
    return changed


def _sales(brand: Brand, person: Person, *, dry_run: bool) -> Counter[str]:
    linked = Sale.objects.for_brand(brand).filter(lead__in=person.leads)
    mine = set(linked.values_list("pk", flat=True))
    mine |= set(mentioning(Sale.objects.for_brand(brand), ["detail"], _long(person)).values_list("pk", flat=True))
    if not dry_run:
        Sale.objects.for_brand(brand).filter(pk__in=mine).update(lead=None, detail={})
    return _count({"crm.Sale unlinked, amount kept": len(mine)})


def _outcomes(brand: Brand, person: Person, *, dry_run: bool) -> Counter[str]:
    rows = Outcome.objects.for_brand(brand)
    mine = set(rows.filter(lead__in=person.leads).values_list("pk", flat=True))
    mine |= set(rows.filter(contact__in=person.contacts).values_list("pk", flat=True))
    mine |= set(mentioning(rows, ["detail"], _long(person)).values_list("pk", flat=True))
    if not dry_run:
        rows.filter(pk__in=mine).update(detail={}, contact=None)
        for row in rows.filter(pk__in=mine).iterator(chunk_size=500):
            scrubbed = person.scrubber().text(row.external_id)
            if scrubbed != row.external_id:
                rows.filter(pk=row.pk).update(external_id=f"{person.alias}-{row.pk}")
    return _count({"crm.Outcome blanked, kind and date kept": len(mine)})


def _events(brand: Brand, person: Person, *, dry_run: bool) -> Counter[str]:
    rows = MarketEvent.objects.for_brand(brand).filter(prospect_key__in=person.lead_keys)
    count = rows.count()
    if not dry_run:
        rows.filter(released_at__isnull=True).update(released_at=timezone.now())
        rows.update(prospect_key=person.alias, payload={})
    return _count({"crm.MarketEvent blanked": count})


def _people(brand: Brand, person: Person, *, dry_run: bool) -> Counter[str]:
    leads = Lead.objects.for_brand(brand).filter(pk__in=person.leads)
    members = SegmentMember.objects.for_brand(brand).filter(lead__in=person.leads)
    contacts = Contact.objects.for_brand(brand).filter(pk__in=person.contacts)
    done = _count(
        {
            "crm.Contact erased": contacts.count(),
            "crm.Lead blanked, stage and amount kept": leads.count(),
            "crm.StageChange kept, of a lead without a name": StageChange.objects.for_brand(brand)
            .filter(lead__in=person.leads)
            .count(),
            "crm.SegmentMember erased": members.count(),
            "crm.Consent kept as a keyed hash": Consent.objects.for_brand(brand)
            .filter(contact__in=person.contacts)
            .count(),
        }
    )
    if not dry_run:
        members.delete()
        for lead in leads:
            lead.external_id = f"{person.alias}-{lead.pk}"
            lead.name, lead.detail, lead.contact, lead.company = NAME_OF_ERASED, {}, None, None
            lead.save(update_fields=["external_id", "name", "detail", "contact", "company"])
        contacts.delete()
    return done


def _set_aside(brand: Brand, person: Person, *, dry_run: bool) -> Counter[str]:
    scrubber = person.scrubber(about=True)
    rows = mentioning(QuarantinedRow.objects.for_brand(brand), ["value", "raw", "reason"], person.needles())
    blanked = 0
    for row in rows.iterator(chunk_size=200):
        if (scrubber.text(row.value), scrubber.value(row.raw), scrubber.text(row.reason)) == (
            row.value,
            row.raw,
            row.reason,
        ):
            continue
        blanked += 1
        if not dry_run:
            row.value, row.raw, row.reason = "", {}, scrubber.text(row.reason)
            row.save(update_fields=["value", "raw", "reason"])
    return _count({"crm.QuarantinedRow blanked": blanked})


def _proposals(brand: Brand, person: Person, *, dry_run: bool) -> Counter[str]:
    rows = mentioning(Import.objects.for_brand(brand), ["proposal", "error", "filename", "stored"], person.needles())
    fields = ("proposal", "error", "filename", "stored")
    return _count({"crm.Import redacted": scrub_rows(rows, fields, person, about=False, dry_run=dry_run)})


def _long(person: Person) -> list[str]:
    return [one for one in person.needles() if len(one) >= 6]


def _count(found: dict[str, int]) -> Counter[str]:
    return Counter({name: count for name, count in found.items() if count})


def _holds(path: Path, needles: Iterable[bytes]) -> bool | None:
    """Whether the file holds one of the spellings; None where it cannot be read, False where it is gone."""
    wanted = [one.lower() for one in needles]
    wide = [one.decode("utf-8", "ignore").encode("utf-16-le") for one in wanted]
    if not path.is_file() or not wanted:
        return False
    try:
        return any(_in_stream(stream, [*wanted, *wide]) for stream in _streams(path))
    except (OSError, EOFError, zipfile.BadZipFile, ValueError):
        return None


def _streams(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b":
        with gzip.open(path) as stream:
            yield stream
    elif start == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    yield stream
    else:
        with path.open("rb") as stream:
            yield stream


def _in_stream(stream: Any, wanted: list[bytes]) -> bool:
    tail, read = b"", 0
    longest = max(len(one) for one in wanted)
    while piece := stream.read(PIECE):
        read += len(piece)
        if read > LARGEST_UNPACKED:
            raise ValueError("too large to be searched")
        window = (tail + piece).lower()
        if any(one in window for one in wanted):
            return True
        tail = window[-longest:]
    return False
