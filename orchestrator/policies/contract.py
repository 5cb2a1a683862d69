"""What a policy is: it looks at an episode so far and picks the next action, and it says how likely each was.

The probabilities are the point. A decision is always drawn from them by the given generator, so that what is logged is
what happened, and later learners may weigh it by importance ratios. Nothing here knows Django.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from orchestrator.agents.contract import PackBrief
    from orchestrator.agents.workbench import Workbench

FINISH = "finish"
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class PolicyState:
    """All that a policy may look at. `step` counts from 0 and is the index of the step about to be decided."""

    pack: PackBrief
    step: int
    max_steps: int
    work: Workbench
    funnel: dict[str, int] = field(default_factory=dict)
    request: str = ""
    subject: dict[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The pack's agents in the pack's order, then `finish`, which is always allowed."""
        return (*(name for name in self.pack.allowed_agents if name != FINISH), FINISH)


@dataclass(frozen=True)
class Decision:
    """What was picked and from what. `probabilities` is aligned with `allowed` and sums to 1."""

    action: str
    allowed: tuple[str, ...]
    probabilities: tuple[float, ...]
    policy: str
    why: str

    def __post_init__(self) -> None:
        if len(self.allowed) != len(self.probabilities):
            raise ValueError("probabilities and allowed actions have different lengths")
        if self.action not in self.allowed:
            raise ValueError(f"{self.action} is not among the allowed actions")
        if not math.isclose(math.fsum(self.probabilities), 1.0, abs_tol=SUM_TOLERANCE) or min(self.probabilities) < 0:
            raise ValueError("probabilities are negative or do not sum to 1")
        if self.probability <= 0:
            raise ValueError(f"{self.action} was picked with probability 0")

    @property
    def probability(self) -> float:
        """With which the action was picked."""
        return self.probabilities[self.allowed.index(self.action)]


class Policy(Protocol):
    """Picks the next action. `label` is what steps record, for example rule@1, static@1, rl@14."""

    @property
    def label(self) -> str: ...

    def decide(self, state: PolicyState, rng: np.random.Generator) -> Decision:
        """Draw one action from this policy's distribution over `state.allowed`."""
        ...


def sample(probabilities: np.ndarray, rng: np.random.Generator) -> int:
    """Index drawn from `probabilities` (actions,); never one with probability 0, whatever rounding does."""
    cumulative = np.cumsum(probabilities)
    index = int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))
    return min(index, int(np.flatnonzero(probabilities > 0)[-1]))
