"""The query language of clean rooms: what may be asked, as Pydantic models with a JSON Schema. Aggregates only.

Two kinds of question: `aggregate` (metrics, split by dimensions, under filters) and `overlap` (how far two or three
segments share their people). There is no way to ask for a row. Knows no Django and no data: whether a segment exists is
asked where the data are.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from crm.cleanroom.errors import BadQuery
from crm.cleanroom.vocabulary import DIMENSIONS, METRICS, PERIODS, RATES, SIZE, Source, base_metrics, sources_of

LEAST_EPSILON, MOST_EPSILON = Decimal("0.01"), Decimal(5)
MetricName = Literal[
    "people", "people_with_outcome", "outcomes", "buyers", "sales", "sales_amount",
    "average_sale", "amount_per_buyer", "conversion", "impressions", "clicks", "spend",
]  # fmt: skip
DimensionName = Literal[
    "segment", "stage", "pack", "campaign", "outcome", "industry", "country", "week", "month", "retailer",
    "product_category",
]  # fmt: skip
FilterName = Literal[
    "segment", "stage", "pack", "campaign", "outcome", "industry", "country", "retailer", "product_category"
]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
Epsilon = Annotated[
    Decimal,
    Field(
        ge=LEAST_EPSILON, le=MOST_EPSILON, max_digits=4, decimal_places=2,
        description="What the question spends of the privacy budget: more is exacter and dearer",
    ),
]  # fmt: skip


class Part(BaseModel):
    """Closed: a field that is not known is refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Part):
    """`field` is one of `values`, or none of them."""

    field: FilterName
    test: Literal["in", "not_in"] = "in"
    values: tuple[Name, ...] = Field(min_length=1, max_length=50)


class Amount(Part):
    """The amount of a sale, in the brand's currency."""

    field: Literal["amount"]
    test: Literal["at_least", "at_most", "above", "below"]
    value: Decimal = Field(ge=0, le=Decimal(10) ** 9, max_digits=12, decimal_places=2)


Filter = Annotated[Words | Amount, Field(description="A comparison; all of them must hold")]


class Question(Part):
    """What both kinds share."""

    where: tuple[Filter, ...] = Field((), max_length=10)
    epsilon: Epsilon = Decimal("0.5")

    @property
    def exact_epsilon(self) -> Fraction:
        return Fraction(self.epsilon)

    def written(self) -> dict[str, Any]:
        """As JSON, in the order it was asked; what was left out is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def canonical(self) -> dict[str, Any]:
        """As JSON, with the order of what has no order fixed: the same question is the same text."""
        body = self.written()
        for name in {"metrics", "segments"} & set(body):
            body[name] = sorted(body[name])
        for one in body["where"]:
            if "values" in one:
                one["values"] = sorted(set(one["values"]))
        body["where"] = sorted(body["where"], key=lambda one: json.dumps(one, sort_keys=True))
        return body

    def fingerprint(self, **room: Any) -> str:
        """SHA-256 of the question and of what else decides its answer (64 hexadecimal digits)."""
        text = json.dumps([self.canonical(), room], sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


class Aggregate(Question):
    """Metrics of groups."""

    kind: Literal["aggregate"] = "aggregate"
    metrics: tuple[MetricName, ...] = Field(min_length=1, max_length=5)
    by: tuple[DimensionName, ...] = Field((), max_length=2)
    starts_on: date | None = Field(None, alias="from", description="First day, UTC")
    ends_on: date | None = Field(None, alias="to", description="Last day, UTC, included")
    groups_per_person: int | None = Field(
        None, ge=1, le=20, description="In how many groups one person counts; the rest is left out at random"
    )
    events_per_person: int = Field(5, ge=1, le=100, description="How many events of a person count in one group")
    amount_per_person: int = Field(
        500, ge=1, le=100_000, description="How much money of a person counts in one group, in the brand's currency"
    )
    limit: int = Field(100, ge=1, le=1000, description="How many groups are shown, the largest first")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("metrics", "by")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names the same thing twice")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Aggregate:
        sources = self.sources
        if Source.DELIVERY in sources and len(sources) > 1:
            raise ValueError("metrics: delivery (impressions, clicks, spend) and people are two questions")
        for name in self.by:
            for source in sources:
                if source not in DIMENSIONS[name].sources:
                    raise ValueError(
                        f"by: {name} cannot split {_metrics_of(source, self.metrics)}; {_can_split(source)}"
                    )
        for one in self.where:
            for source in sources:
                if isinstance(one, Words) and source not in DIMENSIONS[one.field].sources:
                    raise ValueError(f"where: {one.field} cannot filter {_metrics_of(source, self.metrics)}")
                if isinstance(one, Amount) and source is not Source.SALES:
                    raise ValueError("where: amount filters sales only (buyers, sales, sales_amount, average_sale)")
        if "conversion" in self.metrics and set(self.by) & set(PERIODS):
            raise ValueError("by: conversion has no week or month: people begin in one and buy in another")
        if set(PERIODS) <= set(self.by):
            raise ValueError("by: week or month, not both")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError(f"to: {self.ends_on} is before {self.starts_on}")
        return self

    @property
    def sources(self) -> tuple[Source, ...]:
        return sources_of(self.metrics)

    @property
    def base(self) -> tuple[str, ...]:
        return base_metrics(self.metrics)

    @property
    def is_about_people(self) -> bool:
        return Source.DELIVERY not in self.sources

    @property
    def groups(self) -> int:
        """In how many groups one person counts: as asked, else the most any dimension suggests; 1 without groups."""
        if not self.by:
            return 1
        return self.groups_per_person or max(DIMENSIONS[name].groups for name in self.by)

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Dimensions whose values only the data know: industry, country, and periods without both ends."""
        bounded = self.starts_on is not None and self.ends_on is not None
        return tuple(n for n in self.by if not DIMENSIONS[n].listed or (n in PERIODS and not bounded))


