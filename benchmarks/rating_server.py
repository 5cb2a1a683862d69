"""A rating tool's server on 127.0.0.1: how it is started, what it costs, and how it is ended again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

START_S = 90


class NeverStarted(RuntimeError):
    """A server ended, or did not answer in time; the message carries the end of what it said."""


@dataclass(frozen=True)
class Server:
    """A server that answers at `url`; `group` is the process group of it and its workers."""

    url: str
    group: int

    def cpu_s(self) -> float:
        """Seconds of processor its living processes have used; the database's own are not among them."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                rest = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(rest[2]) == self.group:
                ticks += int(rest[11]) + int(rest[12])
        return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    command: Sequence[str], *, port: int, ready: str, env: Mapping[str, str], cwd: Path, log: Path
) -> Iterator[Server]:
    """The server that `command` starts; it and its workers are ended afterwards.

    Raises:
        NeverStarted: it ended, or `ready` did not answer 200 or a redirect within a minute and a half.
    """
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + START_S
        while not _answers(port, ready):
            if server.poll() is not None or time.monotonic() > until:
                raise NeverStarted(log.read_text(errors="replace")[-2000:])
            time.sleep(0.3)
        yield Server(f"http://127.0.0.1:{port}", server.pid)
    finally:
        _end(server)


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except OSError:
        return False
    finally:
        connection.close()


def _end(server: subprocess.Popen[bytes]) -> None:
    """The whole group: a worker that still writes an export would keep the scratch database open."""
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)
