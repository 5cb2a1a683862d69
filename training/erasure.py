"""Says which training had seen an episode of a person. What was learned cannot be unlearned row by row; it is named.

Policies are fitted to figures of episodes (actions, qualities, rewards), never to their texts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from crm.models import Brand
from training.models import TrainingRun


def runs_after(brand: Brand, since: datetime | None) -> list[dict[str, Any]]:
    """Finished trainings that began after `since`, when the person's first episode ended; none where there is none."""
    if since is None:
        return []
    rows = TrainingRun.objects.for_brand(brand).filter(state=TrainingRun.State.DONE, created_at__gte=since)
    return [
        {"run": run.pk, "kind": run.get_kind_display(), "options": run.options, "at": run.created_at}
        for run in rows.order_by("pk")
    ]
