"""How long somebody who agreed looked at an item. Without their yes nothing is stored, whatever a browser sends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlhf.models import Assignment, Interaction, RaterSettings

FIELDS = {"dwell_ms": Interaction.Kind.DWELL, "scroll": Interaction.Kind.SCROLL, "edits": Interaction.Kind.EDITS}
MOST = {Interaction.Kind.DWELL: 86_400_000.0, Interaction.Kind.SCROLL: 1.0, Interaction.Kind.EDITS: 100_000.0}


def read_timings(posted: Mapping[str, str], user: Any) -> dict[str, float]:
    """Value by kind of interaction; empty where the person did not agree. What is no number is left out."""
    if not RaterSettings.objects.filter(user=user, timings_consent=True).exists():
        return {}
    found = {}
    for field, kind in FIELDS.items():
        try:
            value = float(posted.get(field, ""))
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            found[str(kind)] = min(value, MOST[kind])
    return found


def duration_ms(timings: Mapping[str, float]) -> int | None:
    dwell = timings.get(Interaction.Kind.DWELL)
    return None if dwell is None else int(dwell)


def note(assignment: Assignment, timings: Mapping[str, float], *, by: Any) -> None:
    """One row each of seen, dwell, scroll and edits for every experience of the item."""
    if not timings:
        return
    item = assignment.item
    values = {str(Interaction.Kind.SEEN): 1.0, **timings}
    Interaction.objects.for_brand(assignment.brand_id).bulk_create(
        Interaction(brand_id=assignment.brand_id, experience_id=key, user=by, kind=kind, value=value)
        for key in (item.a_id, item.b_id)
        if key is not None
        for kind, value in values.items()
        if value > 0
    )
