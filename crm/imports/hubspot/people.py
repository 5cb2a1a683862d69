"""Companies and contacts of the export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm.imports.faults import Fault
from crm.imports.hubspot.tables import PREFIX, Table, needed, rest, truth
from crm.imports.writing import Once, again, upsert
from crm.models import Brand, Company, Contact


def store_companies(brand: Brand, table: Table) -> dict[str, Company]:
    """Companies by external id."""
    return upsert(Company, brand, _collect(table, "is_deleted", _company), table.tally)


def store_contacts(brand: Brand, table: Table) -> dict[str, Contact]:
    """Contacts by external id. A company is only text in this table; it stays in the detail, joined to nothing."""
    return upsert(Contact, brand, _collect(table, "_fivetran_deleted", _contact), table.tally)


def _collect(
    table: Table, deleted: str, fields_of: Callable[[dict[str, str | None]], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    wanted: dict[str, dict[str, Any]] = {}
    once = Once()
    for raw, row in table.each():
        try:
            identifier = needed(row, "id")
            if again(once, identifier, row, "id"):
                table.tally.unchanged += 1
                continue
            if truth(row, deleted):
                raise Fault(deleted, row[deleted], "was deleted in HubSpot")
            wanted[PREFIX + identifier] = fields_of(row)
        except Fault as fault:
            table.tally.refuse(raw, fault)
    return wanted


def _company(row: dict[str, str | None]) -> dict[str, Any]:
    return {
        "name": _fit(row, "property_name", 200) or f"Company {row['id']}",
        "industry": _fit(row, "property_industry", 120),
        "country": _fit(row, "property_country", 80),
        "detail": rest(row, "id", "is_deleted", "property_name", "property_industry", "property_country"),
    }


def _contact(row: dict[str, str | None]) -> dict[str, Any]:
    names = (row.get("property_firstname"), row.get("property_lastname"))
    name = " ".join(part for part in names if part)
    if len(name) > 200:
        raise Fault("property_lastname", name, "is longer than 200 characters")
    used = ("id", "property_firstname", "property_lastname", "property_email", "property_jobtitle")
    return {
        "name": name,
        "email": _fit(row, "property_email", 254),
        "job_title": _fit(row, "property_jobtitle", 120),
        "detail": rest(row, *used),
    }


def _fit(row: dict[str, str | None], column: str, longest: int) -> str:
    value = row.get(column) or ""
    if len(value) > longest:
        raise Fault(column, value, f"is longer than {longest} characters")
    return value
