"""`manage.py export_feedback --brand SLUG --form dpo|kto|sft [--out FILE]`: feedback to train with, as JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date

from crm.models import Brand
from crm.templatetags.figures import times
from rlhf.feedback.exporting import CONVERSATIONAL, FORMS, HUMAN, MESSAGES, SOURCES, STANDARD, BadExport, Wanted, jsonl
from rlhf.feedback.exporting_files import LINES
from rlhf.feedback.splits import SPLITS

ACTOR = "command line"


class Command(BaseCommand):
    help = "Write feedback into a file to train with: DPO, KTO or SFT, in TRL's formats."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", required=True, help="slug of the brand")
        parser.add_argument("--form", required=True, choices=list(FORMS))
        talk = parser.add_mutually_exclusive_group()
        talk.add_argument("--conversational", action="store_true", help="lists of messages instead of texts")
        talk.add_argument("--messages", action="store_true", help="one list of messages (sft only)")
        parser.add_argument("--out", type=Path, metavar="FILE", help="standard output when left out")
        parser.add_argument("--task", default="", help="kind of experience: outreach, budget, dashboard")
        parser.add_argument("--since", type=_day, metavar="DAY", help="first day on which it was said, UTC")
        parser.add_argument("--until", type=_day, metavar="DAY", help="last day, included")
        parser.add_argument("--source", default=HUMAN, choices=SOURCES["dpo"])
        parser.add_argument("--split", default="", choices=SPLITS)
        parser.add_argument("--min-agreement", type=float, default=0.0, metavar="SHARE")
        parser.add_argument("--min-raters", type=int, default=1, metavar="N")
        parser.add_argument("--mark", action="store_true", help="mark what leaves: nobody can take it back afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no brand {options['brand']!r}. Brands: {known}.")
        out: Path | None = options["out"]
        if out is not None and not out.parent.is_dir():
            raise CommandError(f"There is no folder {out.parent}. Create it first.")
        what, left_out = options["form"], Counter[str]()
        try:
            chunks = LINES[what](brand, self._wanted(what, options), left_out)
            lines = jsonl(chunks, brand=brand, what=what, actor=ACTOR if options["mark"] else "")
            count = self._write(lines, out)
        except BadExport as error:
            raise CommandError(error.message) from error
        reasons = ", ".join(f"{why.replace('_', ' ')} {n:,}" for why, n in sorted(left_out.items())) or "nothing"
        self.stderr.write(f"{times(count, 'line')} for {brand}; left out: {reasons}.")

    def _wanted(self, what: str, options: dict[str, Any]) -> Wanted:
        until = options["until"]
        return Wanted(
            form=CONVERSATIONAL if options["conversational"] else MESSAGES if options["messages"] else STANDARD,
            source=options["source"], kind=options["task"], since=options["since"],
            until=until + timedelta(days=1) if until else None, split=options["split"],
            min_agreement=options["min_agreement"], min_raters=options["min_raters"],
        ).checked(what)  # fmt: skip

    def _write(self, lines: Iterator[str], out: Path | None) -> int:
        count = 0
        with out.open("w", encoding="utf-8") if out is not None else nullcontext() as file:
            for count, line in enumerate(lines, start=1):  # noqa: B007
                if file is None:
                    self.stdout.write(line, ending="")
                else:
                    file.write(line)
        return count


def _day(text: str) -> datetime:
    day = parse_date(text)
    if day is None:
        raise ValueError(text)
    return datetime.combine(day, time.min, UTC)
