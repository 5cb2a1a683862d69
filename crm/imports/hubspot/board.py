"""Pipelines and stages of the export, joined by id or by the proven hash of an id."""

from __future__ import annotations

from typing import Any

from crm.imports.faults import Fault
from crm.imports.funnel import funnel_word
from crm.imports.hubspot.tables import PREFIX, Table, index_of, is_hash, needed, truth
from crm.imports.values import probability
from crm.imports.writing import Once, again, upsert
from crm.models import Brand, Pipeline, PipelineStage


class Board:
    """Stores pipelines and stages and answers which stage an id (plain or hashed) means."""

    def __init__(self, brand: Brand, pipelines: Table, stages: Table) -> None:
        self.brand = brand
        self._pipelines = self._store_pipelines(pipelines)
        self._pipeline_ids = index_of(key.removeprefix(PREFIX) for key in self._pipelines)
        self._stages: dict[str, PipelineStage] = {}
        self._store_stages(stages)
        self._stage_ids = index_of(self._stages)

    def stage(self, identifier: str, field: str) -> PipelineStage:
        """The stage with this id. Raises Fault when the export has none."""
        found = self._stage_ids.get(identifier)
        if found is None:
            raise Fault(field, identifier, "no stage of this export has this id, nor one whose hash it is")
        return self._stages[found]

    def _store_pipelines(self, table: Table) -> dict[str, Pipeline]:
        wanted: dict[str, dict[str, Any]] = {}
        once = Once()
        hashed = 0
        for raw, row in table.each():
            try:
                identifier = needed(row, "pipeline_id")
                if again(once, identifier, row, "pipeline_id"):
                    table.tally.unchanged += 1
                    continue
                label = row.get("label") or identifier
                hashed += is_hash(label)
                name = identifier if is_hash(label) else label
                name += " (deleted in HubSpot)" if truth(row, "_fivetran_deleted") else ""
                order = _order(row)
            except Fault as fault:
                table.tally.refuse(raw, fault)
                continue
            wanted[PREFIX + identifier] = {"name": name[:120], "order": order}
        if hashed:
            table.tally.notes.append(f"Pipelines with hashed labels, called by their id: {hashed}")
        return upsert(Pipeline, self.brand, wanted, table.tally)

    def _store_stages(self, table: Table) -> None:
        ready: list[tuple[str, Pipeline, dict[str, Any]]] = []
        once = Once()
        with_chances = self._pipelines_with_chances(table)
        made: set[str] = set()
        hashed = by_hash = 0
        for raw, row in table.each():
            try:
                identifier, pipeline_id = needed(row, "stage_id"), needed(row, "pipeline_id")
                if again(once, identifier, row, "stage_id"):
                    table.tally.unchanged += 1
                    continue
                fields = _stage_fields(row, pipeline_has_chances=pipeline_id in with_chances)
            except Fault as fault:
                table.tally.refuse(raw, fault)
                continue
            hashed += is_hash(row.get("label") or "")
            by_hash += pipeline_id in self._pipeline_ids and PREFIX + pipeline_id not in self._pipelines
            ready.append((identifier, self._pipeline_of(pipeline_id, table, made), fields))
        self._write(ready, table)
        if by_hash:
            table.tally.notes.append(f"Stages that name their pipeline by the MD5 of its id, an exact join: {by_hash}")
        if made:
            table.tally.notes.append(f"Pipelines known only by a hash, made under that hash: {len(made)}")
        if hashed:
            table.tally.notes.append(f"Stages with hashed labels, called by their place in the pipeline: {hashed}")

    def _pipeline_of(self, pipeline_id: str, table: Table, made: set[str]) -> Pipeline:
        found = self._pipeline_ids.get(pipeline_id)
        if found is None:
            name = f"Pipeline {pipeline_id[:8]} (only its hash is known)" if is_hash(pipeline_id) else pipeline_id
            pipeline, created = Pipeline.objects.for_brand(self.brand).get_or_create(
                brand=self.brand, external_id=PREFIX + pipeline_id, defaults={"name": name[:120]}
            )
            table.tally.models["Pipeline"] += created
            made.add(pipeline_id)
            self._pipelines[PREFIX + pipeline_id] = pipeline
            self._pipeline_ids[pipeline_id] = found = pipeline_id
        return self._pipelines[PREFIX + found]

    def _write(self, ready: list[tuple[str, Pipeline, dict[str, Any]]], table: Table) -> None:
        existing = PipelineStage.objects.for_brand(self.brand).filter(external_id__startswith=PREFIX)
        known = {(stage.pipeline_id, stage.external_id): stage for stage in existing}
        new, changed = [], []
        for identifier, pipeline, fields in ready:
            stage = known.get((pipeline.pk, PREFIX + identifier))
            if stage is None:
                stage = PipelineStage(pipeline=pipeline, external_id=PREFIX + identifier, **fields)
                new.append(stage)
            elif any(getattr(stage, name) != value for name, value in fields.items()):
                for name, value in fields.items():
                    setattr(stage, name, value)
                changed.append(stage)
            self._stages[identifier] = stage
        PipelineStage.objects.for_brand(self.brand).bulk_create(new)
        PipelineStage.objects.for_brand(self.brand).bulk_update(
            changed, ["name", "order", "win_probability", "maps_to"]
        )
        table.tally.stored += len(new) + len(changed)
        table.tally.unchanged += len(ready) - len(new) - len(changed)
        table.tally.models["PipelineStage"] += len(new) + len(changed)

    @staticmethod
    def _pipelines_with_chances(table: Table) -> set[str]:
        zero = {"", "0", "0.0", "0.00"}
        return {row.get("pipeline_id") or "" for _, row in table.each() if (row.get("probability") or "") not in zero}


def _stage_fields(row: dict[str, str | None], *, pipeline_has_chances: bool) -> dict[str, Any]:
    chance = probability(needed(row, "probability"), field="probability", percent=False)
    won, closed = truth(row, "closed_won"), truth(row, "is_closed")
    order = _order(row)
    label = row.get("label") or ""
    name = f"Stage {order + 1} ({label[:8]})" if is_hash(label) or not label else label
    return {
        "name": (name + (" (deleted in HubSpot)" if truth(row, "_fivetran_deleted") else ""))[:120],
        "order": order,
        "win_probability": chance,
        "maps_to": funnel_word(won=won, closed=closed, chance=chance, pipeline_has_chances=pipeline_has_chances),
    }


def _order(row: dict[str, str | None]) -> int:
    value = row.get("display_order") or "0"
    if not value.isdecimal() or int(value) > 32_767:
        raise Fault("display_order", value, "is not a place in a row of stages")
    return int(value)
