"""How fast a retailer's report becomes facts: rows/s and peak memory, ours against pandas by hand and against dlt.

An Amazon-shaped report of a million rows, seeded, is read (a) to validated frames, (b) into PostgreSQL and (c) into
SQLite, each turn in a process and a database of its own. See benchmarks/README.md for how to read the table.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console
from rich.table import Table

from benchmarks import report_file
from benchmarks.peers import contestants as ring
from benchmarks.peers.report import emit

GOALS = ("frames", "postgresql", "sqlite")
FRAMES_AIM = 3.0  # times the rows/s of pandas
POSTGRESQL_AIM = 100_000.0  # rows/s
MEMORY_AIM_MIB = 1024.0
TIMEOUT_S = 3600


@dataclass(frozen=True)
class Entry:
    """One loader: the Python it runs under and its module."""

    name: str
    python: Path
    module: str

    def run(self, goal: str, path: Path, database: str) -> dict[str, Any]:
        """Figures of one turn. Raises EngineFailed."""
        environment = {**os.environ, "PYTHONPATH": str(ring.ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false"}
        if self.name == "endcap":
            environment["DATABASE_URL"] = database if goal == "postgresql" else f"sqlite:///{database}"
            environment["ENDCAP_VAR"] = str(path.parent / "var")
        done = subprocess.run(
            [str(self.python), "-m", self.module, goal, str(path), database],
            cwd=ring.ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode or not lines:
            raise ring.EngineFailed(f"{self.name}, {goal}, ended with {done.returncode}: {done.stderr[-2000:]}")
        figures: dict[str, Any] = json.loads(lines[-1])
        return figures


OURS = Entry("endcap", ring.ROOT / ".venv/bin/python", "benchmarks.harmonizer_ours")
PANDAS = Entry("pandas by hand", ring.ROOT / ".venv/bin/python", "benchmarks.peers.pandas_reports")
DLT = Entry("dlt", ring.ROOT / ".peers/dlt/bin/python", "benchmarks.peers.dlt_reports")
ENTRIES = (OURS, PANDAS, DLT)


def turn(entry: Entry, goal: str, path: Path) -> dict[str, Any]:
    with ring.scratch_database("postgresql" if goal == "postgresql" else "sqlite") as database:
        return entry.run(goal, path, database)


def measure(path: Path, goals: list[str], rounds: int, seed: int, console: Console) -> dict[tuple[str, str], list[Any]]:
    """Figures by (goal, entry). Entries take turns in an order that is shuffled for every round."""
    order = random.Random(seed)
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for number in range(rounds):
        for goal in goals:
            for entry in order.sample(ENTRIES, len(ENTRIES)):
                console.print(f"[dim]round {number + 1}, {goal}: {entry.name}[/dim]")
                found[goal, entry.name].append(turn(entry, goal, path))
    return found


def compare(found: dict[tuple[str, str], list[Any]], rows: int, truth: dict[str, Any]) -> list[dict[str, Any]]:
    """One line for each goal and entry: median rows/s, peak memory of the worst round, and whether it got it right."""
    lines = []
    for (goal, name), turns in sorted(found.items()):
        seconds = statistics.median(one["seconds"] for one in turns)
        last = turns[-1]
        right = (last["good"], last["cents"]) == (rows - truth["broken"], truth["good_cents"])
        lines.append({
            "goal": goal, "entry": name, "rows_per_s": round(rows / seconds), "seconds": round(seconds, 2),
            "peak_mib": round(max(one["peak_mib"] for one in turns)), "good": last["good"], "refused": last["refused"],
            "right_to_the_cent": right,
            **({"stored_rows_per_s": round(rows / last["stored_s"])} if "stored_s" in last else {}),
        })  # fmt: skip
    return lines


def verdicts(lines: list[dict[str, Any]]) -> dict[str, Any]:
    by = {(line["goal"], line["entry"]): line for line in lines}
    made: dict[str, Any] = {}
    ratio = by["frames", OURS.name]["rows_per_s"] / by["frames", PANDAS.name]["rows_per_s"]
    made["frames"] = {
        "ours": by["frames", OURS.name]["rows_per_s"], "peer": by["frames", PANDAS.name]["rows_per_s"],
        "ratio": round(ratio, 2), "aim": FRAMES_AIM, "met": ratio >= FRAMES_AIM,
    }  # fmt: skip
    if ("postgresql", OURS.name) in by:
        speed = by["postgresql", OURS.name]["rows_per_s"]
        made["postgresql"] = {"ours": speed, "aim": POSTGRESQL_AIM, "met": speed >= POSTGRESQL_AIM}
        stored = by["postgresql", OURS.name]["stored_rows_per_s"]
        made["frames to postgresql"] = {"ours": stored, "aim": POSTGRESQL_AIM, "met": stored >= POSTGRESQL_AIM}
    peak = max(line["peak_mib"] for line in lines if line["entry"] == OURS.name)
    made["memory"] = {"ours": peak, "unit": "MiB", "aim": MEMORY_AIM_MIB, "met": peak <= MEMORY_AIM_MIB}
    return made


def show(console: Console, lines: list[dict[str, Any]], found: dict[str, Any]) -> None:
    table = Table(title="A report to facts")
    for heading in ("goal", "loader", "rows/s", "seconds", "peak MiB", "good rows", "refused", "to the cent"):
        table.add_column(heading, justify="left" if heading in ("goal", "loader") else "right")
    for line in lines:
        table.add_row(
            line["goal"], line["entry"], f"{line['rows_per_s']:,}", f"{line['seconds']:.1f}", f"{line['peak_mib']:,}",
            f"{line['good']:,}", f"{line['refused']:,}", "yes" if line["right_to_the_cent"] else "no",
        )  # fmt: skip
    console.print(table)
    for name, one in found.items():
        ratio = f", {one['ratio']} times pandas" if "ratio" in one else ""
        console.print(f"{name}: {one['ours']:,}{ratio}; aim {one['aim']:,}: {'met' if one['met'] else 'MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--goals", nargs="+", choices=GOALS, default=list(GOALS))
    options = parser.parse_args()
    console = Console(stderr=options.json, width=max(Console().width, 130))
    if missing := [f"{one.name}: no {one.python}" for one in ENTRIES if not one.python.exists()]:
        console.print("\n".join([*missing, "run: make bench-setup"]))
        return 2
    goals = list(options.goals)
    if "postgresql" in goals and ring.postgresql_answers() is None:
        console.print("PostgreSQL: skipped (no server answers at BENCH_POSTGRES_URL)")
        goals.remove("postgresql")
    machine = ring.machine()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=ring.ROOT / ".peers")))
        path = folder / "Sponsored_Products_Advertised_product.csv"
        truth = report_file.write(path, options.rows, options.seed)
        found = measure(path, goals, options.rounds, options.seed, console)
    lines = compare(found, options.rows, truth)
    judged = verdicts(lines) if "frames" in goals else {}
    if not options.json:
        show(console, lines, judged)
    emit(
        {
            "benchmark": "harmonizer",
            **({name: judged["frames"][name] for name in ("ours", "peer", "ratio")} if judged else {}),
            "unit": "rows/s to validated frames",
            "verdicts": judged,
            "lines": lines,
            "seed": options.seed,
            "sizes": {
                "rows": options.rows,
                "bytes": truth["bytes"],
                "broken": truth["broken"],
                "rounds": options.rounds,
            },
            "machine": {**machine, "load_average_after": round(os.getloadavg()[0], 2)},
        },
        to_stdout=options.json,
        path=options.write,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
