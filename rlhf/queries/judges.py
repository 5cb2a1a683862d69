"""The judge's page: who judges, what it cost, what waits, and how well each judge agrees with people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from crm.charts.drawings import Drawing
from crm.models import Brand
from rlhf.agreement.reliability import NOT_MEASURED
from rlhf.charts.calibrated import Bin, calibrated
from rlhf.judging.spending import spent
from rlhf.models import Calibration, Evaluation, FrozenSet, JudgeCall, JudgeOrder, JudgeSettings, RubricVersion
from rlhf.rating.tasks import entries

KINDS: dict[str, str] = {
    "outreach": "E-mails",
    "creative": "Product and ad texts",
    "budget": "Budget plans",
    "measurement": "Readouts",
    "planning": "Plans",
    "dashboard": "Dashboards",
}
NEEDED = 30


@dataclass(frozen=True, slots=True)
class Spending:
    """USD of this month against the brand's limit."""

    spent: Decimal
    limit: Decimal
    calls: int

    @property
    def full(self) -> bool:
        return self.limit > 0 and self.spent >= self.limit


@dataclass(frozen=True, slots=True)
class Line:
    """One judge under one rubric version beside people; `trial` names the frozen set it was tried on."""

    calibration: Calibration
    kind_name: str
    kappa: dict[str, Any] | None
    alpha: dict[str, Any] | None
    share: dict[str, Any] | None
    ece: float | None
    length: dict[str, Any] | None
    order: dict[str, Any] | None

    @property
    def measured(self) -> bool:
        return not str(self.calibration.figures.get("reliability", {}).get("why", "")).startswith(NOT_MEASURED)

    @property
    def missing(self) -> int:
        """Items that people still have to rate until it is measured."""
        return max(0, NEEDED - self.calibration.items)


@dataclass(frozen=True, slots=True)
class KindLine:
    """A kind of work: which rubric judges it, and how many drafts wait."""

    kind: str
    name: str
    serving: RubricVersion | None
    drafts: int


@dataclass(frozen=True, slots=True)
class JudgePage:
    settings: JudgeSettings
    model: str
    key_set: bool
    spending: Spending
    states: dict[str, int]
    missing: list[tuple[str, int]]
    lines: list[Line]
    drawing: Drawing | None
    drawn: Line | None
    kinds: list[KindLine]

    @property
    def waiting(self) -> int:
        return sum(self.states.get(state, 0) for state in ("queued", "running", "in_batch"))


def judge_page(brand: Brand, *, now: datetime) -> JudgePage:
    lines = calibrations(brand)
    drawn = next((line for line in lines if line.calibration.items > 1), None)
    row = JudgeSettings.objects.filter(brand=brand).first() or JudgeSettings(brand=brand)
    calls = JudgeCall.objects.for_brand(brand).filter(created_at__gte=now.replace(day=1, hour=0, minute=0, second=0))
    orders = JudgeOrder.objects.for_brand(brand).order_by()
    return JudgePage(
        settings=row,
        model=settings.CLAUDE_MODEL,
        key_set=bool(settings.ANTHROPIC_API_KEY),
        spending=Spending(spent(brand, now), row.monthly_limit_usd, calls.count()),
        states=dict(orders.values_list("state").annotate(Count("pk"))),
        missing=_missing(brand),
        lines=lines,
        drawing=drawing_of(drawn) if drawn else None,
        drawn=drawn,
        kinds=_kinds(brand),
    )


def calibrations(brand: Brand, *, kind: str = "", frozen: FrozenSet | None = None) -> list[Line]:
    """The newest measurement of every judge and rubric version, most items first; those on a frozen set if given."""
    rows = Calibration.objects.for_brand(brand).filter(frozen_set=frozen)
    if kind:
        rows = rows.filter(kind=kind)
    newest: dict[tuple[str, str, str], Calibration] = {}
    for one in rows.order_by("-created_at", "-pk")[:400]:
        newest.setdefault((one.kind, one.judge, one.rubric_version), one)
    return sorted((line_of(one) for one in newest.values()), key=lambda line: -line.calibration.items)


def line_of(calibration: Calibration) -> Line:
    figures = calibration.figures
    agreed = figures.get("agreement") or {}
    return Line(
        calibration=calibration,
        kind_name=KINDS.get(calibration.kind, calibration.kind),
        kappa=agreed.get("kappa"),
        alpha=figures.get("alpha"),
        share=agreed.get("share"),
        ece=(figures.get("calibration") or {}).get("error"),
        length=(figures.get("length_bias") or {}).get("beyond_people")
        or (figures.get("length_bias") or {}).get("plain"),
        order=(figures.get("order_bias") or {}).get("first_wins"),
    )


def drawing_of(line: Line) -> Drawing:
    found: Sequence[dict[str, Any]] = (line.calibration.figures.get("calibration") or {}).get("bins") or ()
    bins = [
        Bin(one["mean_score"], one["liked"]["value"], one["liked"]["low"], one["liked"]["high"], one["liked"]["n"])
        for one in found
        if one["mean_score"] is not None and one["liked"]["value"] is not None
    ]
    return calibrated(bins, judge=line.calibration.judge)


def _missing(brand: Brand) -> list[tuple[str, int]]:
    """Verdicts that are missing, by cause in words, the most frequent first."""
    rows = Evaluation.objects.for_brand(brand).filter(score__isnull=True).order_by()
    counted = rows.values_list("cause").annotate(n=Count("pk")).order_by("-n")
    labels = dict(Evaluation.Cause.choices)
    return [(str(labels.get(cause, "Not said")), count) for cause, count in counted]


def _kinds(brand: Brand) -> list[KindLine]:
    rows = RubricVersion.objects.for_brand(brand)
    serving = {one.kind: one for one in rows.filter(state=RubricVersion.State.SERVING).defer("text")}
    drafts = dict(rows.order_by().values_list("kind").annotate(n=Count("pk", filter=Q(state="draft"))))
    known = dict.fromkeys(entry["kind"] for entry in entries())
    return [KindLine(kind, KINDS[kind], serving.get(kind), drafts.get(kind, 0)) for kind in known]
