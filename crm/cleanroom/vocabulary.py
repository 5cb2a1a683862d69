"""The closed lists of the query language: what can be measured, by what it can be split, and what one person may add.

A metric reads one source: people (leads), outcomes, buyers (sales), or delivery. Delivery is what networks report of
campaigns; it holds no persons, gets no noise and costs nothing. A rate is computed from two noisy figures and costs no
more than they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    PEOPLE = "people"
    OUTCOMES = "outcomes"
    SALES = "sales"
    DELIVERY = "delivery"


class Bound(StrEnum):
    """How much one person may add to one group: once, a number of events, an amount of money."""

    ONCE = "once"
    EVENTS = "events_per_person"
    AMOUNT = "amount_per_person"
    NOBODY = "nobody"


@dataclass(frozen=True)
class Metric:
    """`unit` is people, events, sales, money, share or what a network counts."""

    title: str
    unit: str
    source: Source
    bound: Bound
    said: str


@dataclass(frozen=True)
class Rate:
    """One metric over another."""

    title: str
    unit: str
    over: str
    under: str
    said: str


METRICS = {
    "people": Metric("People", "people", Source.PEOPLE, Bound.ONCE, "People, each counted once in a group"),
    "people_with_outcome": Metric(
        "People with an outcome", "people", Source.OUTCOMES, Bound.ONCE, "People with at least one outcome in the group"
    ),
    "outcomes": Metric("Outcomes", "events", Source.OUTCOMES, Bound.EVENTS, "Opened, replied, booked and so on"),
    "buyers": Metric("Buyers", "people", Source.SALES, Bound.ONCE, "People with at least one sale in the group"),
    "sales": Metric("Sales", "sales", Source.SALES, Bound.EVENTS, "Number of sales"),
    "sales_amount": Metric("Sales amount", "money", Source.SALES, Bound.AMOUNT, "In the brand's own currency"),
    "impressions": Metric("Impressions", "impressions", Source.DELIVERY, Bound.NOBODY, "As the network reports them"),
    "clicks": Metric("Clicks", "clicks", Source.DELIVERY, Bound.NOBODY, "As the network reports them"),
    "spend": Metric("Spend", "money", Source.DELIVERY, Bound.NOBODY, "Media spend, in the brand's own currency"),
}  # fmt: skip
RATES = {
    "average_sale": Rate("Average sale", "money", "sales_amount", "sales", "Sales amount over number of sales"),
    "amount_per_buyer": Rate("Amount per buyer", "money", "sales_amount", "buyers", "Sales amount over buyers"),
    "conversion": Rate("Conversion", "share", "buyers", "people", "Buyers over people of the same group"),
}
#: The count of people that decides whether a group of this source is shown.
SIZE = {Source.PEOPLE: "people", Source.OUTCOMES: "people_with_outcome", Source.SALES: "buyers"}

_PERSONAL = frozenset({Source.PEOPLE, Source.OUTCOMES, Source.SALES})
_ALL = frozenset(Source)


@dataclass(frozen=True)
class Dimension:
    """`listed`: every value is known without looking at the data, so that empty groups get noise like full ones.

    Of the others a group appears only above a threshold. `groups` is in how many groups one person counts when the
    question does not say.
    """

    title: str
    sources: frozenset[Source]
    listed: bool
    groups: int


DIMENSIONS = {
    "segment": Dimension("Segment", _PERSONAL, True, 3),
    "stage": Dimension("Stage", _PERSONAL, True, 1),
    "pack": Dimension("Pack", _PERSONAL, True, 1),
    "campaign": Dimension("Campaign", _ALL, True, 3),
    "outcome": Dimension("Outcome", frozenset({Source.OUTCOMES}), True, 4),
    "industry": Dimension("Industry", _PERSONAL, False, 1),
    "country": Dimension("Country", _PERSONAL, False, 1),
    "week": Dimension("Week", _ALL, True, 4),
    "month": Dimension("Month", _ALL, True, 3),
    "retailer": Dimension("Retailer", frozenset({Source.DELIVERY}), True, 1),
    "product_category": Dimension("Product category", frozenset({Source.DELIVERY}), False, 1),
}
PERIODS = ("week", "month")
#: Filters on words, and the sources they can be used with. `amount` is the one filter on a number.
FILTERS = {name: one for name, one in DIMENSIONS.items() if name not in PERIODS}


def sources_of(metrics: tuple[str, ...]) -> tuple[Source, ...]:
    """The sources these metrics and rates read, in a fixed order."""
    found = {METRICS[name].source for name in base_metrics(metrics)}
    return tuple(source for source in Source if source in found)


def base_metrics(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """What has to be counted: the metrics themselves, both sides of a rate, and each source's people."""
    wanted: list[str] = []
    for name in metrics:
        wanted += [RATES[name].over, RATES[name].under] if name in RATES else [name]
    wanted += [SIZE[METRICS[name].source] for name in wanted if METRICS[name].source in SIZE]
    return tuple(dict.fromkeys(name for name in METRICS if name in wanted))
