"""Finished episodes as a learner takes them: what was seen, chosen and earned at each step.

    gross_i = reward_i + Σ_t cost_it          the reward before the cost of its steps
    G_it    = gross_i − Σ_{k ≥ t} cost_ik     return-to-go: the whole reward, less only what was still to be paid

The reward comes once, at the end. Costs of steps already made are the same whatever is chosen next: they are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from orchestrator.policies.contract import SUM_TOLERANCE
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.learned import PRIORS
from orchestrator.policies.rule import LABEL
from orchestrator.policies.situation import Situation

# Logged numbers went through JSON and, in imported logs, through rounding to three places.
LOGGED_TOLERANCE = 1e-3


class Malformed(ValueError):
    """This episode cannot be learned from; the message is the reason, worded so that equal problems count together."""


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """`probabilities` is aligned with `situation.allowed`; `cost` is in units of reward."""

    situation: Situation
    action: str
    probabilities: tuple[float, ...]
    cost: float = 0.0

    @property
    def place(self) -> int:
        """Of the chosen action among the allowed ones."""
        return self.situation.allowed.index(self.action)

    @property
    def probability(self) -> float:
        return self.probabilities[self.place]

    def check(self) -> None:
        """Raises Malformed."""
        if self.action not in self.situation.allowed:
            raise Malformed("action is not among the allowed ones")
        if len(self.probabilities) != len(self.situation.allowed):
            raise Malformed("probabilities do not match the allowed actions")
        if not all(math.isfinite(p) and 0 <= p <= 1 for p in self.probabilities):
            raise Malformed("probabilities are outside 0 to 1")
        if abs(math.fsum(self.probabilities) - 1) > LOGGED_TOLERANCE:
            raise Malformed("probabilities do not sum to 1")
        if self.probability < SUM_TOLERANCE:
            raise Malformed("the chosen action had probability 0")
        if not math.isfinite(self.cost):
            raise Malformed("cost is not a finite number")


@dataclass(frozen=True, slots=True)
class LoggedEpisode:
    """`key` tells episodes apart; `weight` is how much it counts (less while its reward is provisional)."""

    key: str
    mode: str
    reward: float
    steps: tuple[LoggedStep, ...]
    weight: float = 1.0

    @property
    def pack(self) -> str:
        return self.steps[0].situation.pack

    @property
    def gross(self) -> float:
        """Reward before the cost of the steps."""
        return self.reward + sum(step.cost for step in self.steps)

    def check(self) -> None:
        """Raises Malformed with the reason."""
        if not self.steps:
            raise Malformed("no steps")
        if not math.isfinite(self.reward):
            raise Malformed("reward is not a finite number")
        for step in self.steps:
            step.check()


@dataclass(frozen=True, eq=False)
class Batch:
    """Episodes as arrays. Steps stand in order of episode and time; equal situations are turned into numbers once.

    `explored` marks steps that were really drawn (probability under 1): only they carry a gradient. `log_prior` is −inf
    for actions that were not allowed.
    """

    x: np.ndarray  # (situations, features)
    after: np.ndarray  # (situations, actions, features) of the situation with one more action; 0 where not allowed
    log_prior: np.ndarray  # (situations, actions)
    row: np.ndarray  # (steps,) situation of the step
    action: np.ndarray  # (steps,) column of the chosen action
    logged: np.ndarray  # (steps,) probability with which it was chosen
    cost: np.ndarray  # (steps,)
    weight: np.ndarray  # (steps,)
    explored: np.ndarray  # (steps,) bool
    episode: np.ndarray  # (steps,) 0, 1, 2 ...
    position: np.ndarray  # (steps,) 0 is the first of its episode
    last: np.ndarray  # (steps,) bool
    gross: np.ndarray  # (episodes,)

    @cached_property
    def sparse(self) -> csr_array:
        """x again; most features of a situation are 0, and a climb multiplies with it hundreds of times."""
        return csr_array(self.x)

    @classmethod
    def of(cls, episodes: Sequence[LoggedEpisode], space: FeatureSpace, prior: str = LABEL) -> Batch:
        """ValueError for no episodes. Every action that was allowed must be known to `space`."""
        if not episodes:
            raise ValueError("there is nothing to learn from")
        steps = [step for episode in episodes for step in episode.steps]
        lengths = np.array([len(episode.steps) for episode in episodes], dtype=np.int64)
        first_seen: dict[int, int] = {}
        situations: list[Situation] = []
        row = np.empty(len(steps), dtype=np.int64)
        for index, step in enumerate(steps):
            # by identity: a log that holds one situation object many times is a log of a memoised world
            known = first_seen.setdefault(id(step.situation), len(situations))
            if known == len(situations):
                situations.append(step.situation)
            row[index] = known
        log_prior = np.full((len(situations), len(space.actions)), -np.inf)
        for index, situation in enumerate(situations):
            log_prior[index, space.indices(situation.allowed)] = np.log(PRIORS[prior](situation))
        logged = np.array([step.probability for step in steps])
        last = np.zeros(len(steps), dtype=bool)
        last[np.cumsum(lengths) - 1] = True
        return cls(
            x=space.matrix(situations),
            after=space.after(situations),
            log_prior=log_prior,
            row=row,
            action=space.indices([step.action for step in steps]),
            logged=logged,
            cost=np.array([step.cost for step in steps]),
            weight=np.repeat([episode.weight for episode in episodes], lengths),
            explored=logged < 1 - SUM_TOLERANCE,
            episode=np.repeat(np.arange(len(episodes)), lengths),
            position=np.concatenate([np.arange(length) for length in lengths]),
            last=last,
            gross=np.array([episode.gross for episode in episodes]),
        )

    def take(self, episodes: np.ndarray) -> Batch:
        """The episodes where the mask (episodes,) is true, renumbered; situations stay as they are."""
        steps = episodes[self.episode]
        return replace(
            self,
            row=self.row[steps],
            action=self.action[steps],
            logged=self.logged[steps],
            cost=self.cost[steps],
            weight=self.weight[steps],
            explored=self.explored[steps],
            episode=(np.cumsum(episodes) - 1)[self.episode[steps]],
            position=self.position[steps],
            last=self.last[steps],
            gross=self.gross[episodes],
        )

    def returns(self) -> np.ndarray:
        """Return-to-go G (steps,); see the module."""
        total = np.cumsum(self.cost)
        end_of_episode = total[self.last][self.episode]
        return np.asarray(self.gross[self.episode] - (end_of_episode - total + self.cost))
