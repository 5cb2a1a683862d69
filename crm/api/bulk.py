"""`POST {resource}/bulk`: up to 10,000 rows by natural key, as a JSON list or as JSON lines.

All or nothing, unless `?on_error=quarantine` keeps the good rows and gives every refused one back with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.described import Operation
from crm.api.problems import QueryError, TooLarge, harmless
from crm.api.references import learn_all
from crm.api.rows import ResourceView, alone, word
from crm.upserts import Refusal

MOST_ROWS = 10_000
MOST_TOLD = 100
ON_ERROR = ("refuse", "quarantine")


class JSONLinesParser(BaseParser):
    """A JSON object on each line; empty lines are passed over."""

    media_type = "application/jsonl"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        rows = []
        for number, line in enumerate(stream.read().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line, parse_constant=_no_number))
            except ValueError as error:
                raise ParseError(f"Line {number} is no JSON: {error}.") from None
        return rows


class RefusedRow(serializers.Serializer[Any]):
    """A row that was not stored."""

    index = serializers.IntegerField(help_text="Place in what was sent, from 0")
    field = serializers.CharField(allow_blank=True)
    value = serializers.JSONField(allow_null=True)
    reason = serializers.CharField()


class BulkOutput(serializers.Serializer[Any]):
    """What became of the rows."""

    received = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    quarantine = RefusedRow(many=True)
    imports = serializers.ListField(
        child=serializers.IntegerField(), help_text="Ids of the imports that keep them (figures only)"
    )


class Bulk(ResourceView):
    """Create and update many rows by their natural key. The same rows again change nothing."""

    parser_classes = [JSONParser, JSONLinesParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Ten thousand rows are longer than what Django reads by itself; its own limit would refuse them.
        asked = request._request
        if int(asked.META.get("CONTENT_LENGTH") or 0) > settings.API_BULK_MAX_BYTES:
            raise TooLarge(f"At most {settings.API_BULK_MAX_BYTES // 2**20} MiB at once. Send the rows in parts.")
        asked._body = asked.read(settings.API_BULK_MAX_BYTES)
        super().initial(request, *args, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        keep_good = self.on_error(request) == "quarantine"
        rows = self.sent(request)
        refused, good = self.checked(rows)
        if refused and not keep_good:
            raise ValidationError(told(refused))
        with alone(), transaction.atomic():
            done = self.resource.upsert(self.brand, good, request.user)
            refused = sorted([*refused, *done.refused], key=lambda one: one.index)
            if refused and not keep_good:
                raise ValidationError(told(refused))
        counts = len(done.created), len(done.updated), done.unchanged
        return Response(account(len(rows), *counts, refused))

    def sent(self, request: Request) -> Sequence[Any]:
        """The rows, 1 to 10,000 of them."""
        rows = request.data
        if not isinstance(rows, list):
            raise ParseError("Send a JSON list of rows, or JSON lines with Content-Type: application/jsonl.")
        if not 1 <= len(rows) <= MOST_ROWS:
            raise ParseError(f"Send 1 to {MOST_ROWS:,} rows at once; these are {len(rows):,}.")
        return rows

    def on_error(self, request: Request) -> str:
        chosen = request.query_params.get("on_error", ON_ERROR[0])
        if chosen not in ON_ERROR:
            raise QueryError({"on_error": [f"Must be one of: {', '.join(ON_ERROR)}."]})
        return chosen

    def checked(self, rows: Sequence[Any]) -> tuple[list[Refusal], list[tuple[int, dict[str, Any]]]]:
        """Refused rows, and the values of the good ones by place."""
        assert self.resource.input is not None
        serializer = self.resource.input(context=self.context())
        learn_all(serializer, rows)
        refused, good = [], []
        for place, row in enumerate(rows):
            try:
                good.append((place, dict(serializer.run_validation(row))))
            except ValidationError as error:
                refused.append(refusal(place, row, error.detail))
        return refused, good

    def operation(self, method: str) -> Operation:
        it = self.resource
        assert it.input is not None
        return Operation(
            f"{word(it)}_bulk",
            f"Create and update many {it.many}",
            {200: OpenApiResponse(BulkOutput, "What became of the rows")},
            description=f"Up to {MOST_ROWS:,} rows, found again by {' and '.join(it.key)}. All or nothing, unless "
            "`on_error=quarantine` keeps the good rows. A field that is left out keeps its value.",
            request=it.input(many=True),
            parameters=[OpenApiParameter("on_error", str, enum=ON_ERROR, description="refuse when left out")],
        )


def account(
    received: int, created: int, updated: int, unchanged: int, refused: Sequence[Refusal], imports: Sequence[int] = ()
) -> dict[str, Any]:
    """The answer of a bulk call."""
    return {
        "received": received,
        "created": created,
        "updated": updated,
        "unchanged": unchanged,
        "refused": len(refused),
        "quarantine": [
            {"index": one.index, "field": one.field, "value": harmless(one.field, one.value), "reason": one.reason}
            for one in refused
        ],
        "imports": list(imports),
    }


def refusal(place: int, row: Any, detail: Any) -> Refusal:
    """The first fault that a serializer found in a row."""
    path: list[str] = []
    while isinstance(detail, dict | list) and detail:
        if isinstance(detail, dict):
            name, detail = next(iter(detail.items()))
            path.append(str(name))
        else:
            at = next(i for i, each in enumerate(detail) if each)
            if isinstance(detail[at], dict):
                path.append(str(at))
            detail = detail[at]
    names = [name for name in path if name != "non_field_errors"]
    value = row.get(names[0]) if names and isinstance(row, Mapping) else None
    return Refusal(place, ".".join(names), value, str(detail))


def told(refused: Sequence[Refusal]) -> dict[str, Any]:
    """The first hundred faults as a ValidationError wants them, so that pointers lead to row and field."""
    detail: dict[str, Any] = {}
    for one in refused[:MOST_TOLD]:
        detail[f"{one.index}.{one.field}" if one.field else str(one.index)] = [ErrorDetail(one.reason, "invalid")]
    return detail


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
