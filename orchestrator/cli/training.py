"""`train`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from crm.errors import EndcapError
from orchestrator import learning
from orchestrator.cli.choices import chosen_brand

console = Console(soft_wrap=True, highlight=False)
MOST_SHOWN = 8


def train(
    max_runs: Annotated[int | None, typer.Option(min=1, help="Newest episodes to learn from; all if left out")] = None,
    learner: Annotated[str, typer.Option(help="clipped (ours) or plain (REINFORCE, for comparison)")] = "clipped",
    brand: Annotated[str | None, typer.Option(help="Slug; if left out, the brand of the newest episode")] = None,
) -> None:
    """Learn from the logged episodes of a brand and say what changed."""
    whose = chosen_brand(brand)
    try:
        summary = learning.train(brand=whose, max_runs=max_runs, learner=learner)
    except EndcapError as error:
        console.print(error.message, style="red", markup=False)
        raise typer.Exit(2 if error.status == 400 else 1) from None
    console.print(f"[bold]Policy training for {whose}[/bold]")
    table = Table(show_header=False, box=None)
    for name, value in lines_of(summary.as_dict()):
        table.add_row(name, value)
    console.print(table)
    if summary.updated_buckets:
        console.print(changes(summary.updated_buckets))


def changes(buckets: list[dict[str, Any]]) -> Table:
    """The buckets that moved most: where it stood, what it does more and what it does less often now."""
    table = Table(title=f"What changed most ({min(MOST_SHOWN, len(buckets))} of {len(buckets)} buckets)", box=None)
    for heading in ("pack", "phase", "quality", "after", "steps seen", "more often", "less often"):
        table.add_column(heading, justify="right" if heading == "steps seen" else "left")
    for bucket in sorted(buckets, key=lambda one: one["moved"], reverse=True)[:MOST_SHOWN]:
        shift = {action: odds - bucket["before"].get(action, 0.0) for action, odds in bucket["now"].items()}
        up, down = max(shift, key=lambda action: shift[action]), min(shift, key=lambda action: shift[action])
        where = [bucket[name] for name in ("pack", "phase", "quality", "last")]
        table.add_row(*where, str(bucket["seen"]), f"{up} {shift[up]:+.2f}", f"{down} {shift[down]:+.2f}")
    return table


def lines_of(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every part of the summary under its own name, in words and short numbers."""
    for name in ("total_runs", "total_runs_used"):
        yield name, str(summary[name])
    for name in ("avg_reward", "avg_episode_reward"):
        yield name, "none" if summary[name] is None else f"{summary[name]:.3f}"
    yield (
        "policy_mode_distribution",
        ", ".join(f"{k} {n}" for k, n in summary["policy_mode_distribution"].items()) or "none",
    )
    yield "number_of_buckets_updated", str(summary["number_of_buckets_updated"])
    skipped = summary["skipped"]
    reasons = "; ".join(f"{reason}: {count}" for reason, count in skipped["reasons"].items())
    yield "skipped", f"{skipped['count']}{f' ({reasons})' if reasons else ''}"
    yield "version", "none, nothing changed" if summary["version"] is None else f"v{summary['version']}"
    for name, value in summary["evidence"].items():
        yield f"evidence {name}", f"{value:.3f}" if isinstance(value, float) else str(value)
