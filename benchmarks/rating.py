"""How quick rating is: key to the next item, annotations per second over the API, lists, dashboards and exports.

Endcap on SQLite and PostgreSQL against Label Studio on PostgreSQL and potato (files), all running at once and taking
turns in a shuffled order. See benchmarks/README.md for how to read the table.

    python -m benchmarks.rating [--quick] [--json] [--write FILE] [--sqlite-only] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console

from benchmarks import rating_ours as ours
from benchmarks import rating_table as table
from benchmarks.peers import contestants as ring
from benchmarks.peers import label_studio_rating as label_studio
from benchmarks.peers import potato_rating as potato
from benchmarks.peers.report import emit
from benchmarks.rating_clock import Times, time_ratings
from benchmarks.rating_load import quantile, reads, throughput
from benchmarks.rating_sites import AT_ONCE, CLIENTS, Site

Found = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """How much of everything. `sizes` are rated items behind the lists; `*_s` bound what one measurement may take."""

    repetitions: int = 100
    tasks: tuple[str, ...] = ("pairs", "stars")
    seconds: float = 6.0
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    largest_on_sqlite: int = 10_000
    reads: int = 30
    read_s: float = 8.0
    export_s: float = 120.0


QUICK = Plan(repetitions=30, tasks=("pairs",), seconds=4.0, sizes=(1_000,), reads=15, read_s=5.0, export_s=20.0)


def sites(options: argparse.Namespace, with_postgresql: bool) -> dict[str, Callable[[], AbstractContextManager[Site]]]:
    """Who takes part, by name; each is started by a call."""
    database = "postgresql" if with_postgresql else "sqlite"
    ratings, seed = options.plan.repetitions + 20, options.seed
    ring_of: dict[str, Callable[[], AbstractContextManager[Site]]] = {
        "endcap (sqlite)": lambda: ours.site("sqlite", ratings, seed),
        "endcap (postgresql)": lambda: ours.site("postgresql", ratings, seed),
        f"label-studio ({database})": lambda: label_studio.site(database, ratings, seed),
        "potato (files)": lambda: potato.site(ratings, seed),
    }
    if not with_postgresql:
        del ring_of["endcap (postgresql)"]
    return {name: start for name, start in ring_of.items() if not options.only or name.split()[0] in options.only}


def by_keyboard(site: Site, task: str, plan: Plan) -> dict[str, Any]:
    """ms from key to next item, and whether what was pressed was stored."""
    with site.desk(task) as desk:
        times = time_ratings(desk.sign_in, desk.where, plan.repetitions)
        stored = desk.rated()
    return {**shares(times), "moved": times.moved, "stored": stored, "keys": len(desk.where.keys[0])}


def shares(times: Times) -> dict[str, Any]:
    """p50 and p95 of each kind of time, in ms."""
    found: dict[str, Any] = {"ratings": len(times.last), "failed": times.failed}
    for name, values in (("", times.last), ("first_key_", times.first), ("saved_", times.saved)):
        if values:
            found |= {
                f"{name}p50_ms": round(quantile(values, 0.5), 1),
                f"{name}p95_ms": round(quantile(values, 0.95), 1),
            }
    return found


def measure(started: dict[str, Site], plan: Plan, order: random.Random, console: Console) -> Found:
    """Everything that was measured, by contestant and then by what it is. Contestants take turns."""
    found: Found = defaultdict(lambda: {"keyboard": {}, "api": {}, "many": {}, "reads": defaultdict(dict)})

    def turns(what: str) -> list[tuple[str, Site]]:
        console.print(f"[dim]{what} (load average {os.getloadavg()[0]:.1f})[/dim]")
        return order.sample(list(started.items()), len(started))

    for task in plan.tasks:
        for name, site in turns(f"by keyboard: {task}"):
            found[name]["keyboard"][task] = by_keyboard(site, task, plan)
    for count, clients in CLIENTS.items():
        for name, site in turns(f"API: {count} clients"):
            with site.api() as (server, annotation):
                found[name]["api"][str(count)] = throughput(server, annotation, clients, plan.seconds)
    for count, clients in CLIENTS.items():
        for name, site in turns(f"API, {AT_ONCE} at once: {count} clients"):
            offered = site.many()
            if offered is not None:
                with offered as (server, annotation):
                    found[name]["many"][str(count)] = throughput(server, annotation, clients, plan.seconds)
    for size in plan.sizes:
        for name, site in turns(f"{size:,} rated items"):
            if "sqlite" in name and size > plan.largest_on_sqlite:
                continue
            begin = time.monotonic()
            with site.filled(size) as (server, calls):
                at_size: dict[str, Any] = {"fill_s": round(time.monotonic() - begin, 1)}
                for what, call in calls.items():
                    budget = plan.export_s if what == "export" else plan.read_s
                    at_size[what] = reads(server, call, 5 if what == "export" else plan.reads, budget)
                found[name]["reads"][str(size)] = at_size
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    parser.add_argument("--quick", action="store_true", help="30 pairs by keyboard and 1,000 items: a few minutes")
    parser.add_argument("--sqlite-only", action="store_true", help="leave PostgreSQL out")
    parser.add_argument("--only", nargs="+", choices=("endcap", "label-studio", "potato"), help="who takes part")
    parser.add_argument("--sizes", nargs="+", type=int, help="rated items behind lists, dashboards and exports")
    parser.add_argument("--seed", type=int, default=20261125)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and databases go even then
    chosen = asdict(QUICK if options.quick else Plan())
    options.plan = Plan(**{**chosen, **({"sizes": tuple(sorted(options.sizes))} if options.sizes else {})})
    console = Console(stderr=True, width=max(Console().width, 130))
    homes = {"label-studio": label_studio.HOME, "potato": potato.HOME}
    if missing := [name for name, home in homes.items() if not home.exists() and name in (options.only or homes)]:
        console.print(f"not installed: {', '.join(missing)}; run: make bench-setup")
        return 2
    with_postgresql = not options.sqlite_only and ring.postgresql_answers() is not None
    machine = ring.machine()
    begin = time.monotonic()
    with ExitStack() as stack:
        started: dict[str, Site] = {}
        for name, start in sites(options, with_postgresql).items():
            console.print(f"[dim]starting {name}[/dim]")
            started[name] = stack.enter_context(start())
        found = measure(started, options.plan, random.Random(options.seed), console)
        known = {name: {"version": site.version, "lacks": dict(site.lacks)} for name, site in started.items()}
    judged = table.verdicts(found)
    table.show(console, found, judged)
    result = {
        "benchmark": "rating",
        **table.headline(judged),
        "verdicts": judged,
        "details": found,
        "contestants": known,
        "seed": options.seed,
        "sizes": asdict(options.plan),
        "seconds": round(time.monotonic() - begin),
        "machine": {**machine, "load_average_after": round(os.getloadavg()[0], 2)},
    }
    emit(result, to_stdout=options.json, path=options.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
