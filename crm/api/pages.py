"""Pages of a list. A bad `page` or `page_size` is named, never silently replaced."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class Pages(PageNumberPagination):
    """`count`, `next`, `previous`, `results`; 50 rows a page, at most 200."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    last_page = 10**9

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> Any:
        for name, most in (("page", self.last_page), ("page_size", self.max_page_size)):
            asked = request.query_params.get(name)
            if asked is None:
                continue
            if not (asked.isascii() and asked.isdigit() and len(asked) < 11 and 1 <= int(asked) <= most):
                raise ValidationError({name: [f"Must be a whole number from 1 to {most}."]}, code="invalid")
        return super().paginate_queryset(queryset, request, view)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter, most in zip(parameters, (self.last_page, self.max_page_size), strict=True):
            parameter["schema"] |= {"minimum": 1, "maximum": most}
        return parameters
