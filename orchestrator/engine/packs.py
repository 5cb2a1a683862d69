"""The product's runtime: policies decide, agents act, on one frozen picture of the brand.

The picture is taken when a worker begins with the episode and taken again by the one that goes on after a crash; its
`now` is the episode's start both times. What decisions depend on beyond finished steps (seed, policy version, funnel)
is pinned in the episode, so a decision is the same before and after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crm import snapshots
from crm.models import Pack
from crm.snapshot import BrandSnapshot
from orchestrator.agents import AGENTS
from orchestrator.agents.contract import AgentContext, PackBrief
from orchestrator.agents.workbench import Workbench
from orchestrator.engine.runtime import Effects, LoadedEpisode, StepOutcome
from orchestrator.models import Episode
from orchestrator.policies import POLICIES
from orchestrator.policies.contract import Decision, Policy, PolicyState

# keeps an agent's chance apart from the policy's, which draws from [seed, index]
AGENT_STREAM = 1


@dataclass(frozen=True, slots=True)
class Case:
    """What stays the same during one worker's time with an episode."""

    episode: Episode
    pack: PackBrief
    snapshot: BrandSnapshot
    policy: Policy


class PackRuntime:
    """Runs one episode of a pack; make a new one for each call of `run`."""

    def __init__(self) -> None:
        self._case: Case | None = None

    def decide(self, loaded: LoadedEpisode) -> Decision:
        case = self._open(loaded.episode)
        state = PolicyState(
            pack=case.pack,
            step=loaded.index,
            max_steps=case.episode.max_steps,
            work=bench_of(loaded),
            funnel=case.snapshot.funnel,
            request=case.episode.request,
            subject=case.episode.subject,
        )
        return case.policy.decide(state, loaded.rng())

    def act(self, loaded: LoadedEpisode, decision: Decision, effects: Effects) -> StepOutcome:
        """Raises KeyError for an action that no agent does: a pack may allow names that this version does not know."""
        case = self._open(loaded.episode)
        context = AgentContext(
            pack=case.pack,
            snapshot=case.snapshot,
            request=case.episode.request or case.pack.goal,
            work=bench_of(loaded),
            seed=int(np.random.SeedSequence([case.episode.seed, loaded.index, AGENT_STREAM]).generate_state(1)[0]),
            now=case.episode.started_at or case.episode.created_at,
            effects=effects,
        )
        result = AGENTS[decision.action].run(context)
        return StepOutcome(
            output=result.output.model_dump(mode="json"),
            summary=result.summary,
            quality=dict(result.quality),
            cost=result.cost,
            tokens=result.tokens,
            served_by=result.served_by,
        )

    def _open(self, episode: Episode) -> Case:
        if self._case is None or self._case.episode.pk != episode.pk:
            version = episode.policy_version
            policy = POLICIES[episode.mode](version.parameters if version else None, version.number if version else 0)
            self._case = Case(
                episode, brief_of(episode.pack, max_steps=episode.max_steps), snapshot_of(episode), policy
            )
        return self._case


def brief_of(pack: Pack, *, max_steps: int) -> PackBrief:
    """The pack as agents and policies see it; `max_steps` is the episode's."""
    return PackBrief(
        slug=pack.slug,
        name=pack.name,
        goal=pack.goal,
        task=pack.task,
        allowed_agents=tuple(pack.allowed_agents),
        static_sequence=tuple(pack.static_sequence),
        max_steps=max_steps,
        quality_threshold=pack.quality_threshold,
    )


def snapshot_of(episode: Episode) -> BrandSnapshot:
    """The episode's brand as its agents see it; about a dozen queries."""
    now = episode.started_at or episode.created_at
    return snapshots.take(episode.brand, pack=episode.pack, subject=episode.subject, now=now)


def bench_of(loaded: LoadedEpisode) -> Workbench:
    """The finished steps as agents and policies read them."""
    return Workbench.from_steps((step.action, step.output, step.quality, step.cost) for step in loaded.steps)
