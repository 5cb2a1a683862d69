"""`manage.py apply_retention --brand SLUG`: what is older than the policy keeps it. Changes nothing without `--yes`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from crm.models import Brand
from orchestrator.retention import sweep


class Command(BaseCommand):
    help = "Report what retention would remove; with --yes remove it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--yes", action="store_true", help="carry it out")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"--brand: there is no brand “{options['brand']}”.")
        done = sweep(brand, now=timezone.now(), dry_run=not options["yes"])
        self.stdout.write("Removed:" if options["yes"] else "Would be removed (add --yes to do it):")
        for name, count in done.items():
            self.stdout.write(f"  {count:>7}  {name}")
