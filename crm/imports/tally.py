"""The books of one file: every row read ends as stored, unchanged or set aside, exactly once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from crm.imports.faults import Fault, SetAside
from crm.imports.reading import RawRow
from crm.imports.values import as_json, printable


@dataclass
class Tally:
    """Counts of one file. `models` counts rows written by model name, which may be more than rows of the file."""

    file: str
    read: int = 0
    stored: int = 0
    unchanged: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def refuse(self, row: RawRow, fault: Fault) -> None:
        """Set a row aside."""
        raw = as_json(row.values)
        self.set_aside.append(
            SetAside(
                file=self.file[:255],
                row=row.number,
                field=printable(str(fault.field or "row"))[:120],
                value=printable("" if fault.value is None else str(fault.value))[:2000],
                reason=fault.reason[:300],
                raw=raw if isinstance(raw, dict) else {"row": raw},
            )
        )

    def balanced(self) -> bool:
        return self.read == self.stored + self.unchanged + len(self.set_aside)

    def as_dict(self) -> dict[str, Any]:
        return {
            "read": self.read,
            "stored": self.stored,
            "unchanged": self.unchanged,
            "set_aside": len(self.set_aside),
        }
