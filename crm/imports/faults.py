"""What can be wrong: with a whole file (nothing is stored) or with one row (the row is set aside)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm.errors import EndcapError


class BrokenFile(EndcapError):
    """The file cannot be read as what it claims to be; the message names the place and what to do."""

    status = 422


class Fault(Exception):
    """One value of one row cannot be stored. Carries field, value and a reason a person can act on."""

    def __init__(self, field: str, value: Any, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.value = value
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that is not stored: where it stood, what was wrong, the row itself, and its spend in micros where known."""

    file: str
    row: int
    field: str
    value: str
    reason: str
    raw: dict[str, Any]
    spend: int | None = None
