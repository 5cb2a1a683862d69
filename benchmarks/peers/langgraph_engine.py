"""langgraph under the workload: a state graph whose one node runs once per step, `durability="sync"`, with the
project's own SQLite and Postgres savers at their defaults.

`variant` is `graph` (StateGraph, what its documentation leads with) or `tasks` (entrypoint with one task per step).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypedDict

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph

from benchmarks.peers.workload import Job, OutsideWorld, effectful_step, read_job, say, state_texts, time_episodes


class State(TypedDict):
    done: int
    steps: int
    text: str


@contextmanager
def open_saver(job: Job) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The saver with its tables in place, and the durability settings its connection runs under."""
    if job.on_postgresql:
        with PostgresSaver.from_conn_string(job.database) as saver:
            saver.setup()
            setting = saver.conn.execute("SHOW synchronous_commit").fetchone()
            yield saver, {"synchronous_commit": setting["synchronous_commit"]}
    else:
        with SqliteSaver.from_conn_string(job.database) as saver:
            saver.setup()
            yield saver, sqlite_settings(saver.conn)


def sqlite_settings(connection: sqlite3.Connection) -> dict[str, Any]:
    return {
        "journal_mode": connection.execute("PRAGMA journal_mode").fetchone()[0],
        "synchronous": connection.execute("PRAGMA synchronous").fetchone()[0],
    }


def config_for(key: str, steps: int) -> dict[str, Any]:
    return {"configurable": {"thread_id": key}, "recursion_limit": steps + 10}


def build_graph(saver: Any, node: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("step", node)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["done"] < state["steps"] else END)
    return graph.compile(checkpointer=saver)


def measure_graph(job: Job, saver: Any) -> dict[str, Any]:
    texts: list[str] = []

    def step(state: State) -> dict[str, Any]:
        return {"done": state["done"] + 1, "text": texts[state["done"]]}

    graph = build_graph(saver, step)

    def run_episode(key: str, steps: int, states: list[str]) -> int:
        texts[:] = states
        final = graph.invoke({"done": 0, "steps": steps, "text": ""}, config_for(key, steps), durability="sync")
        return int(final["done"])

    return time_episodes(job, run_episode)


def measure_tasks(job: Job, saver: Any) -> dict[str, Any]:
    texts: list[str] = []

    @task
    def step(index: int) -> str:
        return texts[index]

    @entrypoint(checkpointer=saver)
    def episode(steps: int) -> int:
        return sum(1 for index in range(steps) if step(index).result())

    def run_episode(key: str, steps: int, states: list[str]) -> int:
        texts[:] = states
        return int(episode.invoke(steps, config_for(key, steps), durability="sync"))

    return time_episodes(job, run_episode)


def run_effects(job: Job, saver: Any) -> int:
    """Run the episode, or go on with it where the last process left it; the key is thread id and step number."""
    world, texts = OutsideWorld(job.world), state_texts(job, job.steps)

    def step(state: State) -> dict[str, Any]:
        key = f"{job.episode_key}/step-{state['done']}"
        effectful_step(job, lambda: world.apply(key))
        return {"done": state["done"] + 1, "text": texts[state["done"]]}

    graph, config = build_graph(saver, step), config_for(job.episode_key, job.steps)
    print("READY", flush=True)
    # `None` means "go on from the last checkpoint"; a thread without one is started.
    begun = saver.get_tuple(config) is not None
    start = None if begun else {"done": 0, "steps": job.steps, "text": ""}
    return int(graph.invoke(start, config, durability="sync")["done"])


def main() -> None:
    job = read_job()
    with open_saver(job) as (saver, settings):
        about = {"version": version("langgraph"), "settings": settings}
        if job.action == "setup":
            say(**about)
        elif job.action == "effects":
            say(**about, recorded=run_effects(job, saver))
        else:
            measure = measure_tasks if job.variant == "tasks" else measure_graph
            say(**about, **measure(job, saver))


if __name__ == "__main__":
    main()
