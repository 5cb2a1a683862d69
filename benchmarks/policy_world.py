"""A brand, its packs and its market in memory, for benchmarks of policies: real agents, real judge, real market.

Agents are deterministic in what they are given, so whatever the same sequence of actions makes of the same subject is
computed once. After that an episode is a walk through a table; only the market's answer is drawn anew each time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from crm.market.cascade import FUNNEL, STAGE_VALUE, Batch
from crm.market.world import World
from crm.online import WEIGHTS, online_score
from crm.snapshot import BrandSnapshot
from orchestrator.agents import AGENTS
from orchestrator.agents.contract import AgentContext, NoEffects, PackBrief
from orchestrator.agents.findings import findings_of
from orchestrator.agents.outputs import context_of, output_of, produced_by
from orchestrator.agents.workbench import Workbench
from orchestrator.policies.contract import FINISH, sample
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.logged import LoggedEpisode, LoggedStep
from orchestrator.policies.situation import Situation
from rlhf.judge.rubric import judge
from rlhf.reward import RewardWeights, blend

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Odds = Callable[[Situation], np.ndarray]

CANDIDATES = 60
STAGES = tuple(STAGE_VALUE)  # engaged, qualified, purchased


@dataclass(frozen=True)
class Subject:
    """One thing an episode can be about. `seed` is the agents' and belongs to pack and subject, not to the episode."""

    pack: PackBrief
    snapshot: BrandSnapshot
    funnel: dict[str, int]
    seed: int

    @cached_property
    def known(self) -> dict[str, Any]:
        """What the judge may check an output against."""
        return context_of(self.snapshot, pack=self.pack)


@dataclass(frozen=True)
class Setting:
    """One brand with its market. An episode draws a pack, then one of its subjects, all alike."""

    world: str
    subjects: dict[str, list[Subject]]  # by pack


@dataclass
class Node:
    """What the bench looks like after some actions, and what it is worth to stop here."""

    subject: Subject
    world: World
    actions: tuple[str, ...]
    work: Workbench
    tokens: int
    following: dict[str, Node] = field(default_factory=dict)

    @cached_property
    def situation(self) -> Situation:
        pack = self.subject.pack
        return Situation(
            pack=pack.slug,
            task=pack.task,
            allowed=(*(name for name in pack.allowed_agents if name != FINISH), FINISH),
            step=len(self.actions),
            max_steps=pack.max_steps,
            threshold=pack.quality_threshold,
            actions=self.actions,
            quality=self.work.quality,
            cost=float(self.work.cost),
            funnel=self.subject.funnel,
        )

    @property
    def ended(self) -> bool:
        return bool(self.actions) and (self.actions[-1] == FINISH or len(self.actions) >= self.subject.pack.max_steps)

    def then(self, action: str) -> Node:
        """The node after one more action; the agent works once, however often this is asked."""
        if action not in self.following:
            subject = self.subject
            snapshot = subject.snapshot
            context = AgentContext(
                subject.pack, snapshot, subject.pack.goal, self.work, subject.seed, snapshot.taken_at, NoEffects()
            )
            result = AGENTS[action].run(context)
            work = self.work.then(action, result.output.model_dump(mode="json"), result.quality, result.cost)
            self.following[action] = Node(
                subject, self.world, (*self.actions, action), work, self.tokens + result.tokens
            )
        return self.following[action]

    @cached_property
    def outcome(self) -> Outcome:
        """What the episode has made if it ends here."""
        subject = self.subject
        produced = produced_by(self.work, pack=subject.pack, snapshot=subject.snapshot)
        verdict = judge(
            kind=produced.kind,
            request=subject.pack.goal,
            context=subject.known,
            output=json.loads(json.dumps(output_of(produced, self.work))),
        )
        prospects = [*subject.snapshot.audience, *([subject.snapshot.prospect] if subject.snapshot.prospect else [])]
        batches = [] if produced.gate_issues else self.world.batches(produced, prospects, subject.snapshot.campaigns)
        expected = self.world.expected(produced, prospects=prospects, campaigns=subject.snapshot.campaigns)
        touched = bool(batches) or bool(produced.gate_issues)
        return Outcome(
            judge=verdict.score,
            online=expected.online if touched else None,
            sales=expected.sales_counted,
            stage_value=expected.stage_value,
            steps=len(self.actions),
            tokens=self.tokens,
            batches=tuple(batches),
        )


