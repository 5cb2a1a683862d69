"""What a rating tool has to offer to be measured."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Page

from benchmarks.rating_clock import RatingPage
from benchmarks.rating_load import Annotation, Call
from benchmarks.rating_server import Server

# The runs with 1, 4 and 16 clients never share a client, so that no run rates what an earlier one has rated.
CLIENTS = {1: range(1), 4: range(1, 5), 16: range(5, 21)}
ALL_CLIENTS = 21
AT_ONCE = 100


@dataclass(frozen=True)
class Desk:
    """Where a person rates by keyboard. `rated` counts the ratings that were stored with a verdict in them."""

    sign_in: Callable[[Page], None]
    where: RatingPage
    rated: Callable[[], int]


class Site(Protocol):
    """One rating tool. Each method gives it in the state that one measurement needs, and may start it anew for that.

    `desk` is for one person and one task (`pairs` or `stars`), `api` for clients that store ratings of pairs, `filled`
    the requests behind its list of items, its dashboard and its export while `total` pairs are rated once each; totals
    are asked for in rising order. `many` is as `api`, AT_ONCE ratings in every call; None where nothing
    takes so many. `lacks` says in words what it does not have.
    """

    name: str
    version: str
    lacks: Mapping[str, str]

    def desk(self, task: str) -> AbstractContextManager[Desk]: ...
    def api(self) -> AbstractContextManager[tuple[Server, Annotation]]: ...
    def many(self) -> AbstractContextManager[tuple[Server, Annotation]] | None: ...
    def filled(self, total: int) -> AbstractContextManager[tuple[Server, Mapping[str, Call]]]: ...


def installed(environment: Path, package: str) -> str:
    """The version of `package` in a virtual environment."""
    asked = f"from importlib.metadata import version; print(version({package!r}))"
    command = [str(environment / "bin/python"), "-c", asked]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
