"""From text to rows: a JSON list (bare, or called sales, leads or deals) or a table with a header. Judges no values."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn

from crm.imports.decoding import decode
from crm.imports.faults import BrokenFile

WRAPPERS = ("sales", "leads", "deals")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
TWICE = "\0twice"  # marks a JSON object that names a field twice; no real field can be called so
MISFIT = "\0misfit"  # marks a line with more or fewer values than the header


@dataclass(frozen=True, slots=True)
class RawRow:
    """Row `number` (1 is the first row of data) as the file has it; `values` is anything at all in JSON files."""

    number: int
    values: Any


@dataclass(frozen=True, slots=True)
class Content:
    """Rows of one file, the wrapper that named them (JSON only), the header (CSV only) and notes for the person."""

    rows: list[RawRow]
    wrapper: str | None = None
    header: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def read(data: bytes, filename: str) -> Content:
    """Rows of a file. Raises BrokenFile with place and remedy when it is not a readable list or table."""
    decoded = decode(data, filename)
    text = decoded.text.removeprefix("\ufeff")
    content = _read_json(text, filename) if text.lstrip()[:1] in ("{", "[") else _read_table(text, filename)
    return Content(content.rows, content.wrapper, content.header, decoded.notes + content.notes)


def _read_json(text: str, filename: str) -> Content:
    def refuse(constant: str) -> NoReturn:
        raise BrokenFile(
            f"{filename} contains {constant}, which is not JSON. Export it with null for missing numbers.",
            file=filename,
        )

    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise BrokenFile(
            f"{filename} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
            "Nothing was stored; repair that place or export the file again.",
            file=filename,
            line=error.lineno,
            column=error.colno,
        ) from error
    except RecursionError as error:
        raise BrokenFile(f"{filename} is nested too deeply to be a list of rows.", file=filename) from error
    except (ValueError, ArithmeticError) as error:  # numbers of thousands of digits, or with absurd exponents
        raise BrokenFile(f"{filename} cannot be read as JSON: {error}.", file=filename) from error
    if isinstance(found, list):
        return Content(_numbered(found))
    wrappers = [name for name in WRAPPERS if name in found]
    if len(wrappers) == 1 and isinstance(found[wrappers[0]], list) and TWICE not in found:
        extra = sorted(str(name) for name in found if name != wrappers[0])
        notes = (f"Ignored beside the list: {', '.join(extra)[:200]}",) if extra else ()
        return Content(_numbered(found[wrappers[0]]), wrapper=wrappers[0], notes=notes)
    keys = ", ".join(sorted(str(name) for name in found if name != TWICE)[:8]) or "nothing"
    raise BrokenFile(
        f'{filename} must be a list, or an object with exactly one list called "sales", "leads" or "deals"; '
        f"it has {keys} at the top.",
        file=filename,
    )


def _numbered(rows: list[Any]) -> list[RawRow]:
    return [RawRow(number, values) for number, values in enumerate(rows, start=1)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name that comes twice is remembered, because JSON itself would drop one value silently."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        made[TWICE] = next(name for name in names if names.count(name) > 1)
    return made


def _read_table(text: str, filename: str) -> Content:
    delimiter, header = _sniff(text, filename)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise BrokenFile(
            f"{filename} has the column {repeated[0]!r} more than once in its header. Rename or remove one.",
            file=filename,
        )
    if "" in header:
        raise BrokenFile(f"{filename} has a column without a name (column {header.index('') + 1}).", file=filename)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[RawRow] = []
    try:
        next(line for line in reader if line)
        for line in reader:
            if not line:
                continue
            values: dict[str, Any] = dict(zip(header, line, strict=False))
            if len(line) != len(header):
                values[MISFIT] = len(line)
            rows.append(RawRow(len(rows) + 1, values))
    except csv.Error as error:
        raise BrokenFile(
            f"{filename} breaks off in line {reader.line_num}: {error}. Often a quotation mark that is not closed.",
            file=filename,
            line=reader.line_num,
        ) from error
    return Content(rows, header=header, notes=(f"Columns separated by {DELIMITERS[delimiter]}",))


def _sniff(text: str, filename: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter that cuts the header into most columns, and that header."""
    best: tuple[str, tuple[str, ...]] | None = None
    for delimiter in DELIMITERS:
        try:
            line = next(
                line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if line
            )
        except (csv.Error, StopIteration):
            continue
        header = tuple(name.strip() for name in line)
        if len(header) > 1 and (best is None or len(header) > len(best[1])):
            best = (delimiter, header)
    if best is None:
        raise BrokenFile(
            f"{filename} is neither JSON nor a table: its first line has no commas, semicolons or tabs. "
            "Export it as CSV with a header, or as JSON.",
            file=filename,
        )
    return best
