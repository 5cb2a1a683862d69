"""Which rows and in what order: the words of an address, checked strictly, and how the document describes them.

A filter that does not exist, or has no value, is an error: a typing mistake must not select everything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import django_filters as filters
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import F, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter

from crm.api.problems import QueryError
from crm.api.tenancy import QUERY

PAGING = (QUERY, "page", "page_size", "after", "on_error")
FAR = 1_000_000_000_000
LONGEST_TEXT = 300


class Text(filters.CharFilter):
    """Equal to the text. `path` may lead through relations."""

    described = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}

    def __init__(self, path: str, label: str, **kwargs: Any) -> None:
        super().__init__(path, label=label, max_length=LONGEST_TEXT, strip=False, **kwargs)


class Search(filters.CharFilter):
    """Any of the fields contains the text, whatever its case."""

    described = Text.described

    def __init__(self, *paths: str) -> None:
        self.paths = paths
        label = f"Part of {' or '.join(path.replace('__', ' ') for path in paths)}"
        super().__init__(label=label, max_length=LONGEST_TEXT, strip=False)

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if not value:
            return rows
        found = Q()
        for path in self.paths:
            found |= Q(**{f"{path}__icontains": value})
        return rows.filter(found)


class Choice(filters.ChoiceFilter):
    """One of the words of a choice field."""

    def __init__(self, path: str, choices: Any, label: str) -> None:
        super().__init__(path, choices=choices.choices, label=label)
        self.described = {"type": "string", "enum": [str(value) for value in choices.values]}


class YesNo(filters.TypedChoiceFilter):
    """`true` or `false`."""

    described = {"type": "string", "enum": ["true", "false"]}

    def __init__(self, path: str, label: str, **kwargs: Any) -> None:
        pairs = (("true", "true"), ("false", "false"))
        super().__init__(path, choices=pairs, coerce=lambda text: text == "true", label=label, **kwargs)


class Number(filters.NumberFilter):
    """A number at least or at most so large."""

    described = {"type": "number", "minimum": -FAR, "maximum": FAR}

    def __init__(self, path: str, lookup: str, label: str) -> None:
        super().__init__(path, lookup, label=label, min_value=-FAR, max_value=FAR)


class Whole(filters.NumberFilter):
    """Equal to a whole number."""

    described = {"type": "integer", "minimum": 0, "maximum": FAR}

    def __init__(self, path: str, label: str) -> None:
        super().__init__(path, label=label, min_value=0, max_value=FAR, decimal_places=0)


class Word(filters.ChoiceFilter):
    """One of the words for a column of numbers."""

    def __init__(self, path: str, numbers: Mapping[str, int], label: str) -> None:
        self.numbers = numbers
        super().__init__(path, choices=[(word, word) for word in numbers], label=label)
        self.described = {"type": "string", "enum": list(numbers)}

    def filter(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return rows.filter(**{self.field_name: self.numbers[value]}) if value else rows


class Day(filters.DateFilter):
    """A date column from (`gte`) or up to (`lte`) a day, included."""

    described = {"type": "string", "format": "date"}

    def __init__(self, path: str, lookup: str, label: str) -> None:
        super().__init__(path, lookup, label=label, input_formats=["%Y-%m-%d"])


class DayOf(filters.DateFilter):
    """A column of instants from (`gte`) or up to (`lte`) a day in UTC, included."""

    described = Day.described

    def __init__(self, path: str, lookup: str, label: str) -> None:
        super().__init__(path, lookup, label=f"{label} (UTC)", input_formats=["%Y-%m-%d"])

    def filter(self, rows: QuerySet[Any], value: dt.date | None) -> QuerySet[Any]:
        if value is None:
            return rows
        if self.lookup_expr == "gte":
            return rows.filter(**{f"{self.field_name}__gte": dt.datetime.combine(value, dt.time.min, dt.UTC)})
        if value == dt.date.max:
            return rows
        after = dt.datetime.combine(value + dt.timedelta(days=1), dt.time.min, dt.UTC)
        return rows.filter(**{f"{self.field_name}__lt": after})


class Order(filters.OrderingFilter):
    """`name` or `-name`. Rows without a value come last either way; the row's number breaks ties."""

    def __init__(self, paths: Mapping[str, str], *, default: str) -> None:
        self.paths = dict(paths)
        self.default = default
        super().__init__(fields=[(path, name) for name, path in paths.items()], label="Order")
        self.described = {"type": "string", "enum": [sign + name for name in self.paths for sign in ("", "-")]}

    def filter(self, rows: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        order: list[Any] = []
        for name in value or [self.default]:
            field = F(self.paths[name.lstrip("-")])
            order.append(field.desc(nulls_last=True) if name.startswith("-") else field.asc(nulls_last=True))
        return rows.order_by(*order, "pk")


class RowFilters(filters.FilterSet):
    """Base of every resource's filters: the queryset given must already start from the brand."""

    @classmethod
    def parameters(cls) -> list[OpenApiParameter]:
        """What the document says about them."""
        return [OpenApiParameter(name, one.described, description=_said(one)) for name, one in cls.base_filters.items()]


def _said(one: Any) -> str:
    if isinstance(one, Order):
        return f"{one.default} when left out; a sign in front turns it round"
    return str(one.label)


def chosen(filterset: type[filters.FilterSet], rows: Any, wanted: Any) -> Any:
    """The rows that the parameters `wanted` (a QueryDict) leave. Raises Django's ValidationError, by parameter."""
    unknown = set(wanted) - set(filterset.base_filters)
    if unknown:
        known = ", ".join(filterset.base_filters)
        raise ValidationError({name: [f"There is no such filter. There are: {known}."] for name in sorted(unknown)})
    empty = sorted(name for name in wanted if not all(wanted.getlist(name)))
    if empty:
        raise ValidationError({name: ["Has no value. Give one, or leave the filter out."] for name in empty})
    twice = sorted(name for name in wanted if len(wanted.getlist(name)) > 1)
    if twice:
        raise ValidationError({name: ["Is given twice. Give it once."] for name in twice})
    for name in wanted:
        try:
            ProhibitNullCharactersValidator()(wanted[name])
        except ValidationError as error:
            raise ValidationError({name: error.messages}) from None
    found = filterset(wanted, queryset=rows)
    if not found.is_valid():
        raise ValidationError({name: list(errors) for name, errors in found.errors.as_data().items()})
    return found.qs


def left(filterset: type[filters.FilterSet], rows: Any, parameters: Any, *, besides: Iterable[str] = ()) -> Any:
    """`chosen` for a request: parameters that are no filters are passed over, what is wrong is a QueryError."""
    wanted = parameters.copy()
    for name in (*PAGING, *besides):
        wanted.pop(name, None)
    try:
        return chosen(filterset, rows, wanted)
    except ValidationError as error:
        raise QueryError(error.message_dict) from None
