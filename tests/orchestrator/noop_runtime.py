"""Runtimes for tests of the engine: nothing to decide, little to do, everything observable."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from orchestrator.engine import Effects, LoadedEpisode, StepOutcome
from orchestrator.policies.contract import Decision


def always(action: str) -> Decision:
    return Decision(
        action=action, allowed=("work", "finish"), probabilities=(0.75, 0.25), policy="test@1", why="because"
    )


class Worker:
    """Works on every step; `during(loaded, effects)` happens inside it. Finishes at `finish_at` if that is given."""

    def __init__(
        self, during: Callable[[LoadedEpisode, Effects], Any] | None = None, finish_at: int | None = None
    ) -> None:
        self.during = during
        self.finish_at = finish_at
        self.worked: list[int] = []

    def decide(self, loaded: LoadedEpisode) -> Decision:
        return always("finish" if loaded.index == self.finish_at else "work")

    def act(self, loaded: LoadedEpisode, decision: Decision, effects: Effects) -> StepOutcome:
        self.worked.append(loaded.index)
        said = self.during(loaded, effects) if self.during else None
        drawn = float(loaded.rng().random())
        return StepOutcome(
            output={"said": said, "drawn": drawn, "before": [step.output["drawn"] for step in loaded.steps]},
            summary="worked",
            quality={"depth": 0.5, "care": 1.0},
            cost=Decimal("0.000125"),
            tokens=7,
            served_by="test@1",
        )
