"""Who may be addressed: what a person said last on a purpose, and who must not be addressed whatever else is known.

Persons are known by keyed hashes only (`crm.privacy.keys`), so both lists outlive an erasure.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand, Consent, Contact, Lead, Outcome, Suppression
from crm.privacy.keys import person_of, persons_of
from crm.privacy.policies import policy_for
from crm.privacy.policy import ONLY_WITH_CONSENT, PURPOSES, Policy

LONGEST_LIST = 200_000  # lines of a file of addresses
CHUNK = 500
ADDRESS_COLUMNS = ("email", "e-mail", "email address", "address", "mail", "customer_id", "id", "phone")
ENDS_WRITING = {
    Outcome.Kind.UNSUBSCRIBED: Suppression.Reason.UNSUBSCRIBED,
    Outcome.Kind.BOUNCED: Suppression.Reason.BOUNCED,
}


class NotAnAddress(EndcapError):
    """What was given is neither an address nor an id."""


class StaysSuppressed(EndcapError):
    """Somebody who was erased cannot be taken off the list."""

    status = 409


class BadList(EndcapError):
    """A file of addresses that cannot be read."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether somebody may be addressed; `why_not` is a sentence for people, blank where allowed."""

    allowed: bool
    why_not: str = ""

    def __bool__(self) -> bool:
        return self.allowed


def may_address(brand: Brand, address: str, purpose: str = "email", *, policy: Policy | None = None) -> Allowance:
    """Whether the brand may use this address (or customer id) for the purpose: email, measurement, audience, training.

    Two queries, and one more where `policy` is not given. Raises ValueError for an unknown purpose.
    """
    return _may(brand, [_checked(address)], purpose, policy)


def may_write_to(lead: Lead, *, policy: Policy | None = None) -> Allowance:
    """The same for a lead with its contact: by address and by ids, and by what its messages met with."""
    brand = lead.brand
    ended = Outcome.objects.for_brand(brand).filter(lead=lead, kind__in=ENDS_WRITING).order_by("-occurred_at").first()
    if ended is not None:
        return Allowance(False, f"An earlier message ended it: {ended.get_kind_display().lower()}.")
    return _may(brand, addresses_of(lead), "email", policy)


def _may(brand: Brand, addresses: list[str], purpose: str, policy: Policy | None) -> Allowance:
    if purpose not in PURPOSES:
        raise ValueError(f"purpose “{purpose}” is not known; use {', '.join(PURPOSES)}")
    persons = [one for address in addresses for one in persons_of(brand, address)]
    barred = Suppression.objects.for_brand(brand).filter(person__in=persons).first()
    if barred is not None:
        return Allowance(False, f"This person is on the suppression list: {barred.get_reason_display().lower()}.")
    said = Consent.objects.for_brand(brand).filter(person__in=persons, purpose=purpose).first()
    if said is not None:
        if said.given:
            return Allowance(True)
        label, day = said.get_purpose_display().lower(), f"{said.said_at:%d %b %Y}"
        return Allowance(False, f"This person said no to {label} on {day}.")
    if (policy or policy_for(brand)).address[purpose] == ONLY_WITH_CONSENT:
        label = Consent.Purpose(purpose).label.lower()
        return Allowance(False, f"This person has not agreed to {label}, and the privacy policy asks for consent.")
    return Allowance(True)


def addresses_of(lead: Lead) -> list[str]:
    """What a lead is known by: the contact's address first, then ids."""
    contact = lead.contact
    known = [contact.email, contact.external_id] if contact is not None else []
    return list(dict.fromkeys(one for one in (*known, lead.external_id) if one))


def record(
    *, brand: Brand, address: str, purpose: str, given: bool, source: str, contact: Contact | None = None,
    said_at: datetime | None = None,
) -> Consent:  # fmt: skip
    """Keep what somebody said. The newest word of a person and purpose holds."""
    if purpose not in PURPOSES:
        raise ValueError(f"purpose “{purpose}” is not known; use {', '.join(PURPOSES)}")
    made: Consent = Consent.objects.for_brand(brand).create(
        brand=brand, person=person_of(brand, _checked(address)), contact=contact, purpose=purpose, given=given,
        source=source[:120], said_at=said_at or timezone.now(),
    )  # fmt: skip
    return made


