"""Holds a judge's verdicts beside what people said, per kind and rubric version; the newest measurement scales the
judge's weight in the reward (`rlhf/agreement/reliability.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np

from crm.models import Brand
from rlhf import agreement
from rlhf.feedback.human import human_scores
from rlhf.models import Calibration, Evaluation, Experience, FrozenSet
from rlhf.showing import text_of

MOST_ITEMS = 5000
UP_FROM = 0.5  # people's mean from which an experience counts as liked


@dataclass(frozen=True, slots=True)
class Seen:
    """One experience with both scores in [0, 1] and the length of its text in characters."""

    experience: int
    judge: float
    people: float
    length: int


def measure(*, brand: Brand, kind: str, judge: str, rubric_version: str, seed: int = 0) -> Calibration | None:
    """A new measurement over everything that this judge scored and people rated; None where that is nothing, and the
    newest one where nothing has changed since."""
    seen = both_scores(brand, kind=kind, judge=judge, rubric_version=rubric_version)
    if not seen:
        return None
    figures = figures_of(seen, orders=_orders(brand, kind, judge, rubric_version), seed=seed)
    return _kept_or_new(brand, kind, judge, rubric_version, seen, figures, None)


def measure_all(brand: Brand) -> int:
    """Measure every judge and rubric version that people's words reach; how many measurements are new."""
    known = Evaluation.objects.for_brand(brand).filter(form=Evaluation.Form.ABSOLUTE, score__isnull=False)
    rows = known.order_by().values_list("experience__kind", "judge", "rubric_version").distinct()
    newest = Calibration.objects.for_brand(brand).order_by("-pk").values_list("pk", flat=True).first() or 0
    made = [measure(brand=brand, kind=kind, judge=judge, rubric_version=version) for kind, judge, version in rows]
    return sum(1 for one in made if one is not None and one.pk > newest)


def record_trial(
    frozen: FrozenSet, *, judge: str, rubric_version: str, scores: dict[int, float], seed: int = 0
) -> Calibration | None:
    """A measurement on a frozen set from scores by key of experience; None where there is not a single one."""
    items = frozen.items.select_related("experience")
    seen = [
        Seen(item.experience_id, scores[item.experience_id], item.human, len(text_of(item.experience)))
        for item in items
        if item.experience_id in scores
    ]
    if not seen:
        return None
    figures = figures_of(seen, orders=[], seed=seed)
    return _kept_or_new(frozen.brand, frozen.kind, judge, rubric_version, seen, figures, frozen)


def reliability_of(evaluation: Evaluation, *, brand: Brand | int, kind: str) -> float:
    """The newest factor in [0, 1] for the judge and rubric that gave this verdict; 1 until it was measured."""
    rows = Calibration.objects.for_brand(brand).filter(
        kind=kind, judge=evaluation.judge, rubric_version=evaluation.rubric_version, frozen_set__isnull=True
    )
    found = rows.order_by("-created_at", "-pk").values_list("reliability", flat=True).first()
    return 1.0 if found is None else float(found)


def both_scores(brand: Brand, *, kind: str, judge: str, rubric_version: str) -> list[Seen]:
    """Experiences that this judge scored under this rubric and people rated, newest first, at most `MOST_ITEMS`."""
    verdicts = (
        Evaluation.objects.for_brand(brand)
        .filter(form=Evaluation.Form.ABSOLUTE, judge=judge, rubric_version=rubric_version, score__isnull=False)
        .filter(experience__kind=kind)
        .order_by("-created_at", "-pk")
    )
    scores: dict[int, float] = {}
    for key, score in verdicts.values_list("experience", "score")[:MOST_ITEMS]:
        scores.setdefault(key, score)
    people = human_scores(brand, scores)
    rows = Experience.objects.for_brand(brand).filter(pk__in=people).order_by("-pk")
    return [Seen(one.pk, scores[one.pk], people[one.pk].value, len(text_of(one))) for one in rows]


def figures_of(seen: Sequence[Seen], *, orders: Sequence[tuple[str, str]], seed: int = 0) -> dict[str, Any]:
    """Every figure of the calibration page as JSON values, each with interval and n, or the reason why there is none.

    `orders` are (who won with a first, who won with b first) of pairs: a, b or tie, in terms of a.
    """
    judge = np.array([one.judge for one in seen])
    people = np.array([one.people for one in seen])
    ups = (people >= UP_FROM).astype(float)
    table = np.column_stack([judge, people])
    coded = {"a": 1.0, "b": -1.0, "tie": 0.0}
    forward = np.array([coded.get(first, np.nan) for first, _ in orders])
    backward = np.array([coded.get(second, np.nan) for _, second in orders])
    return {
        "items": len(seen),
        "reliability": _plain(agreement.judge_reliability(judge, people)),
        "alpha": _plain(agreement.krippendorff_alpha(table, "interval", rng=np.random.default_rng(seed))),
        "agreement": _plain(agreement.threshold_agreement(judge, ups, threshold=UP_FROM)),
        "calibration": _plain(agreement.calibration(judge, ups)),
        "length_bias": _plain(agreement.length_bias(judge, [one.length for one in seen], people)),
        "order_bias": _plain(agreement.order_bias(forward, backward)) if len(orders) else None,
        "points": [[one.experience, round(one.judge, 4), round(one.people, 4)] for one in seen[:400]],
    }


def _orders(brand: Brand, kind: str, judge: str, rubric_version: str) -> list[tuple[str, str]]:
    """What the judge said of pairs in both orders, one entry for each pair."""
    rows = Evaluation.objects.for_brand(brand).filter(
        form=Evaluation.Form.PAIR, judge=judge, rubric_version=rubric_version, experience__kind=kind,
        score__isnull=False, verdict__shown_first="self",
    )  # fmt: skip
    said = [verdict.get("orders") or [] for verdict in rows.values_list("verdict", flat=True)[:MOST_ITEMS]]
    return [(one[0], one[1]) for one in said if len(one) == 2]


def _kept_or_new(
    brand: Brand,
    kind: str,
    judge: str,
    rubric_version: str,
    seen: Sequence[Seen],
    figures: dict[str, Any],
    frozen: FrozenSet | None,
) -> Calibration:
    rows = Calibration.objects.for_brand(brand)
    same = rows.filter(kind=kind, judge=judge, rubric_version=rubric_version, frozen_set=frozen)
    newest: Calibration | None = same.order_by("-created_at", "-pk").first()
    if newest is not None and newest.figures == figures:
        return newest
    made: Calibration = rows.create(
        brand=brand,
        kind=kind,
        judge=judge,
        rubric_version=rubric_version,
        frozen_set=frozen,
        items=len(seen),
        reliability=figures["reliability"]["factor"],
        figures=figures,
    )
    return made


def _plain(value: Any) -> Any:
    """Dataclasses of figures as JSON values; numbers rounded to six places, what is not finite becomes None."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
