"""A market of two packs small enough to know the best sequence by heart, for tests of learners.

`read` pays for insight before outreach, `plain` does not and charges for it. Doing anything costs 0.02.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestrator.policies import rule
from orchestrator.policies.contract import sample
from orchestrator.policies.learned import LinearSoftmax
from orchestrator.policies.logged import LoggedEpisode, LoggedStep
from orchestrator.policies.situation import Situation

ALLOWED = ("insight", "outreach", "governance", "finish")
COST = 0.02
MOST = 6
Odds = Callable[[Situation], np.ndarray]


def situation(pack: str = "read", actions: tuple[str, ...] = (), **fields: object) -> Situation:
    given = {"quality": {"fit": 0.6} if "outreach" in actions else {}, **fields}
    return Situation(pack, "outreach", ALLOWED, len(actions), MOST, 0.7, actions=actions, **given)  # type: ignore[arg-type]


def pays(pack: str, actions: tuple[str, ...]) -> float:
    """Reward without noise."""
    agents = [name for name in actions if name != "finish"]
    if "outreach" not in agents:
        return -COST * len(agents)
    informed = "insight" in agents[: agents.index("outreach")]
    value = 0.4 + (0.4 if pack == "read" else -0.2) * informed
    return value - COST * len(agents)


def episode(odds: Odds, rng: np.random.Generator, noise: float = 0.1, key: str = "1") -> LoggedEpisode:
    pack = ("read", "plain")[int(rng.integers(2))]
    actions: tuple[str, ...] = ()
    steps: list[LoggedStep] = []
    while len(actions) < MOST and "finish" not in actions:
        now = situation(pack, actions)
        chances = odds(now)
        action = ALLOWED[sample(chances, rng)]
        cost = 0.0 if action == "finish" else COST
        steps.append(LoggedStep(now, action, tuple(float(p) for p in chances), cost))
        actions = (*actions, action)
    return LoggedEpisode(key, "rule", pays(pack, actions) + noise * rng.normal(), tuple(steps))


def log(count: int, seed: int = 0, odds: Odds = rule.probabilities, noise: float = 0.1) -> list[LoggedEpisode]:
    rng = np.random.default_rng(seed)
    return [episode(odds, rng, noise, str(number)) for number in range(count)]


def worth(policy: LinearSoftmax, count: int = 400, seed: int = 99) -> float:
    """Mean reward of a policy, without noise."""
    return float(np.mean([one.reward for one in log(count, seed, policy.probabilities, noise=0.0)]))


def spread_out(now: Situation) -> np.ndarray:
    """Every action alike."""
    return np.full(len(now.allowed), 1 / len(now.allowed))
