"""Figures of further attribution windows: a dictionary in Python, text in the database."""

from __future__ import annotations

import json
from typing import Any

from django.db import models


class WindowsField(models.JSONField):
    """`{"30|click": {"orders": 2, "units": 2, "sales": 9.8}}`, kept as text.

    PostgreSQL takes 3 to 4 microseconds to make jsonb of a usual value, half of all its work on a row of a report, and
    most rows are never asked for it. Questions go through crm/windows/reading.py and `__gives`.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@WindowsField.register_lookup
class Gives(models.Lookup):  # type: ignore[type-arg]
    """`other_windows__gives="30|click"`: rows that have figures of that window."""

    lookup_name = "gives"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = self.process_lhs(compiler, connection)
        find = "strpos" if connection.vendor == "postgresql" else "instr"
        return f"{find}({column}, %s) > 0", (*params, f'"{self.rhs}":')
