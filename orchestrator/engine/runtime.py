"""What the engine needs to know of the work it carries out: who decides, who acts, what a step leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from orchestrator.models import Episode, Step
from orchestrator.policies.contract import FINISH, Decision


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What an action left behind. `output` is all that later steps may know of it, so it has to be plain JSON."""

    output: dict[str, Any]
    summary: str = ""
    quality: dict[str, float] = field(default_factory=dict)
    cost: Decimal = Decimal(0)
    tokens: int = 0
    served_by: str = ""

    @property
    def quality_overall(self) -> float | None:
        """Mean of the dimensions, None where the action measured none."""
        return sum(self.quality.values()) / len(self.quality) if self.quality else None


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """A step that is on record."""

    action: str
    output: dict[str, Any]
    quality: dict[str, float]
    cost: Decimal
    tokens: int

    @classmethod
    def from_row(cls, step: Step) -> FinishedStep:
        return cls(step.action, step.output, step.quality, step.cost, step.tokens)


@dataclass(slots=True)
class LoadedEpisode:
    """An episode and every step on record, the only memory between two steps. `cost` is in EUR."""

    episode: Episode
    steps: list[FinishedStep]
    cost: Decimal = field(init=False)
    tokens: int = field(init=False)

    def __post_init__(self) -> None:
        self.cost = sum((step.cost for step in self.steps), Decimal(0))
        self.tokens = sum(step.tokens for step in self.steps)

    def add(self, step: FinishedStep) -> None:
        self.steps.append(step)
        self.cost += step.cost
        self.tokens += step.tokens

    @property
    def index(self) -> int:
        """Of the step to come; 0 is the first."""
        return len(self.steps)

    @property
    def is_complete(self) -> bool:
        return self.index >= self.episode.max_steps or (self.index > 0 and self.steps[-1].action == FINISH)

    def ends_with(self, action: str) -> bool:
        """Whether the episode is complete once this is done."""
        return action == FINISH or self.index + 1 >= self.episode.max_steps

    def rng(self) -> np.random.Generator:
        """The step's own source of chance: the same after a crash as before it, independent of other steps."""
        return np.random.default_rng([self.episode.seed, self.index])


class Effects(Protocol):
    """See `orchestrator.engine.effects.EpisodeEffects`."""

    def once(self, name: str, call: Callable[[str], Any]) -> Any: ...


class Runtime(Protocol):
    """Decides and acts. Both may be called again for the same step after a crash and should then do the same."""

    def decide(self, loaded: LoadedEpisode) -> Decision: ...

    def act(self, loaded: LoadedEpisode, decision: Decision, effects: Effects) -> StepOutcome: ...
