"""J of an experience, out of all verdicts on it."""

from __future__ import annotations

from rlhf.judge.blending import blended
from rlhf.judging import rubrics
from rlhf.judging.embedded import JUDGE
from rlhf.models import Evaluation, Experience


def verdict_of(experience: Experience) -> Evaluation | None:
    """The verdict that counts: the newest absolute one with a score, a model's before the rubric judge's.

    Verdicts of rubrics that are only being tried are left out. Where nobody could score it, the newest one that says
    why; None where nobody has judged it yet.
    """
    trials = rubrics.trials(experience.brand_id, experience.kind)
    own = list(
        Evaluation.objects.for_brand(experience.brand_id)
        .filter(experience=experience, form=Evaluation.Form.ABSOLUTE)
        .exclude(rubric_version__in=trials)
        .order_by("-created_at", "-pk")
    )
    scored = [verdict for verdict in own if verdict.score is not None]
    by_model = [verdict for verdict in scored if verdict.judge != JUDGE]
    return next(iter([*by_model, *scored, *own]), None)


def latest_score(experience: Experience) -> tuple[float | None, str]:
    """J in [0, 1], and why it is missing where it is.

    The absolute verdict that counts, moved by the same judge's newest ranking of the experience among answers to the
    same request: clip(absolute + 0.25 · centred). A rank alone makes no J.
    """
    counts = verdict_of(experience)
    if counts is None:
        return None, "nobody has judged it yet"
    if counts.score is None:
        return None, counts.missing_because
    rank = (
        Evaluation.objects.for_brand(experience.brand_id)
        .filter(experience=experience, form=Evaluation.Form.GROUP, judge=counts.judge, centred__isnull=False)
        .order_by("-created_at", "-pk")
        .first()
    )
    return blended(counts.score, rank.centred if rank is not None else None), ""
