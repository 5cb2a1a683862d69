"""Names of segments, campaigns, packs and retailers as a question may write them, and back to rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from crm.cleanroom.errors import BadQuery
from crm.models import SKU, AudienceSegment, Brand, Campaign, FunnelStage, Outcome, Pack, Retailer

TOLD = 20


@dataclass(frozen=True)
class Listed:
    """Every value of a dimension. `labels`: key to what is shown; `words`: what may be written to key."""

    labels: dict[Any, str]
    words: dict[str, Any]

    def key(self, word: str, *, field: str) -> Any:
        """The key of a value as a question writes it: its label, name or external id. Raises BadQuery."""
        if word not in self.words:
            known = list(self.labels.values())
            more = f" and {len(known) - TOLD} more" if len(known) > TOLD else ""
            raise BadQuery(
                f"{field}: {word!r} is not known. Known: {', '.join(known[:TOLD]) or 'none yet'}{more}.",
                field=field,
                value=word,
            )
        return self.words[word]


def listed(name: str, brand: Brand) -> Listed:
    """All values of a dimension whose values are the brand's own set-up, known without looking at people."""
    if name == "stage":
        return _plain(FunnelStage.values)
    if name == "outcome":
        return _plain(Outcome.Kind.values)
    rows: Any
    if name == "segment":
        rows = AudienceSegment.objects.for_brand(brand).values_list("pk", "name", "external_id")
    elif name == "campaign":
        rows = Campaign.objects.for_brand(brand).values_list("pk", "name", "external_id")
    elif name == "pack":
        rows = Pack.objects.for_brand(brand).values_list("pk", "name", "slug")
    elif name == "retailer":
        rows = Retailer.objects.for_brand(brand).values_list("pk", "name", "slug")
    else:
        categories = SKU.objects.for_brand(brand).exclude(category="").order_by("category")
        return _plain(categories.values_list("category", flat=True).distinct())
    return _named(rows.order_by("name", "pk"))


def _plain(values: Iterable[str]) -> Listed:
    found = list(values)
    return Listed({value: value for value in found}, {value: value for value in found})


def _named(rows: Iterable[tuple[int, str, str]]) -> Listed:
    found = list(rows)
    often = Counter(name for _, name, _ in found)
    labels = {pk: name if often[name] == 1 else f"{name} ({other})" for pk, name, other in found}
    words: dict[str, Any] = {other: pk for pk, _, other in found}
    words |= {name: pk for pk, name, _ in found if often[name] == 1}
    return Listed(labels, words | {label: pk for pk, label in labels.items()})


def period(day: date, name: str) -> str:
    """`2026-03` for a month; the Monday of a week, `2026-03-02`."""
    if name == "month":
        return f"{day:%Y-%m}"
    return (day - timedelta(days=day.weekday())).isoformat()


def periods(first: date, last: date, name: str) -> list[str]:
    """Every week or month from one day to another."""
    days = (last - first).days
    return list(dict.fromkeys(period(first + timedelta(days=n), name) for n in range(days + 1)))
