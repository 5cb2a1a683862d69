"""One clock for ours and the peers: the median of a few calls after one that warms up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def timed(work: Callable[[], Answer], *, calls: int = 5, budget_s: float = 2.0) -> tuple[Answer, float]:
    """What `work` answers, and the median seconds of at most `calls` calls.

    The first call does not count, unless it alone takes longer than `budget_s`; no call begins after that time.
    """
    begun = time.perf_counter()
    answer = work()
    took = [time.perf_counter() - begun]
    if took[0] < budget_s:
        took = []
        while len(took) < calls and (not took or time.perf_counter() - begun < budget_s):
            start = time.perf_counter()
            answer = work()
            took.append(time.perf_counter() - start)
    return answer, statistics.median(took)
