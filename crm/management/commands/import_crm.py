"""`manage.py import_crm PATH [PATH ...] --brand SLUG`: files and HubSpot folders into a brand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from crm.imports import load_file, load_folder
from crm.imports.kinds import KINDS
from crm.models import Brand, Import

SHOWN = 10


class Command(BaseCommand):
    help = "Take in sales, leads, deals (JSON or CSV, also .gz) or a folder exported from HubSpot."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a HubSpot folder")
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--kind", default="auto", choices=("auto", *KINDS), help="what the files hold")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            brand = Brand.objects.get(slug=options["brand"])
        except Brand.DoesNotExist as error:
            known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no brand {options['brand']!r}. Brands: {known}.") from error
        batches = [self._load(brand, path, options["kind"]) for path in options["paths"]]
        console = Console(file=self.stdout, width=max(100, Console().width))  # type: ignore[arg-type]
        report(console, batches)
        if any(batch.state == Import.State.FAILED for batch in batches):
            sys.exit(1)

    def _load(self, brand: Brand, path: Path, kind: str) -> Import:
        try:
            if path.is_dir():
                return load_folder(brand=brand, folder=path)
            return load_file(brand=brand, path=path, kind=kind)
        except OSError as error:
            raise CommandError(f"{path} cannot be opened: {error.strerror}.") from error


def report(console: Console, batches: list[Import]) -> None:
    """A line for each file, then the notes, then the first rows that were set aside."""
    table = Table(title=f"Imported for {batches[0].brand}")
    table.add_column("File", min_width=32, overflow="fold")
    for name in ("Kind", "State"):
        table.add_column(name)
    for name in ("Read", "Stored", "Unchanged", "Set aside"):
        table.add_column(name, justify="right")
    for batch in batches:
        files = batch.stored.get("files", {})
        counts = (batch.rows_read, batch.rows_stored, batch.rows_unchanged, batch.rows_set_aside)
        table.add_row(batch.filename, batch.kind, batch.get_state_display(), *(f"{count:,}" for count in counts))
        if len(files) > 1:
            for file, books in files.items():
                parts = (books["read"], books["stored"], books["unchanged"], books["set_aside"])
                table.add_row(f"  {file}", "", "", *(f"{part:,}" for part in parts), style="dim")
    console.print(table)
    for batch in batches:
        tell(console, batch)


def tell(console: Console, batch: Import) -> None:
    """What else there is to know about one import."""
    if batch.state == Import.State.FAILED:
        console.print(f"Failed: {batch.error}", markup=False)
        return
    written = ", ".join(f"{count:,} {name}" for name, count in batch.stored["models"].items())
    console.print(f"{batch.filename} wrote {written or 'nothing'}.", markup=False)
    for note in batch.stored["notes"]:
        console.print(f"  {note}.", markup=False)
    if batch.rows_set_aside:
        console.print(f"  {batch.rows_set_aside:,} rows were set aside and are not stored:", markup=False)
        for row in batch.quarantine.all()[:SHOWN]:
            value = f" {row.value!r}" if row.value else ""
            console.print(f"    {row.file} row {row.row}, {row.field or 'row'}{value}: {row.reason}", markup=False)
        if batch.rows_set_aside > SHOWN:
            console.print(f"    and {batch.rows_set_aside - SHOWN:,} more; download all on the Data page", markup=False)
