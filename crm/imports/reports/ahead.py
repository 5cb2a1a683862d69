"""Work on the parts of a file on other threads, a few parts ahead of whoever takes the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

WORKERS = 2

P = TypeVar("P")
R = TypeVar("R")


def ahead(parts: Iterable[P], work: Callable[[P], R], *, workers: int = WORKERS) -> Iterator[R]:
    """`work` of every part in their order, done on threads, never more than `workers` parts ahead."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for part in parts:
                waiting.append(pool.submit(work, part))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
