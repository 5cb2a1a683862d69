"""Judging: one verdict at once by the embedded rubric, and beside it those of a model, ordered as rows.

`evaluate` and `latest_score` are what the rest of Endcap needs; orders, batches, rankings and what they cost are in
the modules of the same names. docs/judge.md tells the whole.
"""

from rlhf.judging.embedded import JUDGE, evaluate, tried
from rlhf.judging.latest import counting, latest_score, verdict_of

__all__ = ["JUDGE", "counting", "evaluate", "latest_score", "tried", "verdict_of"]
