"""`results`: what the runs of a brand came to, by task and policy mode."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from django.db.models import Avg, Count, F, Sum
from rich.console import Console
from rich.table import Table

from crm.charts.intervals import mean_of
from crm.models import Pack
from orchestrator.cli.choices import chosen_brand
from orchestrator.models import Episode, PolicyMode

console = Console(soft_wrap=True, highlight=False)
EVERY_TASK = "all tasks"


def results(
    brand: Annotated[str | None, typer.Option(help="Slug; if left out, the brand of the newest episode")] = None,
) -> None:
    """Mean reward with its 95 % interval, steps and cost by task and policy mode."""
    whose = chosen_brand(brand)
    rewarded = Episode.objects.for_brand(whose).rewarded()
    table = Table(title=f"{whose}, {'simulated market' if whose.is_simulated else 'real data'}", box=None)
    for heading in ("task", "mode", "episodes", "mean reward", "95 % interval", "steps", "EUR"):
        table.add_column(heading, justify="left" if heading in ("task", "mode") else "right")
    tasks = dict(Pack.Task.choices)
    for task, mode, row in [*_rows(rewarded, by_task=True), *_rows(rewarded, by_task=False)]:
        mean = mean_of(row["n"], row["total"], row["squares"])
        interval = "" if mean.low is None or mean.high is None else f"{mean.low:.3f} to {mean.high:.3f}"
        cells = (str(row["n"]), f"{mean.mean:.3f}", interval, f"{row['steps']:.1f}", f"{row['cost']:.4f}")
        table.add_row(tasks.get(task, task), PolicyMode(mode).value, *cells)
    if not table.row_count:
        console.print(f"No finished runs of {whose} yet. Start with `generate-dynamic-runs`.", markup=False)
        return
    console.print(table)


def _rows(rewarded: Any, *, by_task: bool) -> list[tuple[str, str, dict[str, Any]]]:
    """(task, mode, sums) in a fixed order."""
    groups = ("pack__task", "mode") if by_task else ("mode",)
    found = (
        rewarded.order_by(*groups)
        .values(*groups)
        .annotate(
            n=Count("pk"),
            total=Sum("reward"),
            squares=Sum(F("reward") * F("reward")),
            steps=Avg("steps_count"),
            cost=Sum("cost"),
        )
    )
    return [(row.get("pack__task", EVERY_TASK), row["mode"], row) for row in found]
