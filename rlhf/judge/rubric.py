"""The rubric judge: deterministic checks by criterion, weighted as the rubric of the kind says. Pure, no model.

It judges what can be checked: figures against facts, pieces that have to be there, repetition, length, words, limits.
It cannot tell whether a text persuades; people and the market do. Its verdicts are named `rubric`, never a model's.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rlhf.judge.criteria import CHECKS, Notes
from rlhf.judge.dashboard_criteria import DASHBOARD_CHECKS
from rlhf.judge.dashboards import WidgetVerdict, missing_widgets, refined, widget_verdicts
from rlhf.judge.evidence import Piece, check, pieces_of
from rlhf.judge.shapes import ContextShape, OutputShape, RubricShape
from rlhf.judge.wording import covered, stems

FOLDER = Path(__file__).parent / "rubrics"
LOWEST_BAND = 0.3  # a text that must not be sent cannot score above this
ENOUGH_CHECKS = 12
UP_FROM = 0.6  # J from which the rubric judge's thumb is up


@dataclass(frozen=True)
class Rubric:
    """A rubric's front matter and prose. `version` is kind@sha of its text, so that a changed word is another one."""

    shape: RubricShape
    prose: str
    version: str


@dataclass(frozen=True)
class Verdict:
    """`score` is J in [0, 1], None where it could not be had, with `missing_because` and `cause` (Evaluation.Cause)."""

    rubric_version: str
    score: float | None = None
    confidence: float | None = None
    dimensions: dict[str, float] = field(default_factory=dict)
    overall_rating: str = ""
    reasoning: str = ""
    query_understanding: str = ""
    strengths: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    widget_feedback: tuple[WidgetVerdict, ...] = ()
    missing_widgets: tuple[str, ...] = ()
    missing_because: str = ""
    cause: str = ""

    def rich(self) -> dict[str, Any]:
        """`Evaluation.verdict`: everything said in words."""
        return {
            "reasoning": self.reasoning,
            "query_understanding": self.query_understanding,
            "strengths": list(self.strengths),
            "issues": list(self.issues),
            "suggestions": list(self.suggestions),
            "widget_feedback": [
                {**asdict(one), "issues": list(one.issues), "strengths": list(one.strengths)}
                for one in self.widget_feedback
            ],
            "missing_widgets": list(self.missing_widgets),
        }


def parse(kind: str, text: str) -> Rubric:
    """A rubric from its text (YAML front matter between two `---`, then prose). Raises ValueError and says why."""
    pieces = text.split("---", 2)
    if len(pieces) < 3:
        raise ValueError("a rubric begins with its weights between two lines of ---")
    try:
        shape = RubricShape.model_validate(yaml.safe_load(pieces[1]))
    except (yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"the weights cannot be read: {error}") from error
    if shape.kind != kind:
        raise ValueError(f"this is a rubric for {shape.kind}, not for {kind}")
    if abs(sum(shape.criteria.values()) - 1) > 1e-9 or min(shape.criteria.values()) < 0:
        raise ValueError(f"the weights of {kind} sum to {sum(shape.criteria.values()):g}, not 1, or one is below 0")
    sha = hashlib.sha256(text.encode()).hexdigest()[:10]
    return Rubric(shape, pieces[2].strip(), f"{kind}@{sha}")


def file_text(kind: str) -> str | None:
    """The text of the shipped rubric; None where nobody wrote one."""
    path = FOLDER / f"{kind}.md"
    if not kind.isidentifier() or not path.is_file():
        return None
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=32)
def rubric_for(kind: str) -> Rubric | None:
    """The shipped rubric of a kind of output; None where nobody wrote one. Raises ValueError as `parse`."""
    text = file_text(kind)
    return parse(kind, text) if text is not None else None


@dataclass(frozen=True)
class Readable:
    """Output and context that a judge can read."""

    output: OutputShape
    context: ContextShape


def readable(*, kind: str, context: dict[str, Any], output: dict[str, Any]) -> Readable | str:
    """Both in their shapes, or why they cannot be read."""
    try:
        shaped = OutputShape.model_validate(output)
        known = ContextShape.model_validate(context)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        return f"cannot be read: {place}: {first['msg']}"[:200]
    if shaped.kind != kind:
        return f"the output is a {shaped.kind}, not a {kind}"
    return Readable(shaped, known)