def suppress(*, brand: Brand, address: str, reason: str, source: str = "") -> bool:
    """Put somebody on the list; False where they stood there. `erased` replaces any other reason."""
    return bool(suppress_many(brand=brand, addresses=[address], reason=reason, source=source))


def suppress_many(*, brand: Brand, addresses: Iterable[str], reason: str, source: str = "") -> int:
    """How many are new on the list. Repeating it changes nothing."""
    persons = list(dict.fromkeys(person_of(brand, _checked(address)) for address in addresses))
    rows = Suppression.objects.for_brand(brand)
    added = 0
    for start in range(0, len(persons), CHUNK):
        chunk = persons[start : start + CHUNK]
        known = set(rows.filter(person__in=chunk).values_list("person", flat=True))
        new = [
            Suppression(brand=brand, person=one, reason=reason, source=source[:120])
            for one in chunk
            if one not in known
        ]
        rows.bulk_create(new, ignore_conflicts=True)
        added += len(new)
        if reason == Suppression.Reason.ERASED and known:
            rows.filter(person__in=known).update(reason=reason, source=source[:120])
    return added


def take_off(*, brand: Brand, address: str) -> bool:
    """Take somebody off the list; False where they were not on it. Raises StaysSuppressed for who was erased."""
    rows = Suppression.objects.for_brand(brand).filter(person__in=persons_of(brand, _checked(address)))
    return _removed(rows)


def take_off_row(*, brand: Brand, pk: int) -> bool:
    """The same for one row of the list."""
    return _removed(Suppression.objects.for_brand(brand).filter(pk=pk))


def _removed(rows: QuerySet[Any]) -> bool:
    if rows.filter(reason=Suppression.Reason.ERASED).exists():
        raise StaysSuppressed("This person was erased and stays on the list, so that no import brings them back.")
    return rows.delete()[0] > 0


def suppressed(brand: Brand, *, address: str = "", reason: str = "") -> QuerySet[Any]:
    """The list, newest first; with an address the one entry of it."""
    rows: QuerySet[Any] = Suppression.objects.for_brand(brand)
    if address:
        rows = rows.filter(person__in=persons_of(brand, address))
    return rows.filter(reason=reason) if reason else rows


