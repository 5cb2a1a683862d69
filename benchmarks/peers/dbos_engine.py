"""dbos under the workload: a workflow that calls one `@DBOS.step` per step, on its SQLite or Postgres system database
at its defaults.

The only settings changed are the admin server and the log level, which have no part in running steps.
"""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from benchmarks.peers.workload import (
    OutsideWorld,
    effectful_step,
    read_job,
    say,
    state_texts,
    time_episodes,
)

JOB = read_job()
TEXTS: list[str] = []


@DBOS.step()
def plain_step(index: int) -> str:
    return TEXTS[index]


@DBOS.workflow()
def plain_episode(steps: int) -> int:
    return sum(1 for index in range(steps) if plain_step(index))


@DBOS.step()
def outside_step(index: int) -> str:
    """The key is the workflow id and the number dbos itself gives the step; both survive a restart."""
    key = f"{DBOS.workflow_id}/step-{index}"
    effectful_step(JOB, lambda: OutsideWorld(JOB.world).apply(key))
    return TEXTS[index]


@DBOS.workflow()
def outside_episode(steps: int) -> int:
    return sum(1 for index in range(steps) if outside_step(index))


def run_episode(key: str, steps: int, states: list[str]) -> int:
    TEXTS[:] = states
    with SetWorkflowID(key):
        return int(plain_episode(steps))


def run_effects() -> int:
    """Start the workflow, or wait for the one that `launch` has just recovered."""
    print("READY", flush=True)
    with SetWorkflowID(JOB.episode_key):
        handle = DBOS.start_workflow(outside_episode, JOB.steps)
    return int(handle.get_result())


def settings_of(engine: Any) -> dict[str, Any]:
    """The durability settings that dbos' own connections run under."""
    with engine.connect() as connection:
        if JOB.on_postgresql:
            return {"synchronous_commit": connection.exec_driver_sql("SHOW synchronous_commit").scalar()}
        return {
            "journal_mode": connection.exec_driver_sql("PRAGMA journal_mode").scalar(),
            "synchronous": connection.exec_driver_sql("PRAGMA synchronous").scalar(),
        }


def main() -> None:
    url = JOB.database if JOB.on_postgresql else f"sqlite:///{JOB.database}"
    config: DBOSConfig = {
        "name": "endcap-benchmark",
        "system_database_url": url,
        "run_admin_server": False,
        "log_level": "ERROR",
        "application_version": "benchmark",
        "executor_id": "benchmark",
    }
    logging.getLogger("dbos").setLevel(logging.ERROR)
    dbos = DBOS(config=config)
    TEXTS[:] = state_texts(JOB, JOB.steps)
    DBOS.launch()
    about = {"version": version("dbos"), "settings": settings_of(dbos._sys_db.engine)}
    if JOB.action == "setup":
        say(**about)
    elif JOB.action == "effects":
        say(**about, recorded=run_effects())
    else:
        say(**about, **time_episodes(JOB, run_episode))
    DBOS.destroy()


if __name__ == "__main__":
    main()
