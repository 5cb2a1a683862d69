"""The judge's page: who judges, what it cost, what waits, and how well each judge agrees with people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils.safestring import SafeString

from crm.charts.drawings import Drawing
from crm.charts.words import share
from crm.models import Brand
from rlhf.agreement.reliability import NOT_MEASURED
from rlhf.charts.calibrated import Bin, calibrated
from rlhf.charts.marks import against
from rlhf.judging import rubrics
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
    ece_by_chance: float | None
    length: dict[str, Any] | None
    order: dict[str, Any] | None
    wording: str = ""  # which wording it is: Version 2, in force

    @property
    def mark(self) -> SafeString:
        """The share that says the same as people, with its interval, against what a coin would say."""
        found = self.share or {}
        value, low, high = found.get("value"), found.get("low"), found.get("high")
        if value is None or low is None or high is None:
            return against(None, None, None, at=0.5, axis=(0, 1), said="Not known")
        said = f"Says the same {share(value, 1.0)}, {share(low, 1.0)} to {share(high, 1.0)}"
        return against(value, low, high, at=0.5, axis=(0, 1), said=said, clear=low > 0.5)

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
    needed: int = NEEDED

    @property
    def waiting(self) -> int:
        return sum(self.states.get(state, 0) for state in ("queued", "running", "in_batch"))


def judge_page(brand: Brand, *, now: datetime, line: str = "") -> JudgePage:
    """`line` is the key of the measurement that is to be drawn; without it the one with most items."""
    lines = calibrations(brand)
    several = [one for one in lines if one.calibration.items > 1]
    drawn = next((one for one in several if str(one.calibration.pk) == line), next(iter(several), None))
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
    named = _wordings(brand) if newest else {}
    lines = (line_of(one, named.get(one.rubric_version, "")) for one in newest.values())
    return sorted(lines, key=lambda line: -line.calibration.items)


def _wordings(brand: Brand) -> dict[str, str]:
    """What a person calls each version of a rubric: the shipped ones, and the brand's own by number."""
    own = RubricVersion.objects.for_brand(brand).order_by("number")
    states = {"serving": "in force", "draft": "draft", "retired": "retired"}
    named = dict.fromkeys(rubrics.shipped(), "The shipped one")
    for version, number, state in own.values_list("version", "number", "state"):
        named[version] = f"Version {number}, {states[state]}"
    return named


def line_of(calibration: Calibration, wording: str = "") -> Line:
    figures = calibration.figures
    agreed = figures.get("agreement") or {}
    return Line(
        calibration=calibration,
        kind_name=KINDS.get(calibration.kind, calibration.kind),
        kappa=agreed.get("kappa"),
        alpha=figures.get("alpha"),
        share=agreed.get("share"),
        ece=(figures.get("calibration") or {}).get("error"),
        ece_by_chance=(figures.get("calibration") or {}).get("error_by_chance"),
        length=(figures.get("length_bias") or {}).get("beyond_people")
        or (figures.get("length_bias") or {}).get("plain"),
        order=(figures.get("order_bias") or {}).get("first_wins"),
        wording=wording,
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
