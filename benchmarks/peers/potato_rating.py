"""The peer potato as measured by benchmarks/rating.py: its WSGI factory under gunicorn, one worker with eight threads.

Potato keeps its state in the memory of one process and writes each person's whole state to a file on every save; it
has no database and takes no second worker. Its review mode moves on by itself as soon as an item is complete, here
without a pause, which is its quickest way to rate: one key. Runs under Endcap's environment; only the server runs under
potato's own.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page

from benchmarks.peers import contestants as ring
from benchmarks.rating_clock import RatingPage
from benchmarks.rating_load import Annotation, Call
from benchmarks.rating_server import Server, free_port, serving
from benchmarks.rating_sites import ALL_CLIENTS, Desk, installed
from benchmarks.rating_texts import items

HOME = ring.ROOT / ".peers/potato"
ADMIN_KEY = "only-for-this-benchmark"
PERSON = "rater"
ITEMS_PER_CLIENT = 200
RATED_PER_PERSON = 500  # of those that fill the lists: the state of one person is one file

PAIRS = {
    "annotation_type": "pairwise",
    "name": "verdict",
    "description": "Which is better?",
    "mode": "binary",
    "items_key": "text",
    "allow_tie": True,
    "label_requirement": {"required": True},
}
STARS = {
    "annotation_type": "radio",
    "name": "verdict",
    "description": "How good is it?",
    "labels": ["1", "2", "3", "4", "5"],
    "sequential_key_binding": True,
    "label_requirement": {"required": True},
}


def _ids(begin: int, count: int) -> list[str]:
    return [f"item-{number:06d}" for number in range(begin, begin + count)]


def _state(person: str, assigned: list[str], *, rated: bool = False) -> dict[str, Any]:
    """A person's file as potato writes it; what is left out it takes as not happened yet."""
    verdicts = {item: [[{"schema": "verdict", "name": "selection"}, "A"]] for item in assigned} if rated else {}
    return {
        "user_id": person,
        "instance_id_ordering": assigned,
        "current_instance_index": 0,
        "current_phase_and_page": ["annotation", None],
        "completed_phase_and_pages": [],
        "max_assignments": -1,
        "instance_id_to_behavioral_data": {},
        "instance_id_to_label_to_value": verdicts,
        "instance_id_to_span_to_value": {},
        "phase_to_page_to_label_to_value": {},
        "phase_to_page_to_span_to_value": {},
    }


