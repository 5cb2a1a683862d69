"""Whole numbers in the address: checked, and named when they are bad."""

from __future__ import annotations

from rest_framework.request import Request

from crm.api.problems import QueryError


def whole_number(request: Request, name: str, *, least: int, most: int) -> int | None:
    """The query parameter, or None when it is not given. Raises QueryError with field and value."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
        raise QueryError({name: [f"Must be a whole number from {least} to {most}."]}, code="out_of_range")
    return int(text)
