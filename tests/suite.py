"""`make test`: lint, types, contracts, and the suite on SQLite with the embedded broker and on PostgreSQL with Redis.

Says at the end what ran, what was skipped and why. Exit code 1 when anything failed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_POSTGRES = "postgres://postgres@127.0.0.1:5432/endcap"
DEFAULT_REDIS = "redis://127.0.0.1:6379/9"


def why_no_postgres(url: str) -> str:
    """Empty when the server answers and lets us create a database."""
    import psycopg

    try:
        with psycopg.connect(url.rsplit("/", 1)[0] + "/postgres", connect_timeout=3) as connection:
            row = connection.execute(
                "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
            ).fetchone()
    except psycopg.OperationalError as error:
        return f"PostgreSQL does not answer: {str(error).splitlines()[0]}"
    return "" if row and row[0] else "the PostgreSQL user may not create databases"


def why_no_redis(url: str) -> str:
    import redis

    try:
        redis.Redis.from_url(url, socket_connect_timeout=3).ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {error}"
    return ""


def run(command: list[str], **environment: str) -> bool:
    print(f"\n$ {' '.join(command)}", flush=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    only = parser.parse_args().only
    report: list[tuple[str, str, float]] = []

    def part(name: str, done: bool | str, since: float) -> None:
        report.append(
            (name, done if isinstance(done, str) else "passed" if done else "FAILED", time.monotonic() - since)
        )

    if not only:
        since = time.monotonic()
        part("lint, types, contracts", run(["make", "lint"]), since)
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    marks = "not slow" if browser else "not slow and not browser"
    pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", marks]
    if only != "postgres":
        since = time.monotonic()
        part("tests on SQLite, embedded broker", run(pytest, DATABASE_URL="", REDIS_URL=""), since)
    if only != "sqlite":
        postgres = os.environ.get("DATABASE_URL") or DEFAULT_POSTGRES
        redis_url = os.environ.get("REDIS_URL") or DEFAULT_REDIS
        since = time.monotonic()
        reason = why_no_postgres(postgres) or why_no_redis(redis_url)
        again = [*pytest, "--touching-database"] if only is None else pytest  # the others just ran and know no database
        done: bool | str = f"skipped: {reason}" if reason else run(again, DATABASE_URL=postgres, REDIS_URL=redis_url)
        part("tests on PostgreSQL, Redis", done, since)
    if not browser:
        part("browser tests", "skipped: no Chromium on PATH (Debian: apt-get install chromium)", time.monotonic())
    print("\nWhat ran:")
    for name, result, seconds in report:
        print(f"  {name:<36}{result}  ({seconds:.0f} s)")
    return int(any(result == "FAILED" for _, result, _ in report))


if __name__ == "__main__":
    sys.exit(main())
