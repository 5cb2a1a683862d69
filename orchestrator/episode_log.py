"""Reads finished episodes back as a learner takes them, in two queries whatever their number.

Nothing is repaired: an episode with anything wrong in it is skipped and the reason is counted.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from crm.models import Brand
from orchestrator.agents import AGENTS
from orchestrator.models import Episode, Step
from orchestrator.policies.logged import LoggedEpisode, LoggedStep, Malformed
from orchestrator.policies.situation import Situation, funnel_of
from rlhf.models import RewardConfig
from rlhf.reward import RewardWeights

# A provisional reward still lacks what the market has not answered yet, so it counts less than a settled one.
PROVISIONAL_WEIGHT = 0.5

Row = dict[str, Any]


@dataclass
class EpisodeLog:
    """`looked_at` counts finished episodes, `rewards` are all finite ones, `skipped` maps a reason to its count."""

    episodes: list[LoggedEpisode] = field(default_factory=list)
    looked_at: int = 0
    rewards: list[float] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def logged_episodes(*, brand: Brand, max_runs: int | None = None) -> EpisodeLog:
    """The newest `max_runs` finished episodes of a brand (all: None), oldest first.

    Simulated and live episodes never meet in one log: only those of the kind the brand is now are taken.
    """
    newest = Episode.objects.for_brand(brand).done().order_by("-pk")
    if max_runs is not None:
        newest = newest[:max_runs]
    rows = list(
        newest.values(
            "pk", "mode", "reward", "reward_provisional", "request", "subject", "max_steps", "simulated",
            "pack__slug", "pack__task", "pack__quality_threshold",
        )
    )  # fmt: skip
    steps = _steps_of(brand, [row["pk"] for row in rows], everything=max_runs is None)
    weights = _weights(brand)
    log = EpisodeLog(looked_at=len(rows))
    for row in reversed(rows):
        if row["reward"] is not None and math.isfinite(row["reward"]):
            log.rewards.append(row["reward"])
        try:
            log.episodes.append(_episode(row, steps.get(row["pk"], []), weights, simulated=brand.is_simulated))
        except Malformed as problem:
            log.skipped[str(problem)] += 1
    return log


def _steps_of(brand: Brand, episodes: list[int], *, everything: bool) -> dict[int, list[Row]]:
    wanted = Step.objects.for_brand(brand).filter(episode__state="done")
    if not everything and episodes:
        # the newest by key, so the oldest key bounds them all and no list of thousands of ids is sent
        wanted = wanted.filter(episode_id__gte=episodes[-1])
    found: defaultdict[int, list[Row]] = defaultdict(list)
    columns = ("episode_id", "index", "action", "allowed", "probabilities", "probability", "quality", "cost", "tokens")
    for step in wanted.order_by("episode_id", "index").values(*columns).iterator(chunk_size=5000):
        found[step["episode_id"]].append(step)
    return found


def _weights(brand: Brand) -> RewardWeights:
    config = RewardConfig.objects.for_brand(brand).order_by("-version").first()
    return RewardWeights.from_dict(config.values) if config else RewardWeights()


def _episode(row: Row, steps: list[Row], weights: RewardWeights, *, simulated: bool) -> LoggedEpisode:
    """Raises Malformed with the reason."""
    if row["simulated"] != simulated:
        raise Malformed(f"{'simulated' if row['simulated'] else 'live'} run of a brand that no longer is")
    if row["reward"] is None:
        raise Malformed("no reward yet")
    if [step["index"] for step in steps] != list(range(len(steps))):
        raise Malformed("steps are missing or out of order")
    made = []
    actions: tuple[str, ...] = ()
    quality: dict[str, float] = {}
    cost = 0.0
    for step in steps:
        allowed = _words(step["allowed"])
        if step["action"] not in AGENTS:
            raise Malformed("no agent has the name of an action")
        situation = Situation(
            pack=row["pack__slug"],
            task=row["pack__task"],
            allowed=allowed,
            step=step["index"],
            max_steps=row["max_steps"],
            threshold=row["pack__quality_threshold"],
            actions=actions,
            quality=quality,
            cost=cost,
            funnel=_funnel(row["subject"]),
            request=row["request"],
        )
        price = weights.step_cost + weights.token_cost * step["tokens"]
        made.append(LoggedStep(situation, step["action"], _numbers(step["probabilities"], "probabilities"), price))
        actions = (*actions, step["action"])
        quality = quality | _quality(step["quality"])
        cost += float(step["cost"])
    kept = PROVISIONAL_WEIGHT if row["reward_provisional"] else 1.0
    episode = LoggedEpisode(str(row["pk"]), row["mode"], float(row["reward"]), tuple(made), kept)
    episode.check()
    return episode


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise Malformed("allowed actions are not a list of names")
    if len(set(value)) != len(value):
        raise Malformed("an allowed action is listed twice")
    return tuple(value)


def _numbers(value: Any, name: str) -> tuple[float, ...]:
    if not isinstance(value, list) or not all(_is_number(one) for one in value):
        raise Malformed(f"{name} are not a list of numbers")
    return tuple(float(one) for one in value)


def _quality(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not all(_is_number(one) for one in value.values()):
        raise Malformed("quality is not a map of numbers")
    return {str(name): float(one) for name, one in value.items()}


def _funnel(subject: Any) -> dict[str, int]:
    if not isinstance(subject, dict):
        raise Malformed("subject is not a map")
    try:
        return funnel_of(subject, {})
    except (TypeError, ValueError) as error:
        raise Malformed("the funnel of the subject is not a map of counts") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
