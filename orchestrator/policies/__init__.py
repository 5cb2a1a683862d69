"""Policies that pick the next agent, and the learners that improve them. Pure: no Django below this package.

`POLICIES` has one factory per mode of an episode. `parameters` and `number` are those of the pinned PolicyVersion; only
`rl` reads them, and without any it serves the prior, which is the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.policies.contract import FINISH, Decision, Policy, PolicyState
from orchestrator.policies.learned import LearnedPolicy, LinearSoftmax
from orchestrator.policies.learner import ClippedPolicyGradient
from orchestrator.policies.plain import PlainReinforce
from orchestrator.policies.rule import RulePolicy
from orchestrator.policies.static import StaticPolicy

PolicyFactory = Callable[[dict[str, Any] | None, int], Policy]


def learned_policy(parameters: dict[str, Any] | None, number: int) -> Policy:
    """The stored version `number`, or the prior where there are no parameters. ValueError when they do not fit."""
    softmax = LinearSoftmax.zero() if parameters is None else LinearSoftmax.from_json(parameters)
    return LearnedPolicy(softmax, number)


POLICIES: dict[str, PolicyFactory] = {
    "static": lambda parameters, number: StaticPolicy(),
    "rule": lambda parameters, number: RulePolicy(),
    "rl": learned_policy,
}

LEARNERS: dict[str, type[ClippedPolicyGradient] | type[PlainReinforce]] = {
    ClippedPolicyGradient.name: ClippedPolicyGradient,
    PlainReinforce.name: PlainReinforce,
}

__all__ = [
    "FINISH",
    "LEARNERS",
    "POLICIES",
    "ClippedPolicyGradient",
    "Decision",
    "LearnedPolicy",
    "LinearSoftmax",
    "PlainReinforce",
    "Policy",
    "PolicyState",
    "RulePolicy",
    "StaticPolicy",
]
