"""What `make run` starts, as real processes: web, broker, workers, beat. On SQLite with the embedded broker, or on the
PostgreSQL and Redis that the suite was given."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("services")]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An environment with a database and a broker of its own."""
    name = f"endcap_services_{secrets.token_hex(4)}"
    database = os.environ.get("DATABASE_URL", "")
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "DJANGO"))},
        "ENDCAP_VAR": str(tmp_path_factory.mktemp("var")),
        "PORT": str(free_port()),
        "WEB_CONCURRENCY": "1",
        "MARKET_SECONDS_PER_DAY": "0.05",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }
    if database.startswith("postgres"):
        import psycopg

        server = database.rsplit("/", 1)[0]
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        yield {**env, "DATABASE_URL": f"{server}/{name}"}
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    else:
        yield env


@pytest.fixture(scope="module")
def running(surroundings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    subprocess.run([sys.executable, "-m", "config.prepare"], cwd=ROOT, env=surroundings, check=True, timeout=180)
    output = tmp_path_factory.mktemp("log") / "honcho.txt"
    with output.open("w") as log:
        honcho = subprocess.Popen(
            ["honcho", "start"],
            cwd=ROOT,
            env=surroundings,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{surroundings['PORT']}"
        try:
            wait_until(lambda: asks(f"{address}/accounts/login/")[0] == 200, 60, "the first page", output)
            yield honcho, address
        finally:
            if honcho.poll() is None:
                honcho.send_signal(signal.SIGINT)
                honcho.wait(30)


def asks(
    url: str, body: dict[str, Any] | None = None, token: str = "", method: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Token {token}"} if token else {})
    request = Request(url, json.dumps(body).encode() if body is not None else None, headers, method=method)
    try:
        with urlopen(request, timeout=20) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text[:1] == b"{" else {}
    except HTTPError as refused:
        return refused.code, json.loads(refused.read() or b"{}")
    except (URLError, ConnectionError, TimeoutError):
        return 0, {}


def wait_until(holds: Any, seconds: float, what: str, log: Path | None = None) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.3)
    pytest.fail(f"{what} did not come within {seconds:.0f} s\n{log.read_text()[-3000:] if log else ''}")


class TestServices:
    def test_an_episode_goes_through_broker_and_workers_and_is_rewarded(self, running):
        _, address = running
        status, session = asks(f"{address}/api/auth/login", {"username": "ana", "password": "endcap-demo"})
        assert status == 200, session
        token = session["token"]
        status, episode = asks(f"{address}/api/packs/tax-assist/runs/dynamic", {"policy_mode": "rule"}, token)
        assert status == 202, episode

        def finished() -> bool:
            return asks(f"{address}/api/episodes/{episode['id']}", token=token)[1].get("state") == "done"

        def rewarded() -> bool:
            return asks(f"{address}/api/episodes/{episode['id']}", token=token)[1].get("reward") is not None

        wait_until(finished, 60, "the end of the episode")
        wait_until(rewarded, 30, "its reward")

    def test_episodes_start_by_themselves_in_simulated_brands(self, running):
        _, address = running
        token = asks(f"{address}/api/auth/login", {"username": "ana", "password": "endcap-demo"})[1]["token"]

        def several() -> bool:
            return asks(f"{address}/api/episodes/?state=done", token=token)[1].get("count", 0) >= 3

        wait_until(several, 60, "three finished episodes")

    def test_preparing_again_is_refused_while_it_runs_and_changes_nothing(self, running, surroundings):
        again = subprocess.run(
            [sys.executable, "-m", "config.prepare"], cwd=ROOT, env=surroundings, capture_output=True, text=True
        )
        assert again.returncode == 1
        assert f"port {surroundings['PORT']}" in again.stderr

    def test_ctrl_c_stops_every_process(self, running):
        honcho, address = running
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(honcho.pid)], capture_output=True, text=True
        ).stdout.split()
        assert len(children) >= 5
        honcho.send_signal(signal.SIGINT)
        honcho.wait(30)
        alive = [pid for pid in children if Path(f"/proc/{pid}").exists()]
        assert alive == []
        assert asks(f"{address}/accounts/login/")[0] == 0
