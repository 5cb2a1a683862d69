"""Durable episodes: one commit per step, a lease per worker, the database as the only truth. See docs/engine.md."""

from orchestrator.engine.claim import LeaseLost
from orchestrator.engine.run import load, run
from orchestrator.engine.runtime import Effects, FinishedStep, LoadedEpisode, Runtime, StepOutcome

__all__ = [
    "Effects",
    "FinishedStep",
    "LeaseLost",
    "LoadedEpisode",
    "Runtime",
    "StepOutcome",
    "load",
    "run",
]
