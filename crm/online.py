"""The online term O: how well what was sent did with those it reached, in [0, 1]. Pure.

Each person reached counts with the best thing they did (`WEIGHTS`); the mean over everybody reached is `m`. Because
even a good mailing moves only a few in a hundred, `m` itself would hug zero, so it is set against what public figures
call usual:

    O = m / (m + USUAL)

0 when nobody did anything, 0.5 at the usual response, towards 1 beyond it. USUAL = 0.055 is `m` of a mailing in the
middle of the public ranges of docs/market.md: 36 in 100 open (33 only that, 0.1 each), 1.4 only reply (0.6), 1.3 only
book (0.8), 0.3 buy (1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

WEIGHTS: dict[str, float] = {
    "opened": 0.1,  # weak evidence: mail clients open in advance
    "clicked": 0.3,
    "replied": 0.6,
    "booked": 0.8,
    "redeemed": 1.0,
    "sold": 1.0,
}
USUAL = 0.055


def online_score(mean: float) -> float:
    """O of the mean best weight per person reached, `mean` in [0, 1]."""
    return mean / (mean + USUAL) if mean > 0 else 0.0


def online_of(rows: Iterable[tuple[str, object, Mapping[str, Any]]]) -> float | None:
    """O of outcomes (kind, who, detail); None when there is none of them.

    `who` identifies the person and is None for a row that counts people: `detail["count"]` of them, of whom
    `detail["further"]` are told of again in a row of their own. Rows of kind sent and exposed say how many were reached
    where they count; otherwise everybody with a row was. Rows that were blocked before sending reached nobody: 0.
    """
    best: dict[object, float] = {}
    counted, reached, seen = 0.0, 0, False
    for kind, who, detail in rows:
        seen = True
        count = int(detail.get("count", 1))
        if kind in ("sent", "delivered", "exposed"):
            reached += count if "count" in detail else 0
        if kind == "blocked":
            continue
        weight = WEIGHTS.get(kind, 0.0)
        if who is None:
            counted += weight * (count - int(detail.get("further", 0)))
        else:
            best[who] = max(best.get(who, 0.0), weight)
    if not seen:
        return None
    people = max(reached, len(best))
    return online_score(min(1.0, (counted + sum(best.values())) / people)) if people else 0.0
