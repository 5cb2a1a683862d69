"""What durability costs: milliseconds per step and bytes stored per byte of state, ours against langgraph and dbos.

An episode of no-op steps, each leaving 1 KiB of new state behind, is run from its creation to its recorded end. Engines
take turns in rounds, each in a process and a database of its own, so that a busy minute on a shared machine falls on
all of them. See benchmarks/README.md for how to read the table.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.table import Table

from benchmarks.peers import contestants as ring
from benchmarks.peers.calm import Disk
from benchmarks.peers.report import emit
from benchmarks.peers.workload import Job

CONTESTANTS = [
    ring.OURS_FULL,
    ring.OURS_NORMAL,
    ring.OURS_POSTGRESQL,
    ring.LANGGRAPH,
    ring.LANGGRAPH_TASKS,
    ring.DBOS,
]
# ratio of our milliseconds per step to the better peer's
AIMS = {"sqlite": 0.35, "postgresql": 0.5}
STORAGE_AIM = 3.0
STATE_BYTES = 1024

Timings = dict[tuple[str, str, int], list[float]]


class Arena:
    """One engine with a database of its own for the whole benchmark."""

    def __init__(self, one: ring.Contestant, kind: str, database: str) -> None:
        self.one, self.kind = one, kind
        self.settings: dict[str, Any] = {"database": database, "state_bytes": STATE_BYTES, "variant": one.variant}
        self.about = one.run(Job(action="setup", **self.settings))
        self.empty_bytes = ring.stored_bytes(database)
        self.state_bytes = 0
        # (slower fsync probe around the turn, milliseconds per step by episode length)
        self.turns: list[tuple[float, dict[str, list[float]]]] = []

    def turn(self, episodes: list[tuple[int, int]], seed: int, disk: Disk) -> None:
        """Time the episodes in a fresh process, when the disk is calm."""
        figures: dict[str, Any] = {}
        job = Job(action="measure", episodes=episodes, seed=seed, **self.settings)
        probe = disk.during_calm(lambda: figures.update(self.one.run(job)))
        self.state_bytes += figures["steps_run"] * STATE_BYTES
        self.turns.append((probe, figures["ms_per_step"]))

    def calm_turns(self, disk: Disk) -> list[dict[str, list[float]]]:
        return [timings for probe, timings in self.turns if disk.is_calm(probe)]

    def counted(self, disk: Disk) -> list[dict[str, list[float]]]:
        """The calm turns; all of them where there was none."""
        return self.calm_turns(disk) or [timings for _, timings in self.turns]

    def describe(self, disk: Disk) -> dict[str, Any]:
        return {
            "database": self.kind,
            "engine": self.one.name,
            **self.about,
            "record_durable_before_next_step": self.one.durable_per_step,
            "bytes_per_byte": round(
                (ring.stored_bytes(self.settings["database"]) - self.empty_bytes) / self.state_bytes, 3
            ),
            "turns": len(self.turns),
            "calm_turns": len(self.calm_turns(disk)),
        }


def measure(
    kinds: list[str], rounds: int, episodes: list[tuple[int, int]], seed: int, disk: Disk, console: Console
) -> tuple[Timings, list[dict[str, Any]]]:
    """Timings of calm turns by (database, engine, steps), and what each engine is, stored and was given.

    Engines that had fewer than `rounds` calm turns get more, up to three times as many in all.
    """
    order = random.Random(seed)
    with ExitStack() as databases:
        arenas = [
            Arena(one, kind, databases.enter_context(ring.scratch_database(kind)))
            for kind in kinds
            for one in CONTESTANTS
            if kind in one.databases
        ]
        for number in range(3 * rounds):
            lacking = [arena for arena in arenas if len(arena.calm_turns(disk)) < rounds]
            for arena in order.sample(lacking, len(lacking)):
                console.print(f"[dim]turn {number + 1}: {arena.one.name} on {arena.kind}[/dim]")
                arena.turn(episodes, seed + number, disk)
        timings: Timings = defaultdict(list)
        for arena in arenas:
            for turn in arena.counted(disk):
                for steps, values in turn.items():
                    timings[arena.kind, arena.one.name, int(steps)] += values
        return timings, [arena.describe(disk) for arena in arenas]


def compare(timings: Timings) -> list[dict[str, Any]]:
    """One cell per database and episode length: our median, the better peer's, their ratio and whether the aim is met.

    On SQLite ours is the FULL entry, because every peer runs with synchronous=FULL. An aim counts as met only if it is
    also met by the lower quartiles, so that a busy moment of a peer's cannot win it for us.
    """
    cells = []
    for kind, steps in sorted({(kind, steps) for kind, _, steps in timings}):
        medians = {
            one.name: statistics.median(timings[kind, one.name, steps]) for one in CONTESTANTS if kind in one.databases
        }
        ours = ring.OURS_FULL if kind == "sqlite" else ring.OURS_POSTGRESQL
        bars = [one.name for one in CONTESTANTS if not one.ours and one.durable_per_step and kind in one.databases]
        peer = min(bars, key=lambda name: medians[name])
        ratio = medians[ours.name] / medians[peer]
        quick = {name: statistics.quantiles(timings[kind, name, steps], n=4)[0] for name in (ours.name, *bars)}
        quick_ratio = quick[ours.name] / min(quick[name] for name in bars)
        cells.append(
            {
                "database": kind,
                "steps": steps,
                "ours": round(medians[ours.name], 4),
                "peer": round(medians[peer], 4),
                "better_peer": peer,
                "ratio": round(ratio, 3),
                "unit": "ms per step",
                "aim": AIMS[kind],
                "ratio_of_lower_quartiles": round(quick_ratio, 3),
                "met": max(ratio, quick_ratio) <= AIMS[kind],
                "medians": {name: round(value, 4) for name, value in medians.items()},
            }
        )
    return cells


def show(console: Console, cells: list[dict[str, Any]], timings: Timings, engines: list[dict[str, Any]]) -> None:
    table = Table(title=f"ms per step, whole episode, {STATE_BYTES} B of new state per step")
    for heading in ("database", "steps", "engine", "median", "middle half", "of the better peer", "aim"):
        table.add_column(heading, justify="left" if heading in ("database", "engine") else "right")
    for cell in cells:
        for name, value in sorted(cell["medians"].items(), key=lambda item: item[1]):
            values = timings[cell["database"], name, cell["steps"]]
            low, _, high = statistics.quantiles(values, n=4)
            judged = value == cell["medians"][_judged(cell["database"])]
            quick = f"lower quartiles {cell['ratio_of_lower_quartiles']:.2f}"
            verdict = f"{cell['aim']} {'met' if cell['met'] else 'MISSED'}, {quick}" if judged else ""
            share = f"{value / cell['peer']:.2f}"
            table.add_row(
                cell["database"], str(cell["steps"]), name, f"{value:.3f}", f"{low:.3f} to {high:.3f}", share, verdict
            )
        table.add_section()
    console.print(table)
    weights = Table(title="bytes stored per byte of state, after VACUUM, less the empty database")
    for heading in ("database", "engine", "bytes per byte", "aim", "calm turns"):
        weights.add_column(heading)
    for engine in sorted(engines, key=lambda one: (one["database"], one["bytes_per_byte"])):
        value = engine["bytes_per_byte"]
        verdict = ("met" if value <= STORAGE_AIM else "MISSED") if engine["engine"].startswith("endcap") else ""
        aim = f"{STORAGE_AIM} {verdict}" if verdict else ""
        calm = f"{engine['calm_turns']} of {engine['turns']}"
        weights.add_row(engine["database"], engine["engine"], f"{value:.2f}", aim, calm)
    console.print(weights)


def _judged(kind: str) -> str:
    return ring.OURS_FULL.name if kind == "sqlite" else ring.OURS_POSTGRESQL.name


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--patience", type=float, default=300, help="seconds to wait for a calm disk, in all")
    parser.add_argument("--sqlite-only", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=options.json, width=max(Console().width, 130))
    if missing := ring.missing_environments(CONTESTANTS):
        console.print("\n".join([*missing, "run: make bench-setup"]))
        return 2
    kinds = ["sqlite"]
    if options.sqlite_only or ring.postgresql_answers() is None:
        console.print("PostgreSQL: skipped (not asked for, or no server answers at BENCH_POSTGRES_URL)")
    else:
        kinds.append("postgresql")
    episodes = [(20, 15), (100, 4)]
    machine = ring.machine()
    disk = Disk(options.patience)
    timings, engines = measure(kinds, options.rounds, episodes, options.seed, disk, console)
    cells = compare(timings)
    closest = max(cells, key=lambda cell: max(cell["ratio"], cell["ratio_of_lower_quartiles"]) / cell["aim"])
    if not options.json:
        show(console, cells, timings, engines)
    emit(
        {
            "benchmark": "engine",
            # the cell that comes closest to missing its aim, or misses it most
            "headline": {"database": closest["database"], "steps": closest["steps"]},
            **{name: closest[name] for name in ("ours", "peer", "better_peer", "ratio", "unit", "aim", "met")},
            "cells": cells,
            "storage": {
                "unit": "bytes stored per byte of state",
                "aim": STORAGE_AIM,
                "met": all(
                    one["bytes_per_byte"] <= STORAGE_AIM for one in engines if one["engine"].startswith("endcap")
                ),
            },
            "engines": engines,
            "seed": options.seed,
            "sizes": {
                "state_bytes": STATE_BYTES,
                "episodes": episodes,
                "rounds": options.rounds,
                "warm_up_steps": Job.warm_up_steps,
            },
            "machine": {
                **machine,
                "load_average_after": round(os.getloadavg()[0], 2),
                "best_fsync_ms": disk.best_ms,
                "waited_for_the_disk_s": disk.waited_s,
            },
        },
        to_stdout=options.json,
        path=options.write,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
