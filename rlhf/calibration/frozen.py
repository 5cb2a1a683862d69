"""Frozen sets: experiences with what people said of them, on which a new rubric is tried before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.calibration.measuring import record_trial
from rlhf.feedback.human import human_scores
from rlhf.judge.rubric import Rubric, parse
from rlhf.judging import embedded, orders, rubrics
from rlhf.models import Calibration, Evaluation, Experience, FrozenItem, FrozenSet, RubricVersion

MOST = 200
FEWEST = 5
LOOK_AT = 5000


class NothingToFreeze(EndcapError):
    """People have rated too little of this kind."""

    status = 409


@dataclass(frozen=True, slots=True)
class Trial:
    """`measured` is None while verdicts of a model are on their way; `ordered` says how many."""

    measured: Calibration | None
    ordered: int = 0


def freeze(*, brand: Brand, kind: str, name: str, by: Any) -> FrozenSet:
    """Keep the newest `MOST` experiences of a kind that people rated. Raises NothingToFreeze below `FEWEST`."""
    rows = Experience.objects.for_brand(brand).filter(kind=kind).order_by("-pk")
    keys = list(rows.values_list("pk", flat=True)[:LOOK_AT])
    people = human_scores(brand, keys)
    chosen = [key for key in keys if key in people][:MOST]
    if len(chosen) < FEWEST:
        raise NothingToFreeze(
            f"People have rated {len(chosen)} of this kind; a frozen set needs {FEWEST}. Rate some more first.",
            kind=kind, rated=len(chosen),
        )  # fmt: skip
    taken = FrozenSet.objects.for_brand(brand)
    if taken.filter(name=name.strip()).exists():
        raise NothingToFreeze(f"There is a set named {name.strip()} already. Choose another name.", name=name.strip())
    with transaction.atomic():
        frozen: FrozenSet = taken.create(brand=brand, kind=kind, name=name.strip()[:120], created_by=by)
        FrozenItem.objects.for_brand(brand).bulk_create(
            FrozenItem(
                frozen_set=frozen,
                experience_id=key,
                human=people[key].value,
                raters=min(32767, people[key].people + people[key].comparisons),
            )
            for key in chosen
        )
    return frozen


def try_on(frozen: FrozenSet, rubric: RubricVersion, *, judge: str = embedded.JUDGE) -> Trial:
    """Judge the whole set under this wording. The rubric judge does it now and stores no verdict; for a model orders
    are written, and calling again when they are done gives the measurement."""
    if judge == embedded.JUDGE:
        return Trial(_by_rubric(frozen, parse(rubric.kind, rubric.text)))
    return _by_model(frozen, rubric.version, judge)


def serving_on(frozen: FrozenSet) -> Calibration | None:
    """The rubric in force on the same set, by the rubric judge: the one to beat."""
    rubric = rubrics.serving(frozen.brand, frozen.kind)
    return _by_rubric(frozen, rubric) if rubric is not None else None


def _by_rubric(frozen: FrozenSet, rubric: Rubric) -> Calibration | None:
    scores = {}
    for item in frozen.items.select_related("experience__brand"):
        verdict = embedded.tried(item.experience, rubric)
        if verdict.score is not None:
            scores[item.experience_id] = verdict.score
    return record_trial(frozen, judge=embedded.JUDGE, rubric_version=rubric.version, scores=scores)


def _by_model(frozen: FrozenSet, version: str, judge: str) -> Trial:
    items = list(frozen.items.select_related("experience"))
    given = Evaluation.objects.for_brand(frozen.brand_id).filter(
        experience__in=[item.experience_id for item in items], form=Evaluation.Form.ABSOLUTE,
        judge=judge, rubric_version=version, score__isnull=False,
    )  # fmt: skip
    scores = dict(given.order_by("created_at", "pk").values_list("experience", "score"))
    missing = [item.experience for item in items if item.experience_id not in scores]
    new = [orders.order_absolute(one, judge=judge, rubric_version=version)[1] for one in missing]
    if missing:
        return Trial(None, ordered=len(new))
    return Trial(record_trial(frozen, judge=judge, rubric_version=version, scores=scores))
