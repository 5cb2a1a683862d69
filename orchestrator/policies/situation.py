"""What a policy sees of an episode, boiled down to the few facts that can also be rebuilt from logged steps.

Deciding and learning share this one view, so a policy is never trained on something it could not see when it chose.
Outputs of agents are left out on purpose: what matters of them is in the quality dimensions the agents report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.policies.contract import FINISH, PolicyState

# The agents whose result is what a task is for, in the order in which a rule would try them.
MAKERS: dict[str, tuple[str, ...]] = {
    "budget": ("budget",),
    "creative": ("creative",),
    "measurement": ("insight",),
    "planning": ("budget", "insight"),
    "outreach": ("outreach",),
}
PHASES = ("opening", "working", "closing")
BANDS = ("unknown", "low", "fair", "good")


@dataclass(frozen=True, slots=True)
class Situation:
    """One moment of an episode.

    `actions` are those done so far, oldest first; `quality` holds the latest value of each dimension in [0, 1]; `cost`
    is EUR so far; `threshold` is the pack's quality threshold; `max_steps` bounds the episode.
    """

    pack: str
    task: str
    allowed: tuple[str, ...]
    step: int
    max_steps: int
    threshold: float
    actions: tuple[str, ...] = ()
    quality: Mapping[str, float] = field(default_factory=dict)
    cost: float = 0.0
    funnel: Mapping[str, int] = field(default_factory=dict)
    request: str = ""

    @classmethod
    def of(cls, state: PolicyState) -> Situation:
        return cls(
            pack=state.pack.slug,
            task=state.pack.task,
            allowed=state.allowed,
            step=state.step,
            max_steps=state.max_steps,
            threshold=state.pack.quality_threshold,
            actions=tuple(state.work.actions),
            quality=dict(state.work.quality),
            cost=float(state.work.cost),
            funnel=funnel_of(state.subject, state.funnel),
            request=state.request,
        )

    @property
    def remaining(self) -> int:
        """Steps left, counting the one about to be decided."""
        return max(self.max_steps - self.step, 0)

    @property
    def last(self) -> str:
        """The agent that worked last; empty before the first step."""
        return self.actions[-1] if self.actions else ""

    @property
    def maker(self) -> str:
        """The agent whose result this task is for; `finish` when the pack allows none of them."""
        wanted = [name for name in MAKERS.get(self.task, ()) if name in self.allowed]
        missing = [name for name in wanted if name not in self.actions]
        return (missing or wanted or [FINISH])[0]

    @property
    def made(self) -> bool:
        """Every allowed maker of the task has worked."""
        return all(name in self.actions for name in MAKERS.get(self.task, ()) if name in self.allowed)

    @property
    def overall(self) -> float | None:
        """Mean of the latest quality dimensions; None before any was reported."""
        return sum(self.quality.values()) / len(self.quality) if self.quality else None

    def count(self, action: str) -> int:
        return self.actions.count(action)

    def since(self, action: str, *, of: tuple[str, ...]) -> bool:
        """Has `action` been done after the last of the actions `of`?"""
        for done in reversed(self.actions):
            if done == action:
                return True
            if done in of:
                return False
        return False

    @property
    def inputs(self) -> tuple[str, ...]:
        """What went into the newest result of a maker; nothing before there is one."""
        return self.actions[: max(self._newest_result, 0)]

    @property
    def later(self) -> tuple[str, ...]:
        """What was done after the newest result of a maker; everything before there is one."""
        return self.actions[self._newest_result + 1 :]

    @property
    def _newest_result(self) -> int:
        """Its place, −1 for none."""
        makers = MAKERS.get(self.task, ())
        places = [place for place, name in enumerate(self.actions) if name in makers]
        return places[-1] if places else -1

    def after(self, action: str) -> Situation:
        """What is known of the situation that follows, before the agent has worked: the same with one more action."""
        return replace(self, actions=(*self.actions, action), step=self.step + 1)

    @property
    def phase(self) -> str:
        if not self.actions:
            return PHASES[0]
        return PHASES[1] if len(self.actions) < 4 else PHASES[2]

    @property
    def band(self) -> str:
        """How good the work looks: unknown, low (under half), fair (under the pack's threshold) or good."""
        if self.overall is None:
            return BANDS[0]
        if self.overall >= self.threshold:
            return BANDS[3]
        return BANDS[2] if self.overall >= 0.5 else BANDS[1]

    @property
    def bucket(self) -> tuple[str, str, str, str]:
        """(pack, phase, quality band, last agent): the readable drawer this situation falls into."""
        return self.pack, self.phase, self.band, self.last


def funnel_of(subject: Mapping[str, object], now: Mapping[str, int]) -> dict[str, int]:
    """The funnel pinned in the episode's subject when it started, else the one at hand.

    A policy should decide on the pinned one: only that can be rebuilt when the episode is learned from.
    """
    pinned = subject.get("funnel")
    source = pinned if isinstance(pinned, Mapping) else now
    return {str(stage): int(count) for stage, count in source.items()}