@dataclass(frozen=True)
class Outcome:
    """Facts of a reward: judged, expected of the market, paid. `online` is None where nothing could touch anybody."""

    judge: float | None
    online: float | None
    sales: float
    stage_value: float
    steps: int
    tokens: int
    batches: tuple[Batch, ...]

    @cached_property
    def expected(self) -> float:
        """Mean reward over the market's chance: the blend is linear in sales, stage and O."""
        weights = RewardWeights()
        found = blend(judge=self.judge, online=self.online, sales=self.sales, steps=self.steps, tokens=self.tokens)
        return found.value + weights.crm_pipeline_bonus * self.stage_value

    def draw(self, rng: np.random.Generator) -> float:
        """A reward with one answer of the market in it."""
        online, sales, stage = self.online, 0, ""
        if self.batches:
            total, people, reached = 0.0, 0, set()
            for batch in self.batches:
                draws = rng.random(batch.chances.shape) < batch.chances
                passed = np.logical_and.accumulate(draws, axis=1)
                best = (passed * np.array([WEIGHTS[kind] for kind in batch.kinds])).max(axis=1)
                total, people = total + float(best.sum()), people + len(batch.keys)
                for step, kind in enumerate(batch.kinds):
                    if kind in FUNNEL and passed[:, step].any():
                        reached.add(FUNNEL[kind])
                sales += int(passed[:, batch.kinds.index("sold")].sum())
            online = online_score(total / people)
            stage = next((name for name in reversed(STAGES) if name in reached), "")
        found = blend(judge=self.judge, online=online, sales=sales, stage=stage, steps=self.steps, tokens=self.tokens)
        return found.value


def load_settings(subjects_per_pack: int) -> list[Setting]:
    """The three sample brands with their markets, made in a database in memory and then left behind.

    Needs Django to be set up with a database in memory, see `benchmarks.policy`.
    """
    from django.core.management import call_command

    from crm import snapshots
    from crm.models import Brand
    from crm.sample.catalogue import BRANDS
    from crm.sample.making import make_brand
    from orchestrator.engine.packs import brief_of
    from orchestrator.subjects import pick

    call_command("migrate", verbosity=0)
    made = []
    for slug in BRANDS:
        brand, _ = make_brand(slug, now=NOW)
        rng = np.random.default_rng(20261121)
        by_pack: dict[str, list[Subject]] = {}
        for pack in Brand.objects.get(pk=brand.pk).packs.order_by("slug"):
            drawn = snapshots.subjects(brand, pack, subjects_per_pack, rng)
            funnel = pick(brand, pack=pack, rng=rng)["funnel"]
            by_pack[pack.slug] = [
                Subject(
                    brief_of(pack, max_steps=pack.max_steps),
                    snapshots.take(brand, pack=pack, subject=subject, now=NOW),
                    funnel,
                    seed,
                )
                for seed, subject in enumerate(drawn)
            ]
        made.append(Setting(brand.world, by_pack))
    return made


def remember_findings() -> None:
    """Let agents compute the findings of a snapshot once: the same figures."""
    known: dict[int, tuple[BrandSnapshot, Any]] = {}

    def remembered(snapshot: BrandSnapshot) -> Any:
        if id(snapshot) not in known:
            known[id(snapshot)] = (snapshot, findings_of(snapshot))  # held, so that the id stays its own
        return known[id(snapshot)][1]

    for module in ("orchestrator.agents.insight", "orchestrator.agents.outputs"):
        vars(sys.modules[module])["findings_of"] = remembered


def roots(setting: Setting) -> dict[str, list[Node]]:
    """An empty bench for every subject, by pack."""
    world = World.load(setting.world)
    return {
        pack: [Node(subject, world, (), Workbench(), 0) for subject in subjects]
        for pack, subjects in setting.subjects.items()
    }


def state_key(node: Node) -> str:
    """Equal for benches from which the same can be made: newest outputs, how often each worked, who came after whom."""
    newest = {name: node.work.latest(name) for name in sorted(set(node.actions))}
    order = sorted(newest, key=lambda name: len(node.actions) - node.actions[::-1].index(name))
    counts = {name: node.actions.count(name) for name in newest}
    return json.dumps([newest, order, counts, node.work.quality], sort_keys=True, default=str)


