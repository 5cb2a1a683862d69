"""What a person brings through the page: one file, several, or a zip of them; a HubSpot export is seen by its names."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from crm.imports.decoding import MAX_BYTES
from crm.imports.faults import BrokenFile
from crm.imports.files import load_file
from crm.imports.hubspot import load_folder
from crm.imports.hubspot.tables import TABLES
from crm.models import Brand, Import

MAX_FILES = 60
MAX_RATIO = 200  # unpacked to packed; text packs about 10 times, a bomb a thousand times
_HUBSPOT = "deal_pipeline_stage"  # without the stages a folder of tables cannot be read as HubSpot


def take_in(
    *, brand: Brand, files: Sequence[IO[bytes]], kind: str = "auto", by: Any = None, now: datetime | None = None
) -> list[Import]:
    """Take in what was uploaded, one Import for each file, or one for a HubSpot export.

    Raises BrokenFile for a zip that cannot be opened safely, two files of one name, or too many of them: nothing is
    stored then.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "upload"
        folder.mkdir()
        for name, data in _unpacked(files):
            target = folder / name
            if target.exists():
                raise BrokenFile(f"There are two files called {name}. Rename one of them.", file=name)
            target.write_bytes(data)
        paths = sorted(folder.iterdir())
        if not paths:
            raise BrokenFile("The zip holds no JSON or CSV file.")
        if any(_table_of(path) == _HUBSPOT for path in paths):
            return [load_folder(brand=brand, folder=folder, by=by, now=now)]
        return [load_file(brand=brand, path=path, kind=kind, by=by, now=now) for path in paths]


def _table_of(path: Path) -> str:
    name = path.name.removesuffix(".gz").removesuffix(".csv").removesuffix("_data")
    return name if name in TABLES else ""


def _unpacked(files: Sequence[IO[bytes]]) -> Iterator[tuple[str, bytes]]:
    """(name without folders, content) of every file, zips opened one level deep."""
    budget = MAX_BYTES
    count = 0
    for file in files:
        name = Path(str(file.name)).name
        for inner, data in _members(name, file, budget) if name.lower().endswith(".zip") else [(name, file.read())]:
            budget -= len(data)
            count += 1
            if count > MAX_FILES or budget < 0:
                raise BrokenFile(f"That is more than {MAX_FILES} files or {MAX_BYTES // 2**20} MB. Bring in fewer.")
            yield inner, data


def _members(name: str, file: IO[bytes], budget: int) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                inner = Path(member.filename).name
                if member.is_dir() or not inner or inner.startswith(".") or "__MACOSX" in member.filename:
                    continue
                if member.file_size > budget or member.file_size > MAX_RATIO * max(member.compress_size, 64):
                    raise BrokenFile(f"{inner} in {name} unpacks to more than is allowed. Bring it in by itself.")
                # never more than it claims: a false size in the directory cannot fill the disk
                with archive.open(member) as source:
                    yield inner, source.read(member.file_size)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BrokenFile(f"{name} cannot be opened as a zip: {error}. Pack it again without a password.") from error
