"""What a crash costs: episodes killed with `kill -9` at seeded moments, then started again until they finish.

Each of the 20 steps changes the outside world once, under a key that survives a restart, and the world writes and
fsyncs before it answers. Counted are effects that never happened, effects applied twice, and calls made twice: what a
world without keys would have applied twice. Ours and the peers get the same world and the same moments.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.table import Table

from benchmarks.peers import contestants as ring
from benchmarks.peers.report import emit
from benchmarks.peers.workload import Job, OutsideWorld

CONTESTANTS = [ring.OURS_FULL, ring.OURS_POSTGRESQL, ring.LANGGRAPH, ring.DBOS]
STEPS = 20
THINK_MS = 5.0


@dataclass
class Tally:
    """What `kills` killed episodes of one engine left behind."""

    engine: str
    database: str
    kills: int = 0
    lost_effects: int = 0
    lost_records: int = 0
    applied_twice: int = 0
    calls_made: int = 0
    calls_repeated: int = 0
    recovery_s: float = 0.0
    finished_too_early: int = 0

    def count(self, world: OutsideWorld, recorded: int) -> None:
        applied, calls = Counter(world.applied()), Counter(world.calls())
        self.kills += 1
        self.lost_effects += max(0, STEPS - len(applied))
        self.lost_records += abs(STEPS - recorded)
        self.applied_twice += sum(times - 1 for times in applied.values())
        self.calls_made += sum(calls.values())
        self.calls_repeated += sum(times - 1 for times in calls.values())


def wait_ready(process: Any) -> None:
    """Return when the engine says that it is about to run the episode."""
    for line in process.stdout:
        if line.strip() == "READY":
            return
    raise ring.EngineFailed(f"ended before it was ready: {process.stderr.read()[-2000:]}")


def timed_run(one: ring.Contestant, job: Job) -> float:
    """Seconds from READY to the end of the process's figures, nothing killed."""
    process = one.start(job)
    wait_ready(process)
    begin = time.perf_counter()
    process.stdout.readline()  # type: ignore[union-attr]
    took = time.perf_counter() - begin
    _, err = process.communicate(timeout=120)
    if process.returncode != 0:
        raise ring.EngineFailed(err[-2000:])
    return took


def kill_after(one: ring.Contestant, job: Job, delay_s: float) -> bool:
    """Start the episode and kill its process `delay_s` after READY; False where it was done before."""
    process = one.start(job)
    wait_ready(process)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return process.returncode == -signal.SIGKILL


def trial(one: ring.Contestant, kind: str, fractions: list[float], seed: int, console: Console) -> Tally:
    """Kill one episode at each fraction of the engine's own running time, restart it, and count."""
    tally, recoveries = Tally(one.name, kind), []
    folder = Path(tempfile.mkdtemp(prefix="world-", dir=ring.ROOT / ".peers"))
    try:
        with ring.scratch_database(kind) as database:
            shared: dict[str, Any] = {
                "database": database,
                "seed": seed,
                "steps": STEPS,
                "think_ms": THINK_MS,
                "variant": one.variant,
            }
            one.run(Job(action="setup", **shared))

            def job(name: str) -> Job:
                return Job(action="effects", episode_key=name, world=str(folder / name), **shared)

            duration = statistics.median(timed_run(one, job(f"calibrate-{number}")) for number in range(3))
            for number, fraction in enumerate(fractions):
                attempt, delay = 0, fraction * duration
                while not kill_after(one, job(f"kill-{number}-{attempt}"), delay):
                    tally.finished_too_early += 1
                    attempt, delay = attempt + 1, delay * 0.9
                killed = job(f"kill-{number}-{attempt}")
                begin = time.perf_counter()
                recorded = int(one.run(killed, timeout_s=120)["recorded"])
                recoveries.append(time.perf_counter() - begin)
                tally.count(OutsideWorld(killed.world), recorded)
                console.print(f"[dim]{one.name} on {kind}: kill {number + 1}/{len(fractions)}[/dim]")
    finally:
        shutil.rmtree(folder)
    tally.recovery_s = round(statistics.median(recoveries), 2)
    return tally


def show(console: Console, tallies: list[Tally]) -> None:
    table = Table(title=f"kill -9 at random points of a {STEPS}-step episode with one outside effect per step")
    for heading in (
        "database",
        "engine",
        "kills",
        "effects lost",
        "records lost",
        "effects applied twice",
        "calls made",
        "calls repeated",
        "restart to finish, s",
    ):
        table.add_column(heading, justify="left" if heading in ("database", "engine") else "right")
    for one in tallies:
        table.add_row(
            one.database,
            one.engine,
            str(one.kills),
            str(one.lost_effects),
            str(one.lost_records),
            str(one.applied_twice),
            str(one.calls_made),
            str(one.calls_repeated),
            f"{one.recovery_s:.2f}",
        )
    console.print(table)


def summary(tallies: list[Tally]) -> dict[str, Any]:
    """Ours and the better peer by calls repeated, all databases together; lost and applied twice have to be zero."""
    by_engine: dict[str, list[Tally]] = {}
    for one in tallies:
        by_engine.setdefault("ours" if one.engine.startswith("endcap") else one.engine, []).append(one)
    repeated = {name: sum(one.calls_repeated for one in group) for name, group in by_engine.items()}
    peers = {name: value for name, value in repeated.items() if name != "ours"}
    better = min(peers, key=lambda name: peers[name])
    ours = by_engine["ours"]
    return {
        "ours": repeated["ours"],
        "peer": peers[better],
        "better_peer": better,
        "ratio": round(repeated["ours"] / peers[better], 3) if peers[better] else None,
        "unit": "outside calls repeated (lost and applied-twice effects are counted apart)",
        "ours_lost": sum(one.lost_effects + one.lost_records for one in ours),
        "ours_applied_twice": sum(one.applied_twice for one in ours),
        "met": all(one.lost_effects == one.lost_records == one.applied_twice == 0 for one in ours),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=20261121)
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
    chance = random.Random(options.seed)
    fractions = [round(chance.uniform(0.03, 0.97), 4) for _ in range(options.kills)]
    machine = ring.machine()
    tallies = [
        trial(one, kind, fractions, options.seed, console)
        for kind in kinds
        for one in CONTESTANTS
        if kind in one.databases
    ]
    if not options.json:
        show(console, tallies)
    result = {
        "benchmark": "crash",
        **summary(tallies),
        "tallies": [asdict(one) for one in tallies],
        "seed": options.seed,
        "sizes": {"kills": options.kills, "steps": STEPS, "think_ms": THINK_MS, "kill_fractions": fractions},
        "machine": {**machine, "load_average_after": round(os.getloadavg()[0], 2)},
    }
    emit(result, to_stdout=options.json, path=options.write)
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
