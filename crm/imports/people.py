"""Companies and contacts named in rows of leads: found by name and by e-mail address, made when new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from crm.imports.lookups import CHUNK, in_chunks
from crm.imports.rows import LeadRow
from crm.imports.values import shortened
from crm.models import Brand, Company, Contact


class People:
    """Companies (one for each name, whatever its case) and contacts (one for each address) of a file."""

    def __init__(self, brand: Brand, rows: Iterable[LeadRow]) -> None:
        rows = sorted(rows, key=lambda row: row.external_id)  # the same file in another order makes the same people
        self.made: Counter[str] = Counter()
        self._companies = self._store_companies(brand, rows)
        self._contacts = self._store_contacts(brand, rows)

    def company(self, row: LeadRow) -> int | None:
        return self._companies.get(_company_key(row.company)) if row.company else None

    def contact(self, row: LeadRow) -> int | None:
        return self._contacts.get(_contact_key(row.email)) if row.email else None

    def _store_companies(self, brand: Brand, rows: list[LeadRow]) -> dict[str, int]:
        names = {_company_key(row.company): row.company for row in rows if row.company}
        known = {company.external_id: company.pk for company in in_chunks(Company, brand, names)}
        new = [
            Company(brand=brand, external_id=key, name=name) for key, name in sorted(names.items()) if key not in known
        ]
        Company.objects.for_brand(brand).bulk_create(new, batch_size=CHUNK)
        self.made["Company"] += len(new)
        return known | {company.external_id: company.pk for company in new}

    def _store_contacts(self, brand: Brand, rows: list[LeadRow]) -> dict[str, int]:
        by_key: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row.email:
                said = {"email": row.email, "name": row.name, "job_title": row.job, "company_id": self.company(row)}
                merged = by_key.setdefault(_contact_key(row.email), {})
                merged.update({name: value for name, value in said.items() if value and name not in merged})
        known = {contact.external_id: contact.pk for contact in in_chunks(Contact, brand, by_key)}
        new = [
            Contact(brand=brand, external_id=key, **said) for key, said in sorted(by_key.items()) if key not in known
        ]
        Contact.objects.for_brand(brand).bulk_create(new, batch_size=CHUNK)
        self.made["Contact"] += len(new)
        return known | {contact.external_id: contact.pk for contact in new}


def _company_key(name: str) -> str:
    return shortened(" ".join(name.split()).casefold(), "name")


def _contact_key(email: str) -> str:
    return shortened(email, "email")
