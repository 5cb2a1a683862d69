"""Whatever a person brings: told apart into files of a CRM, reports of a retailer and products, each to its own door.

What it is follows from what the person said, else from the retailer that was named, else from the file: a report that a
mapping knows for certain is a report, everything else is read as a file of the CRM as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

from crm import imports
from crm.models import Brand, Import, Retailer

REPORT, PRODUCTS = "report", "products"


def take_in(
    *, brand: Brand, files: Sequence[IO[bytes]], kind: str = "auto", retailer: Retailer | None = None, by: Any = None
) -> list[Import]:
    """One Import for each file."""
    return imports.take_in(brand=brand, files=files, kind=kind, by=by)
