"""J of an experience, out of all verdicts on it."""

from __future__ import annotations

from django.db.models import Case, IntegerField, QuerySet, When

from crm.models import Brand
from rlhf.judge.blending import blended
from rlhf.judging import rubrics
from rlhf.judging.embedded import JUDGE
from rlhf.models import Evaluation, Experience


def counting(brand: Brand | int, rows: QuerySet[Evaluation]) -> QuerySet[Evaluation]:
    """The absolute verdicts among `rows`, the one that counts first: with a score before without, a model's before the
    rubric judge's, the newest first. Verdicts of rubrics that are only being tried are left out."""
    return (
        rows.filter(form=Evaluation.Form.ABSOLUTE)
        .exclude(rubric_version__in=rubrics.trials(brand))
        .annotate(
            unscored=Case(When(score__isnull=True, then=1), default=0, output_field=IntegerField()),
            embedded=Case(When(judge=JUDGE, then=1), default=0, output_field=IntegerField()),
        )
        .order_by("unscored", "embedded", "-created_at", "-pk")
    )


def verdict_of(experience: Experience) -> Evaluation | None:
    """The verdict that counts (see `counting`); where nobody could score it, one that says why; None where nobody has
    judged it yet."""
    own = Evaluation.objects.for_brand(experience.brand_id).filter(experience=experience)
    return counting(experience.brand_id, own).first()


def latest_score(experience: Experience) -> tuple[float | None, str]:
    """J in [0, 1], and why it is missing where it is.

    The absolute verdict that counts, moved by the same judge's newest ranking of the experience among answers to the
    same request: clip(absolute + 0.25 · centred). A rank alone makes no J, and one of the rubric judge moves none: it
    is made of the same scores.
    """
    counts = verdict_of(experience)
    if counts is None:
        return None, "nobody has judged it yet"
    if counts.score is None:
        return None, counts.missing_because
    if counts.judge == JUDGE:
        return counts.score, ""
    rank = (
        Evaluation.objects.for_brand(experience.brand_id)
        .filter(experience=experience, form=Evaluation.Form.GROUP, judge=counts.judge, centred__isnull=False)
        .order_by("-created_at", "-pk")
        .first()
    )
    return blended(counts.score, rank.centred if rank is not None else None), ""
