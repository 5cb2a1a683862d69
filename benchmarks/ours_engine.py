"""Endcap's own engine under the workload of the peers: real settings, real migrations, real `orchestrator.engine.run`.

Only the runtime is the benchmark's: its decision is fixed and its action returns the prepared state. `variant` FULL or
NORMAL sets SQLite's `synchronous` on every connection; without it Endcap's settings stand.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import django
from django.core.management import call_command

from benchmarks.peers.workload import Job, OutsideWorld, effectful_step, read_job, say, state_texts, time_episodes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

# Models can only be imported once Django is set up.
# ruff: noqa: E402
from django.db import connection
from django.db.backends.signals import connection_created

from crm.models import Brand, Pack
from orchestrator import engine
from orchestrator.models import ENDED_STATES, Episode, EpisodeState, PolicyMode, Step
from orchestrator.policies.contract import Decision

LEASE_S = 30.0
# so that a restart need not wait long for the dead worker's lease; a deployment chooses EPISODE_LEASE_S
CRASH_LEASE_S = 2.0
DECISION = Decision(
    action="insight", allowed=("insight", "finish"), probabilities=(1.0, 0.0), policy="static@1", why="next in order"
)


class StateRuntime:
    """Leaves the next prepared state behind and does nothing else."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts

    def decide(self, loaded: engine.LoadedEpisode) -> Decision:
        return DECISION

    def act(self, loaded: engine.LoadedEpisode, decision: Decision, effects: engine.Effects) -> engine.StepOutcome:
        return engine.StepOutcome(output={"text": self.texts[loaded.index]}, served_by="benchmark")


class OutsideRuntime(StateRuntime):
    """Changes the outside world once per step, through the engine's record of replies."""

    def __init__(self, texts: list[str], job: Job) -> None:
        super().__init__(texts)
        self.job, self.world = job, OutsideWorld(job.world)

    def act(self, loaded: engine.LoadedEpisode, decision: Decision, effects: engine.Effects) -> engine.StepOutcome:
        effectful_step(self.job, lambda: effects.once("world", self.world.apply))
        return super().act(loaded, decision, effects)


def set_synchronous(level: str) -> None:
    """Put SQLite's `synchronous` at FULL or NORMAL on every connection to come."""

    def apply(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA synchronous={level}")

    connection_created.connect(apply, weak=False)


def settings_in_force() -> dict[str, Any]:
    names = ["synchronous_commit"] if connection.vendor == "postgresql" else ["journal_mode", "synchronous"]
    verb = "SHOW" if connection.vendor == "postgresql" else "PRAGMA"
    found = {}
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"{verb} {name}")
            found[name] = cursor.fetchone()[0]
    return found


def benchmark_pack() -> Pack:
    brand, _ = Brand.objects.get_or_create(slug="benchmark", defaults={"name": "Benchmark"})
    pack: Pack = Pack.objects.for_brand(brand).get_or_create(
        brand=brand,
        slug="benchmark",
        defaults={"name": "Benchmark", "goal": "Measure the engine", "task": Pack.Task.PLANNING, "max_steps": 100},
    )[0]
    return pack


def new_episode(pack: Pack, key: str, steps: int) -> Episode:
    return Episode(
        public_id=uuid.uuid5(uuid.NAMESPACE_URL, key),
        brand_id=pack.brand_id,
        pack=pack,
        mode=PolicyMode.STATIC,
        seed=0,
        max_steps=steps,
    )


def measure(job: Job) -> dict[str, Any]:
    pack, runtime = benchmark_pack(), StateRuntime([])

    def run_episode(key: str, steps: int, texts: list[str]) -> int:
        runtime.texts = texts
        episode = new_episode(pack, key, steps)
        episode.save(force_insert=True)
        state = engine.run(episode.pk, worker="benchmark", runtime=runtime, lease_s=LEASE_S)
        if state != EpisodeState.DONE:
            raise RuntimeError(f"the episode ended as {state}")
        return steps

    before = Step.objects.for_brand(pack.brand_id).count()
    figures = time_episodes(job, run_episode)
    recorded = Step.objects.for_brand(pack.brand_id).count() - before
    if recorded != figures["steps_run"]:
        raise RuntimeError(f"{recorded} steps on record, {figures['steps_run']} done")
    return figures


def run_effects(job: Job) -> int:
    """Run the episode, or take it over once the dead worker's lease has run out; steps on record in the end."""
    pack = benchmark_pack()
    runtime = OutsideRuntime(state_texts(job, job.steps), job)
    episode = new_episode(pack, job.episode_key, job.steps)
    print("READY", flush=True)
    begun = Episode.objects.for_brand(pack.brand_id).filter(public_id=episode.public_id).first()
    if begun is None:
        episode.save(force_insert=True)
    else:
        episode = begun
    deadline = time.monotonic() + 60
    while (
        state := engine.run(episode.pk, worker="benchmark", runtime=runtime, lease_s=CRASH_LEASE_S)
    ) not in ENDED_STATES:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the episode is still {state}")
        time.sleep(0.05)
    if state != EpisodeState.DONE:
        raise RuntimeError(f"the episode ended as {state}")
    recorded: int = Step.objects.for_brand(pack.brand_id).filter(episode=episode).count()
    return recorded


def main() -> None:
    job = read_job()
    if job.variant:
        set_synchronous(job.variant)
    if job.action == "setup":
        call_command("migrate", verbosity=0)
        benchmark_pack()
    about = {"version": "this repository", "settings": settings_in_force()}
    if job.action == "setup":
        say(**about)
    elif job.action == "effects":
        say(**about, recorded=run_effects(job))
    else:
        say(**about, **measure(job))


if __name__ == "__main__":
    main()
