"""Rows of JSON files, a part at a time: lists of objects, one object a line, and columns with lists of values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from crm.imports.faults import BrokenFile

MISFIT = "\0misfit"
PART = 20_000
LONGEST = 64 * 2**20  # of one object
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)  # numbers stay as they are written
_GAP = re.compile(r"[\s,]*")
_LIST = re.compile(r'"(?:[^"\\]|\\.)*"\s*:\s*\[\s*(?=\{)')
_COLUMNS = re.compile(r'"columns"\s*:\s*(?=\[)')
_ARRAYS = re.compile(r'"(?:data|rows)"\s*:\s*\[\s*(?=\[)')


def looks_like_json(start: str) -> bool:
    """Whether a text begins as JSON does: a list, or an object."""
    return re.match(r"\s*(?:\[\s*[\[{\]]|\{\s*[\"}])", start) is not None


def json_parts(pieces: Iterator[bytes], filename: str) -> Iterator[list[dict[str, str]]]:
    """Rows as flat texts (`{"event": {"date": 1}}` becomes `event.date`). Raises BrokenFile for what is no list."""
    buffer = ""
    columns: list[str] | None = None
    began = False
    rows: list[dict[str, str]] = []
    for piece in pieces:
        buffer += piece.decode()
        if not began:
            at, columns = _begin(buffer)
            if at < 0:
                if len(buffer) > LONGEST:
                    break
                continue
            buffer, began = buffer[at:], True
        at = 0
        while True:
            at = _GAP.match(buffer, at).end()  # type: ignore[union-attr]
            if at >= len(buffer) or buffer[at] not in "{[":
                break
            try:
                found, at = _DECODER.raw_decode(buffer, at)
            except json.JSONDecodeError:
                break  # cut off by the end of the piece, or broken: the end of the file will tell
            rows.append(_row(found, columns))
            if len(rows) >= PART:
                yield rows
                rows = []
        buffer = buffer[at:]
        if len(buffer) > LONGEST:
            break
    if not began or re.match(r"\s*[{\[]", buffer) or (buffer.strip() and buffer.strip()[0] not in "]}"):
        raise BrokenFile(
            f"{filename} is not a list of rows in JSON, or breaks off at: {buffer.strip()[:80]!r}. Export it again.",
            file=filename,
        )
    if rows:
        yield rows


def _begin(text: str) -> tuple[int, list[str] | None]:
    """(where the first row stands, names of the columns where they are given once); -1 while that cannot be told."""
    start = text.lstrip()
    skipped = len(text) - len(start)
    if start.startswith("["):
        return skipped + 1, None
    try:  # one object a line
        first, end = _DECODER.raw_decode(start)
    except json.JSONDecodeError:
        first, end = None, 0
    if first is not None and not any(isinstance(value, list) for value in first.values()):
        return skipped, None
    if (named := _COLUMNS.search(text)) and (arrays := _ARRAYS.search(text)):
        try:
            columns, _ = _DECODER.raw_decode(text, named.end())
        except json.JSONDecodeError:
            return -1, None
        return arrays.end(), [str(one.get("name", one)) if isinstance(one, dict) else str(one) for one in columns]
    if first is not None and re.match(r"\s*\{", start[end:]):
        return skipped, None
    if wrapped := _LIST.search(text):
        return wrapped.end(), None
    return -1, None


def _row(found: Any, columns: list[str] | None) -> dict[str, str]:
    if isinstance(found, list):
        if columns is None or len(found) != len(columns):
            return {MISFIT: str(len(found))}
        found = dict(zip(columns, found, strict=True))
    return _flat(found, "")


def _flat(values: dict[str, Any], before: str) -> dict[str, str]:
    made: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            made.update(_flat(value, f"{before}{name}."))
        elif isinstance(value, str):
            made[before + name] = value
        elif value is None:
            made[before + name] = ""
        else:
            made[before + name] = json.dumps(value)
    return made
