"""Rows of a file that claim to be the same row: found without holding the file, by 64-bit hashes.

Hashes are kept as arrays, and beyond some millions of rows in files, one for each of 64 ranges of the hash, so that
memory is bounded by the largest range.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm.imports.reports.canonical import IDENTITY, NAME_UNLESS

HELD = 4_000_000  # rows whose hashes may stay in memory
RANGES = 64
_RECORD = np.dtype([("identity", "<u8"), ("content", "<u8"), ("row", "<u4")])


@dataclass(frozen=True, slots=True)
class Repeats:
    """`same`: row -> the earlier row that says the same; `contradicting`: row -> another that says otherwise."""

    same: dict[int, int]
    contradicting: dict[int, int]

    def __bool__(self) -> bool:
        return bool(self.same or self.contradicting)


class Seen:
    """What rows there were. A context: files that it needed are gone at its end."""

    def __init__(self) -> None:
        self._held: list[NDArray[np.void]] = []
        self._rows = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Rows of a frame of parsed columns."""
        if not frame.height:
            return
        names = [name for name in frame.columns if name != "row"]
        parts = [_identity(name, frame.columns) for name in IDENTITY if name in frame.columns]
        records = np.empty(frame.height, dtype=_RECORD)
        records["identity"] = frame.select(parts).hash_rows(seed=1).to_numpy()
        records["content"] = frame.select(names).hash_rows(seed=2).to_numpy()
        records["row"] = frame["row"].to_numpy()
        self._held.append(records)
        self._rows += frame.height
        if self._rows > HELD:
            self._put_down()

    def repeats(self) -> Repeats:
        """All rows that repeat or contradict another."""
        same: dict[int, int] = {}
        contradicting: dict[int, int] = {}
        if self._folder is None:
            groups = [np.concatenate(self._held)] if self._held else []
        else:
            self._put_down()
            groups = []
        for records in groups:
            _compare(records, same, contradicting)
        if self._folder is not None:
            for path in sorted(Path(self._folder.name).iterdir()):
                _compare(np.fromfile(path, dtype=_RECORD), same, contradicting)
        return Repeats(same, contradicting)

    def _put_down(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="endcap-rows-")
        records = np.concatenate(self._held) if self._held else np.empty(0, dtype=_RECORD)
        ranges = records["identity"] >> np.uint64(58)
        for number in range(RANGES):
            with (Path(self._folder.name) / f"{number:02}").open("ab") as file:
                records[ranges == number].tofile(file)
        self._held, self._rows = [], 0


def _identity(name: str, columns: list[str]) -> pl.Expr:
    other = NAME_UNLESS.get(name)
    if other is None or other not in columns:
        return pl.col(name)
    return pl.when(pl.col(other) == "").then(pl.col(name)).otherwise(pl.lit("")).alias(name)


def _compare(records: NDArray[np.void], same: dict[int, int], contradicting: dict[int, int]) -> None:
    order = np.argsort(records["identity"], kind="stable")
    identities = records["identity"][order]
    twin = np.flatnonzero(identities[1:] == identities[:-1])
    if not len(twin):
        return
    starts = twin[np.concatenate(([True], np.diff(twin) > 1))]
    for start in starts:
        end = start + 1
        while end < len(identities) and identities[end] == identities[start]:
            end += 1
        group = records[order[start:end]]
        first = int(group["row"].min())
        if (group["content"] == group["content"][0]).all():
            same.update({int(row): first for row in group["row"] if row != first})
        else:
            other = int(group["row"][group["row"] != first].min())
            contradicting.update({int(row): first if row != first else other for row in group["row"]})
