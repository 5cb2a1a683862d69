"""`manage.py publish_rmis`: the JSON Schemas of RMIS into docs/rmis/; --check only says whether they are new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.rmis import published


class Command(BaseCommand):
    help = "Write the JSON Schemas of the interchange schema RMIS into docs/rmis/."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=Path(settings.BASE_DIR) / "docs" / "rmis", metavar="FOLDER")
        parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["to"]
        files = published()
        stale = [
            name
            for name, text in files.items()
            if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
        ]
        if options["check"]:
            if stale:
                raise CommandError(f"{', '.join(stale)} differ from the models. Run manage.py publish_rmis.")
            self.stdout.write(f"{len(files)} files are what the models say.")
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (folder / name).write_text(files[name], encoding="utf-8")
        self.stdout.write(f"Wrote {len(stale)} of {len(files)} files into {folder}.")
