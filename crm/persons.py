"""Who somebody is in a brand's data: the rows and spellings that belong to one address or customer id."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from crm.models import Brand, Contact, Lead
from crm.privacy.detection import detect
from crm.privacy.keys import person_of
from crm.privacy.redaction import normalised
from crm.privacy.scrub import Scrubber

KNOWN_BY = ("email", "phone", "customer_id", "national_id", "ssn", "card", "iban")


@dataclass(frozen=True, slots=True)
class Person:
    """In memory only, never stored. `values`: addresses and ids as they are written; `lead_keys`: the leads' external
    ids; `hash`: the keyed hash of what was asked for."""

    hash: str
    contacts: tuple[int, ...]
    leads: tuple[int, ...]
    lead_keys: tuple[str, ...]
    values: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def alias(self) -> str:
        """What stands in the place of an id."""
        return f"erased-{self.hash[:12]}"

    def scrubber(self, *, about: bool = False) -> Scrubber:
        return Scrubber(self.values, self.names, about=about)

    def needles(self) -> list[str]:
        """Spellings worth searching tables for, as they stand in text and in JSON (which may escape letters)."""
        found = [*(one for one in self.values if len(one) >= 3), *(one for one in self.names if " " in one)]
        return list(dict.fromkeys([*found, *(json.dumps(one)[1:-1] for one in found)]))


def find(brand: Brand, who: str) -> Person:
    """Everybody known under this e-mail address, phone number or id. Somebody unknown has no rows, only the value."""
    asked = who.strip()
    spellings = {asked, asked.casefold(), normalised(asked)}
    same = Q(external_id__in=spellings) | Q(email__iexact=asked)
    contacts = {one.pk: one for one in Contact.objects.for_brand(brand).filter(same)}
    leads = {one.pk: one for one in _leads(brand).filter(Q(external_id__in=spellings) | Q(contact__in=list(contacts)))}
    if len(asked) >= 6:
        for one in mentioning(_leads(brand), ["detail"], [asked]):
            leads[one.pk] = one
        for one in mentioning(Contact.objects.for_brand(brand), ["detail"], [asked]):
            contacts[one.pk] = one
    for lead in list(leads.values()):
        if lead.contact is not None:
            contacts[lead.contact.pk] = lead.contact
    for one in _leads(brand).filter(contact__in=list(contacts)):
        leads[one.pk] = one
    details: list[Any] = [one.detail for one in (*contacts.values(), *leads.values())]
    texts = " \n ".join(_texts(details))
    values = [asked]
    for contact in contacts.values():
        values += [contact.email, contact.external_id]
    values += [lead.external_id for lead in leads.values()]
    values += [span.value for span in detect(texts) if span.kind in KNOWN_BY]
    names = [contact.name for contact in contacts.values()]
    names += [lead.name for lead in leads.values() if lead.contact is None or lead.name == lead.contact.name]
    return Person(
        hash=person_of(brand, asked),
        contacts=tuple(contacts),
        leads=tuple(leads),
        lead_keys=tuple(sorted({lead.external_id for lead in leads.values()})),
        values=tuple(dict.fromkeys(value for value in values if value)),
        names=tuple(dict.fromkeys(name for name in names if name and name not in values)),
    )


def mentioning(rows: QuerySet[Any], fields: Iterable[str], needles: Iterable[str]) -> QuerySet[Any]:
    """Rows of which one of the text or JSON fields holds one of the spellings, whatever its case. A full scan."""
    wanted = Q()
    texts: dict[str, Any] = {}
    for field in fields:
        texts[f"text_of_{field}"] = Cast(field, TextField())
        for needle in needles:
            wanted |= Q(**{f"text_of_{field}__icontains": needle})
    return rows.alias(**texts).filter(wanted) if wanted else rows.none()


def _leads(brand: Brand) -> QuerySet[Any]:
    rows: QuerySet[Any] = Lead.objects.for_brand(brand).select_related("contact")
    return rows


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            for text in _texts(one):
                yield f"{name}: {text}"
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
