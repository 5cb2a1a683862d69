"""`manage.py import_products FILE [FILE ...] --brand SLUG [--retailer R]`: product lists into SKUs or the crosswalk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from crm.management.commands.import_crm import report
from crm.models import Brand, Import, Retailer
from crm.products import catalogue, crosswalk
from crm.templatetags.figures import times


class Command(BaseCommand):
    help = "Take in lists of products with bar codes (CSV or JSON, also .gz): your own, or with --retailer a shop's."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--retailer", default="", help="slug of the shop whose list it is")
        parser.add_argument("--taxonomy", type=Path, help="Google's taxonomy file, to name category ids")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = self._one(Brand.objects.all(), options["brand"], "brand")
        shops = Retailer.objects.for_brand(brand)
        retailer = self._one(shops, options["retailer"], "retailer") if options["retailer"] else None
        batches = []
        for path in options["paths"]:
            try:
                batches.append(catalogue.take_in(brand, path, retailer=retailer, taxonomy=options["taxonomy"]))
            except OSError as error:
                raise CommandError(f"{error.filename} cannot be opened: {error.strerror}.") from error
        console = Console(file=self.stdout, width=max(120, Console().width))  # type: ignore[arg-type]
        report(console, batches)
        waiting = crosswalk.summary(brand).waiting
        if waiting:
            console.print(f"{times(waiting, 'code')} of shops wait for a person: /data/products/review/", markup=False)
        if any(batch.state == Import.State.FAILED for batch in batches):
            sys.exit(1)

    def _one(self, rows: Any, slug: str, noun: str) -> Any:
        found = rows.filter(slug=slug).first()
        if found is None:
            known = ", ".join(rows.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no {noun} {slug!r}. Known: {known}.")
        return found
