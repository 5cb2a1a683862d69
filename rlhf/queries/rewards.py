"""A reward taken apart in words: which part is whose, what it counted, how much it added, and what to know about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crm.charts.words import figure, listed
from rlhf.models import Reward

# part in `rlhf.reward.Breakdown`: kind, which has its colour, and name
PARTS: dict[str, tuple[str, str]] = {
    "judge": ("judge", "Judge"),
    "human": ("human", "People"),
    "online": ("online", "Online answers"),
    "sale": ("sale", "Sale bonus"),
    "sales": ("sale", "Sale bonus"),
    "pipeline": ("pipeline", "Pipeline bonus"),
    "steps": ("cost", "Cost of steps"),
    "tokens": ("cost", "Cost of tokens"),
}
TERMS = {"judge": "the judge", "human": "people", "online": "the market online"}
COUNTS = ("sale", "pipeline", "cost")


@dataclass(frozen=True)
class RewardPart:
    """One part as a page shows it. `where` is what lies behind it: judge, people, market or work."""

    kind: str
    name: str
    score: float | None
    weight: float | None
    adds: float
    where: str = ""

    @property
    def written_score(self) -> str:
        """Counts of sales, steps and tokens whole, shares of one with two decimals."""
        if self.score is None:
            return ""
        return figure(self.score, 0 if self.kind in COUNTS else 2)

    @property
    def written_weight(self) -> str:
        """Two decimals, more for the cost of a token."""
        if self.weight is None:
            return ""
        if abs(self.weight) >= 0.005 or not self.weight:
            return figure(self.weight, 2)
        return figure(self.weight, 6).rstrip("0")


@dataclass(frozen=True)
class Taken:
    """One computation of a reward, taken apart."""

    reward: Reward
    parts: list[RewardPart]

    @property
    def missing(self) -> list[str]:
        """Terms of J, H and O that it went without."""
        present = {part.kind for part in self.parts}
        return [name for kind, name in TERMS.items() if kind not in present]

    @property
    def missing_words(self) -> str:
        return listed(self.missing)

    @property
    def notes(self) -> list[str]:
        """What the computation remarked, such as broken CRM data that counted as 0."""
        return [str(note) for note in self.reward.components.get("notes", [])]

    @property
    def trust(self) -> float | None:
        """The share of its weight that the judge has by how far it agrees with people; None where it has all of it, or
        said nothing."""
        inputs = self.reward.components.get("inputs") or {}
        share = inputs.get("judge_reliability")
        return None if share is None or share >= 1 or inputs.get("judge") is None else float(share)

    @property
    def judge(self) -> float | None:
        """J as it was counted: the verdict's score, moved by its rank where there is one."""
        found = (self.reward.components.get("inputs") or {}).get("judge")
        return None if found is None else float(found)


def taken_apart(reward: Reward) -> Taken:
    return Taken(reward, list(parts_of(reward.components)))


def parts_of(components: dict[str, Any]) -> Iterator[RewardPart]:
    """The stored parts with the words and the colour a page gives them."""
    for part in components.get("parts", []):
        kind, name = PARTS.get(part["name"], ("cost" if part["adds"] < 0 else "online", part["name"].capitalize()))
        where = {"judge": "judge", "human": "people", "cost": "work"}.get(kind, "market")
        yield RewardPart(kind, name, part.get("score"), part.get("weight"), part["adds"], where)
