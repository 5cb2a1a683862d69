"""Tells a calm disk from one that others keep busy, so that a figure is an engine's and not its neighbours'.

A shared machine's disk may answer an fsync in 0.1 ms and, a second later, in 4 ms for as long as its owner limits it. A
turn counts when the probes before and after it both came near the best seen; the same rule holds for every engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.peers.contestants import fsync_ms

CALM_FACTOR = 3.0
PROBE_WRITES = 30


class Disk:
    """Probes of one disk; `best_ms` is the fastest median fsync seen so far."""

    def __init__(self, patience_s: float) -> None:
        self.patience_s = patience_s
        self.best_ms = fsync_ms(PROBE_WRITES)
        self.waited_s = 0.0

    def probe(self) -> float:
        now = fsync_ms(PROBE_WRITES)
        self.best_ms = min(self.best_ms, now)
        return now

    def is_calm(self, ms: float) -> bool:
        return ms <= CALM_FACTOR * self.best_ms

    def during_calm(self, turn: Callable[[], None]) -> float:
        """Wait for calm, at most `patience_s` in all turns together, and run `turn`; the slower probe in ms."""
        before = self.probe()
        while not self.is_calm(before) and self.waited_s < self.patience_s:
            time.sleep(1)
            self.waited_s += 1
            before = self.probe()
        turn()
        return max(before, self.probe())
