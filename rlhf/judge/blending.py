"""J from the verdicts on one experience: its own verdict, moved by how it ranked among answers to the same request.

    J = clip(absolute + 0.25 · centred, 0, 1)

`centred` lies in (−1, 1) and sums to 0 inside a group, so ranks move members apart and leave the group's mean where
the absolute verdicts put it. Without an absolute verdict there is no J: a rank says nothing across groups.
"""

from __future__ import annotations

RANK_SHARE = 0.25


def blended(absolute: float | None, centred: float | None, *, share: float = RANK_SHARE) -> float | None:
    """J in [0, 1], or None without an absolute verdict."""
    if absolute is None:
        return None
    return min(max(absolute + share * (centred or 0.0), 0.0), 1.0)
