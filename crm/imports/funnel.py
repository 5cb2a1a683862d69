"""Which of the six words a CRM's own stage means, from what the CRM says about it. Pure."""

from __future__ import annotations

# Upper bounds (exclusive) of the chance to win of an open stage, in order.
BANDS: tuple[tuple[float, str], ...] = ((0.2, "prospect"), (0.5, "engaged"), (0.8, "qualified"))


def funnel_word(*, won: bool, closed: bool, chance: float, pipeline_has_chances: bool) -> str:
    """purchased when won; lost when closed without winning; else by the chance to win.

    A chance of 0 means lost where other stages of the pipeline have a chance; where none has, the pipeline carries no
    chances at all (service or archive pipelines) and the stage is a prospect. Open: below 0.2 prospect, below 0.5
    engaged, below 0.8 qualified, from 0.8 proposal.
    """
    if won:
        return "purchased"
    if closed or (chance == 0 and pipeline_has_chances):
        return "lost"
    return next((word for bound, word in BANDS if chance < bound), "proposal")
