"""`manage.py export_data --brand SLUG --resource performance --format parquet --out FILE`: the API's exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import QueryDict

from crm import exports
from crm.api.exporting import cleaners, columns_of
from crm.api.filters import chosen
from crm.api.resources import RESOURCES
from crm.models import Brand
from crm.rmis.rows import FROM_MODEL, lines

FORMATS = ("csv", "parquet", "rmis")


class Command(BaseCommand):
    help = "Write the rows of a brand into a file: CSV, Parquet, or JSON lines of the interchange schema RMIS."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--resource", required=True, choices=[one.name for one in RESOURCES])
        parser.add_argument("--format", default="csv", choices=FORMATS)
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")
        parser.add_argument(
            "--filter", action="append", default=[], metavar="NAME=VALUE", help="as in the API: date_from=2026-11-01"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no brand {options['brand']!r}. Brands: {known}.")
        resource = next(one for one in RESOURCES if one.name == options["resource"])
        wanted = QueryDict(mutable=True)
        for given in options["filter"]:
            name, _, value = given.partition("=")
            wanted.appendlist(name, value)
        try:
            rows = chosen(resource.filters, resource.rows(brand), wanted)
        except ValidationError as error:
            said = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
            raise CommandError(f"--filter {said}") from None
        out: Path = options["out"]
        if not out.parent.is_dir():
            raise CommandError(f"There is no folder {out.parent}. Create it first.")
        if options["format"] == "rmis":
            if resource.model not in FROM_MODEL:
                shapes = ", ".join(one.name for one in RESOURCES if one.model in FROM_MODEL)
                raise CommandError(f"RMIS has no shape for {resource.many}. It has shapes for: {shapes}.")
            with out.open("w", encoding="utf-8") as file:
                count = sum(bool(file.write(line)) for line in lines(rows))
        else:
            write = exports.write_parquet if options["format"] == "parquet" else exports.write_csv
            count = write(rows, columns_of(resource), out, cleaners(resource, brand))
        self.stdout.write(f"Wrote {count:,} {resource.one if count == 1 else resource.many} to {out}.")
