"""A file as a table of texts: its header, and its rows in parts of bounded size, as often as they are asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import fastexcel
import polars as pl

from crm.imports.faults import BrokenFile
from crm.imports.reports.header import (
    DELIMITERS,
    HEAD,
    Head,
    Header,
    Row,
    header_for,
    heads,
    likely_header,
    unrecognised,
)
from crm.imports.reports.jsonrows import MISFIT, json_parts, looks_like_json
from crm.imports.reports.mapping import Mapping
from crm.imports.reports.reading import BLOCK, Text, opened, whole_rows

SHEET_PART = 50_000


@dataclass(slots=True)
class Part:
    """Rows of the table: `frame` has `row` (UInt32, 1 is the first row of data) and `c0`, `c1`, ... (String, no null).

    `misfits` are rows with more or fewer cells than the header, with how many they have (-1: a field is new).
    """

    frame: pl.DataFrame
    misfits: dict[int, int] = field(default_factory=dict)
    bytes_read: int = 0


@dataclass(slots=True)
class Table:
    """A readable file. `format` is csv, xlsx or json; `facts` tells a person how it was read."""

    path: Path
    filename: str
    header: Header
    format: str
    facts: dict[str, str]
    head: tuple[Head, ...] = ()

    @property
    def width(self) -> int:
        return len(self.header.names)

    def parts(self) -> Iterator[Part]:
        """All rows from the first. Raises BrokenFile for what cannot be read to the end."""
        if self.format == "xlsx":
            yield from _numbered(_sheet_parts(self.path, self.filename, self.header), self.width)
        elif self.format == "json":
            yield from _numbered(_json_frames(self), self.width)
        else:
            yield from _numbered(_csv_frames(self), self.width)


def table(path: Path, filename: str, mapping: Mapping | None = None) -> Table:
    """The table in a file, with the header that fits `mapping`, or that is most likely one.

    Raises BrokenFile where there is none, or where the header names a column twice.
    """
    with opened(path, filename) as raw:
        if raw.workbook:
            form, candidates, facts = "xlsx", [_sheet_head(path, filename, 200)], {"format": "Excel workbook"}
        else:
            text = Text(raw)
            piece = next(iter(text.pieces(HEAD)), b"")
            start = piece.decode("utf-8", "ignore")
            if looks_like_json(start):
                form, facts = "json", {"format": "JSON"}
                candidates = [Head("", (Row(_json_header(path, filename), 0),))]
            else:
                form, facts = "csv", {"format": "CSV"}
                candidates = heads(start, mapping.header_within + 1 if mapping else 60)
            facts["encoding"] = text.encoding
        if raw.packed:
            facts["packed"] = raw.packed
    if mapping is None:
        header = likely_header(candidates)
    else:
        found, named = header_for(mapping, candidates)
        if found is None or named < min(2, len(mapping.known_names())):
            raise unrecognised(mapping, filename, candidates[0].rows[0].cells)
        header = found
    if form == "csv":
        facts["columns separated by"] = DELIMITERS[header.delimiter]
    if header.title:
        facts["title"] = " / ".join(header.title)[:200]
    return Table(path, filename, _trimmed(header), form, facts, tuple(candidates))


def _trimmed(header: Header) -> Header:
    """Without nameless columns at the end: exports like to close every line with the delimiter."""
    names = list(header.names)
    while names and not names[-1]:
        names.pop()
    return Header(header.delimiter, tuple(names), header.at, header.lines, header.title)


def _numbered(frames: Iterator[tuple[pl.DataFrame, dict[int, int], int]], width: int) -> Iterator[Part]:
    """Parts without empty rows, numbered through. Misfits come by place in the frame and go by number."""
    before = 0
    for frame, misfits, taken in frames:
        names = [f"c{place}" for place in range(width)]
        empty = frame.select(pl.all_horizontal(pl.col(name).str.strip_chars() == "" for name in names)).to_series() \
            if frame.height and (frame["c0"].str.len_bytes() == 0).any() else None  # fmt: skip
        frame = frame.with_row_index("_place")
        if empty is not None and empty.any():
            frame = frame.filter(~empty)
        numbered = frame.with_columns(pl.int_range(before + 1, before + frame.height + 1, dtype=pl.UInt32).alias("row"))
        by_number = {}
        if misfits:
            for place, number in numbered.filter(pl.col("_place").is_in(list(misfits))).select("_place", "row").rows():
                by_number[number] = misfits[place]
        before += frame.height
        yield Part(numbered.drop("_place"), by_number, taken)


def _csv_frames(table: Table) -> Iterator[tuple[pl.DataFrame, dict[int, int], int]]:
    with opened(table.path, table.filename) as raw:
        blocks = whole_rows(_below(Text(raw).pieces(BLOCK), table.header.lines), table.filename)
        taken = 0
        for block in blocks:
            frame = _frame(block, table)
            misfits = _misfits(block, frame, table)
            now = raw.taken()
            yield frame.drop("_more"), misfits, now - taken
            taken = now


def _below(pieces: Iterator[bytes], lines: int) -> Iterator[bytes]:
    """The text below the first `lines` lines."""
    for piece in pieces:
        while lines:
            end = piece.find(b"\n")
            if end < 0:
                piece = b""
                break
            piece = piece[end + 1 :]
            lines -= 1
        if piece:
            yield piece


def _frame(block: bytes, table: Table) -> pl.DataFrame:
    names = [f"c{place}" for place in range(table.width)]
    sign = table.header.delimiter
    # a line of our own in front, because the reader takes the number of columns from the first
    data = sign.join("x" * (table.width + 1)).encode() + b"\n" + block
    try:
        return pl.read_csv(
            io.BytesIO(data),
            has_header=False,
            separator=sign,
            schema=dict.fromkeys([*names, "_more"], pl.String),
            empty_string_is_null=False,
            truncate_ragged_lines=True,
            extra_columns="ignore",
            missing_columns="insert",
        ).slice(1)
    except pl.exceptions.PolarsError as error:
        raise BrokenFile(
            f"{table.filename} cannot be cut into cells: {str(error).splitlines()[0][:200]}. Often a quotation mark "
            "that is not closed, or stands inside a text.",
            file=table.filename,
        ) from error


def _misfits(block: bytes, frame: pl.DataFrame, table: Table) -> dict[int, int]:
    """Rows that have more or fewer cells than the header, by place in the frame."""
    if not frame.height:
        return {}
    sign = table.header.delimiter
    expected = frame.height * (table.width - 1)
    if table.width == 1 or (block.count(sign.encode()) == expected and not (frame["_more"] != "").any()):
        return {}
    if not ((frame["_more"] != "") | (frame[f"c{table.width - 1}"] == "")).any():
        return {}  # the last cell of every row is filled, so none is short; delimiters stand in quotation marks
    found = {}
    place = -1
    for cells in csv.reader(io.StringIO(block.decode(), newline=""), delimiter=sign):
        place += 1
        extra = cells[table.width :]
        if cells and (len(cells) < table.width or any(extra)) and any(cell.strip() for cell in cells):
            found[place] = len(cells)
    return found if place + 1 == frame.height else {}


def _sheet_head(path: Path, filename: str, rows: int) -> Head:
    frame = _sheet(path, filename).head(rows)
    return Head("", tuple(Row(tuple((cell or "").strip() for cell in row), 0) for row in frame.rows()))


def _sheet(path: Path, filename: str) -> pl.DataFrame:
    """The first sheet that has cells, every cell as text."""
    try:
        book = fastexcel.read_excel(path.read_bytes())
        for name in book.sheet_names:
            sheet = book.load_sheet(name, header_row=None, dtypes="string", skip_whitespace_tail_rows=True)
            if sheet.width and sheet.height:
                return sheet.to_polars().select(pl.all().cast(pl.String).fill_null(""))
    except fastexcel.FastExcelError as error:
        raise BrokenFile(
            f"{filename} cannot be opened as a workbook: {str(error)[:200]}. Save the sheet as CSV.", file=filename
        ) from error
    raise BrokenFile(f"{filename} is a workbook without any cell.", file=filename)


def _sheet_parts(path: Path, filename: str, header: Header) -> Iterator[tuple[pl.DataFrame, dict[int, int], int]]:
    frame = _sheet(path, filename).slice(header.at + 1)
    width = len(header.names)
    frame = frame.select(pl.nth(range(width)).name.map(str)) if frame.width >= width else frame
    frame.columns = [f"c{place}" for place in range(frame.width)]
    size = path.stat().st_size
    for start in range(0, max(frame.height, 1), SHEET_PART):
        yield frame.slice(start, SHEET_PART), {}, size if start == 0 else 0


def _json_header(path: Path, filename: str) -> tuple[str, ...]:
    with opened(path, filename) as raw:
        rows = next(iter(json_parts(Text(raw).pieces(BLOCK), filename)), [])
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    if not names:
        raise BrokenFile(f"{filename} holds no rows.", file=filename)
    return tuple(names)


def _json_frames(table: Table) -> Iterator[tuple[pl.DataFrame, dict[int, int], int]]:
    names: Sequence[str] = table.header.names
    known = set(names)
    with opened(table.path, table.filename) as raw:
        taken = 0
        for rows in json_parts(Text(raw).pieces(BLOCK), table.filename):
            misfits = {place: int(row.get(MISFIT, -1)) for place, row in enumerate(rows) if not known.issuperset(row)}
            columns = {f"c{at}": [row.get(name, "") for row in rows] for at, name in enumerate(names)}
            now = raw.taken()
            yield pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), misfits, now - taken
            taken = now
