"""What rows refer to, fetched in few queries: packs by slug, stages by word, rows by external id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from crm.imports.faults import Fault
from crm.imports.words import STAGE_WORDS, plain
from crm.models import Brand, FunnelStage, Pack, PipelineStage
from crm.models.tenancy import BrandOwned
from crm.pipelines import DEFAULT_PIPELINE, default_stages

CHUNK = 500


def in_chunks(model: type[BrandOwned], brand: Brand, keys: Iterable[str], *, key: str = "external_id") -> Iterator[Any]:
    """Rows of the brand with these external ids (or other key), in chunks that every database takes."""
    wanted = list(dict.fromkeys(keys))
    for start in range(0, len(wanted), CHUNK):
        yield from model.objects.for_brand(brand).filter(**{f"{key}__in": wanted[start : start + CHUNK]})


class PackIndex:
    """Packs of one brand by slug; another brand's packs are unknown here."""

    def __init__(self, brand: Brand) -> None:
        self._by_slug: dict[str, int] = dict(Pack.objects.for_brand(brand).values_list("slug", "pk"))

    def find(self, slug: str | None, field: str) -> int | None:
        """Primary key of the pack, None when the row names none. Raises Fault for an unknown one."""
        if slug is None:
            return None
        found = self._by_slug.get(slug.lower())
        if found is None:
            known = ", ".join(sorted(self._by_slug)[:8]) or "none"
            raise Fault(field, slug, f"no pack of this brand has this slug (packs: {known}{self._more()})")
        return found

    def _more(self) -> str:
        return f" and {len(self._by_slug) - 8} more" if len(self._by_slug) > 8 else ""


class StageIndex:
    """Stages of one brand: the six words and their synonyms, then names of stages in its own pipelines."""

    def __init__(self, brand: Brand) -> None:
        self.words = default_stages(brand)
        self._by_name: dict[str, list[PipelineStage]] = {}
        others = PipelineStage.objects.for_brand(brand).exclude(pipeline__external_id=DEFAULT_PIPELINE)
        for stage in others.select_related("pipeline"):
            self._by_name.setdefault(plain(stage.name), []).append(stage)

    @property
    def first(self) -> PipelineStage:
        return self.words[FunnelStage.PROSPECT]

    def known(self, word: str, field: str) -> PipelineStage:
        """The stage of the brand's own pipeline that a word means. Raises Fault for a word without a known meaning."""
        meant = STAGE_WORDS.get(plain(word))
        if meant is None:
            raise Fault(
                field, word, f"is no stage known here; name its pipeline, or use {', '.join(FunnelStage.values)}"
            )
        return self.words[meant]

    def find(self, word: str, field: str) -> PipelineStage:
        """The stage a word means. Raises Fault when no pipeline or more than one of them knows it."""
        if plain(word) in STAGE_WORDS:
            return self.known(word, field)
        named = self._by_name.get(plain(word), [])
        if len(named) == 1:
            return named[0]
        if named:
            pipelines = ", ".join(sorted(stage.pipeline.name for stage in named)[:4])
            raise Fault(field, word, f"several pipelines have a stage of this name ({pipelines}); import them as deals")
        known = ", ".join(FunnelStage.values)
        own = f" or a stage of the brand's pipelines ({len(self._by_name)} names)" if self._by_name else ""
        raise Fault(field, word, f"is no stage known here; use {known}{own}")
