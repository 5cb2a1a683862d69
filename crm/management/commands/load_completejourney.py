"""`manage.py load_completejourney FOLDER`: a real year of grocery data as a brand."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from crm.imports.completejourney import load_completejourney
from crm.imports.completejourney.load import SimulatedBrand
from crm.management.commands.import_crm import report
from crm.models import Import


class Command(BaseCommand):
    help = "Make a brand out of the Complete Journey data: campaigns become packs, households leads, baskets sales."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="folder with campaigns.csv, coupons.csv.gz and so on")
        parser.add_argument("--brand", default="complete-journey", help="slug of the brand (made when new)")
        parser.add_argument(
            "--owner", action="append", default=[], help="username that owns the brand; may be repeated"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        people = list(get_user_model().objects.filter(username__in=options["owner"]))
        missing = set(options["owner"]) - {person.get_username() for person in people}
        if missing:
            raise CommandError(f"There is nobody called {sorted(missing)[0]!r}.")
        started = time.perf_counter()

        def say(line: str) -> None:
            self.stdout.write(f"{time.perf_counter() - started:6.1f} s  {line}")

        try:
            batch = load_completejourney(folder=options["folder"], slug=options["brand"], owners=people, say=say)
        except SimulatedBrand as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{options['folder']} cannot be opened: {error.strerror}.") from error
        report(Console(file=self.stdout, width=max(120, Console().width)), [batch])  # type: ignore[arg-type]
        say("done")
        if batch.state == Import.State.FAILED:
            sys.exit(1)
