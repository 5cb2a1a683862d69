"""From a model's reply to our verdicts: J from the weighted dimensions, ranks centred on their group, pairs. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlhf.judge.dashboards import WidgetVerdict, refined
from rlhf.judge.materials import Material
from rlhf.judge.replies import Missing, RankReply, RichReply, contradiction, read_group, read_pair, read_rich
from rlhf.judge.rubric import LOWEST_BAND, Rubric, Verdict, weighted

CLOSE = 0.02  # dimensions and scores of the rubric judge nearer than this are equal
MOST_SUGGESTIONS = 5


@dataclass(frozen=True, slots=True)
class Rank:
    """One member's place: `score` in [0, 1], `centred` is it minus the group's mean, so that ranks sum to 0."""

    score: float
    centred: float
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """`score` of the first against the second: 1, 0.5 or 0. `orders` is who won in each order (`a`, `b`, `tie`)."""

    score: float
    orders: tuple[str, str]
    reasoning: str

    @property
    def agreed(self) -> bool:
        return self.orders[0] == self.orders[1]


def absolute(text: str, *, mark: str, rubric: Rubric, material: Material) -> Verdict | Missing:
    """A model's absolute verdict. J is the mean of its dimensions weighted as the rubric says, refined for dashboards;
    what a gate held back stays in the lowest band."""
    reply = read_rich(text, mark=mark, widgets=material.widgets)
    if isinstance(reply, Missing):
        return reply
    dimensions = reply.dimensions.model_dump()
    score = weighted(dimensions, rubric.shape.criteria)
    wrong = contradiction(reply, score)
    if wrong is not None:
        return wrong
    if rubric.shape.kind == "dashboard":
        score = refined(
            score,
            confidence=reply.confidence,
            up=reply.overall_rating == "up",
            appropriateness=[one.appropriateness_score for one in reply.widget_feedback],
            missing=len(reply.missing_widgets),
            sizes=[one.size_appropriate for one in reply.widget_feedback],
        )
    score = min(score, LOWEST_BAND) if material.held else score
    return _said(reply, rubric, score, "down" if material.held else reply.overall_rating)


def _said(reply: RichReply, rubric: Rubric, score: float, rating: str) -> Verdict:
    widgets = sorted(reply.widget_feedback, key=lambda one: one.widget_index)
    return Verdict(
        rubric.version,
        score=round(score, 4),
        confidence=round(reply.confidence, 4),
        dimensions={name: round(value, 4) for name, value in reply.dimensions.model_dump().items()},
        overall_rating=rating,
        reasoning=reply.reasoning,
        query_understanding=reply.query_understanding,
        strengths=tuple(strength for one in widgets for strength in one.strengths)[:5],
        issues=tuple(issue for one in widgets for issue in one.issues)[:8],
        suggestions=tuple(reply.suggested_improvements[:MOST_SUGGESTIONS]),
        widget_feedback=tuple(
            WidgetVerdict(
                one.widget_index, one.widget_type, one.appropriateness_score, one.size_appropriate,
                tuple(one.issues), tuple(one.strengths),
            )
            for one in widgets
        ),
        missing_widgets=tuple(reply.missing_widgets),
    )  # fmt: skip


def group(text: str, *, ids: Sequence[str], marks: Mapping[str, str]) -> list[Rank] | Missing:
    """A model's ranking, joined by id and in the order of `ids`."""
    scores = read_group(text, dict(marks))
    if isinstance(scores, Missing):
        return scores
    answers: list[RankReply] = [scores[one] for one in ids]
    return centred([answer.score for answer in answers], [answer.reasoning for answer in answers])


def centred(scores: Sequence[float], reasons: Sequence[str] = ()) -> list[Rank]:
    """Ranks from scores: each minus the mean. Groups are judged apart, so only differences inside one mean anything."""
    mean = math.fsum(scores) / len(scores)
    said = list(reasons) or [""] * len(scores)
    return [Rank(round(score, 4), round(score - mean, 4), why) for score, why in zip(scores, said, strict=True)]


def rubric_ranks(members: Sequence[Verdict], rubric: Rubric) -> list[Rank]:
    """The embedded ranking: each meets each, dimension by dimension.

    A meeting is worth the weights of the dimensions won by more than 0.02, ties half; the score is the mean over
    meetings (Copeland's method with weighted criteria). What a gate held back loses every meeting with what it let go.
    """
    scores = []
    for one in members:
        won = [_meeting(one, other, rubric) for other in members if other is not one]
        scores.append(math.fsum(won) / len(won))
    return centred(scores)


def _meeting(one: Verdict, other: Verdict, rubric: Rubric) -> float:
    held = [verdict.score is not None and verdict.score <= LOWEST_BAND for verdict in (one, other)]
    if held[0] != held[1]:
        return 0.0 if held[0] else 1.0
    weights = {
        name: weight
        for name, weight in rubric.shape.criteria.items()
        if name in one.dimensions and name in other.dimensions
    }
    total = math.fsum(weights.values())
    if total <= 0:
        return 0.5
    return math.fsum(weight * _won(one.dimensions[n], other.dimensions[n]) for n, weight in weights.items()) / total


def _won(one: float, other: float) -> float:
    return 0.5 if abs(one - other) <= CLOSE else float(one > other)


@dataclass(frozen=True, slots=True)
class Sent:
    """One call of a pair: the ids of a and b, and the mark of each id."""

    ids: tuple[str, str]
    marks: Mapping[str, str]


def pair(first: str, second: str, *, sent: tuple[Sent, Sent]) -> PairVerdict | Missing:
    """One comparison from two replies, b shown first in the second.

    Both orders must name the same one: a disagreement is a tie, since then the place decided.
    """
    winners, reasons = [], []
    for text, call in zip((first, second), sent, strict=True):
        read = read_pair(text, dict(call.marks))
        if isinstance(read, Missing):
            return read
        better, why = read
        winners.append("tie" if better == "tie" else "ab"[call.ids.index(better)])
        reasons.append(why)
    return joined((winners[0], winners[1]), reasons[0])


def joined(orders: tuple[str, str], reasoning: str) -> PairVerdict:
    """1 where both orders say a, 0 where both say b, else 0.5."""
    agreed = orders[0] if orders[0] == orders[1] else "tie"
    return PairVerdict({"a": 1.0, "b": 0.0, "tie": 0.5}[agreed], orders, reasoning)


def rubric_pair(a: Verdict, b: Verdict) -> PairVerdict:
    """The embedded comparison: by J, equal within 0.02. It has no order that could matter."""
    assert a.score is not None and b.score is not None
    winner = "tie" if abs(a.score - b.score) <= CLOSE else "a" if a.score > b.score else "b"
    return joined((winner, winner), f"J {a.score:.2f} against {b.score:.2f}.")
