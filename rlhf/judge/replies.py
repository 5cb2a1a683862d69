"""What a model's reply must look like, and its reading: one of our verdicts, or missing with its cause. Pure.

The service forces the shape, not the bounds (`minimum` and `maximum` are no part of what it enforces), so that every
range, id and mark is checked again here. Nothing is repaired and nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

UP_AT_LEAST, DOWN_AT_MOST = 0.2, 0.8  # a thumb that contradicts J beyond this is no verdict


@dataclass(frozen=True, slots=True)
class Missing:
    """No verdict. `cause` is a value of Evaluation.Cause, `why` is for people, `wait_s` what the service asked for."""

    cause: str
    why: str
    wait_s: float | None = None


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class WidgetReply(Reply):
    widget_index: int
    widget_type: str
    appropriateness_score: FiniteFloat
    size_appropriate: bool
    issues: list[str]
    strengths: list[str]


class DimensionsReply(Reply):
    accuracy: FiniteFloat
    completeness: FiniteFloat
    coherence: FiniteFloat
    relevance: FiniteFloat
    brand_fit: FiniteFloat
    compliance: FiniteFloat


class RichReply(Reply):
    """An absolute verdict, in the order in which it is best thought through: first what was asked, last the rating."""

    mark: str
    query_understanding: str
    dimensions: DimensionsReply
    widget_feedback: list[WidgetReply]
    missing_widgets: list[str]
    suggested_improvements: list[str]
    reasoning: str
    confidence: FiniteFloat
    overall_rating: Literal["up", "down"]


class RankReply(Reply):
    id: str
    mark: str
    reasoning: str
    score: FiniteFloat


class GroupReply(Reply):
    answers: list[RankReply]


class PairReply(Reply):
    reasoning: str
    better: str
    mark: str


Shaped = TypeVar("Shaped", bound=Reply)


def read_rich(text: str, *, mark: str, widgets: int) -> RichReply | Missing:
    """An absolute verdict for the material with this mark and this many widgets."""
    reply = _read(text, RichReply)
    if isinstance(reply, Missing):
        return reply
    if reply.mark != mark:
        return Missing("wrong_ids", "the reply carries the mark of another material")
    scores = {f"dimensions.{name}": value for name, value in reply.dimensions.model_dump().items()}
    scores["confidence"] = reply.confidence
    scores |= {f"widget {one.widget_index}": one.appropriateness_score for one in reply.widget_feedback}
    outside = _outside(scores)
    if outside is not None:
        return outside
    if sorted(one.widget_index for one in reply.widget_feedback) != list(range(widgets)):
        return Missing("wrong_ids", f"widgets are numbered otherwise than 0 to {widgets - 1}, each once")
    return reply


def contradiction(reply: RichReply, score: float) -> Missing | None:
    """A thumb that says the opposite of the scores: one of the two is wrong, and nobody can tell which."""
    if (reply.overall_rating == "up" and score < UP_AT_LEAST) or (
        reply.overall_rating == "down" and score > DOWN_AT_MOST
    ):
        return Missing("out_of_range", f"it says {reply.overall_rating} and scores {score:.2f}")
    return None


def read_group(text: str, marks: dict[str, str]) -> dict[str, RankReply] | Missing:
    """The scores by id. `marks` are id to mark as they were sent; every id exactly once, each with its own mark."""
    reply = _read(text, GroupReply)
    if isinstance(reply, Missing):
        return reply
    wrong = _ids([answer.id for answer in reply.answers], set(marks))
    if wrong is not None:
        return wrong
    for answer in reply.answers:
        if answer.mark != marks[answer.id]:
            return Missing("wrong_ids", f"the answer {answer.id} carries another one's mark")
    outside = _outside({f"answer {answer.id}": answer.score for answer in reply.answers})
    return outside or {answer.id: answer for answer in reply.answers}


def read_pair(text: str, marks: dict[str, str]) -> tuple[str, str] | Missing:
    """The better one's id, or `tie`, and why."""
    reply = _read(text, PairReply)
    if isinstance(reply, Missing):
        return reply
    if reply.better != "tie" and reply.better not in marks:
        return Missing("wrong_ids", f"{reply.better[:20]!r} is none of the two")
    if reply.mark != marks.get(reply.better, "tie"):
        return Missing("wrong_ids", f"the answer {reply.better} carries another one's mark")
    return reply.better, reply.reasoning


def _ids(said: Sequence[str], sent: set[str]) -> Missing | None:
    if len(set(said)) < len(said):
        return Missing("wrong_ids", "an id comes twice")
    unknown = [one for one in said if one not in sent]
    if unknown:
        return Missing("wrong_ids", f"{unknown[0][:20]!r} was not sent")
    if len(said) < len(sent):
        return Missing("wrong_ids", f"{len(sent) - len(said)} of {len(sent)} answers have no score")
    return None


def _outside(scores: dict[str, float]) -> Missing | None:
    for name, value in scores.items():
        if not 0 <= value <= 1:
            return Missing("out_of_range", f"{name} is {value:g}, which is not between 0 and 1")
    return None


def _read(text: str, shape: type[Shaped]) -> Shaped | Missing:
    try:
        plain = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        return shape.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        return Missing("not_json", f"{place}: {first['msg']}"[:200])
    except (ValueError, RecursionError) as error:
        return Missing("not_json", f"no JSON: {error}"[:200])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python would keep the last of two equal names; which one was meant, nobody knows."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
