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


@dataclass
class Server:
    """A server on 127.0.0.1 that is up once `ready` answers 200 or a redirect."""

    command: Sequence[str]
    port: int
    ready: str
    env: Mapping[str, str]
    cwd: Path
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Raises NeverStarted where it ended, or did not answer within a minute and a half."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, cwd=self.cwd, env=dict(self.env), stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while not _answers(self.port, self.ready):
            if self.process.poll() is not None or time.monotonic() > until:
                raise NeverStarted(f"{' '.join(self.command)}: {self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.3)

    def end(self) -> None:
        """The whole group: a worker that still writes an export would keep the scratch database open."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def restart(self) -> None:
        """For a server that still works at an answer nobody waits for; it would disturb whoever comes next."""
        self.end()
        self.start()

    def cpu_s(self) -> float:
        """Seconds of processor its living processes have used; the database's own are not among them."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                rest = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if self.process is not None and int(rest[2]) == self.process.pid:
                ticks += int(rest[11]) + int(rest[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    command: Sequence[str], *, port: int, ready: str, env: Mapping[str, str], cwd: Path, log: Path
) -> Iterator[Server]:
    """The server that `command` starts; it and its workers are ended afterwards. Raises NeverStarted."""
    server = Server(command, port, ready, env, cwd, log)
    try:
        server.start()
        yield server
    finally:
        server.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except OSError:
        return False
    finally:
        connection.close()
