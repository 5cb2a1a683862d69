"""`run-pack-dynamic` and `generate-dynamic-runs`."""

from __future__ import annotations

import os
import socket
from statistics import mean
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from crm.models import Pack
from orchestrator import conclusion, engine, episodes
from orchestrator.cli.choices import EVERY, chosen_mode, chosen_packs, chosen_steps
from orchestrator.engine.packs import PackRuntime
from orchestrator.models import Episode, EpisodeState, PolicyMode

console = Console(soft_wrap=True, highlight=False)

Mode = Annotated[str, typer.Option(help="rule, rl or static", callback=chosen_mode)]
MaxSteps = Annotated[int | None, typer.Option(help="1 to 100; the pack's own limit if left out", callback=chosen_steps)]
BrandSlug = Annotated[str | None, typer.Option("--brand", help="Slug; if left out, the oldest brand that has the pack")]
Settle = Annotated[
    bool,
    typer.Option(
        "--settle/--no-settle",
        help="Let a simulated market answer each run at once, in full, so that its reward settles",
    ),
]


def run_pack_dynamic(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Slug of the pack")],
    mode: Mode = PolicyMode.RULE.value,
    max_steps: MaxSteps = None,
    brand: BrandSlug = None,
    settle: Settle = False,
) -> None:
    """Run one episode of a pack in this process and show what came of it."""
    (chosen,) = chosen_packs(pack, brand)[:1]
    episode = run_here(chosen, mode=mode, max_steps=max_steps, settle=settle)
    table = Table(show_header=False, box=None)
    for name, value in (
        ("Episode", f"{episode.number}: {episode.title}"),
        ("Brand", f"{chosen.brand}{', simulated market' if episode.simulated else ''}"),
        ("Pack", chosen.slug),
        ("Mode", mode),
        ("State", episode.state),
        ("Reward", reward_of(episode)),
        ("Steps", str(episode.steps_count)),
        ("Actions", actions_of(episode)),
    ):
        table.add_row(f"[bold]{name}[/bold]", value)
    console.print(table)
    if episode.error:
        console.print(episode.error, style="red", markup=False)
    if episode.state != EpisodeState.DONE:
        raise typer.Exit(1)


def generate_dynamic_runs(
    pack: Annotated[
        str,
        typer.Argument(
            metavar="PACK", help=f"Slug of the pack, or {EVERY}: the runs are spread over the brand's packs"
        ),
    ],
    mode: Mode = PolicyMode.RULE.value,
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="How many episodes")] = 10,
    max_steps: MaxSteps = None,
    brand: BrandSlug = None,
    settle: Settle = True,
) -> None:
    """Run many episodes in this process; a line for each, then the counts. Exit code 1 when any failed."""
    packs = chosen_packs(pack, brand)
    console.print(f"{runs} runs for {packs[0].brand}, mode {mode}")
    done: list[Episode] = []
    failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Running", total=runs)
        for number in range(runs):
            chosen = packs[number % len(packs)]
            try:
                episode = run_here(chosen, mode=mode, max_steps=max_steps, settle=settle)
            except Exception as error:  # noqa: BLE001 - the other runs go on, this one is counted and shown
                failed += 1
                progress.console.print(f"{number + 1:>4}  {chosen.slug}: {type(error).__name__}: {error}", markup=False)
            else:
                if episode.state == EpisodeState.DONE:
                    done.append(episode)
                else:
                    failed += 1
                progress.console.print(f"{number + 1:>4}  {line_of(episode)}", markup=False)
            progress.advance(bar)
    rewards = [episode.reward for episode in done if episode.reward is not None]
    average = f", mean reward {mean(rewards):.3f}" if rewards else ""
    console.print(f"Succeeded {len(done)}, failed {failed} of {runs}{average}")
    if failed:
        raise typer.Exit(1)


def run_here(pack: Pack, *, mode: str, max_steps: int | None, settle: bool) -> Episode:
    """Start, run and conclude an episode in this process; the row as it then is."""
    episode = episodes.start(brand=pack.brand, pack=pack, mode=mode, max_steps=max_steps, deliver=False)
    engine.run(episode.pk, worker=f"{socket.gethostname()}:{os.getpid()} command line", runtime=PackRuntime())
    episode.refresh_from_db()
    if episode.state == EpisodeState.DONE:
        conclusion.conclude(episode)
        if settle:
            conclusion.settle(episode)
        episode.refresh_from_db()
    return episode


def line_of(episode: Episode) -> str:
    what = f"{episode.number} {episode.pack.slug} {episode.mode} {episode.state}"
    outcome = episode.error or f"reward {reward_of(episode)}, {episode.steps_count} steps: {actions_of(episode)}"
    return f"{what}, {outcome}"


def reward_of(episode: Episode) -> str:
    if episode.reward is None:
        return "none yet"
    return f"{episode.reward:.3f}{' (provisional)' if episode.reward_provisional else ''}"


def actions_of(episode: Episode) -> str:
    return " → ".join(episode.steps.order_by("index").values_list("action", flat=True))
