"""What lies on the bench between two steps: the outputs so far, folded from the stored steps.

This is the only memory of an episode. It is rebuilt from rows after a crash, so nothing may be kept anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

StepRecord = tuple[str, Mapping[str, Any], Mapping[str, float], Decimal | float]


@dataclass(frozen=True, slots=True)
class DoneStep:
    """One finished step as agents and policies see it."""

    action: str
    output: dict[str, Any]
    quality: dict[str, float]
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Workbench:
    """Finished steps in order. An empty bench is `Workbench()`."""

    steps: tuple[DoneStep, ...] = field(default=())

    @classmethod
    def from_steps(cls, steps: Iterable[StepRecord]) -> Self:
        """Fold (action, output, quality, cost) from the first step to the last."""
        return cls(
            tuple(
                DoneStep(action, dict(output), dict(quality), Decimal(str(cost)))
                for action, output, quality, cost in steps
            )
        )

    def then(self, action: str, output: Mapping[str, Any], quality: Mapping[str, float], cost: Decimal | float) -> Self:
        """A bench with one more step; this one stays as it is."""
        more = DoneStep(action, dict(output), dict(quality), Decimal(str(cost)))
        return type(self)((*self.steps, more))

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of what was done, oldest first."""
        return tuple(step.action for step in self.steps)

    def latest(self, action: str) -> dict[str, Any] | None:
        """Output of the newest step of this action, or None."""
        return next((step.output for step in reversed(self.steps) if step.action == action), None)

    def all(self, action: str) -> tuple[dict[str, Any], ...]:
        """Outputs of every step of this action, oldest first."""
        return tuple(step.output for step in self.steps if step.action == action)

    def since(self, action: str) -> tuple[str, ...]:
        """What was done after the newest step of this action; everything where there was none."""
        names = self.actions
        for position in range(len(names) - 1, -1, -1):
            if names[position] == action:
                return names[position + 1 :]
        return names

    @property
    def quality(self) -> dict[str, float]:
        """The newest value of each dimension in [0, 1]; a dimension nobody measured is absent."""
        merged: dict[str, float] = {}
        for step in self.steps:
            merged.update(step.quality)
        return merged

    @property
    def cost(self) -> Decimal:
        """EUR so far."""
        return sum((step.cost for step in self.steps), Decimal(0))

    @property
    def facts(self) -> tuple[dict[str, Any], ...]:
        """Findings of `insight`: each {id, text, value, unit, citation, kind}; the newest wins where an id repeats."""
        found: dict[str, dict[str, Any]] = {}
        for output in self.all("insight"):
            found.update({finding["id"]: finding for finding in output.get("findings", ())})
        return tuple(found.values())
