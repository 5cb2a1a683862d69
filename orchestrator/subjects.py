"""Whom or what an episode is about, and how the pack's funnel stood when it began."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db.models import Count, Q

from crm import snapshots
from crm.models import Brand, FunnelStage, Lead, Pack


def pick(brand: Brand, *, pack: Pack, rng: np.random.Generator) -> dict[str, Any]:
    """One of `crm.snapshots.subjects`, drawn with `rng`, and `funnel`: leads by stage of the pack, else of the brand.

    The funnel is pinned so that decisions after a crash, and the learner much later, see what the first ones saw.
    """
    (subject,) = snapshots.subjects(brand, pack, 1, rng)
    return {**subject, "funnel": _funnel(brand, pack)}


def _funnel(brand: Brand, pack: Pack) -> dict[str, int]:
    rows = Lead.objects.for_brand(brand).order_by().values("funnel_stage")
    counted = list(rows.annotate(every=Count("pk"), own=Count("pk", filter=Q(pack=pack))))
    which = "own" if any(row["own"] for row in counted) else "every"
    return dict.fromkeys(FunnelStage.values, 0) | {row["funnel_stage"]: row[which] for row in counted}
