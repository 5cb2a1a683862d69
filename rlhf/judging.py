"""Evaluations: one verdict per experience, judge and rubric version; asking again returns the one that is there."""

from __future__ import annotations

from django.db import transaction

from rlhf.judge.rubric import Verdict, judge, rubric_for
from rlhf.models import Evaluation, Experience

JUDGE = "rubric"


def evaluate(experience: Experience) -> Evaluation:
    """The rubric judge's verdict on an experience; a new row only where this rubric version has not judged it yet.

    An output that cannot be read gives a row with `missing_because` and no score. Two callers at once get the same row.
    """
    rubric = rubric_for(experience.kind)
    version = rubric.version if rubric is not None else f"{experience.kind}@none"
    known = _known(experience, version)
    if known is not None:
        return known
    verdict = judge(
        kind=experience.kind, request=experience.request, context=experience.context, output=experience.output
    )
    with transaction.atomic():
        # The experience's row is the lock: a second worker waits here and then finds the first one's verdict.
        Experience.across_brands.select_for_update().get(pk=experience.pk)
        return _known(experience, version) or _stored(experience, verdict)


def latest_score(experience: Experience) -> tuple[float | None, str]:
    """J of the newest evaluation that is a judgement of its own (no rank), and why it is missing where it is."""
    newest = experience.evaluations.order_by("-created_at", "-pk").first()
    if newest is None:
        return None, "nobody has judged it yet"
    return newest.score, newest.missing_because


def _known(experience: Experience, version: str) -> Evaluation | None:
    found: Evaluation | None = (
        experience.evaluations.filter(judge=JUDGE, rubric_version=version).order_by("created_at", "pk").first()
    )
    return found


def _stored(experience: Experience, verdict: Verdict) -> Evaluation:
    made: Evaluation = Evaluation.across_brands.create(
        experience=experience,
        judge=JUDGE,
        rubric_version=verdict.rubric_version,
        score=verdict.score,
        confidence=verdict.confidence,
        dimensions=verdict.dimensions,
        verdict={
            "reasoning": verdict.reasoning,
            "strengths": list(verdict.strengths),
            "issues": list(verdict.issues),
            "suggestions": list(verdict.suggestions),
        },
        missing_because=verdict.missing_because,
    )
    return made
