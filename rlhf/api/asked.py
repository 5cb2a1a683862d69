"""What an address may ask of exports and statistics: checked strictly, described in the document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from crm.api.inputs import Strict
from crm.api.problems import QueryError
from crm.api.tenancy import QUERY
from rlhf.feedback.exporting import FORMS, SOURCES, Wanted
from rlhf.feedback.splits import SHARES, SPLITS
from rlhf.models import Source

MOST_RATERS = 1000
PEOPLE = "people"
KIND = {"type": "string", "minLength": 1, "maxLength": 20}
NAME = {"type": "string", "minLength": 1, "maxLength": 150}


def one_of(choices: Sequence[str], default: str | None = None) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=choices, default=choices[0] if default is None else default)


class PeriodQuery(Strict):
    """Words of a kind of work and a period."""

    task = serializers.CharField(max_length=20, required=False, default="")
    date_from = serializers.DateField(required=False, input_formats=["%Y-%m-%d"])
    date_to = serializers.DateField(required=False, input_formats=["%Y-%m-%d"])

    def period(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        """From the begin of the first day to the end of the last, UTC."""
        first, last = self.validated_data.get("date_from"), self.validated_data.get("date_to")
        since = dt.datetime.combine(first, dt.time.min, dt.UTC) if first else None
        until = None
        if last and last != dt.date.max:
            until = dt.datetime.combine(last + dt.timedelta(days=1), dt.time.min, dt.UTC)
        return since, until


class ExportQuery(PeriodQuery):
    """Which lines of a file to train with."""

    split = serializers.ChoiceField(choices=SPLITS, required=False, default="")
    min_agreement = serializers.FloatField(min_value=0, max_value=1, required=False, default=0.0)
    min_raters = serializers.IntegerField(min_value=1, max_value=MOST_RATERS, required=False, default=1)

    def __init__(self, *args: Any, what: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["form"] = one_of(FORMS[what])
        self.fields["source"] = one_of(SOURCES[what])

    def wanted(self) -> Wanted:
        values = self.validated_data
        since, until = self.period()
        names = ("form", "source", "split", "min_agreement", "min_raters")
        return Wanted(kind=values["task"], since=since, until=until, **{name: values[name] for name in names})


class RawQuery(PeriodQuery):
    """Which words of a raw export, and as what."""

    rater = serializers.CharField(max_length=150, required=False, default="")

    def get_fields(self) -> dict[str, Any]:
        # `as` is a keyword of Python, and `source` an argument of every field: neither can be declared above.
        return {**super().get_fields(), "source": one_of(Source.values, ""), "as": one_of(("csv", "jsonl"))}


class StatisticsQuery(PeriodQuery):
    """Which words the statistics are about."""

    rater = serializers.CharField(max_length=150, required=False, default="")

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "source": one_of((PEOPLE, *Source.values))}


def read(query: type[PeriodQuery], request: Request, *, besides: tuple[str, ...] = (), **more: Any) -> Any:
    """The checked query. Raises QueryError, also for a parameter that does not exist, comes twice or has no value."""
    given, others = request.query_params, (QUERY, *besides)
    wrong = {
        name: ["Has no value. Give one, or leave it out." if not all(values) else "Is given twice. Give it once."]
        for name, values in given.lists()
        if name not in others and (len(values) > 1 or not all(values))
    }
    if wrong:
        raise QueryError(wrong)
    asked = query(data={name: value for name, value in given.items() if name not in others}, **more)
    if not asked.is_valid():
        raise QueryError(asked.errors)
    return asked


PERIOD = [
    OpenApiParameter("task", KIND, description="Kind of experience: budget, creative, measurement, planning, outreach"),
    OpenApiParameter("date_from", OpenApiTypes.DATE, description="First day on which it was said (UTC)"),
    OpenApiParameter("date_to", OpenApiTypes.DATE, description="Last day, included (UTC)"),
]
RAW = [
    *PERIOD,
    OpenApiParameter("rater", NAME, description="Sign-in name, or the name an outside system gave"),
    OpenApiParameter("source", str, enum=Source.values, description="From where it came"),
    OpenApiParameter("as", str, enum=["csv", "jsonl"], description="csv when left out"),
]
STATISTICS = [
    *PERIOD,
    OpenApiParameter("rater", NAME, description="Sign-in name, or the name an outside system gave"),
    OpenApiParameter(
        "source", str, enum=[PEOPLE, *Source.values], description="people when left out: everything but the panel"
    ),
]


def export_parameters(what: str) -> list[OpenApiParameter]:
    shares = ", ".join(f"{name} {share:.0%}" for name, share in SHARES)
    return [
        OpenApiParameter("form", str, enum=list(FORMS[what]), description=f"{FORMS[what][0]} when left out"),
        *PERIOD,
        OpenApiParameter("source", str, enum=list(SOURCES[what]), description=f"{SOURCES[what][0]} when left out"),
        OpenApiParameter("split", str, enum=list(SPLITS), description=f"One split only; {shares}"),
        OpenApiParameter(
            "min_agreement", {"type": "number", "minimum": 0, "maximum": 1},
            description="Lowest share of raters on the majority (DPO)",
        ),
        OpenApiParameter("min_raters", {"type": "integer", "minimum": 1, "maximum": MOST_RATERS}),
    ]  # fmt: skip
