"""`manage.py erase_person --brand SLUG WHO`: forget somebody everywhere, with a report. `--preview` changes nothing."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.errors import EndcapError
from crm.models import Brand
from orchestrator.erasure import erase, preview


class Command(BaseCommand):
    help = "Forget the person behind an e-mail address, phone number or customer id."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("who", help="e-mail address, phone number or id as the source has it")
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--preview", action="store_true", help="only say what would be reached")
        parser.add_argument("--json", action="store_true", help="the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            slugs = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"--brand: there is no brand “{options['brand']}”. There are: {slugs}.")
        try:
            if options["preview"]:
                report = preview(brand, options["who"]).as_report()
            else:
                report = erase(brand=brand, who=options["who"]).report
        except EndcapError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
            return
        self.stdout.write("Would be reached:" if options["preview"] else "Erased:")
        for name, count in report["models"].items():
            self.stdout.write(f"  {count:>5}  {name}")
        if not report["models"]:
            self.stdout.write("  nothing: nobody is known under this address or id")
        for one in report["uploads"]:
            self.stdout.write(f"  file of import {one['import']}: {one['what']}")
        for one in report["policy_versions"]:
            serving = ", serving" if one["serving"] else ""
            self.stdout.write(
                f"  policy {one['version']}{serving} had seen {one['episodes']} episode(s) of this person"
            )
        for note in report["notes"]:
            self.stdout.write(f"  {note}")
