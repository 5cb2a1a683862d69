"""CRM files of the sample brands: invented, with rows that do not fit, so that the Data page is alive."""

from __future__ import annotations

from pathlib import Path

from crm.imports import load_file
from crm.models import Brand, Import

FOLDER = Path(__file__).parent


def take_in_deliveries(slug: str, brand: Brand) -> list[Import]:
    """Import every file kept for this sample brand, through the same door as any other file."""
    files = sorted((FOLDER / slug).glob("*.*"))
    return [load_file(brand=brand, path=path) for path in files]
