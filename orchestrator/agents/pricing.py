"""What a step of the composer costs: nominal compute time at a documented rate. No clock is read, so runs repeat.

The rate is a worker slot (one virtual core with its memory and its share of the database) at EUR 0.36 an hour. The
nominal times are medians measured on the two-core development machine (docs/agents-and-reward.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

from pydantic import BaseModel

EUR_PER_SECOND = Decimal("0.0001")
CHECKPOINT_MS = 20  # writing the step, whatever the agent does
SIX_DIGITS = Decimal("0.000001")


def cost_of(compute_ms: float) -> Decimal:
    """EUR, to six digits, of an agent that computes for `compute_ms`."""
    return (EUR_PER_SECOND * Decimal(str(CHECKPOINT_MS + compute_ms)) / 1000).quantize(SIX_DIGITS)


def tokens_of(output: BaseModel, read: Iterable[str]) -> int:
    """Words read and written: the composer has no tokens, its words take their place."""
    return len(json.dumps(output.model_dump(mode="json"), ensure_ascii=False).split()) + sum(
        len(text.split()) for text in read
    )
