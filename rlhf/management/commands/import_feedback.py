"""`manage.py import_feedback FILE [FILE ...] --brand SLUG`: feedback events, a JSON object a line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.models import Brand, Import, QuarantinedRow
from rlhf.feedback.importing import take_in

SHOWN = 10


class Command(BaseCommand):
    help = "Take in feedback events (RULER, HumanPreference, OnlineOutcome): a JSON object a line, also as .gz."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--brand", required=True, help="slug of the brand")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no brand {options['brand']!r}. Brands: {known}.")
        batches = [self._take_in(brand, path) for path in options["files"]]
        for batch in batches:
            self._tell(batch)
        if any(batch.state == Import.State.FAILED for batch in batches):
            sys.exit(1)

    def _take_in(self, brand: Brand, path: Path) -> Import:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be opened: {error.strerror}.") from error
        return take_in(brand=brand, data=data, filename=path.name)

    def _tell(self, batch: Import) -> None:
        if batch.state == Import.State.FAILED:
            self.stdout.write(f"{batch.filename} failed: {batch.error}")
            return
        self.stdout.write(
            f"{batch.filename}: {batch.rows_read:,} read, {batch.rows_stored:,} stored, {batch.rows_unchanged:,} "
            f"unchanged, {batch.rows_set_aside:,} set aside."
        )
        for note in batch.stored["notes"]:
            self.stdout.write(f"  {note}.")
        for row in QuarantinedRow.objects.for_brand(batch.brand_id).filter(batch=batch)[:SHOWN]:
            value = f" {row.value!r}" if row.value else ""
            self.stdout.write(f"  line {row.row}, {row.field}{value}: {row.reason}")
        if batch.rows_set_aside > SHOWN:
            self.stdout.write(f"  and {batch.rows_set_aside - SHOWN:,} more; all stand on the page Data.")
