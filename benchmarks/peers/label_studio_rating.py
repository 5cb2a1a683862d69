"""The peer Label Studio as measured by benchmarks/rating.py: its Community edition under gunicorn, on either database.

`label-studio start` serves with Django's development server. Here its WSGI application runs under gunicorn with as many
workers and threads as ours, which is what its container does with uWSGI, and quicker. Telemetry, error reports and the
look for a newer version are off. Runs under Endcap's environment; only the server runs under Label Studio's own.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from playwright.sync_api import Page

from benchmarks.peers import contestants as ring
from benchmarks.rating_clock import RatingPage
from benchmarks.rating_kept import keep, kind_of, restore
from benchmarks.rating_load import Annotation, Call
from benchmarks.rating_server import Server, free_port, serving
from benchmarks.rating_sites import ALL_CLIENTS, AT_ONCE, Desk, installed
from benchmarks.rating_texts import Item, items

HOME = ring.ROOT / ".peers/label-studio"
CODE = HOME / "lib/python3.11/site-packages/label_studio"
EMAIL = "rater@bench.invalid"
IMPORT_BATCH = 2000
TASKS_OF_CLIENTS = 4000

# Plain choices with a key each: the quickest Label Studio has for the keyboard. Its <Pairwise> tag takes the mouse.
PAIRS = """
<View>
  <Header value="$prompt"/>
  <View style="display:flex;gap:16px"><Text name="first" value="$first"/><Text name="second" value="$second"/></View>
  <Choices name="verdict" toName="first" choice="single-radio" showInline="true" required="true">
    <Choice value="first" hotkey="a"/><Choice value="second" hotkey="b"/>
    <Choice value="same" hotkey="e"/><Choice value="neither" hotkey="n"/>
  </Choices>
</View>
"""
STARS = """
<View>
  <Header value="$prompt"/>
  <Text name="first" value="$first"/>
  <Choices name="verdict" toName="first" choice="single-radio" showInline="true" required="true">
    <Choice value="1" hotkey="1"/><Choice value="2" hotkey="2"/><Choice value="3" hotkey="3"/>
    <Choice value="4" hotkey="4"/><Choice value="5" hotkey="5"/>
  </Choices>
