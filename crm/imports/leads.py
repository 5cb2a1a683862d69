"""Storing leads with company, contact and history of stages. Runs inside the transaction of its file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Max

from crm.imports.faults import Fault
from crm.imports.lookups import CHUNK, PackIndex, StageIndex, in_chunks
from crm.imports.people import People
from crm.imports.reading import RawRow
from crm.imports.rows import LeadRow
from crm.imports.sales import link_waiting_sales
from crm.imports.tally import Tally
from crm.models import Brand, Lead, PipelineStage, StageChange
from crm.privacy.applying import cleaner
from crm.privacy.consent import erased_among

SOURCE = "import"
FIELDS = ("pack", "name", "company", "contact", "stage", "funnel_stage", "amount", "currency", "created_at", "detail")


@dataclass(slots=True)
class Draft:
    """A row whose pack and stage have been found. `stage` None: the source says nothing about it."""

    raw: RawRow
    row: LeadRow
    pack_id: int | None
    stage: PipelineStage | None
    stage_at: datetime | None


def store_leads(brand: Brand, rows: list[tuple[RawRow, LeadRow]], tally: Tally, *, now: datetime) -> None:
    """Look up packs and stages, set aside rows that name unknown ones, store the rest."""
    packs, stages = PackIndex(brand), StageIndex(brand)
    drafts = []
    for raw, row in rows:
        try:
            pack_id = packs.find(row.pack, row.pack_field)
            stage = stages.find(row.stage, row.stage_field) if row.stage is not None else None
        except Fault as fault:
            tally.refuse(raw, fault)
            continue
        drafts.append(Draft(raw, row, pack_id, stage, row.stage_at))
    store_drafts(brand, drafts, tally, first=stages.first, now=now)


def store_drafts(
    brand: Brand, drafts: list[Draft], tally: Tally, *, first: PipelineStage, now: datetime, source: str = SOURCE
) -> None:
    """Insert new leads (without a stage they begin at `first`), update those that differ, write every stage change.

    A stage older than what is stored (the row's own date is earlier than the last change) does not move a lead back.
    """
    drafts = _without_erased(brand, drafts, tally)
    clean = cleaner(brand, "imports")
    people = People(brand, [draft.row for draft in drafts])
    known = {lead.external_id: lead for lead in in_chunks(Lead, brand, [draft.row.external_id for draft in drafts])}
    latest = _latest_changes(brand, [lead.pk for lead in known.values()])
    new: list[Lead] = []
    changed: list[Lead] = []
    changes: list[StageChange] = []
    stageless = stale = 0
    for draft in drafts:
        lead = known.get(draft.row.external_id)
        wanted = _wanted(brand, draft, people, clean)
        if lead is None:
            stage = draft.stage or first
            stageless += draft.stage is None
            lead = _new_lead(brand, draft, wanted, stage, now, source)
            new.append(lead)
            changes.append(_change(lead, None, stage, draft.stage_at or _began(draft, stage, now), source))
            continue
        differs = _apply(lead, wanted, keep_currency=draft.row.currency is None)
        if draft.stage is not None and draft.stage.pk != lead.stage_id:
            last = latest.get(lead.pk)
            if draft.stage_at is not None and last is not None and draft.stage_at < last:
                stale += 1
            else:
                changes.append(_change(lead, lead.stage, draft.stage, draft.stage_at or now, source))
                lead.stage, lead.funnel_stage = draft.stage, draft.stage.maps_to
                differs = True
        if differs:
            changed.append(lead)
        else:
            tally.unchanged += 1
    Lead.objects.for_brand(brand).bulk_create(new, batch_size=CHUNK)
    Lead.objects.for_brand(brand).bulk_update(changed, FIELDS, batch_size=200)
    StageChange.objects.for_brand(brand).bulk_create(changes, batch_size=CHUNK, ignore_conflicts=True)
    linked = link_waiting_sales(brand, {lead.external_id: lead.pk for lead in new})
    tally.stored += len(new) + len(changed)
    tally.models.update({"Lead": len(new) + len(changed), "StageChange": len(changes), **people.made})
    _tell(tally, stageless, stale, linked, first)


def _latest_changes(brand: Brand, leads: list[int]) -> dict[int, datetime]:
    latest: dict[int, datetime] = {}
    for start in range(0, len(leads), CHUNK):
        changes = StageChange.objects.for_brand(brand).filter(lead__in=leads[start : start + CHUNK])
        latest.update(changes.order_by().values_list("lead").annotate(Max("changed_at")))
    return latest


def _without_erased(brand: Brand, drafts: list[Draft], tally: Tally) -> list[Draft]:
    """Rows about people who asked to be forgotten are set aside without saying who they are."""
    known_by = [one for draft in drafts for one in (draft.row.email, draft.row.external_id) if one]
    erased = erased_among(brand, known_by)
    kept = []
    for draft in drafts:
        if draft.row.email in erased or draft.row.external_id in erased:
            tally.refuse(draft.raw, Fault("person", "", "this person asked to be forgotten"))
            tally.set_aside[-1] = replace(tally.set_aside[-1], raw={})
        else:
            kept.append(draft)
    return kept


def _wanted(brand: Brand, draft: Draft, people: People, clean: Callable[[Any], Any]) -> dict[str, Any]:
    row = draft.row
    return {
        "pack_id": draft.pack_id,
        "name": row.name,
        "company_id": people.company(row),
        "contact_id": people.contact(row),
        "amount": row.amount,
        "currency": (row.currency or brand.currency) if row.amount is not None else None,
        "created_at": row.created_at,
        "detail": clean(row.detail) or None,
    }


def _new_lead(
    brand: Brand, draft: Draft, wanted: dict[str, Any], stage: PipelineStage, now: datetime, source: str
) -> Lead:
    given = {name: value for name, value in wanted.items() if value is not None}
    given.setdefault("name", draft.row.company or draft.row.email or draft.row.external_id)
    given.setdefault("created_at", draft.stage_at or now)
    return Lead(
        brand=brand,
        external_id=draft.row.external_id,
        source=source,
        stage=stage,
        funnel_stage=stage.maps_to,
        **given,
    )


def _began(draft: Draft, stage: PipelineStage, now: datetime) -> datetime:
    """When a new lead came to its stage: its beginning for the first stage, else the moment we learnt of it."""
    created_at = draft.row.created_at
    return created_at if created_at is not None and stage.maps_to == "prospect" else now


def _change(lead: Lead, before: PipelineStage | None, after: PipelineStage, at: datetime, source: str) -> StageChange:
    return StageChange(
        lead=lead,
        from_stage=before,
        to_stage=after,
        from_funnel=lead.funnel_stage if before is not None else "",
        to_funnel=after.maps_to,
        changed_at=at,
        source=source,
    )


def _apply(lead: Lead, wanted: dict[str, Any], *, keep_currency: bool) -> bool:
    """Write what the file says and what differs onto the row; True when anything did."""
    if keep_currency and lead.currency:
        wanted["currency"] = None
    if wanted["detail"] is not None:
        wanted["detail"] = {**lead.detail, **wanted["detail"]}
    differs = False
    for name, value in wanted.items():
        if value is not None and getattr(lead, name) != value:
            setattr(lead, name, value)
            differs = True
    return differs


def _tell(tally: Tally, stageless: int, stale: int, linked: int, first: PipelineStage) -> None:
    if stageless:
        tally.notes.append(f"New leads without a stage, which begin at {first.name}: {stageless:,}")
    if stale:
        tally.notes.append(f"Leads with a stage older than the one stored, which stay where they are: {stale:,}")
    if linked:
        tally.notes.append(f"Sales that waited for their lead and are linked now: {linked:,}")
