"""Where the table begins: the delimiter, and the row that is its header, below rows with a title."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from crm.imports.faults import BrokenFile
from crm.imports.reports.mapping import Mapping
from crm.imports.reports.names import plain

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
HEAD = 512 * 2**10  # bytes in which the header must stand


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the head: its cells, and how many lines of the file end with it."""

    cells: tuple[str, ...]
    lines: int


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a file, cut by one delimiter ("" for workbooks and JSON)."""

    delimiter: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, the row of the head they stand in, and what stands above them."""

    delimiter: str
    names: tuple[str, ...]
    at: int
    lines: int  # of the file, up to and with the header
    title: tuple[str, ...] = ()


def heads(text: str, within: int) -> list[Head]:
    """The first `within` rows of a text, cut by each delimiter that occurs in them."""
    found = []
    for delimiter in DELIMITERS:
        if delimiter not in text:
            continue
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows: list[Row] = []
        try:
            for cells in reader:
                if cells:
                    rows.append(Row(tuple(cell.strip().removeprefix("\ufeff") for cell in cells), reader.line_num))
                if len(rows) >= within:
                    break
        except csv.Error:  # a quotation mark in a title row, or a delimiter that is none
            pass
        if rows:
            found.append(Head(delimiter, tuple(rows)))
    if not found:  # one column, or no table at all
        lines = text.splitlines()[:within]
        found.append(Head(",", tuple(Row((line.strip(),), number) for number, line in enumerate(lines, start=1))))
    return found


def header_for(mapping: Mapping, candidates: Sequence[Head]) -> tuple[Header | None, int]:
    """(the row of the head that names most of the mapping's columns, how many it names)."""
    known = mapping.known_names()
    best: Header | None = None
    most = 0
    for head in candidates:
        for at, row in enumerate(head.rows[: mapping.header_within]):
            named = len({plain(cell) for cell in row.cells} & known)
            if named > most:
                most, best = named, _header(head, at)
    return best, most


def likely_header(candidates: Sequence[Head]) -> Header:
    """The row that looks most like a header where no mapping is known: most different texts that are no numbers,
    above rows of as many cells."""
    best: tuple[float, int, Header] | None = None
    for head in candidates:
        widest = max(len(row.cells) for row in head.rows)
        for at, row in enumerate(head.rows[:-1] or head.rows):
            filled = [cell for cell in row.cells if cell]
            words = {cell for cell in filled if any(char.isalpha() for char in cell) and len(cell) <= 80}
            below = head.rows[at + 1].cells if at + 1 < len(head.rows) else row.cells
            fits = len(below) == len(row.cells)
            score = len(words) - 2 * (len(filled) - len(words)) + (0.5 * widest if fits and len(filled) > 1 else 0)
            if best is None or score > best[0]:
                best = (score, -at, _header(head, at))
    assert best is not None
    return best[2]


def _header(head: Head, at: int) -> Header:
    row = head.rows[at]
    title = tuple(" ".join(cell for cell in above.cells if cell) for above in head.rows[:at])
    return Header(head.delimiter, row.cells, at, row.lines, tuple(line for line in title if line))


def unrecognised(mapping: Mapping, filename: str, first: Sequence[str]) -> BrokenFile:
    """The error for a file in which no header of `mapping` can be found."""
    wanted = sorted(column.names[0] for _, column in mapping.every_column())[:8]
    return BrokenFile(
        f"{filename} has no header that fits {mapping.title}: none of its first {mapping.header_within} rows "
        f"names its columns ({', '.join(wanted)})."
        f" It begins with: {' | '.join(first)[:200]}. Choose another mapping, or let Endcap propose one.",
        file=filename,
        mapping=mapping.name,
    )