</View>
"""
SUBMIT = "Control+Enter"


def _environment(database: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    kept |= {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "label_studio.core.settings.label_studio",
        "PYTHONPATH": str(CODE),
        "SECRET_KEY": secrets.token_hex(24),
        "DEBUG": "false",
        "LOG_LEVEL": "ERROR",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    if database.startswith("postgresql"):
        where = urlsplit(database)
        kept |= {
            "DJANGO_DB": "default",
            "POSTGRE_HOST": where.hostname or "127.0.0.1",
            "POSTGRE_PORT": str(where.port or 5432),
            "POSTGRE_USER": where.username or "postgres",
            "POSTGRE_PASSWORD": where.password or "",
            "POSTGRE_NAME": where.path.lstrip("/"),
        }
    else:
        kept |= {"DJANGO_DB": "sqlite", "DATABASE_NAME": database}
    return kept


def _prepare(database: str, folder: Path) -> dict[str, str]:
    """Migrated tables and one user; its token and password. An empty one is kept in the peer's environment."""
    kept = HOME / f"empty-{installed(HOME, 'label-studio')}-{kind_of(database)}.sql"
    known = kept.with_suffix(".json")
    if not (known.exists() and restore(database, kept)):
        who = {"password": secrets.token_urlsafe(12), "token": secrets.token_hex(20)}
        command = [str(HOME / "bin/label-studio"), "init", "empty", "--username", EMAIL, "--no-browser"]
        command += ["--password", who["password"], "--user-token", who["token"], "--enable-legacy-api-token"]
        done = subprocess.run(
            command, env=_environment(database, folder), cwd=folder, capture_output=True, text=True, timeout=300,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise ring.EngineFailed(f"label-studio init ended with {done.returncode}: {done.stderr[-2000:]}")
        known.write_text(json.dumps(who))
        keep(database, kept)
    found: dict[str, str] = json.loads(known.read_text())
    return found


class LabelStudio:
    """The running peer; `fill` imports items with their annotations through its own API."""

    lacks: Mapping[str, str] = {
        "dashboard": "the Community edition has no statistics page; measured are the counts of its project page",
        "many at once": "no call rates many tasks that are there; measured is the import of tasks with a rating each",
        "one key": "a choice and Ctrl+Enter: two presses for each rating",
    }

    name = "label-studio"

    def __init__(self, server: Server, password: str, token: str, seed: int) -> None:
        self.server, self.url, self.seed = server, server.url, seed
        self.version = installed(HOME, "label-studio")
        self._password = password
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        self._filled = 0
        self._tasks: list[int] = []
        configs = {"pairs": PAIRS, "stars": STARS, "clients": PAIRS, "filled": PAIRS}
        self.projects = {task: self._project(task, config) for task, config in configs.items()}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, method=method, headers=self._headers)
        with urlopen(request, timeout=300) as reply:
            return json.loads(reply.read() or b"null")

    def _project(self, title: str, config: str) -> int:
        made: int = self.call("POST", "/api/projects/", {"title": title, "label_config": config})["id"]
        return made

    def load(self, ratings: int) -> None:
        """Items to rate by keyboard, and others for the clients of the API."""
        for task in ("pairs", "stars"):
            self._import(task, [self._task(item) for item in items(0, ratings, self.seed)])
        self._tasks = self._import("clients", [self._task(item) for item in items(0, TASKS_OF_CLIENTS, self.seed)])

    def _import(self, task: str, tasks: list[dict[str, Any]]) -> list[int]:
        path = f"/api/projects/{self.projects[task]}/import?return_task_ids=true"
        made: list[int] = []
        for begin in range(0, len(tasks), IMPORT_BATCH):
            made += self.call("POST", path, tasks[begin : begin + IMPORT_BATCH])["task_ids"]
        return made

    @staticmethod
    def _task(item: Item) -> dict[str, Any]:
        return {"data": {"prompt": item.prompt, "first": item.first, "second": item.second}}

    @staticmethod
    def _result(verdict: str) -> list[dict[str, Any]]:
        return [{"from_name": "verdict", "to_name": "first", "type": "choices", "value": {"choices": [verdict]}}]

    def sign_in(self, page: Page) -> None:
        page.goto(f"{self.url}/user/login/")
        page.fill("input[name=email]", EMAIL)
        page.fill("input[name=password]", self._password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "login" not in address)

    @contextmanager
    def desk(self, task: str) -> Iterator[Desk]:
        choices = ("a", "b", "e", "n") if task == "pairs" else ("4", "5", "3", "2", "1")
        address = f"{self.url}/projects/{self.projects[task]}/data?labeling=1"
        yield Desk(self.sign_in, RatingPage(address, [(key, SUBMIT) for key in choices]), lambda: self._rated(task))

    def _rated(self, task: str) -> int:
        """Annotations with a verdict in them; an empty one would mean that the keys came too fast for the page."""
        found = self.call("GET", f"/api/projects/{self.projects[task]}/export?exportType=JSON")
        return sum(1 for one in found for annotation in one["annotations"] if annotation["result"])

    @contextmanager
    def api(self) -> Iterator[tuple[Server, Annotation]]:
        yield self.server, self._annotation

    @contextmanager
    def many(self) -> Iterator[tuple[Server, Annotation]]:
        rated = [
            {**self._task(item), "annotations": [{"result": self._result("first"), "lead_time": 2.0}]}
            for item in items(0, AT_ONCE, self.seed)
        ]
        body = json.dumps(rated).encode()
        path = f"/api/projects/{self.projects['clients']}/import"

        def annotations(client: int, number: int) -> Call:
            return Call("POST", path, body, self._headers, annotations=AT_ONCE)

        yield self.server, annotations

    @contextmanager
    def filled(self, total: int) -> Iterator[tuple[Server, Mapping[str, Call]]]:
        wanted = [
            {**self._task(item), "annotations": [{"result": self._result("first" if item.number % 2 else "same")}]}
            for item in items(self._filled, total, self.seed)
        ]
        self._import("filled", wanted)
        self._filled = total
        yield self.server, self._reads()

    def _reads(self) -> dict[str, Call]:
        project = self.projects["filled"]
        counts = "task_count,task_number,annotation_count,num_tasks_with_annotations,queue_total"
        paths = {
            "list": f"/api/tasks?page=1&page_size=30&project={project}",
            "dashboard": f"/api/dm/project?project={project}&include={counts}",
            "export": f"/api/projects/{project}/export?exportType=JSON",
        }
        return {name: Call("GET", path, headers=self._headers) for name, path in paths.items()}

    def _annotation(self, client: int, number: int) -> Call:
        task = self._tasks[(client + ALL_CLIENTS * number) % len(self._tasks)]
        body = {"result": self._result("first"), "lead_time": 2.0}
        return Call("POST", f"/api/tasks/{task}/annotations/", json.dumps(body).encode(), self._headers)


@contextmanager
def site(database: str, ratings: int, seed: int) -> Iterator[LabelStudio]:
    """Label Studio on an empty scratch database of `database` (postgresql or sqlite), with `ratings` items to rate."""
    with ExitStack() as stack:
        parent = ring.ROOT / ".peers"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scratch-", dir=parent)))
        where = stack.enter_context(ring.scratch_database(database))
        who = _prepare(where, folder)
        port = free_port()
        command = [str(HOME / "bin/python"), "-m", "gunicorn", "core.wsgi", "--bind", f"127.0.0.1:{port}"]
        command += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "300"]
        env = _environment(where, folder)
        server = stack.enter_context(
            serving(command, port=port, ready="/health/", env=env, cwd=CODE, log=folder / "log")
        )
        label_studio = LabelStudio(server, who["password"], who["token"], seed)
        label_studio.load(ratings)
        yield label_studio
