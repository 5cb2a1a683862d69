"""The recommended policy: a table of conditions anyone can read, plus a little honest exploration.

The first row whose condition holds, and whose action the pack allows, is the pick. So that other choices can be
compared with it later, a small share `EPSILON` of the probability is spread over all allowed actions and logged: each
time an agent has worked already leaves it a fifth of its share, for doing the same again rarely teaches anything;
stopping before the table says so has a fifth as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from orchestrator.policies.contract import FINISH, Decision, PolicyState, sample
from orchestrator.policies.situation import MAKERS, Situation

LABEL = "rule@1"
EPSILON = 0.1
REPEATED = 0.2
TRIES = 2
TEXTS = ("outreach", "creative")


def confidence(situation: Situation) -> float:
    """What reflection said, else how good the work looks, else nothing at all."""
    return situation.quality.get("confidence", situation.overall or 0.0)


def results(situation: Situation) -> tuple[str, ...]:
    """Agents whose work makes earlier doubts stale."""
    return MAKERS.get(situation.task, ())


def checked(situation: Situation) -> tuple[str, ...]:
    """Agents whose work makes an earlier check stale: whatever the task, an unchecked text may hold everything back."""
    return (*results(situation), *TEXTS)


def may_retry(situation: Situation) -> bool:
    return situation.made and 0 < situation.count(situation.maker) < TRIES


def maker(situation: Situation) -> str:
    return situation.maker


@dataclass(frozen=True)
class Rule:
    """One row: what it is called on the pages, when it applies, and what is done then."""

    name: str
    applies: Callable[[Situation], bool]
    action: str | Callable[[Situation], str]

    def pick(self, situation: Situation) -> str:
        return self.action if isinstance(self.action, str) else self.action(situation)


RULES: tuple[Rule, ...] = (
    Rule("the last step is for finishing", lambda s: s.remaining <= 1, FINISH),
    Rule("nothing is known yet", lambda s: not s.count("insight"), "insight"),
    Rule("the result is missing", lambda s: not s.made, maker),
    Rule(
        "the result has not been checked",
        lambda s: not s.since("governance", of=checked(s)),
        "governance",
    ),
    Rule(
        "the check found problems and one try is left",
        lambda s: s.quality.get("compliance", 1.0) < 1.0 and may_retry(s),
        maker,
    ),
    Rule(
        "nobody has weighed the doubts",
        lambda s: not s.since("reflect", of=results(s)),
        "reflect",
    ),
    Rule(
        "confidence is under the threshold and one try is left",
        lambda s: confidence(s) < s.threshold and may_retry(s),
        maker,
    ),
    Rule("all is done", lambda s: True, FINISH),
)


def first_match(situation: Situation) -> tuple[Rule, str]:
    """The row that decides and the action it picks."""
    for rule in RULES:
        if rule.applies(situation):
            action = rule.pick(situation)
            if action in situation.allowed:
                return rule, action
    raise LookupError("no rule applies")  # unreachable: the last row always does and `finish` is always allowed


def probabilities(situation: Situation, epsilon: float = EPSILON) -> np.ndarray:
    """Distribution over `situation.allowed` (actions,): the pick keeps 1 − epsilon, and epsilon is shared by all."""
    _, action = first_match(situation)
    shares = np.array([REPEATED ** (name == FINISH or situation.count(name)) for name in situation.allowed])
    spread = epsilon * shares / shares.sum()
    spread[situation.allowed.index(action)] += 1 - epsilon
    return np.asarray(spread)


class RulePolicy:
    """Reads the table and explores with probability `epsilon`. At epsilon 0 it only ever does what the table says."""

    label = LABEL

    def __init__(self, epsilon: float = EPSILON) -> None:
        self.epsilon = epsilon

    def decide(self, state: PolicyState, rng: np.random.Generator) -> Decision:
        situation = Situation.of(state)
        rule, picked = first_match(situation)
        odds = probabilities(situation, self.epsilon)
        action = situation.allowed[sample(odds, rng)]
        why = rule.name if action == picked else f"exploring; the table says {picked}: {rule.name}"
        return Decision(
            action=action,
            allowed=situation.allowed,
            probabilities=tuple(float(p) for p in odds),
            policy=self.label,
            why=why,
        )
