"""Deals of the export become leads; their stage history and their links to contacts and companies follow."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from crm.imports.faults import Fault
from crm.imports.hubspot.board import Board
from crm.imports.hubspot.tables import PREFIX, Table, instant, needed, rest, truth
from crm.imports.leads import Draft, store_drafts
from crm.imports.lookups import in_chunks
from crm.imports.money import parse_amount
from crm.imports.reading import RawRow
from crm.imports.rows import LeadRow
from crm.imports.writing import Once, again
from crm.models import Brand, Company, Contact, Lead, PipelineStage, StageChange
from crm.pipelines import default_stages

SOURCE = "hubspot"
_USED = ("deal_id", "is_deleted", "deal_pipeline_stage_id", "property_dealname", "property_amount",
         "property_createdate", "property_closedate")  # fmt: skip


def store_deals(brand: Brand, table: Table, board: Board, *, now: datetime) -> dict[str, Lead]:
    """Leads of the brand by external id, this table's among them."""
    drafts = []
    once = Once()
    for raw, row in table.each():
        try:
            identifier = needed(row, "deal_id")
            if again(once, identifier, row, "deal_id"):
                table.tally.unchanged += 1
                continue
            drafts.append(_draft(brand, raw, row, board, now))
        except Fault as fault:
            table.tally.refuse(raw, fault)
    first = default_stages(brand)["prospect"]
    store_drafts(brand, drafts, table.tally, first=first, now=now, source=SOURCE)
    leads = Lead.objects.for_brand(brand).filter(external_id__startswith=PREFIX).select_related("stage")
    return {lead.external_id: lead for lead in leads}


def store_history(brand: Brand, table: Table, leads: dict[str, Lead], board: Board, *, now: datetime) -> None:
    """Stage changes of deals that are here; a deal stands where its latest change left it."""
    moves: dict[int, list[tuple[datetime, PipelineStage]]] = defaultdict(list)
    once = Once()
    by_key: dict[tuple[int, datetime, int], None] = {}
    for raw, row in table.each():
        try:
            lead = _lead(leads, row)
            stage = board.stage(needed(row, "value"), "value")
            at = instant(row, "date_entered", now) or instant(row, "_fivetran_start", now)
            if at is None:
                raise Fault("date_entered", "", "is missing")
            if again(once, f"{lead.pk} {at} {stage.pk}", row, "deal_id"):
                table.tally.unchanged += 1
                continue
        except Fault as fault:
            table.tally.refuse(raw, fault)
            continue
        moves[lead.pk].append((at, stage))
        by_key[lead.pk, at, stage.pk] = None
    changes = StageChange.objects.for_brand(brand).filter(lead__in=moves)
    known = set(changes.values_list("lead_id", "changed_at", "to_stage_id"))
    table.tally.unchanged += sum(key in known for key in by_key)
    new = []
    for lead in leads.values():
        before: PipelineStage | None = None
        for at, stage in sorted(moves.get(lead.pk, ()), key=lambda move: move[0]):
            if (lead.pk, at, stage.pk) not in known:
                new.append(
                    StageChange(
                        lead=lead,
                        from_stage=before,
                        to_stage=stage,
                        from_funnel=before.maps_to if before else "",
                        to_funnel=stage.maps_to,
                        changed_at=at,
                        source=SOURCE,
                    )
                )
            before = stage
        if before is not None and lead.stage_id != before.pk:
            lead.stage, lead.funnel_stage = before, before.maps_to
            lead.save(update_fields=["stage", "funnel_stage"])
    StageChange.objects.for_brand(brand).bulk_create(new)
    table.tally.stored += len(new)
    table.tally.models["StageChange"] += len(new)


def link(
    brand: Brand, table: Table, leads: dict[str, Lead], others: type[Company] | type[Contact], *, column: str
) -> None:
    """Tie deals to contacts or companies. Of several the first by id is the lead's; all are in the detail."""
    name = column.removesuffix("_id")
    ids = [PREFIX + value for _, row in table.each() if (value := row.get(column))]
    known = {other.external_id: other for other in in_chunks(others, brand, ids)}
    once = Once()
    touched: dict[int, Lead] = {}
    for raw, row in table.each():
        try:
            lead = _lead(leads, row)
            other = known.get(PREFIX + needed(row, column))
            if other is None:
                raise Fault(column, row[column], f"no {name} of this export has this id")
            if again(once, f"{lead.pk} {other.pk}", row, column):
                table.tally.unchanged += 1
                continue
        except Fault as fault:
            table.tally.refuse(raw, fault)
            continue
        linked = lead.detail.setdefault(f"{name}_ids", [])
        if other.external_id in linked:
            table.tally.unchanged += 1
            continue
        linked.append(other.external_id)
        linked.sort()
        setattr(lead, name, known.get(linked[0], getattr(lead, name)))
        touched[lead.pk] = lead
        table.tally.stored += 1
    Lead.objects.for_brand(brand).bulk_update(touched.values(), [name, "detail"])


def _draft(brand: Brand, raw: RawRow, row: dict[str, str | None], board: Board, now: datetime) -> Draft:
    if truth(row, "is_deleted"):
        raise Fault("is_deleted", row["is_deleted"], "was deleted in HubSpot")
    stage_id = row.get("deal_pipeline_stage_id")
    stage = board.stage(stage_id, "deal_pipeline_stage_id") if stage_id else None
    amount: Decimal | None = None
    currency: str | None = None
    if row.get("property_amount"):
        money = parse_amount(row["property_amount"], field="property_amount", currency=None, home=brand.currency)
        amount, currency = money.amount, money.currency
    detail: dict[str, Any] = rest(row, *_USED)
    closes_at = instant(row, "property_closedate", now, future_allowed=True)
    if closes_at is not None:
        detail["closes_on"] = closes_at.date().isoformat()
    name = row.get("property_dealname")
    if name and len(name) > 200:
        raise Fault("property_dealname", name, "is longer than 200 characters")
    lead = LeadRow(
        external_id=PREFIX + needed(row, "deal_id"), pack=None, pack_field="", name=name, company=None, email=None,
        job=None, stage=None, stage_field="", stage_at=None, amount=amount, currency=currency,
        created_at=instant(row, "property_createdate", now), detail=detail,
    )  # fmt: skip
    return Draft(raw, lead, None, stage, None)


def _lead(leads: dict[str, Lead], row: dict[str, str | None]) -> Lead:
    found = leads.get(PREFIX + needed(row, "deal_id"))
    if found is None:
        raise Fault("deal_id", row["deal_id"], "no deal of this export has this id")
    return found
