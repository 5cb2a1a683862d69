"""Storing sales: one pass of look-ups, one of comparison, bulk writes. Runs inside the transaction of its file."""

from __future__ import annotations

from typing import Any

from crm.imports.faults import Fault
from crm.imports.lookups import PackIndex, in_chunks
from crm.imports.reading import RawRow
from crm.imports.rows import SaleRow
from crm.imports.tally import Tally
from crm.models import Brand, Lead, Sale

SOURCE = "import"
FIELDS = ("pack", "lead", "amount", "currency", "sold_at", "attributed_to", "detail")


def store_sales(brand: Brand, rows: list[tuple[RawRow, SaleRow]], tally: Tally) -> None:
    """Insert new sales, update those that differ, leave the rest alone. What the file leaves blank stays as it is."""
    packs = PackIndex(brand)
    known = {sale.external_id: sale for sale in in_chunks(Sale, brand, [row.external_id for _, row in rows])}
    leads = {lead.external_id: lead.pk for lead in in_chunks(Lead, brand, [row.lead for _, row in rows if row.lead])}
    new: list[Sale] = []
    changed: list[Sale] = []
    without_currency = waiting = without_pack = 0
    for raw, row in rows:
        try:
            pack_id = packs.find(row.pack, row.pack_field)
        except Fault as fault:
            tally.refuse(raw, fault)
            continue
        without_currency += row.currency is None
        without_pack += pack_id is None
        waiting += bool(row.lead) and row.lead not in leads
        wanted = _wanted(brand, row, pack_id, leads)
        sale = known.get(row.external_id)
        if sale is None:
            new.append(Sale(brand=brand, external_id=row.external_id, source=SOURCE, **wanted))
        elif _apply(sale, wanted, keep_currency=row.currency is None):
            changed.append(sale)
        else:
            tally.unchanged += 1
    Sale.objects.for_brand(brand).bulk_create(new, batch_size=500)
    Sale.objects.for_brand(brand).bulk_update(changed, FIELDS, batch_size=200)
    tally.stored += len(new) + len(changed)
    tally.models["Sale"] += len(new) + len(changed)
    if without_currency:
        tally.notes.append(f"Amounts without a currency, taken as {brand.currency}: {without_currency:,}")
    if without_pack:
        tally.notes.append(f"Sales without a pack, counted for the brand only: {without_pack:,}")
    if waiting:
        tally.notes.append(f"Sales of a lead that is not there yet, linked as soon as it is: {waiting:,}")


def link_waiting_sales(brand: Brand, leads: dict[str, int]) -> int:
    """Tie sales that named a lead before it was imported to it; `leads` is external id to primary key. How many."""
    linked = []
    for sale in Sale.objects.for_brand(brand).filter(lead__isnull=True, detail__has_key="lead_id"):
        lead_id = leads.get(sale.detail["lead_id"])
        if lead_id is not None:
            sale.lead_id = lead_id
            linked.append(sale)
    Sale.objects.for_brand(brand).bulk_update(linked, ["lead"], batch_size=200)
    return len(linked)


def _wanted(brand: Brand, row: SaleRow, pack_id: int | None, leads: dict[str, int]) -> dict[str, Any]:
    detail = dict(row.detail)
    if row.lead:
        detail["lead_id"] = row.lead
    return {
        "pack_id": pack_id,
        "lead_id": leads.get(row.lead) if row.lead else None,
        "amount": row.amount,
        "currency": row.currency or brand.currency,
        "sold_at": row.sold_at,
        "attributed_to": row.episode,
        "detail": detail,
    }


def _apply(sale: Sale, wanted: dict[str, Any], *, keep_currency: bool) -> bool:
    """Write what differs onto the row; True when anything did."""
    if keep_currency:
        wanted["currency"] = sale.currency
    wanted["detail"] = {**sale.detail, **wanted["detail"]}
    differs = False
    for name, value in wanted.items():
        if value is not None and getattr(sale, name) != value:
            setattr(sale, name, value)
            differs = True
    return differs
