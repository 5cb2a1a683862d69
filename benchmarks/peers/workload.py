"""The work every engine is given, so that all are measured by the same thing: the state a step carries, the outside
world a step changes, and the job description read from the command line.

Standard library only, because each peer runs it under its own Python environment.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """What one engine process is asked to do.

    `action` is `setup` (make the tables and leave), `measure` (time whole episodes) or `effects` (run or recover one
    episode whose steps change the outside world). `database` is a file path or a `postgresql://` URL.
    """

    action: str
    database: str
    seed: int = 0
    state_bytes: int = 1024
    # (steps of an episode, timed episodes of that length), in the order in which they are run
    episodes: list[tuple[int, int]] = field(default_factory=list)
    warm_up_steps: int = 400
    # for `effects`
    steps: int = 20
    episode_key: str = ""
    world: str = ""
    think_ms: float = 0.0
    # style of the peer's API or durability of our SQLite, see the engine's script
    variant: str = ""

    @property
    def on_postgresql(self) -> bool:
        return self.database.startswith("postgresql")

    def to_argument(self) -> str:
        return json.dumps(asdict(self))


def read_job() -> Job:
    """The job on the command line, one JSON object."""
    raw = json.loads(sys.argv[1])
    raw["episodes"] = [(int(steps), int(count)) for steps, count in raw.get("episodes", [])]
    return Job(**raw)


def state_text(seed: int, step: int, size: int) -> str:
    """`size` characters that no compressor shrinks much below three quarters; the same for the same seed and step."""
    noise = random.Random(f"{seed}/{step}").randbytes(size)
    return base64.b64encode(noise).decode("ascii")[:size]


def state_texts(job: Job, steps: int) -> list[str]:
    """The state after each step, made before the clock starts."""
    return [state_text(job.seed, step, job.state_bytes) for step in range(steps)]


def time_episodes(job: Job, run_episode: Callable[[str, int, list[str]], int]) -> dict[str, Any]:
    """Run the job's episodes; `ms_per_step` by episode length, and `steps_run` with those that were not timed.

    `run_episode(key, steps, texts)` runs a whole episode, start and finish included, and returns how many steps the
    engine says it has done. `warm_up_steps` go first, untimed: a worker lives for days, and a write-ahead log that is
    still growing makes every engine's first hundreds of commits slower than all that follow.

    Raises:
        RuntimeError: the engine did another number of steps than it was asked to run.
    """
    timings: dict[str, list[float]] = {}
    steps_run = 0
    shortest = min(steps for steps, _ in job.episodes)
    warm_up = [(shortest, False)] * -(-job.warm_up_steps // shortest)
    timed = [(steps, True) for steps, count in job.episodes for _ in range(count)]
    for number, (steps, counts) in enumerate(warm_up + timed):
        texts = state_texts(job, steps)
        begin = time.perf_counter()
        done = run_episode(f"{job.seed}-{number}", steps, texts)
        took_ms = (time.perf_counter() - begin) * 1000
        if done != steps:
            raise RuntimeError(f"{done} steps done, {steps} asked for")
        steps_run += steps
        if counts:
            timings.setdefault(str(steps), []).append(took_ms / steps)
    return {"ms_per_step": timings, "steps_run": steps_run}


def say(**figures: Any) -> None:
    """Print the one JSON object a caller reads from this process."""
    print(json.dumps(figures), flush=True)


class OutsideWorld:
    """A stand-in for a mail provider or a payment service: each call lands in a file and is fsynced before it returns.

    `calls` records every call that arrived; `applied` what took effect. The world keeps the keys it has seen and
    refuses a second one, as services with idempotency keys do, so the number of calls says what would have happened
    twice in a world that does not.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def apply(self, key: str) -> str:
        """Do the effect named `key` unless it has been done; return the world's receipt."""
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._append("calls", key)
            if key not in self.applied():
                self._append("applied", key)
        return f"receipt:{key}"

    def calls(self) -> list[str]:
        return self._lines("calls")

    def applied(self) -> list[str]:
        return self._lines("applied")

    def _append(self, name: str, line: str) -> None:
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


def effectful_step(job: Job, effect: Callable[[], Any]) -> None:
    """Think, change the outside world, think again.

    The second pause widens the window between an effect and its record, so that a small number of kills hits it.
    """
    time.sleep(job.think_ms / 1000)
    effect()
    time.sleep(job.think_ms / 1000)
