"""What was read of a report and waits to be stored: parts of frames and rows set aside, in files of a folder.

Reading a file of any size holds one part in memory; the transaction that stores it begins when all of it was read.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl

from crm.imports.faults import SetAside
from crm.imports.reports.canonical import FIGURES, Batch


@dataclass
class Books:
    """Sums of one import by figure, in the units of canonical.py, and counts of rows."""

    read: int = 0
    duplicates: int = 0
    refused: int = 0
    source: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    said: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: dict[str, None] = field(default_factory=dict)
    first_on: date | None = None
    last_on: date | None = None

    def take(self, batch: Batch) -> None:
        """Book what the harmonizer says of a part."""
        self.read += batch.read
        self.duplicates += batch.duplicates
        for name, (good, bad) in batch.totals.items():
            self.source[name] += good + bad
            self.set_aside[name] += bad
        for name, said in batch.said.items():
            self.said[name] = self.said.get(name, 0) + said
        self.left_out.update(batch.left_out)
        self.notes.update(dict.fromkeys(batch.notes))

    def aside(self, frame: pl.DataFrame) -> None:
        """Book good rows that could not be stored after all."""
        for name, total in frame.select(pl.col(FIGURES).sum()).row(0, named=True).items():
            self.set_aside[name] += total

    def span(self, frame: pl.DataFrame) -> None:
        """Widen the days of the report to those of `frame`, which is not empty."""
        first, last = frame.select(first=pl.col("measured_on").min(), last=pl.col("measured_on").max()).row(0)
        self.first_on = min(self.first_on or first, first)
        self.last_on = max(self.last_on or last, last)


class Spool:
    """A folder that is gone when the context ends."""

    def __init__(self, under: Path | None = None) -> None:
        self._under = under
        self.parts: list[Path] = []
        self.rows = 0

    def __enter__(self) -> Self:
        self._place = tempfile.TemporaryDirectory(prefix="endcap-spool-", dir=self._under)
        self.folder = Path(self._place.name)
        self._aside = (self.folder / "aside.jsonl").open("w+", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aside.close()
        self._place.cleanup()

    def put(self, frame: pl.DataFrame) -> None:
        """Keep a part; empty ones are not kept."""
        if frame.is_empty():
            return
        path = self.folder / f"{len(self.parts):06}.arrow"
        frame.write_ipc(path, compression="lz4")
        self.parts.append(path)
        self.rows += len(frame)

    def frames(self, *columns: str) -> Iterator[pl.DataFrame]:
        """The parts in order; of these columns only, where some are named."""
        for path in self.parts:
            yield pl.read_ipc(path, columns=list(columns) or None)

    def refuse(self, rows: Iterable[SetAside]) -> int:
        """Keep rows that are set aside; how many."""
        count = 0
        for row in rows:
            self._aside.write(json.dumps(asdict(row), ensure_ascii=False, default=str) + "\n")
            count += 1
        return count

    def refused(self) -> Iterator[SetAside]:
        self._aside.seek(0)
        for line in self._aside:
            yield SetAside(**json.loads(line))
