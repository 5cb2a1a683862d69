"""Which words a statistic is about: one brand's, of a time, a kind of work, a rater and a source; and who said them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, Max, Q, QuerySet

from crm.errors import EndcapError
from rlhf.models import Feedback, PreferencePair, Source

PEOPLE = "people"
OUTSIDE = "name:"
PANEL = Source.PANEL.value
SOURCES = (PEOPLE, *Source.values)

#: What a word is called, in the order of charts. A choice between two is a type beside the kinds of Feedback.
TYPES = {
    "stars": "Stars",
    "thumb": "Thumbs",
    "pair": "A or B",
    "correction": "Own version",
    "flag": "Flags",
    "rich": "In full",
}
KINDS = {
    "outreach": "Outreach e-mails",
    "creative": "Product and ad texts",
    "budget": "Budget plans",
    "measurement": "Readouts",
    "planning": "Plans",
    "dashboard": "Dashboards",
}


class BadQuestion(EndcapError):
    """A filter that cannot be read; `detail` names field and value."""

    status = 422


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters. `rater` is a person's key (see `person_key`); "" is everybody.

    People and the simulated panel never stand in one figure: `source` is people (the default), panel, or one of the
    ways in which people's words came: page, api, widget, import.
    """

    brand: int
    since: datetime | None = None
    until: datetime | None = None
    kind: str = ""
    rater: str = ""
    source: str = PEOPLE

    @property
    def simulated(self) -> bool:
        return self.source == PANEL

    def key(self) -> str:
        """The same for the same question."""
        parts = (self.brand, self.since, self.until, self.kind, self.rater, self.source)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

    def words(self) -> QuerySet[Any]:
        """Feedback that counts: not taken back, no gold, repeat or late answer."""
        rows: QuerySet[Any] = Feedback.objects.for_brand(self.brand)
        return self._narrowed(rows, "experience__kind")

    def pairs(self) -> QuerySet[Any]:
        """Choices between two that count."""
        rows: QuerySet[Any] = PreferencePair.objects.for_brand(self.brand)
        return self._narrowed(rows, "a__kind")

    def _narrowed(self, rows: QuerySet[Any], kind: str) -> QuerySet[Any]:
        found = rows.filter(undone_at__isnull=True, counts=True)
        found = found.exclude(source=PANEL) if self.source == PEOPLE else found.filter(source=self.source)
        if self.since is not None:
            found = found.filter(created_at__gte=self.since)
        if self.until is not None:
            found = found.filter(created_at__lt=self.until)
        if self.kind:
            found = found.filter(**{kind: self.kind})
        if self.rater.startswith(OUTSIDE):
            found = found.filter(rater__isnull=True, rater_name=self.rater.removeprefix(OUTSIDE))
        elif self.rater:
            found = found.filter(rater=int(self.rater))
        return found.order_by()


def asked(
    brand: Any,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kind: str = "",
    rater: Any = None,
    source: str = "",
) -> Asked:
    """The question with its defaults. `rater` is a person, a sign-in name, or a name from outside.

    Raises BadQuestion on an unknown source or a time that ends before it begins.
    """
    if source and source not in SOURCES:
        raise BadQuestion(f"source is one of {', '.join(SOURCES)}.", field="source", value=source[:40])
    if since is not None and until is not None and until <= since:
        raise BadQuestion("The time ends before it begins.", field="until", value=until.isoformat())
    return Asked(
        brand=getattr(brand, "pk", brand),
        since=since,
        until=until,
        kind=kind,
        rater=_key_of(rater),
        source=source or PEOPLE,
    )


def fingerprint(brand: Any) -> str:
    """Changes with every word of the brand that is said, taken back or lost, and every flag settled; two queries."""
    parts: list[Any] = []
    flags = {"fine": Count("pk", filter=Q(settled="fine")), "settled": Count("settled_at"), "last": Max("settled_at")}
    for model, more in ((Feedback, flags), (PreferencePair, {})):
        rows = model.objects.for_brand(brand).order_by()
        counts = {"n": Count("pk"), "newest": Max("pk"), "undone": Count("undone_at"), "known": Count("rater")}
        found = rows.aggregate(**counts, **more)
        last = found.pop("last", None)
        parts += [*(one or 0 for one in found.values()), last.timestamp() if last else 0]
    return "-".join(map(str, parts))


def person_key(rater: int | None, name: str) -> str:
    """One key for a person with a sign-in here (`7`) or from outside (`name:Jo`)."""
    return str(rater) if rater is not None else f"{OUTSIDE}{name}"


def _key_of(rater: Any) -> str:
    if rater is None or rater == "":
        return ""
    if not isinstance(rater, str):
        return str(getattr(rater, "pk", rater))
    if rater.startswith(OUTSIDE):
        return rater
    known = get_user_model().objects.filter(username=rater).values_list("pk", flat=True).first()
    return person_key(known, rater)


def kind_name(kind: str) -> str:
    """What work of a kind is called on pages."""
    return KINDS.get(kind, kind.replace("_", " ").capitalize())