def erased_among(brand: Brand, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses that asked to be forgotten."""
    if not Suppression.objects.for_brand(brand).filter(reason=Suppression.Reason.ERASED).exists():
        return set()
    by_hash = {one: address for address in set(addresses) if address for one in persons_of(brand, address)}
    found: set[str] = set()
    hashes = list(by_hash)
    for start in range(0, len(hashes), CHUNK):
        rows = Suppression.objects.for_brand(brand).filter(
            person__in=hashes[start : start + CHUNK], reason=Suppression.Reason.ERASED
        )
        found |= {by_hash[one] for one in rows.values_list("person", flat=True)}
    return found


def barred_among(brand: Brand, known_by: Mapping[str, Iterable[str]], purpose: str, *, policy: Policy) -> set[str]:
    """Those people (keys of `known_by`, which says the addresses and ids of each) who must not be used for the purpose.

    The same answer as `may_address` one by one, in two queries for each 500 hashes.
    """
    of: dict[str, set[str]] = {}
    for key, addresses in known_by.items():
        for address in addresses:
            for one in persons_of(brand, address):
                of.setdefault(one, set()).add(key)
    barred: set[str] = set()
    said: dict[str, tuple[datetime, int, bool]] = {}
    hashes = list(of)
    for start in range(0, len(hashes), CHUNK):
        chunk = hashes[start : start + CHUNK]
        for one in Suppression.objects.for_brand(brand).filter(person__in=chunk).values_list("person", flat=True):
            barred |= of[one]
        words = Consent.objects.for_brand(brand).filter(person__in=chunk, purpose=purpose)
        for one, at, number, given in words.values_list("person", "said_at", "pk", "given"):
            for key in of[one]:
                said[key] = max(said.get(key, (at, number, given)), (at, number, given))
    only_with_consent = policy.address[purpose] == ONLY_WITH_CONSENT
    for key in known_by:
        if (key in said and not said[key][2]) or (key not in said and only_with_consent):
            barred.add(key)
    return barred


def import_list(*, brand: Brand, file: IO[str], reason: str, source: str) -> dict[str, int]:
    """Addresses of a CSV (a column email, address, phone or id; or one address a line). Returns read, added, known and
    skipped. The addresses themselves are not kept. Raises BadList."""
    if reason not in Suppression.Reason.values or reason == Suppression.Reason.ERASED:
        raise BadList(f"reason: “{reason}” cannot be given to a list. Use unsubscribed, bounced, complained or manual.")
    try:
        lines = list(_lines(file))
    except UnicodeDecodeError as error:
        raise BadList("The file is not text in UTF-8. Save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise BadList(f"The file is no CSV: {error}.") from error
    if not lines:
        raise BadList("The file is empty. One address on each line is enough.")
    head = [cell.strip().casefold() for cell in lines[0]]
    column = next((head.index(name) for name in ADDRESS_COLUMNS if name in head), None)
    body = lines[1:] if column is not None else lines
    values = [line[column or 0].strip() if len(line) > (column or 0) else "" for line in body]
    good = [one for one in values if _plausible(one)]
    if not good:
        raise BadList("No address was found. Name the column email, phone or customer_id, or write one on each line.")
    added = suppress_many(brand=brand, addresses=good, reason=reason, source=source)
    return {"read": len(values), "added": added, "known": len(set(good)) - added, "skipped": len(values) - len(good)}


def follow_outcomes(brand: Brand, *, since: datetime | None = None) -> int:
    """Put whoever unsubscribed or does not exist on the list; how many are new."""
    rows = Outcome.objects.for_brand(brand).filter(kind__in=ENDS_WRITING).select_related("lead__contact", "contact")
    if since is not None:
        rows = rows.filter(occurred_at__gte=since)
    added = 0
    for outcome in rows.iterator(chunk_size=CHUNK):
        contact = outcome.contact or (outcome.lead.contact if outcome.lead else None)
        address = (contact.email or contact.external_id) if contact else (outcome.lead and outcome.lead.external_id)
        if address:
            source = f"{outcome.source}: {outcome.get_kind_display().lower()}"
            added += suppress(brand=brand, address=address, reason=ENDS_WRITING[outcome.kind], source=source)
    return added


def counts(brand: Brand) -> list[dict[str, Any]]:
    """For each purpose how many rows say yes and no. One query."""
    rows = Consent.objects.for_brand(brand).order_by().values("purpose")
    found = {
        row["purpose"]: row
        for row in rows.annotate(yes=Count("pk", filter=Q(given=True)), no=Count("pk", filter=Q(given=False)))
    }
    return [
        {"purpose": label, "yes": found.get(value, {}).get("yes", 0), "no": found.get(value, {}).get("no", 0)}
        for value, label in Consent.Purpose.choices
    ]


def _lines(file: IO[str]) -> Iterable[list[str]]:
    for number, line in enumerate(csv.reader(file)):
        if number > LONGEST_LIST:
            raise BadList(f"More than {LONGEST_LIST:,} lines. Split the file.")
        if any(cell.strip() for cell in line):
            yield [cell.lstrip("\ufeff") for cell in line]


def _plausible(value: str) -> bool:
    return 3 <= len(value) <= 254


def _checked(address: str) -> str:
    if not _plausible(address.strip()):
        raise NotAnAddress(f"“{address[:40]}” is no address: write an e-mail address, a phone number or a customer id.")
    return address
