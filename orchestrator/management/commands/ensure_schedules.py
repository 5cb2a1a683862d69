"""`manage.py ensure_schedules`: write what beat does. Safe to run again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orchestrator.schedules import SCHEDULES, ensure_schedules


class Command(BaseCommand):
    help = "Write the periodic tasks that beat runs; switched-off ones stay off."

    def handle(self, *args: Any, **options: Any) -> None:
        created = ensure_schedules()
        if options["verbosity"]:
            self.stdout.write(f"{len(SCHEDULES)} schedules, {created} new")
