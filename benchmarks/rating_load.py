"""Clients of an API: how many annotations per second it takes, and how long its reads take.

Every client is a process of its own with one connection kept alive, as an integration would have. A client that is
refused says so and stops: a rate of errors is no rate.
"""

from __future__ import annotations

import math
import multiprocessing
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from threading import BrokenBarrierError
from typing import Any
from urllib.parse import urlsplit

from benchmarks.rating_server import Server

ANNOTATION_S = 60


@dataclass(frozen=True)
class Call:
    """One request that stores `annotations`; `accepts` are the statuses that mean it was done."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts: tuple[int, ...] = (200, 201)
    annotations: int = 1


Annotation = Callable[[int, int], Call]


def quantile(values: list[float], share: float) -> float:
    """Nearest rank."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def _send(connection: HTTPConnection, call: Call, until: float = math.inf) -> tuple[int, int]:
    """(status, bytes of the body). Raises TimeoutError where the body is not all there at `until`, perf_counter's."""
    connection.request(call.method, call.path, body=call.body, headers=dict(call.headers))
    reply = connection.getresponse()
    size = 0
    while chunk := reply.read(1 << 14):
        size += len(chunk)
        if time.perf_counter() > until:
            raise TimeoutError
    return reply.status, size


def _client(url: str, make: Annotation, client: int, seconds: float, begin: Any, results: Any) -> None:
    where = urlsplit(url)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=ANNOTATION_S)
    took: list[float] = []
    stored = 0
    trouble = ""
    try:
        for number in range(3):
            _send(connection, make(client, number))
        connection.close()  # a server may close one that waits for the other clients; the next request opens it again
        begin.wait(120)
        until = time.perf_counter() + seconds
        number = 3
        while time.perf_counter() < until:
            call = make(client, number)
            since = time.perf_counter()
            status, _ = _send(connection, call)
            if status not in call.accepts:
                trouble = f"{call.method} {call.path} answered {status}"
                break
            took.append(1000 * (time.perf_counter() - since))
            stored += call.annotations
            number += 1
    except OSError as error:
        trouble = f"{type(error).__name__}: {error}"
    results.put((took, stored, trouble))


def throughput(server: Server, make: Annotation, clients: range, seconds: float) -> dict[str, Any]:
    """Annotations per second that `clients` at once get stored, with p50 and p95 of a request in ms.

    `make(client, number)` is the request; the first three of each client only warm up. `server_cpu_ms` is the time of
    processor that the server took for one annotation, whoever else kept the machine busy.
    """
    context = multiprocessing.get_context("fork")
    begin, results = context.Barrier(len(clients) + 1), context.Queue()
    processes = [
        context.Process(target=_client, args=(server.url, make, client, seconds, begin, results), daemon=True)
        for client in clients
    ]
    for process in processes:
        process.start()
    took: list[float] = []
    stored = 0
    troubles = []
    cpu_s = 0.0
    try:
        begin.wait(120)
        cpu_s = server.cpu_s()
        for _ in processes:
            theirs, count, trouble = results.get(timeout=seconds + 150)
            took += theirs
            stored += count
            if trouble:
                troubles.append(trouble)
        cpu_s = server.cpu_s() - cpu_s
    except (queue.Empty, BrokenBarrierError):
        troubles.append("a client never came back")
    finally:
        for process in processes:
            process.join(5)
            if process.is_alive():
                process.kill()
    return {
        "clients": len(clients),
        "per_second": round(stored / seconds, 1),
        "p50_ms": round(quantile(took, 0.5), 1) if took else None,
        "p95_ms": round(quantile(took, 0.95), 1) if took else None,
        "server_cpu_ms": round(1000 * cpu_s / stored, 2) if stored else None,
        "stored": stored,
        "troubles": troubles,
    }


def reads(server: Server, call: Call, times: int, budget_s: float) -> dict[str, Any]:
    """ms of up to `times` requests, one after another, within `budget_s`; `first_ms` is the one that found caches cold.

    Where not even the first was answered in time it says `cut_off`, and the server is started again.
    """
    where = urlsplit(server.url)
    took: list[float] = []
    size = 0
    begin = time.perf_counter()
    connection = HTTPConnection(where.hostname or "", where.port, timeout=budget_s)
    try:
        while len(took) <= times:
            since = time.perf_counter()
            status, size = _send(connection, call, until=begin + budget_s)
            if status not in call.accepts:
                return {"trouble": f"{call.method} {call.path} answered {status}"}
            took.append(1000 * (time.perf_counter() - since))
            if time.perf_counter() - begin + took[-1] / 1000 > budget_s:
                break
    except TimeoutError:
        server.restart()
        return {"cut_off": f"no whole answer within {round(budget_s)} s"}
    finally:
        connection.close()
    first, warm = took[0], took[1:] or took
    return {
        "first_ms": round(first, 1),
        "p50_ms": round(quantile(warm, 0.5), 1),
        "p95_ms": round(quantile(warm, 0.95), 1),
        "requests": len(warm),
        "bytes": size,
    }
