"""The pipeline every brand has: six stages, one for each word of the funnel. Pipelines of a CRM stand beside it."""

from __future__ import annotations

from django.db import transaction

from crm.models import Brand, FunnelStage, Pipeline, PipelineStage

DEFAULT_PIPELINE = "default"

# (word, chance to win). Starting values in the usual range of B2B pipelines; owners change them in the admin.
DEFAULT_STAGES: tuple[tuple[FunnelStage, float], ...] = (
    (FunnelStage.PROSPECT, 0.1),
    (FunnelStage.ENGAGED, 0.2),
    (FunnelStage.QUALIFIED, 0.4),
    (FunnelStage.PROPOSAL, 0.7),
    (FunnelStage.PURCHASED, 1.0),
    (FunnelStage.LOST, 0.0),
)


def ensure_default_pipeline(brand: Brand) -> Pipeline:
    """The brand's own pipeline with its six stages (external id = the funnel's word), made when it is not there yet."""
    with transaction.atomic():
        pipeline: Pipeline
        pipeline, _ = Pipeline.objects.for_brand(brand).get_or_create(
            brand=brand, external_id=DEFAULT_PIPELINE, defaults={"name": "Endcap"}
        )
        present = set(
            PipelineStage.objects.for_brand(brand).filter(pipeline=pipeline).values_list("external_id", flat=True)
        )
        PipelineStage.objects.for_brand(brand).bulk_create(
            PipelineStage(
                pipeline=pipeline,
                external_id=word.value,
                name=word.label,
                order=order,
                win_probability=chance,
                maps_to=word,
            )
            for order, (word, chance) in enumerate(DEFAULT_STAGES)
            if word.value not in present
        )
    return pipeline


def default_stages(brand: Brand) -> dict[str, PipelineStage]:
    """Stages of the default pipeline by funnel word."""
    pipeline = ensure_default_pipeline(brand)
    return {stage.external_id: stage for stage in PipelineStage.objects.for_brand(brand).filter(pipeline=pipeline)}
