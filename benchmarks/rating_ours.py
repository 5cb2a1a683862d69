"""Endcap as a rating tool for benchmarks/rating.py: its web process as the Procfile starts it, on SQLite or PostgreSQL.

SQLite runs embedded. PostgreSQL runs with Redis as in production, a server of its own that is gone afterwards; where no
Redis is installed, with the cache of files. The limits of calls a minute are lifted: one client sends more than one
person may.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from benchmarks.peers import contestants as ring
from benchmarks.rating_clock import RatingPage
from benchmarks.rating_kept import keep, kind_of, restore
from benchmarks.rating_load import Annotation, Call
from benchmarks.rating_server import Server, free_port, serving
from benchmarks.rating_sites import ALL_CLIENTS, AT_ONCE, Desk

FILL_S = 900


class Endcap:
    """Ours, running; `known` is what the rows' process said."""

    lacks: Mapping[str, str] = {}

    def __init__(self, name: str, server: Server, env: Mapping[str, str], known: dict[str, Any], seed: int) -> None:
        self.name, self.server, self.env, self.known, self.seed = name, server, env, known, seed
        self.version = _said(["git", "describe", "--always", "--dirty"], env)
        self._filled = 0

    @contextmanager
    def desk(self, task: str) -> Iterator[Desk]:
        slug = self.known["slugs"]["pair/creative" if task == "pairs" else "single/outreach"]
        choices = ("a", "b", "e", "n") if task == "pairs" else ("4", "5", "3", "2", "1")

        def sign_in(page: Page) -> None:
            cookie = {"name": "sessionid", "value": self.known["rater"], "url": self.server.url}
            page.context.add_cookies([cookie])  # type: ignore[list-item]

        where = RatingPage(f"{self.server.url}/rate/{slug}/", [(key,) for key in choices], "#rate-item", "/answer/")
        yield Desk(sign_in, where, lambda: int(rows(self.env, "stored")[task]))

    @contextmanager
    def api(self) -> Iterator[tuple[Server, Annotation]]:
        pairs = self.known["pairs"]

        def annotation(client: int, number: int) -> Call:
            a, b = pairs[(client + ALL_CLIENTS * number) % len(pairs)]
            body = {"a": a, "b": b, "verdict": "a", "duration_ms": 2000}
            return Call(
                "POST", "/api/feedback/preference-pair", json.dumps(body).encode(), _as(self.known["tokens"][client])
            )

        yield self.server, annotation

    @contextmanager
    def many(self) -> Iterator[tuple[Server, Annotation]]:
        pairs = self.known["pairs"]

        def annotations(client: int, number: int) -> Call:
            first = client + ALL_CLIENTS * number * AT_ONCE
            chosen = [pairs[(first + ALL_CLIENTS * place) % len(pairs)] for place in range(AT_ONCE)]
            choices = [{"a": a, "b": b, "verdict": "a", "duration_ms": 2000} for a, b in chosen]
            body = json.dumps({"choices": choices}).encode()
            return Call("POST", "/api/feedback/bulk", body, _as(self.known["tokens"][client]), annotations=AT_ONCE)

        yield self.server, annotations

    @contextmanager
    def filled(self, total: int) -> Iterator[tuple[Server, Mapping[str, Call]]]:
        rows(self.env, "fill", self._filled, total, self.seed)
        self._filled = total
        headers = _as(self.known["owner_token"])
        page = {"Cookie": f"sessionid={self.known['owner']}"}
        yield (
            self.server,
            {
                "list": Call("GET", "/api/feedback/preference-pair?page_size=30", headers=headers),
                "dashboard": Call("GET", "/api/feedback/stats", headers=headers),
                "dashboard page": Call("GET", "/feedback/", headers=page),
                "export": Call("GET", "/api/feedback/export-dpo", headers=headers),
            },
        )


def _as(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}", "Content-Type": "application/json"}


def _said(command: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=ring.ROOT, env=dict(env), capture_output=True, text=True, timeout=FILL_S)
    if done.returncode:
        raise ring.EngineFailed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout.strip()


def rows(env: Mapping[str, str], what: str, *numbers: int) -> dict[str, Any]:
    """What the process that writes and counts our rows says."""
    command = [sys.executable, "-m", "benchmarks.rating_ours_rows", what, *map(str, numbers)]
    found: dict[str, Any] = json.loads(_said(command, env).splitlines()[-1])
    return found


def _begin(env: Mapping[str, str], folder: Path, ratings: int, seed: int) -> dict[str, Any]:
    """Migrated tables with what is rated. An empty database is kept for as long as no migration changes."""
    database = env["DATABASE_URL"] or str(folder / "endcap.sqlite3")
    migrations = [*sorted(ring.ROOT.glob("*/migrations/*.py")), ring.ROOT / "requirements.txt"]
    state = hashlib.sha256(b"".join(path.read_bytes() for path in migrations)).hexdigest()[:12]
    kept = ring.ROOT / f".peers/endcap-{state}-{kind_of(database)}.sql"
    if not restore(database, kept):
        _said([sys.executable, "manage.py", "migrate", "--verbosity", "0"], env)
        keep(database, kept)
    return rows(env, "begin", ratings, seed)


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The address of a Redis of our own, or blank where none is installed."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        yield ""
        return
    socket = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def site(database: str, ratings: int, seed: int) -> Iterator[Endcap]:
    """Endcap on an empty scratch database of `database` (sqlite or postgresql), with `ratings` items to rate."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scratch-", dir=ring.ROOT / ".peers")))
        port = free_port()
        env = {
            **os.environ,
            "ENDCAP_VAR": str(folder),
            "ENDCAP_MODE": "embedded",
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "PORT": str(port),
            "LOG_LEVEL": "ERROR",
            "API_RATINGS_A_MINUTE": "10000000",
            "API_THROTTLE_USER": "10000000/min",
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
        }
        if database == "postgresql":
            env["DATABASE_URL"] = stack.enter_context(ring.scratch_database(database))
            env["REDIS_URL"] = stack.enter_context(redis(folder))
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--config", "config/gunicorn.py"]
        ready = "/accounts/login/"
        known = _begin(env, folder, ratings, seed)
        server = stack.enter_context(
            serving(command, port=port, ready=ready, env=env, cwd=ring.ROOT, log=folder / "web.log")
        )
        yield Endcap(f"endcap ({database})", server, env, known, seed)
