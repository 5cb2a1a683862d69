"""The rubric judge: deterministic checks by criterion, weighted as `rubrics/<kind>.md` says. Pure, no model.

It judges what can be checked: figures against facts, pieces that have to be there, repetition, length, words, limits.
It cannot tell whether a text persuades; people and the market do. Its verdicts are named `rubric`, never a model's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rlhf.judge.criteria import CHECKS, Notes
from rlhf.judge.evidence import check, pieces_of
from rlhf.judge.shapes import ContextShape, OutputShape, RubricShape

FOLDER = Path(__file__).parent / "rubrics"
LOWEST_BAND = 0.3  # a text that must not be sent cannot score above this
ENOUGH_CHECKS = 12


@dataclass(frozen=True)
class Rubric:
    """One rubric file. `version` is kind@sha, so that a changed word is another version."""

    shape: RubricShape
    prose: str
    version: str


@dataclass(frozen=True)
class Verdict:
    """`score` is J in [0, 1], None where it could not be had, with `missing_because`."""

    rubric_version: str
    score: float | None = None
    confidence: float | None = None
    dimensions: dict[str, float] = field(default_factory=dict)
    reasoning: str = ""
    strengths: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    missing_because: str = ""


@lru_cache(maxsize=32)
def rubric_for(kind: str) -> Rubric | None:
    """The rubric of a kind of output; None where nobody wrote one. Raises ValueError where weights do not sum to 1."""
    path = FOLDER / f"{kind}.md"
    if not kind.isidentifier() or not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    _, front, prose = text.split("---", 2)
    shape = RubricShape.model_validate(yaml.safe_load(front))
    if abs(sum(shape.criteria.values()) - 1) > 1e-9:
        raise ValueError(f"{path.name}: weights sum to {sum(shape.criteria.values()):g}, not 1")
    sha = hashlib.sha256(text.encode()).hexdigest()[:10]
    return Rubric(shape, prose.strip(), f"{kind}@{sha}")


def judge(*, kind: str, request: str, context: dict[str, Any], output: dict[str, Any]) -> Verdict:
    """The verdict on one experience. Never raises because of it: what cannot be read is missing with its cause."""
    rubric = rubric_for(kind)
    if rubric is None:
        return Verdict(f"{kind}@none", missing_because=f"there is no rubric for {kind or 'an unnamed kind'}")
    try:
        shaped = OutputShape.model_validate(output)
        known = ContextShape.model_validate(context)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        return Verdict(rubric.version, missing_because=f"cannot be read: {place}: {first['msg']}"[:200])
    if shaped.kind != kind:
        return Verdict(rubric.version, missing_because=f"the output is a {shaped.kind}, not a {kind}")
    if shaped.is_empty:
        return Verdict(
            rubric.version,
            score=0.0,
            confidence=1.0,
            dimensions=dict.fromkeys(rubric.shape.criteria, 0.0),
            reasoning=f"The episode ended without any {kind} output. Nothing could be used.",
            issues=("nothing was made",),
            suggestions=("let an agent that makes something work before the end",),
        )
    return _weighed(rubric, request, known, shaped)


def _weighed(rubric: Rubric, request: str, context: ContextShape, output: OutputShape) -> Verdict:
    pieces = pieces_of(output)
    evidence = check(output, context, pieces)
    notes = Notes()
    dimensions: dict[str, float] = {}
    for name in rubric.shape.criteria:
        value = CHECKS[name](output, context, request, pieces, evidence, rubric.shape, notes)
        if value is not None:
            dimensions[name] = round(min(max(value, 0.0), 1.0), 4)
    weights = {name: weight for name, weight in rubric.shape.criteria.items() if name in dimensions}
    score = sum(dimensions[name] * weight for name, weight in weights.items()) / sum(weights.values())
    held = bool(output.gate_issues) or notes.blocked
    score = round(min(score, LOWEST_BAND) if held else score, 4)
    confidence = 0.4 + 0.6 * min(1.0, evidence.checked / ENOUGH_CHECKS) if context.facts else 0.4
    return Verdict(
        rubric.version,
        score=score,
        confidence=round(confidence, 4),
        dimensions=dimensions,
        reasoning=_reasoning(output, dimensions, evidence.checked, notes, held),
        strengths=tuple(notes.strengths[:5]),
        issues=tuple(notes.issues[:8]),
        suggestions=tuple(notes.suggestions[:5]),
    )


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
