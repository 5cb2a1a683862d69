"""Files for the tests of reports, made from a seed: rows of plain values, written as a header of one mapping."""

from __future__ import annotations

import csv
import io
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from crm.imports.reports.canonical import COUNT_SCALE, COUNTS, DELIVERY, MONEY, MONEY_SCALE, Batch
from crm.imports.reports.harmonize import harmonize
from crm.imports.reports.mapping import Mapping, Unit, parse

TODAY = date(2026, 6, 30)
SMALL: dict[str, Any] = {
    "name": "small",
    "title": "A small report",
    "columns": {
        "measured_on": ["Date"],
        "range_start": ["Start Date"],
        "range_end": ["End Date"],
        "hour": ["Hour"],
        "campaign_id": ["Campaign ID"],
        "campaign_name": ["Campaign"],
        "item": ["ASIN"],
        "impressions": ["Impressions"],
        "clicks": ["Clicks"],
        "spend": {"names": ["Spend"], "unit": "currency"},
    },
    "windows": [
        {
            "days": 14,
            "attribution": "click",
            "primary": True,
            "orders": ["Orders"],
            "units": ["Units"],
            "sales": ["Sales"],
            "ntb_orders": ["NTB Orders"],
            "ntb_sales": ["NTB Sales"],
        },
        {"days": 30, "attribution": "click", "orders": ["Orders 30"], "sales": ["Sales 30"]},
    ],
    "identity": ["campaign_id|campaign_name"],
}


def small(**changes: Any) -> Mapping:
    """The small mapping; `columns` adds to its columns, everything else replaces."""
    body = {**SMALL, **changes}
    body["columns"] = {**SMALL["columns"], **changes.get("columns", {})}
    return parse(body)


def written(path: Path, header: list[str], rows: list[list[Any]], *, delimiter: str = ",") -> Path:
    """A CSV file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8")
    return path


class Read:
    """All batches of a file together."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches
        self.frame = pl.concat([batch.frame for batch in batches]) if batches else pl.DataFrame()
        self.refused = [one for batch in batches for one in batch.refused]
        self.read = sum(batch.read for batch in batches)
        self.duplicates = sum(batch.duplicates for batch in batches)
        self.said = {name: value for batch in batches for name, value in batch.said.items()}
        self.notes = [note for batch in batches for note in batch.notes]
        self.left_out: dict[str, int] = {}
        self.totals: dict[str, tuple[int, int]] = {}
        for batch in batches:
            for reason, count in batch.left_out.items():
                self.left_out[reason] = self.left_out.get(reason, 0) + count
            for name, (good, bad) in batch.totals.items():
                before = self.totals.get(name, (0, 0))
                self.totals[name] = (before[0] + good, before[1] + bad)

    def reasons(self) -> dict[int, str]:
        return {one.row: f"{one.field}: {one.reason}" for one in self.refused}

    def rows(self) -> list[dict[str, Any]]:
        return self.frame.to_dicts()


def read(path: Path, mapping: Mapping, **options: Any) -> Read:
    options = {"currency": "USD", "today": TODAY, **options}
    return Read(list(harmonize(path, mapping, **options)))


def fixture(
    mapping: Mapping, header: list[str], *, rows: int, seed: int
) -> tuple[list[list[str]], list[dict[str, Any]]]:
    """(cells of a report of `mapping`, what they must become): every column that the mapping reads gets values.

    What they must become is written from the seed's own numbers, not from the cells.
    """
    from crm.imports.reports.parsing import plan

    made = plan(mapping, header, currency="USD", today=TODAY, filename="fixture")
    chance = random.Random(seed)
    cells, expected = [], []
    for number in range(rows):
        row = ["" for _ in header]
        day = date(2026, 1, 1) + timedelta(days=number)
        want: dict[str, Any] = {"row": number + 1, "measured_on": day}
        for name, place in made.columns.items():
            if name in ("measured_on", "range_start", "range_end"):
                row[place.at] = day.isoformat()
            elif name == "hour":
                row[place.at], want["hour"] = str(number % 24), number % 24
            elif name == "currency":
                row[place.at] = want["currency"] = "EUR"
            elif name not in (*DELIVERY, "spend"):
                row[place.at] = want[name] = f"{name}-{chance.randrange(10**6)}"
        if made.breakdown:
            want["breakdown"] = ";".join(f"{label}=x{number}" for label in made.breakdown)
            for place in made.breakdown.values():
                row[place.at] = f"x{number}"
        shared = {place.at: f"x{number}" for place in made.breakdown.values()}
        for name, place in made.columns.items():  # one column may be read twice, as a field and in the breakdown
            if place.at in shared and name in want:
                want[name] = shared[place.at]
        figures = _figures(chance)
        others: dict[str, dict[str, Any]] = {}
        for name, place in made.numbers():
            kind, _, window = name.partition("|")
            value = figures[kind]
            parts = [place.at, *(at for at, _ in place.plus)]
            for at in parts:
                row[at] = _cell(value, kind, place.column.unit)
            total = value * len(parts)
            if window:
                others.setdefault(window, {})[kind] = total
            else:
                want[name] = round(total * (MONEY_SCALE if kind in MONEY else COUNT_SCALE if kind in COUNTS else 1))
        want["other_windows"] = others or None
        cells.append(row)
        expected.append(want)
    return cells, expected


def _figures(chance: random.Random) -> dict[str, Any]:
    from decimal import Decimal

    impressions = chance.randrange(1, 10**6)
    orders = chance.randrange(1, 50)
    sales = Decimal(chance.randrange(1, 10**7)) / 100
    return {
        "impressions": impressions,
        "clicks": chance.randrange(impressions + 1),
        "spend": Decimal(chance.randrange(10**6)) / 100,
        "orders": orders,
        "units": orders + 1,
        "sales": sales,
        "ntb_orders": chance.randrange(orders + 1),
        "ntb_units": chance.randrange(orders + 1),
        "ntb_sales": sales / 2,
    }


def _cell(value: Any, kind: str, unit: Unit | None) -> str:
    if kind in MONEY and unit is Unit.MICROS:
        return str(int(value * MONEY_SCALE))
    return str(value)
