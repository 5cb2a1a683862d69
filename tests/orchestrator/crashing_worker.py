"""A worker process for the crash tests: runs one episode whose every step makes one outside effect.

`python -m tests.orchestrator.crashing_worker EPISODE LOG LEASE_S` on the database that TEST_DATABASE names.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import django


def main() -> None:
    episode, log, lease_s = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    settings.EPISODE_MAX_ATTEMPTS = 100
    django.setup()
    from orchestrator import engine
    from tests.orchestrator.noop_runtime import Worker

    def outside(key: str) -> dict[str, str]:
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{key}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)
        return {"receipt": key}

    def slow_step(loaded: Any, effects: Any) -> Any:
        time.sleep(0.004)
        reply = effects.once("mail", outside)
        time.sleep(0.004)
        return reply

    print("ready", flush=True)
    while (state := engine.run(episode, worker="crash", runtime=Worker(slow_step), lease_s=lease_s)) == "running":
        time.sleep(0.05)
    print(state, flush=True)


if __name__ == "__main__":
    main()
