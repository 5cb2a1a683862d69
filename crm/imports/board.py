"""Pipelines and stages that a file of deals names: those the brand has, and those made from the file."""

from __future__ import annotations

from collections import defaultdict

from crm.imports.faults import Fault
from crm.imports.funnel import funnel_word
from crm.imports.rows import DealRow
from crm.imports.tally import Tally
from crm.imports.values import shortened
from crm.imports.words import STAGE_WORDS, plain
from crm.models import Brand, Pipeline, PipelineStage
from crm.pipelines import DEFAULT_STAGES

Key = tuple[str, str]  # plain names of pipeline and stage


class Board:
    """Finds the stage of every deal. New rows are collected by `find` and written by `store`, parents first."""

    def __init__(self, brand: Brand, rows: list[DealRow]) -> None:
        self.brand = brand
        self._chances: dict[Key, set[float]] = defaultdict(set)
        for row in rows:
            if row.pipeline and row.lead.stage and row.probability is not None:
                self._chances[_key(row)].add(row.probability)
        self._pipelines: dict[str, list[Pipeline]] = defaultdict(list)
        for pipeline in Pipeline.objects.for_brand(brand):
            self._pipelines[plain(pipeline.name)].append(pipeline)
        self._stages: dict[Key, PipelineStage] = {}
        for stage in PipelineStage.objects.for_brand(brand).select_related("pipeline"):
            self._stages.setdefault((plain(stage.pipeline.name), plain(stage.name)), stage)
        self._new_pipelines: list[Pipeline] = []
        self._new_stages: list[PipelineStage] = []
        self._changed_stages: dict[int, PipelineStage] = {}

    def find(self, row: DealRow) -> PipelineStage:
        """The stage of this deal, made when new. Raises Fault when its chance cannot be told or names are shared."""
        key = _key(row)
        chances = self._chances.get(key, set())
        if len(chances) > 1:
            several = ", ".join(f"{chance:g}" for chance in sorted(chances))
            raise Fault(
                row.probability_field, row.probability, f"this stage has several chances in the file: {several}"
            )
        chance = next(iter(chances), None)
        stage = self._stages.get(key)
        if stage is None:
            stage = self._make(row, key, chance)
        elif chance is not None and stage.pk and stage.win_probability != chance:
            stage.win_probability = chance
            self._changed_stages[stage.pk] = stage
        return stage

    def store(self, tally: Tally) -> None:
        """Write what `find` collected."""
        Pipeline.objects.for_brand(self.brand).bulk_create(self._new_pipelines)
        PipelineStage.objects.for_brand(self.brand).bulk_create(self._new_stages)
        PipelineStage.objects.for_brand(self.brand).bulk_update(self._changed_stages.values(), ["win_probability"])
        tally.models["Pipeline"] += len(self._new_pipelines)
        tally.models["PipelineStage"] += len(self._new_stages) + len(self._changed_stages)

    def _pipeline(self, row: DealRow) -> Pipeline:
        name = row.pipeline or ""
        named = self._pipelines[plain(name)]
        if len(named) > 1:
            raise Fault(row.pipeline_field, name, "several pipelines of this brand have this name; rename all but one")
        if not named:
            made = Pipeline(
                brand=self.brand,
                external_id=shortened(plain(name), "name", 120),
                name=name,
                order=len(self._pipelines),
            )
            named.append(made)
            self._new_pipelines.append(made)
        return named[0]

    def _make(self, row: DealRow, key: Key, chance: float | None) -> PipelineStage:
        name = row.lead.stage or ""
        word = STAGE_WORDS.get(key[1])
        if chance is None and word is None:
            reason = "a stage that is new here needs a chance to win (0 to 1), or a name with a known meaning"
            raise Fault(row.probability_field, "", reason)
        if chance is None:
            chance = dict(DEFAULT_STAGES)[word]  # type: ignore[index]
        if word is None:
            others = [found for (pipeline, _), seen in self._chances.items() if pipeline == key[0] for found in seen]
            word = funnel_word(won=chance == 1, closed=False, chance=chance, pipeline_has_chances=any(others))
        order = 101 if word == "lost" else round(100 * chance)  # by chance, whatever the order of the rows
        stage = PipelineStage(
            pipeline=self._pipeline(row),
            external_id=shortened(key[1], "name", 120),
            name=name,
            order=order,
            win_probability=chance,
            maps_to=word,
        )
        self._stages[key] = stage
        self._new_stages.append(stage)
        return stage


def _key(row: DealRow) -> Key:
    return plain(row.pipeline or ""), plain(row.lead.stage or "")
