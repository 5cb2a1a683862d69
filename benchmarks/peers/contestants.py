"""The engines in the ring, the scratch databases they run in, and how one of them is started as a process of its own.

Runs under Endcap's environment; each engine runs under its own.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.peers.workload import Job

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("BENCH_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


class EngineFailed(RuntimeError):
    """An engine's process ended with an error; the message carries the end of what it said."""


@dataclass(frozen=True)
class Contestant:
    """One engine in one way of running it. `durable_per_step` is false where a later step may begin before the record
    of an earlier one is safe; such an entry is shown but is no bar for ours."""

    name: str
    python: Path
    module: str
    variant: str = ""
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    durable_per_step: bool = True

    @property
    def ours(self) -> bool:
        return self.module == "benchmarks.ours_engine"

    def command(self, job: Job) -> list[str]:
        return [str(self.python), "-m", self.module, job.to_argument()]

    def environment(self, job: Job) -> dict[str, str]:
        """The caller's environment, with our engine pointed at the scratch database."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LANGSMITH", "LANGCHAIN", "LANGGRAPH", "DBOS"))
        }
        kept["PYTHONPATH"] = str(ROOT)
        if self.ours:
            kept["DATABASE_URL"] = job.database if job.on_postgresql else f"sqlite:///{job.database}"
        return kept

    def start(self, job: Job) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(job),
            cwd=ROOT,
            env=self.environment(job),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, job: Job, timeout_s: float = 300) -> dict[str, Any]:
        """Run the job to its end and return the figures it prints.

        Raises:
            EngineFailed: the process ended with an error or printed no figures.
        """
        process = self.start(job)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as late:
            process.kill()
            raise EngineFailed(f"{self.name} was not done after {timeout_s} s") from late
        return self.figures(process.returncode, out, err)

    def figures(self, code: int, out: str, err: str) -> dict[str, Any]:
        lines = [line for line in out.splitlines() if line.startswith("{")]
        if code != 0 or not lines:
            raise EngineFailed(f"{self.name} ended with {code}: {err[-2000:]}")
        figures: dict[str, Any] = json.loads(lines[-1])
        return figures


def _peer(name: str, label: str, **settings: Any) -> Contestant:
    return Contestant(label, ROOT / f".peers/{name}/bin/python", f"benchmarks.peers.{name}_engine", **settings)


def _ours(label: str, **settings: Any) -> Contestant:
    return Contestant(label, ROOT / ".venv/bin/python", "benchmarks.ours_engine", **settings)


OURS_FULL = _ours("endcap (synchronous=FULL)", variant="FULL", databases=("sqlite",))
OURS_NORMAL = _ours("endcap (synchronous=NORMAL)", variant="NORMAL", databases=("sqlite",))
OURS_POSTGRESQL = _ours("endcap", databases=("postgresql",))
LANGGRAPH = _peer("langgraph", "langgraph graph", variant="graph")
LANGGRAPH_TASKS = _peer("langgraph", "langgraph tasks", variant="tasks", durable_per_step=False)
DBOS = _peer("dbos", "dbos")


def missing_environments(contestants: list[Contestant]) -> list[str]:
    """What has to be installed first, as sentences for the reader."""
    return sorted({f"{one.name}: no {one.python}" for one in contestants if not one.python.exists()})


def postgresql_answers() -> str | None:
    """The server's version, or None where no server answers."""
    try:
        with psycopg.connect(SERVER, connect_timeout=3) as connection:
            row = connection.execute("SHOW server_version").fetchone()
            return str(row[0]) if row else None
    except psycopg.OperationalError:
        return None


@contextmanager
def scratch_database(kind: str) -> Iterator[str]:
    """An empty database that is gone afterwards: a file on the repository's disk, or a random name on the server."""
    if kind == "sqlite":
        parent = ROOT / ".peers"
        parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="scratch-", dir=parent))
        try:
            yield str(folder / "engine.sqlite3")
        finally:
            shutil.rmtree(folder)
        return
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield SERVER.rsplit("/", 1)[0] + f"/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def stored_bytes(database: str) -> int:
    """Bytes of the tables and indexes after VACUUM, with nobody else connected, without PostgreSQL's own catalogue."""
    if not database.startswith("postgresql"):
        connection = sqlite3.connect(database, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            connection.close()
        return Path(database).stat().st_size
    with psycopg.connect(database, autocommit=True) as server:
        server.execute("VACUUM FULL")
        row = server.execute(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchone()
    return int(row[0]) if row else 0


def fsync_ms(writes: int = 100) -> float:
    """Median milliseconds of appending 4 KiB and fsync on the disk where the SQLite files lie."""
    (ROOT / ".peers").mkdir(exist_ok=True)
    took = []
    with tempfile.TemporaryFile(dir=ROOT / ".peers", buffering=0) as file:
        for _ in range(writes):
            begin = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            took.append((time.perf_counter() - begin) * 1000)
    return round(statistics.median(took), 3)


def machine() -> dict[str, Any]:
    """What the figures were measured on, without its name."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory_kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    system = next((line.split("=", 1)[1].strip('"') for line in _lines("/etc/os-release") if "PRETTY" in line), "")
    return {
        "measured_at": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "cores": os.cpu_count(),
        "cpu": model,
        "memory_gib": round(memory_kib / 2**20),
        "system": system or platform.system(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgresql_answers(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _lines(path: str) -> list[str]:
    source = Path(path)
    return source.read_text().splitlines() if source.exists() else []