def judge(
    *, kind: str, request: str, context: dict[str, Any], output: dict[str, Any], rubric: Rubric | None = None
) -> Verdict:
    """The verdict on one experience, by the shipped rubric or a given one.

    Never raises because of the experience: what cannot be read is missing with its cause. `context["intent"]` holds
    the ten slots, where something was asked in plain words.
    """
    rubric = rubric or rubric_for(kind)
    if rubric is None:
        why = f"there is no rubric for {kind or 'an unnamed kind'}"
        return Verdict(f"{kind}@none", missing_because=why, cause="no_rubric")
    read = readable(kind=kind, context=context, output=output)
    if isinstance(read, str):
        return Verdict(rubric.version, missing_because=read, cause="unreadable")
    if read.output.is_empty:
        return Verdict(
            rubric.version,
            score=0.0,
            confidence=1.0,
            dimensions=dict.fromkeys(rubric.shape.criteria, 0.0),
            overall_rating="down",
            reasoning=f"The episode ended without any {kind} output. Nothing could be used.",
            issues=("nothing was made",),
            suggestions=("let an agent that makes something work before the end",),
        )
    return _weighed(rubric, request, read.context, read.output)


def weighted(dimensions: dict[str, float], criteria: dict[Any, float]) -> float:
    """Mean of the dimensions that are there, weighted as the rubric says, in [0, 1]."""
    weights = {name: weight for name, weight in criteria.items() if name in dimensions}
    total = sum(weights.values())
    if total <= 0:
        return sum(dimensions.values()) / len(dimensions)
    return sum(dimensions[name] * weight for name, weight in weights.items()) / total


def _weighed(rubric: Rubric, request: str, context: ContextShape, output: OutputShape) -> Verdict:
    pieces = pieces_of(output)
    evidence = check(output, context, pieces)
    notes = Notes()
    dimensions: dict[str, float] = {}
    checks = DASHBOARD_CHECKS if output.kind == "dashboard" else CHECKS
    for name in rubric.shape.criteria:
        value = checks[name](output, context, request, pieces, evidence, rubric.shape, notes)
        if value is not None:
            dimensions[name] = round(min(max(value, 0.0), 1.0), 4)
    score = weighted(dimensions, rubric.shape.criteria)
    enough = context.facts or (output.kind == "dashboard" and context.intent.says_something)
    confidence = 0.4 + 0.6 * min(1.0, (evidence.checked + len(output.widgets)) / ENOUGH_CHECKS) if enough else 0.4
    widgets = widget_verdicts(output, context.intent)
    missing = missing_widgets(output, context.intent) or () if output.kind == "dashboard" else ()
    if output.kind == "dashboard":
        score = refined(
            score,
            confidence=confidence,
            up=score >= UP_FROM,
            appropriateness=[one.appropriateness_score for one in widgets if one.appropriateness_score is not None],
            missing=len(missing),
            sizes=[one.size_appropriate for one in widgets],
        )
    held = bool(output.gate_issues) or notes.blocked
    score = round(min(score, LOWEST_BAND) if held else score, 4)
    return Verdict(
        rubric.version,
        score=score,
        confidence=round(confidence, 4),
        dimensions=dimensions,
        overall_rating="up" if score >= UP_FROM else "down",
        reasoning=_reasoning(output, dimensions, evidence.checked, notes, held),
        query_understanding=_understanding(request, context, output, pieces),
        strengths=tuple(notes.strengths[:5]),
        issues=tuple(notes.issues[:8]),
        suggestions=tuple(notes.suggestions[:5]),
        widget_feedback=widgets,
        missing_widgets=missing,
    )


def _understanding(request: str, context: ContextShape, output: OutputShape, pieces: list[Piece]) -> str:
    """What was asked and how much of it the output takes up, as far as words can be counted."""
    intent = context.intent
    if intent.says_something:
        asked = [intent.action or "look at", ", ".join(intent.metrics), ", ".join(intent.dimensions)]
        said = "Read as: " + " of ".join(asked[:2] if asked[1] else asked[:1])
        return said + (f" by {asked[2]}." if asked[2] else ".")
    if not stems(request):
        return "Nothing was asked in words."
    text = " ".join([piece.text for piece in pieces] + [widget.title for widget in output.widgets])
    return f"{covered(request, text):.0%} of the words of the request are taken up."


def _reasoning(output: OutputShape, dimensions: dict[str, float], checked: int, notes: Notes, held: bool) -> str:
    """Two or three sentences: what carries the score, what costs most, whether it may leave the house."""
    best = max(dimensions, key=lambda name: dimensions[name])
    worst = min(dimensions, key=lambda name: dimensions[name])
    said = [
        f"{checked} figures and sources were checked; {best.replace('_', ' ')} is strongest at {dimensions[best]:.2f}"
        f"{f' ({notes.strengths[0]})' if notes.strengths else ''}."
    ]
    if round(dimensions[worst], 2) < 1:
        why = f": {notes.by_name[worst][0]}" if worst in notes.by_name else ""
        said.append(f"{worst.replace('_', ' ').capitalize()} costs most at {dimensions[worst]:.2f}{why}.")
    else:
        said.append("No criterion found anything to object to.")
    if held:
        reason = output.gate_issues[0] if output.gate_issues else notes.by_name.get("compliance", notes.issues)[0]
        said.append(f"It must not be sent ({reason}), so it stays in the lowest band.")
    return " ".join(said)
