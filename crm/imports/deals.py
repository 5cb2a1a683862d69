"""Storing deals: pipelines and stages by name, with the chances the file gives them; deals themselves become leads."""

from __future__ import annotations

from datetime import datetime

from crm.imports.board import Board
from crm.imports.faults import Fault
from crm.imports.leads import Draft, store_drafts
from crm.imports.lookups import PackIndex, StageIndex
from crm.imports.reading import RawRow
from crm.imports.rows import DealRow
from crm.imports.tally import Tally
from crm.models import Brand, FunnelStage, PipelineStage


def store_deals(brand: Brand, rows: list[tuple[RawRow, DealRow]], tally: Tally, *, now: datetime) -> None:
    """Store deals as leads; pipelines and stages the brand does not have yet are made from the file.

    A row without a pipeline uses the brand's own; its stage must then be a known word. Rows of a stage to which the
    file gives several chances to win are all set aside: which of them holds cannot be told.
    """
    packs, words = PackIndex(brand), StageIndex(brand)
    board = Board(brand, [row for _, row in rows])
    drafts = []
    for raw, row in sorted(rows, key=lambda pair: pair[1].lead.external_id):  # names and places whatever the order
        try:
            pack_id = packs.find(row.lead.pack, row.lead.pack_field)
            stage: PipelineStage | None = None
            if row.lead.stage is not None:
                stage = board.find(row) if row.pipeline else words.known(row.lead.stage, row.lead.stage_field)
        except Fault as fault:
            tally.refuse(raw, fault)
            continue
        drafts.append(Draft(raw, row.lead, pack_id, stage, _entered(row, stage, now)))
    board.store(tally)
    store_drafts(brand, drafts, tally, first=words.first, now=now)


def _entered(row: DealRow, stage: PipelineStage | None, now: datetime) -> datetime | None:
    """When the deal came to its stage: a closed deal on its closing day, others when the row says so."""
    closed = stage is not None and stage.maps_to in (FunnelStage.PURCHASED, FunnelStage.LOST)
    if row.lead.stage_at is None and closed and row.closes_at is not None and row.closes_at <= now:
        return row.closes_at
    return row.lead.stage_at