class Overlap(Question):
    """How far two or three segments share their people."""

    kind: Literal["overlap"] = "overlap"
    segments: tuple[Name, ...] = Field(min_length=2, max_length=3, description="Names or external ids of segments")

    @model_validator(mode="after")
    def _fits(self) -> Overlap:
        if len(set(self.segments)) < len(self.segments):
            raise ValueError("segments: names the same segment twice")
        for one in self.where:
            if isinstance(one, Amount) or Source.PEOPLE not in DIMENSIONS[one.field].sources:
                raise ValueError(f"where: {one.field} cannot filter people")
        return self


Asked = Annotated[Aggregate | Overlap, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[Aggregate | Overlap] = TypeAdapter(Asked)


def parse(body: Any) -> Aggregate | Overlap:
    """A question from JSON. Raises BadQuery that names the first field that is wrong, its value and what is allowed."""
    if not isinstance(body, dict):
        raise BadQuery("A question is a JSON object with `kind` and what to measure.", field="query")
    try:
        return _ADAPTER.validate_python({"kind": "aggregate", **body})
    except ValidationError as error:
        raise _told(body, error) from None


def _told(body: dict[str, Any], error: ValidationError) -> BadQuery:
    problem = error.errors()[0]
    if problem["type"].startswith("union_tag"):
        return BadQuery("kind: must be aggregate or overlap.", field="kind", value=_shown(body.get("kind")))
    steps = [str(step) for step in problem["loc"] if step not in ("aggregate", "overlap", "Words", "Amount")]
    field, said = ".".join(steps), problem["msg"].removeprefix("Value error, ")
    if not field and ": " in said:
        field, said = said.split(": ", 1)
    value = problem["input"].get(field) if isinstance(problem["input"], dict) else problem["input"]
    said = f"{field or 'query'}: {said[:1].lower()}{said[1:]}."
    if problem["type"] == "extra_forbidden":
        said = f"{field}: no such field. The fields of a question are in docs/clean-room.md."
    return BadQuery(said, field=field or "query", value=_shown(value))


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a question."""
    return _ADAPTER.json_schema()


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:120]


def _metrics_of(source: Source, asked: tuple[str, ...]) -> str:
    names = [n for n in asked if n in RATES or METRICS[n].source is source]
    return ", ".join(names) or SIZE.get(source, source.value)


def _can_split(source: Source) -> str:
    return "allowed: " + ", ".join(name for name, one in DIMENSIONS.items() if source in one.sources)