class RememberingSpace(FeatureSpace):
    """Turns each situation of a world into numbers once for all fits. Situations must outlive it."""

    @cached_property
    def _known(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {}

    def _rows(self, situation: Situation) -> tuple[np.ndarray, np.ndarray]:
        if id(situation) not in self._known:
            self._known[id(situation)] = (super().matrix([situation])[0], super().after([situation])[0])
        return self._known[id(situation)]

    def matrix(self, situations: Sequence[Situation]) -> np.ndarray:
        return np.stack([self._rows(situation)[0] for situation in situations])

    def after(self, situations: Sequence[Situation]) -> np.ndarray:
        return np.stack([self._rows(situation)[1] for situation in situations])


class Table:
    """All that is known of one world so far, growing as episodes go where none went before."""

    def __init__(self, setting: Setting) -> None:
        remember_findings()
        self.roots = roots(setting)
        self.packs = sorted(self.roots)
        self.weights = RewardWeights()

    @cached_property
    def space(self) -> RememberingSpace:
        """A vocabulary from short random walks: every agent of every pack has worked in them."""
        rng = np.random.default_rng(0)
        met: list[Situation] = []
        for nodes in self.roots.values():
            for _ in range(15):
                node = nodes[0]
                for _ in range(5):
                    node = node.then(node.situation.allowed[int(rng.integers(len(node.situation.allowed) - 1))])
                    met.append(node.situation)
        found = FeatureSpace.fit(met)
        return RememberingSpace(found.packs, found.actions, found.dimensions, found.stages)

    def remembered(self, odds: Odds) -> Odds:
        """The same odds, computed once per situation."""
        known: dict[int, np.ndarray] = {}

        def looked_up(now: Situation) -> np.ndarray:
            if id(now) not in known:
                known[id(now)] = odds(now)
            return known[id(now)]

        return looked_up

    def static_odds(self, now: Situation) -> np.ndarray:
        """The pack's fixed sequence, then finish."""
        sequence = (*self.roots[now.pack][0].subject.pack.static_sequence, FINISH)
        return np.array([float(name == sequence[now.step]) for name in now.allowed])

    def episode(self, odds: Odds, rng: np.random.Generator) -> LoggedEpisode:
        """One run of a random pack about a random subject, with a drawn answer of the market."""
        nodes = self.roots[self.packs[int(rng.integers(len(self.packs)))]]
        node, steps = nodes[int(rng.integers(len(nodes)))], []
        while not node.ended:
            now, chances = node.situation, odds(node.situation)
            action = now.allowed[sample(chances, rng)]
            then = node.then(action)
            cost = self.weights.step_cost + self.weights.token_cost * (then.tokens - node.tokens)
            steps.append(LoggedStep(now, action, tuple(float(chance) for chance in chances), cost))
            node = then
        return LoggedEpisode("", "rl", node.outcome.draw(rng), tuple(steps))

    def value(self, odds: Odds, rng: np.random.Generator, rollouts: int) -> dict[str, float]:
        """Mean expected reward by pack: choices are drawn `rollouts` times per subject, the market's answer is not."""
        found = {}
        for pack, nodes in self.roots.items():
            ends = []
            for start in nodes:
                for _ in range(rollouts):
                    node = start
                    while not node.ended:
                        node = node.then(node.situation.allowed[sample(odds(node.situation), rng)])
                    ends.append(node.outcome.expected)
            found[pack] = float(np.mean(ends))
        return found

    def search(self) -> dict[str, Best]:
        """The best that is known of every pack, by sequence and by subject, after a search (see `_explore`)."""
        found = {}
        for pack, starts in self.roots.items():
            for start in starts:
                _explore(start)
            known = [dict(_ends(start)) for start in starts]
            sequences = {actions for one in known for actions in one}
            # promising by those subjects that have tried it; then tried on all of them
            hoped = {actions: np.mean([one[actions] for one in known if actions in one]) for actions in sequences}
            tried = sorted(hoped, key=lambda actions: -hoped[actions])[:CANDIDATES]
            worth = {actions: [_walk(start, actions) for start in starts] for actions in tried}
            best = max(worth, key=lambda actions: float(np.mean(worth[actions])))
            found[pack] = Best(best, worth[best], [max(one.values()) for one in known])
        return found


@dataclass(frozen=True)
class Best:
    """Expected rewards by subject: of the one `sequence` that is best for the pack, and of each subject's own best."""

    sequence: tuple[str, ...]
    by_sequence: list[float]
    by_subject: list[float]


def _explore(start: Node, full: int = 3, width: int = 6, depth: int = 7) -> None:
    """Tries every sequence of up to `full` + 1 agents, then goes on from the `width` best to `depth` agents.

    Benches from which the same can be made are gone on from once.
    """
    front, seen = [start], set()
    for length in range(min(depth, start.subject.pack.max_steps - 1)):
        worth = [(node.then(FINISH).outcome.expected, place) for place, node in enumerate(front)]
        if length > full:
            front = [front[place] for _, place in sorted(worth, reverse=True)[:width]]
        following = []
        for node in front:
            for action in node.situation.allowed[:-1]:
                then = node.then(action)
                key = state_key(then)
                if key not in seen:
                    seen.add(key)
                    following.append(then)
        front = following


def _ends(start: Node) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every finished sequence that anybody ever tried from here, with its expected reward."""
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node.ended:
            yield node.actions, node.outcome.expected
        waiting += node.following.values()


def _walk(start: Node, actions: tuple[str, ...]) -> float:
    node = start
    for action in actions:
        node = node.then(action)
    return node.outcome.expected
