"""Whatever a report holds: nothing is lost or added, and pieces or another order of rows give the same rows."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.imports.reports.canonical import IDENTITY
from tests.crm.reports.files import Read, read, small, written

HEADER = ["Date", "Campaign ID", "Impressions", "Clicks", "Spend", "Orders", "Sales", "Orders 30", "Sales 30"]
MAPPING = small(numbers={"decimal": "."}, dates={"order": "day_first"})

amounts = st.one_of(
    st.decimals(0, 10**7, places=2).map(str),
    st.sampled_from(["", "-5.00", "12%", "1,234.56", "$7.5", "abc", "0", "1E+05", '="3.25"', "(1.00)"]),
)
counts = st.one_of(st.integers(0, 10**6).map(str), st.sampled_from(["", "x", "-1", "1,000", "2.5", "0"]))
rows = st.tuples(
    st.sampled_from(["2026-01-01", "2026-01-02", "03/02/2026", "2027-01-01", "", "soon"]),
    st.integers(1, 8).map(str),
    counts,
    counts,
    amounts,
    counts,
    amounts,
    counts,
    amounts,
).map(list)
good = st.tuples(
    st.sampled_from(["2026-01-01", "2026-01-02", "03/02/2026"]),
    st.integers(1, 40).map(str),
    st.integers(1, 10**6).map(str),
    st.just("1"),
    st.decimals(0, 10**6, places=2).map(str),
    st.integers(1, 99).map(str),
    st.decimals(0, 10**6, places=2).map(str),
    st.integers(1, 99).map(str),
    st.decimals(0, 10**6, places=2).map(str),
).map(list)


def brought(lines: list[list[str]]) -> Read:
    with tempfile.TemporaryDirectory() as folder:
        return read(written(Path(folder) / "report.csv", HEADER, lines), MAPPING)


def money(text: str) -> Decimal:
    """What an amount says to a person, 0 where it says none."""
    cleaned = text.replace(",", "").replace("$", "").removeprefix('="').removesuffix('"')
    sign = -1 if cleaned.startswith("(") else 1
    try:
        return sign * Decimal(cleaned.strip("()"))
    except ArithmeticError:
        return Decimal(0)


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=25))
def test_every_row_is_stored_or_set_aside_and_amounts_reconcile_to_the_cent(lines: list[list[str]]) -> None:
    found = brought(lines)
    assert found.read == len(lines) == found.frame.height + len(found.refused)
    assert sorted([*found.frame["row"], *(one.row for one in found.refused)]) == list(range(1, len(lines) + 1))
    readable = [money(line[4]) for line in lines if line[4] not in ("1E+05", "12%")]
    assert sum(found.totals["spend"]) == sum(readable) * 1_000_000
    assert found.totals["spend"][0] == found.frame["spend"].sum()
    assert all(one.reason and one.raw["Spend"] == lines[one.row - 1][4] for one in found.refused)


def rows_of(found: Read) -> set[tuple[object, ...]]:
    names = [*IDENTITY, "impressions", "clicks", "spend", "orders", "sales", "other_windows"]
    return set(found.frame.select(names).rows())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(good, min_size=2, max_size=25, unique_by=lambda line: (line[0], line[1])), st.randoms(), st.integers(1, 24)
)
def test_pieces_and_another_order_give_the_same_rows(lines: list[list[str]], chance: object, cut: int) -> None:
    whole = brought(lines)
    assert whole.refused == []
    mixed = sorted(lines, key=lambda line: chance.random())  # type: ignore[attr-defined]
    assert rows_of(brought(mixed)) == rows_of(whole)
    first, second = lines[:cut], lines[cut:]
    pieces = rows_of(brought(first)) | (rows_of(brought(second)) if second else set())
    assert pieces == rows_of(whole)
