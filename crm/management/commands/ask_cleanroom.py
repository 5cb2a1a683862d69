"""`manage.py ask_cleanroom --brand SLUG [--room NAME] --query FILE|JSON`: a question from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from crm.charts.words import figure
from crm.cleanroom import rooms
from crm.cleanroom.answers import Answer, Figure
from crm.cleanroom.errors import CleanRoomError
from crm.cleanroom.query import json_schema
from crm.cleanroom.wording import sentence
from crm.models import Brand, CleanRoom


class Command(BaseCommand):
    help = "Ask a clean room. The question is JSON, in a file or as it is; --cost tells what it would cost first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brand", help="slug of the brand")
        parser.add_argument("--room", default="", help="name of the room; the embedded one when left out")
        parser.add_argument("--query", default="", help="a file with the question, or the JSON itself")
        parser.add_argument("--cost", action="store_true", help="only say what it would cost; nothing is asked")
        parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")
        parser.add_argument("--schema", action="store_true", help="print the JSON Schema of a question and stop")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["schema"]:
            self.stdout.write(json.dumps(json_schema(), indent=2))
            return
        room = _room(options["brand"] or "", options["room"])
        try:
            question = rooms.as_question(_question(options["query"]))
            if options["cost"]:
                self._tell_cost(room, question)
                return
            answer = rooms.ask(room=room, query=question, by=None)
        except CleanRoomError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            self.stdout.write(answer.model_dump_json(indent=2))
        else:
            self._tell(answer, sentence(question))

    def _tell_cost(self, room: CleanRoom, question: Any) -> None:
        cost = rooms.cost(room, question)
        self.stdout.write(f"{sentence(question)}: costs {cost.epsilon:g} of {cost.account.left:g} left in {room.name}.")
        for one in cost.plan.measures:
            self.stdout.write(f"  {one.title}: within {one.reach():,.10g}, 95 times in 100")
        if cost.plan.measures:
            self.stdout.write(f"  groups are shown from {cost.plan.threshold} people")

    def _tell(self, answer: Answer, title: str) -> None:
        table = Table(title=title)
        for name in answer.by or ["group"]:
            table.add_column(name)
        for column in answer.columns:
            table.add_column(f"{column.title} ({column.unit})", justify="right")
        for row in answer.rows:
            names = list(row.group.values()) or ["all"]
            table.add_row(
                *names, *(_shown(row.figures.get(column.name), column.unit, answer) for column in answer.columns)
            )
        console = Console(file=self.stdout, width=max(110, Console().width))  # type: ignore[arg-type]
        console.print(table)
        budget, kept_back = answer.budget, "not told" if answer.suppressed is None else f"{answer.suppressed:,}"
        lines = [
            f"Served by {answer.served_by}; noise: {answer.noise.mechanism}; groups kept back: {kept_back}.",
            f"Spent {budget.spent:g}, left {budget.left:g} of {budget.limit:g} in {budget.period_days} days.",
            *answer.notes,
        ]
        if answer.threshold:
            lines.append(f"Smallest group {answer.minimum_group}: shown from a noisy size of {answer.threshold}.")
        if answer.repeated:
            lines.append(f"Recorded on {answer.asked_at:%d %b %Y, %H:%M} UTC and repeated at no cost.")
        for line in lines:
            console.print(line, markup=False, highlight=False)


def _room(slug: str, name: str) -> CleanRoom:
    brand = Brand.objects.filter(slug=slug).first()
    if brand is None:
        known = ", ".join(Brand.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no brand {slug!r}. Brands: {known}.")
    if not name:
        return rooms.embedded_for(brand)
    found = {room.name: room for room in rooms.open_to(brand)}
    if name not in found:
        raise CommandError(f"There is no room {name!r}. Rooms: {', '.join(found)}.")
    return found[name]


def _question(given: str) -> Any:
    """JSON as it is, or from a file."""
    try:
        text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"--query {given!r} is neither JSON nor a file that can be read.") from error
    except ValueError as error:
        raise CommandError(f"--query is no JSON: {error}.") from error


def _shown(one: Figure | None, unit: str, answer: Answer) -> str:
    if one is None or one.value is None:
        return "not shown"
    places = 2 if unit == "share" else 0
    if not answer.threshold:  # delivery: nothing was added
        return figure(one.value, places)
    return f"{figure(one.value, places)} ({figure(one.low, places)} to {figure(one.high, places)})"
