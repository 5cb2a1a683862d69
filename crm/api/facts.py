"""`performance/`: pages that follow the index however long the table is, and rows that come in bulk."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Q
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from crm import sent_facts
from crm.api.bulk import Bulk, account, told
from crm.api.pages import Pages
from crm.api.problems import QueryError
from crm.api.rows import RowList

PLACE = re.compile(r"([1-9][0-9]{5})\.([0-9a-f]{16})")  # proleptic ordinal of the day, identity in 64 bits


class Onward(BasePagination):
    """`next` and `results`. Pages follow (day, identity), which an index holds, so that the millionth is as quick as
    the first; they are not counted, and there is no way back."""

    page_size = Pages.page_size
    most = 1000

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        size = request.query_params.get("page_size", str(self.page_size))
        if not (size.isascii() and size.isdigit() and len(size) < 6 and 1 <= int(size) <= self.most):
            raise QueryError({"page_size": [f"Must be a whole number from 1 to {self.most}."]})
        after = request.query_params.get("after")
        if after is not None:
            day, identity = self._place(after)
            queryset = queryset.filter(Q(measured_on__gt=day) | Q(measured_on=day, identity__gt=identity))
            queryset = queryset.filter(measured_on__gte=day)
        rows = list(queryset[: int(size) + 1])
        self.next = None
        if len(rows) > int(size):
            rows.pop()
            place = f"{rows[-1].measured_on.toordinal()}.{rows[-1].identity % 2**64:016x}"
            self.next = replace_query_param(request.build_absolute_uri(), "after", place)
        return rows

    @staticmethod
    def _place(after: str) -> tuple[date, int]:
        found = PLACE.fullmatch(after)
        if found is None:
            raise QueryError({"after": ["Is no place in the list. Follow `next` as it is given."]})
        identity = int(found[2], 16)
        return date.fromordinal(int(found[1])), identity - 2**64 if identity >= 2**63 else identity

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": following, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": self.most}
        place = {"type": "string", "pattern": f"^{PLACE.pattern}$"}
        return [
            {"name": "page_size", "in": "query", "required": False, "schema": size},
            {"name": "after", "in": "query", "required": False, "schema": place, "description": "As `next` has it"},
        ]


class FactList(RowList):
    """The brand's figures by day, oldest first."""

    pagination_class = Onward


class FactBulk(Bulk):
    """Figures as a program has them. Each call is an import for each retailer, report and grain, and can be undone."""

    def change(self, request: Request, **kwargs: Any) -> Response:
        keep_good = self.on_error(request) == "quarantine"
        rows = self.sent(request)
        refused, good = self.checked(rows)
        if refused and not keep_good:
            raise ValidationError(told(refused))
        try:
            with transaction.atomic():
                sent = sent_facts.store(brand=self.brand, rows=good, by=request.user, keep_good=keep_good)
        except sent_facts.RowsRefused as error:
            raise ValidationError(told(error.refused)) from None
        everything = sorted([*refused, *sent.refused], key=lambda one: one.index)
        return Response(account(len(rows), sent.created, sent.updated, sent.unchanged, everything, sent.imports))
