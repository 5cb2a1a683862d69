"""Whatever a person brings: told apart into files of a CRM, reports of a retailer and products, each to its own door.

What a file is follows from what the person said, else from the retailer that was named, else from the file: what a
network's mapping knows is a report, what fits a CRM is of the CRM, and any other table waits to be explained.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from crm import imports, report_imports
from crm.errors import EndcapError
from crm.imports.hubspot.tables import TABLES
from crm.imports.kinds import KINDS, fitting
from crm.imports.reading import read
from crm.imports.reports.recognise import recognise
from crm.models import Brand, Import, Retailer
from crm.products import catalogue

REPORT, PRODUCTS = "report", "products"


@dataclass
class Arrived:
    """What came of several files: an Import for each that was taken, an error for each that was refused."""

    batches: list[Import] = field(default_factory=list)
    refused: list[EndcapError] = field(default_factory=list)


def take_in(
    *, brand: Brand, files: Sequence[IO[bytes]], kind: str = "auto", retailer: Retailer | None = None, by: Any = None
) -> Arrived:
    """Each file through its door. `kind` is auto, report, products or a kind of CRM file."""
    if kind in KINDS or (kind == "auto" and retailer is None and _is_export(files)):
        return _of_crm(brand, files, kind, by)
    arrived = Arrived()
    crm: list[IO[bytes]] = []
    for file in files:
        name = Path(str(file.name)).name
        found = kind if kind != "auto" else REPORT if retailer else _kind_of(brand, file, name)
        file.seek(0)
        try:
            if found == REPORT:
                arrived.batches.append(
                    report_imports.receive(brand=brand, retailer=retailer, file=file, filename=name, by=by)
                )
            elif found == PRODUCTS:
                arrived.batches.append(_products(brand, file, name, retailer, by))
            else:
                crm.append(file)
        except EndcapError as error:
            arrived.refused.append(error)
    if crm:
        rest = _of_crm(brand, crm, "auto", by)
        arrived.batches += rest.batches
        arrived.refused += rest.refused
    return arrived


def _of_crm(brand: Brand, files: Sequence[IO[bytes]], kind: str, by: Any) -> Arrived:
    try:
        return Arrived(imports.take_in(brand=brand, files=files, kind=kind, by=by))
    except EndcapError as error:
        return Arrived(refused=[error])


def _is_export(files: Sequence[IO[bytes]]) -> bool:
    """A zip, or the tables of HubSpot: those come in together."""
    names = [Path(str(file.name)).name.lower() for file in files]
    return any(name.endswith(".zip") or name.split(".")[0].removesuffix("_data") in TABLES for name in names)


def _kind_of(brand: Brand, file: IO[bytes], name: str) -> str:
    """`report`, or `auto` for what the CRM's door has to tell."""
    with tempfile.NamedTemporaryFile(suffix=Path(name).suffix) as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        known = report_imports.mappings_of(brand)
        try:
            found = recognise(Path(copy.name), known.values(), name)
        except EndcapError:
            return "auto"  # no table at all: the other door says what is wrong with it
    if found.mapping and known[found.mapping].network:
        return REPORT
    file.seek(0)
    try:
        return "auto" if fitting(read(file.read(), name)) else REPORT
    except EndcapError:
        return REPORT


def _products(brand: Brand, file: IO[bytes], name: str, retailer: Retailer | None, by: Any) -> Import:
    with tempfile.NamedTemporaryFile(suffix=Path(name).suffix) as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        return catalogue.take_in(brand, Path(copy.name), by, retailer=retailer, filename=name)
