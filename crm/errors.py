"""The base of every error that a person is told about."""

from __future__ import annotations

from typing import Any


class EndcapError(Exception):
    """Says what happened and what to do; `detail` names field, value and the like for API and page."""

    status = 400

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
