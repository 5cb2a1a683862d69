"""Whom or what an episode is about: a prospect for packs that write to people, a product for those about goods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, QuerySet

from crm.models import SKU, Brand, FunnelStage, Lead, Pack

CLOSED = (FunnelStage.PURCHASED, FunnelStage.LOST)
ABOUT_PEOPLE = (Pack.Task.OUTREACH,)
ABOUT_PRODUCTS = (Pack.Task.CREATIVE,)


@dataclass(frozen=True, slots=True)
class Subject:
    """`detail` goes into `Episode.subject`: `prospect` (external id of a lead) or `sku` (code), and the pack's `funnel`
    as it stood at the start, so that decisions after a crash are the decisions before it. `title` is for lists."""

    detail: dict[str, Any]
    title: str


def pick(brand: Brand, *, pack: Pack, rng: np.random.Generator) -> Subject:
    """An open lead of the pack (of the brand where it has none), or one of its products; at most five queries."""
    detail: dict[str, Any] = {"funnel": _funnel(brand, pack)}
    if pack.task in ABOUT_PEOPLE:
        leads = Lead.objects.for_brand(brand).exclude(funnel_stage__in=CLOSED)
        lead = _any_of(leads.filter(pack=pack), rng) or _any_of(leads, rng)
        if lead is not None:
            return Subject({**detail, "prospect": lead.external_id}, lead.name)
    elif pack.task in ABOUT_PRODUCTS:
        product = _any_of(SKU.objects.for_brand(brand), rng)
        if product is not None:
            return Subject({**detail, "sku": product.code}, product.name)
    return Subject(detail, pack.name)


def _any_of(rows: QuerySet[Any], rng: np.random.Generator) -> Any:
    count = rows.count()
    return rows.order_by("pk")[int(rng.integers(count))] if count else None


def _funnel(brand: Brand, pack: Pack) -> dict[str, int]:
    leads = Lead.objects.for_brand(brand).filter(pack=pack).order_by()
    counted = dict(leads.values_list("funnel_stage").annotate(Count("pk")))
    return {stage: counted.get(stage, 0) for stage in FunnelStage.values}
