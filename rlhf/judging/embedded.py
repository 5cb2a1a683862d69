"""The rubric judge's verdict, given at once and without a key: one per experience and rubric version."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from rlhf.judge.rubric import Rubric, Verdict, judge
from rlhf.judging import rubrics
from rlhf.models import Evaluation, Experience, Signal
from rlhf.signals import record

JUDGE = "rubric"


def evaluate(experience: Experience, rubric: Rubric | None = None) -> Evaluation:
    """The rubric judge's verdict on an experience; a new row only where this rubric version has not judged it yet.

    By the rubric in force, or a given one (a draft that is tried). An output that cannot be read gives a row with
    `missing_because` and no score. Two callers at once get the same row.
    """
    rubric = rubric or rubrics.serving(experience.brand_id, experience.kind)
    version = rubric.version if rubric is not None else f"{experience.kind}@none"
    known = _known(experience, version)
    if known is not None:
        return known
    verdict = tried(experience, rubric)
    with transaction.atomic():
        # The experience's row is the lock: a second worker waits here and then finds the first one's verdict. People
        # who rate it meanwhile do not wait: their words point at the row and do not change it.
        Experience.objects.for_brand(experience.brand_id).select_for_update(no_key=True).get(pk=experience.pk)
        return _known(experience, version) or _stored(experience, verdict)


def tried(experience: Experience, rubric: Rubric | None) -> Verdict:
    """What the rubric judge says, nothing stored."""
    return judge(
        kind=experience.kind,
        request=experience.request,
        context=context_of(experience),
        output=experience.output,
        rubric=rubric,
    )


def context_of(experience: Experience) -> dict[str, Any]:
    """The context, with what was understood of the request where something was asked."""
    return {**experience.context, **({"intent": experience.intent} if experience.intent else {})}


def _known(experience: Experience, version: str) -> Evaluation | None:
    found: Evaluation | None = (
        Evaluation.objects.for_brand(experience.brand_id)
        .filter(experience=experience, judge=JUDGE, rubric_version=version, form=Evaluation.Form.ABSOLUTE)
        .order_by("created_at", "pk")
        .first()
    )
    return found


def _stored(experience: Experience, verdict: Verdict) -> Evaluation:
    made: Evaluation = Evaluation.objects.for_brand(experience.brand_id).create(
        experience=experience,
        judge=JUDGE,
        rubric_version=verdict.rubric_version,
        score=verdict.score,
        confidence=verdict.confidence,
        overall_rating=verdict.overall_rating,
        dimensions=verdict.dimensions,
        verdict=verdict.rich(),
        missing_because=verdict.missing_because,
        cause=verdict.cause,
    )
    record(
        experience, Signal.Kind.JUDGED, actor=JUDGE, evaluation=made.pk, form=made.form, score=made.score,
        rubric_version=made.rubric_version, cause=made.cause,
    )  # fmt: skip
    return made
