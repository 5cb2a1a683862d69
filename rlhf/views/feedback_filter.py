"""What the address of the page Feedback says: period, task, rater, people or panel; and how charts are split."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from crm.models import Brand, Membership
from rlhf.feedback.statistics.asked import KINDS, OUTSIDE, PANEL, PEOPLE
from rlhf.models import Feedback, PreferencePair

PERIODS = {"4": "last 4 weeks", "12": "last 12 weeks", "26": "last 26 weeks", "52": "last year", "all": "all time"}
SPLITS = {"kind": "By kind", "task": "By task", "rater": "By rater"}
VERSIONS = {"policy": "By policy", "served_by": "By writer"}
SOURCE_NAMES = {PEOPLE: "people", PANEL: "simulated panel"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a field."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; whatever cannot be read is the default. `raters` may be chosen where `people` are shown."""

    period: str
    kind: str
    rater: str
    source: str
    by: str
    version: str
    raters: tuple[tuple[str, str], ...]

    @property
    def since(self) -> datetime | None:
        """Midnight of the Monday that many weeks ago, so that the oldest week is a whole one."""
        if self.period == "all":
            return None
        today = timezone.localdate()
        monday = today - timedelta(days=today.weekday()) - timedelta(weeks=int(self.period) - 1)
        return datetime.combine(monday, time(), timezone.get_current_timezone())

    @property
    def in_use(self) -> int:
        return sum((self.period != "12", bool(self.kind), bool(self.rater), self.source != PEOPLE))

    def fields(self) -> list[dict[str, Any]]:
        """The fields of the form, in order."""
        made = [
            _field("period", "Period", PERIODS, self.period),
            _field("task", "Task", {"": f"all {len(KINDS)}", **KINDS}, self.kind),
        ]
        if self.raters:
            made.append(_field("rater", "Rater", {"": f"all {len(self.raters)}", **dict(self.raters)}, self.rater))
        made.append(_field("source", "Said by", SOURCE_NAMES, self.source))
        return made

    def address(self, **other: str) -> str:
        """`?…` with some values changed; defaults are left out."""
        values = {"period": self.period, "task": self.kind, "rater": self.rater, "source": self.source, "by": self.by,
                  "version": self.version, **other}  # fmt: skip
        defaults = {"period": "12", "task": "", "rater": "", "source": PEOPLE, "by": "kind", "version": "policy"}
        kept = {name: value for name, value in values.items() if value != defaults[name]}
        return f"?{urlencode(kept)}" if kept else "?"

    @property
    def everything(self) -> str:
        """The same over all time."""
        return self.address(period="all")

    def export(self, brand: Brand, form: str) -> str:
        """The same words for the API: `?as=csv&task=…`."""
        values = {"as": form, "brand": brand.slug, "task": self.kind}
        if self.since is not None:
            values["date_from"] = f"{self.since:%Y-%m-%d}"
        if self.rater:
            values["rater"] = self.rater.removeprefix(OUTSIDE)
        if self.source == PANEL:
            values["source"] = PANEL
        return f"?{urlencode({name: value for name, value in values.items() if value})}"


def read(query: QueryDict, *, brand: Brand, membership: Membership) -> Filter:
    """From the address."""
    raters = tuple(_raters(brand)) if membership.may_plan else ()
    splits = SPLITS if membership.may_plan else {name: SPLITS[name] for name in ("kind", "task")}
    return Filter(
        period=_one_of(query.get("period"), PERIODS, "12"),
        kind=_one_of(query.get("task"), KINDS, ""),
        rater=_one_of(query.get("rater"), dict(raters), ""),
        source=_one_of(query.get("source"), SOURCE_NAMES, PEOPLE),
        by=_one_of(query.get("by"), splits, "kind"),
        version=_one_of(query.get("version"), VERSIONS, "policy"),
        raters=raters,
    )


def _raters(brand: Brand) -> list[tuple[str, str]]:
    """Everybody who may rate, by sign-in name, and names from outside; three queries."""
    members = Membership.objects.filter(brand=brand).exclude(role=Membership.Role.VIEWER).select_related("user")
    inside = [(one.user.get_username(), one.user.get_full_name() or one.user.get_username()) for one in members]
    outside: set[str] = set()
    for model in (Feedback, PreferencePair):
        rows = model.objects.for_brand(brand).filter(rater__isnull=True).exclude(rater_name="").order_by()
        outside |= set(rows.values_list("rater_name", flat=True).distinct()[:200])
    found = [*inside, *((f"{OUTSIDE}{name}", name) for name in outside)]
    return sorted(found, key=lambda one: one[1].lower())


def _one_of(given: str | None, choices: Any, otherwise: str) -> str:
    return given if given is not None and given in choices else otherwise


def _field(name: str, label: str, choices: dict[str, str], chosen: str) -> dict[str, Any]:
    options = [Choice(value, words, value == chosen) for value, words in choices.items()]
    return {"name": name, "label": label, "choices": options}
