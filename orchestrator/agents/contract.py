"""What an agent is: a pure function of its context that returns a typed result with quality, cost and a summary.

Nothing here knows Django. The engine fills `duration_ms`, stores `output.model_dump(mode="json")` with the step, and
rebuilds `AgentContext.work` from the stored steps, so that an agent after a crash sees exactly what it saw before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pydantic import BaseModel

if TYPE_CHECKING:
    from crm.snapshot import BrandSnapshot
    from orchestrator.agents.workbench import Workbench

JSON: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None

COMPOSER = "composer@1"


@dataclass(frozen=True, slots=True)
class PackBrief:
    """A pack as agents and policies see it. `quality_threshold` in [0, 1] is where `reflect` is content."""

    slug: str
    name: str
    goal: str
    task: str
    allowed_agents: tuple[str, ...] = ()
    static_sequence: tuple[str, ...] = ()
    max_steps: int = 20
    quality_threshold: float = 0.7


class Effects(Protocol):
    """The door to the outside. A call under a name is made at most once per step, whatever crashes in between."""

    def once(self, name: str, call: Callable[[str], JSON]) -> JSON:
        """The recorded reply under `name`, or the reply of `call(key)`, recorded before it is returned."""
        ...


class NoEffects:
    """For agents that touch nothing outside, in tests and benchmarks: calls and forgets."""

    def once(self, name: str, call: Callable[[str], JSON]) -> JSON:
        return call(name)


@dataclass(frozen=True, slots=True)
class AgentContext:
    """All that an agent may look at. The same context gives the same result."""

    pack: PackBrief
    snapshot: BrandSnapshot
    request: str
    work: Workbench
    seed: int
    now: datetime
    effects: Effects = field(default_factory=NoEffects)


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What a step leaves behind.

    `quality` maps a dimension to [0, 1] and is computed by the agent from its own output; a dimension that cannot be
    computed is left out, never 0. `cost` is in EUR. `tokens` counts words read and written where no model was called.
    """

    output: BaseModel
    summary: str
    quality: dict[str, float]
    cost: Decimal
    tokens: int
    served_by: str = COMPOSER
    duration_ms: int = 0


class Agent(Protocol):
    """One kind of work. `purpose` is one sentence for people."""

    @property
    def name(self) -> str: ...

    @property
    def purpose(self) -> str: ...

    def run(self, context: AgentContext) -> AgentResult: ...