class Project:
    """One task of potato: a folder with its items and people, served while `running`."""

    def __init__(self, folder: Path, scheme: dict[str, Any], seed: int) -> None:
        self.folder, self.scheme, self.seed = folder, scheme, seed
        self.people = folder / "people"

    def write(self, total: int, states: list[dict[str, Any]]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.people.mkdir(parents=True)
        with (self.folder / "items.jsonl").open("w") as file:
            for item in items(0, total, self.seed):
                text = [item.first, item.second] if self.scheme is PAIRS else item.first
                file.write(json.dumps({"id": f"item-{item.number:06d}", "prompt": item.prompt, "text": text}) + "\n")
        for state in states:
            (self.people / state["user_id"]).mkdir()
            (self.people / state["user_id"] / "user_state.json").write_text(json.dumps(state))
        config = {
            "annotation_task_name": "Rating",
            "task_dir": ".",
            "output_annotation_dir": "people",
            "data_files": ["items.jsonl"],
            "item_properties": {"id_key": "id", "text_key": "text"},
            "list_as_text": {"text_list_prefix_type": "alphabet", "horizontal": True},
            "require_password": False,
            "user_config": {"allow_all_users": True},
            "assignment_strategy": "fixed_order",
            "review_mode": {"enabled": True, "auto_advance": True, "delay_ms": 0},
            "admin_api_key": ADMIN_KEY,
            "annotation_schemes": [self.scheme],
        }
        (self.folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML

    def rated_by(self, person: str) -> int:
        state = json.loads((self.people / person / "user_state.json").read_text())
        return sum(1 for verdicts in state["instance_id_to_label_to_value"].values() if verdicts)

    @contextmanager
    def running(self) -> Iterator[Server]:
        port = free_port()
        command = [str(HOME / "bin/python"), "-m", "gunicorn", "potato.flask_server:create_app('config.yaml')"]
        command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--workers", "1", "--threads", "8"]
        command += ["--timeout", "300", "--log-level", "error"]
        env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        log = self.folder.with_suffix(".log")
        with serving(command, port=port, ready="/health", env=env, cwd=self.folder, log=log) as server:
            yield server


def signed_in(server: Server, person: str) -> str:
    """The cookie of a person who has just signed in; potato keeps no password here."""
    where = urlsplit(server.url)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=60)
    form = urlencode({"email": person, "pass": ""})
    connection.request("POST", "/auth", body=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    reply = connection.getresponse()
    cookie = (reply.getheader("Set-Cookie") or "").partition(";")[0]
    connection.close()
    if reply.status != 302 or not cookie:
        raise ring.EngineFailed(f"potato let {person} not in: {reply.status}")
    return cookie


class Potato:
    """The peer; it serves one project per process, so it is started anew for each thing that is measured."""

    name = "potato"
    lacks: Mapping[str, str] = {
        "database": "files, one per person, each written whole on every save",
        "import over the API": "items and people are laid down as its own files before it starts",
        "export over the API": "it writes the file on its server; the request that waits for it is measured",
        "many at once": "a save is of one item",
        "workers": "one process: a second would not see what the first has in memory",
    }

    def __init__(self, folder: Path, ratings: int, seed: int) -> None:
        self.folder, self.ratings, self.seed = folder, ratings, seed
        self.version = installed(HOME, "potato-annotation")

    @contextmanager
    def desk(self, task: str) -> Iterator[Desk]:
        project = Project(self.folder / task, PAIRS if task == "pairs" else STARS, self.seed)
        project.write(self.ratings, [])
        choices = ("1", "2", "0") if task == "pairs" else ("4", "5", "3", "2", "1")
        with project.running() as server:

            def sign_in(page: Page) -> None:
                name, _, value = signed_in(server, PERSON).partition("=")
                page.context.add_cookies([{"name": name, "value": value, "url": server.url}])

            where = RatingPage(f"{server.url}/annotate", [(key,) for key in choices])
            yield Desk(sign_in, where, lambda: project.rated_by(PERSON))

    @contextmanager
    def api(self) -> Iterator[tuple[Server, Annotation]]:
        """Every client is a person with items of its own; a save is what the page sends when an item is left."""
        project = Project(self.folder / "clients", PAIRS, self.seed)
        people = [f"client-{client:02d}" for client in range(ALL_CLIENTS)]
        project.write(
            ALL_CLIENTS * ITEMS_PER_CLIENT,
            [_state(name, _ids(client * ITEMS_PER_CLIENT, ITEMS_PER_CLIENT)) for client, name in enumerate(people)],
        )
        with project.running() as server:
            cookies = [signed_in(server, name) for name in people]

            def annotation(client: int, number: int) -> Call:
                item = _ids(client * ITEMS_PER_CLIENT + number % ITEMS_PER_CLIENT, 1)[0]
                body = {"instance_id": item, "annotations": {"verdict:selection": "A"}}
                headers = {"Cookie": cookies[client], "Content-Type": "application/json"}
                return Call("POST", "/updateinstance", json.dumps(body).encode(), headers)

            yield server, annotation

    def many(self) -> None:
        return None

    @contextmanager
    def filled(self, total: int) -> Iterator[tuple[Server, Mapping[str, Call]]]:
        project = Project(self.folder / f"filled-{total}", PAIRS, self.seed)
        states: list[dict[str, Any]] = []
        for begin in range(0, total, RATED_PER_PERSON):
            share = _ids(begin, min(RATED_PER_PERSON, total - begin))
            states.append(_state(f"person-{len(states):04d}", share, rated=True))
        project.write(total, states)
        headers = {"X-API-Key": ADMIN_KEY, "Content-Type": "application/json"}
        with project.running() as server:
            yield (
                server,
                {
                    "list": Call("GET", "/admin/api/instances?page=1&page_size=25", headers=headers),
                    "dashboard": Call("GET", "/admin/api/overview", headers=headers),
                    "export": Call("POST", "/admin/api/export", b'{"format": "jsonl"}', headers),
                },
            )


@contextmanager
def site(ratings: int, seed: int) -> Iterator[Potato]:
    """Potato with `ratings` items to rate, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=ring.ROOT / ".peers") as folder:
        yield Potato(Path(folder), ratings, seed)
