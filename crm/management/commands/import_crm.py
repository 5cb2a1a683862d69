"""`manage.py import_crm PATH [PATH ...] --brand SLUG`: files and HubSpot folders into a brand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Min
from rich.console import Console
from rich.table import Table

from crm.imports import load_file, load_folder
from crm.imports.kinds import KINDS
from crm.models import Brand, Import
from crm.templatetags.figures import times

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
        console = Console(file=self.stdout, width=max(120, Console().width))  # type: ignore[arg-type]
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
        set_aside = times(batch.rows_set_aside, "row")
        console.print(f"  Set aside and not stored: {set_aside} (all can be downloaded on the Data page)", markup=False)
        troubles = batch.quarantine.order_by().values("file", "field", "reason").annotate(n=Count("pk"), at=Min("pk"))
        for trouble in troubles.order_by("-n", "at")[:SHOWN]:
            first = batch.quarantine.get(pk=trouble["at"])
            where = f"row {first.row}" if trouble["n"] == 1 else f"{trouble['n']:,} rows, the first is row {first.row}"
            value = f" {first.value!r}" if first.value else ""
            what = f"{first.file}, {where}, {first.field}{value}: {first.reason}"
            console.print(f"    {what}", markup=False)
        if len(troubles) > SHOWN:
            console.print(f"    and {len(troubles) - SHOWN:,} more reasons", markup=False)
