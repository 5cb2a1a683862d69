"""Rating as it happens: by keyboard alone, on a phone, with workers and servers killed midway, without a network for a
while, with a session that ended. Each time nothing is lost, and nothing is stored twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from django.contrib.sessions.models import Session
from django.db import connection

from rlhf.models import Assignment, Feedback, PreferencePair, RatingItem, Signal
from tests.browser.conftest import CHROMIUM
from tests.browser.rating_hands import all_sent, kept, press, ready, shown, unsent, until
from tests.conftest import signed_in
from tests.rlhf.rating.things import items_of, pairs_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no Chromium on this machine"),
]
ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 360, "height": 740}
PAIRS, SINGLES = "/rate/email-pairs/", "/rate/emails/"


@pytest.fixture
def queues(transactional_db: None, harbor: Any, rae: Any) -> Any:
    """Fifteen pairs and fifteen e-mails wait for Rae."""
    pairs_of(harbor, 15)
    items_of(harbor, 15)
    return harbor


def rated(model: Any = PreferencePair) -> list[str]:
    """Ids of the items whose answer stands, in the order in which they were stored."""
    rows = model.across_brands.filter(undone_at__isnull=True).order_by("created_at", "pk")
    return [str(one) for one in rows.values_list("assignment__public_id", flat=True)]


def assert_nothing_twice() -> None:
    """One standing answer for each item and person, one row for each key, counts that agree with the rows."""
    for model in (PreferencePair, Feedback):
        standing = rated(model)
        assert len(standing) == len(set(standing))
        keys = list(model.across_brands.exclude(key="").values_list("rater", "key"))
        assert len(keys) == len(set(keys))
    for item in RatingItem.across_brands.all():
        assert item.answered == Assignment.across_brands.filter(item=item, state="answered").count()
        assert item.taken == Assignment.across_brands.filter(item=item, holds_slot=True).count()
    made = PreferencePair.across_brands.count() * 2
    assert Signal.across_brands.filter(kind="preferred").count() == made


class TestByKeyboardAlone:
    def test_from_signing_in_to_stopping(self, queues, page_for):
        page = page_for("/rate/", who=None)
        _tab_to(page, "document.activeElement.name === 'login'")
        page.keyboard.type("rae")
        _tab_to(page, "document.activeElement.type === 'password'")
        page.keyboard.type("endcap-demo")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Rate", exact=True).wait_for()
        _tab_to(page, "document.activeElement.matches('[href=\"/rate/email-pairs/\"]')")
        page.keyboard.press("Enter")
        ready(page)
        order = [shown(page)]
        order += [press(page, key) for key in ("a", "b", "Space", "e", "n")]
        page.keyboard.press("u")
        page.locator(f'#rate-item [data-item="{order[4]}"]').wait_for()
        press(page, "b")
        _tab_to(page, "document.activeElement.name === 'reasons'", back=True)
        page.keyboard.press("Space")
        all_sent(page)
        assert rated() == [order[0], order[1], order[3], order[4]]
        assert PreferencePair.across_brands.filter(undone_at__isnull=True).latest("created_at").reasons != []
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        _tab_to(page, "document.activeElement.textContent.trim() === 'Stop for now'", back=True)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Rate", exact=True).wait_for()
        assert not Assignment.across_brands.filter(state="open").exists()
        assert_nothing_twice()


def _tab_to(page: Any, holds: str, *, back: bool = False) -> None:
    for _ in range(80):
        if page.evaluate(holds):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"the keyboard never came to {holds}")


class TestOnAPhone:
    def test_by_taps_at_360_pixels(self, queues, rae, page_for):
        page = ready(page_for(PAIRS, who=rae, size=PHONE))
        order = [shown(page)]
        for name in ("A is better", "Both bad", "About the same", "B is better"):
            page.get_by_text("Read B").click()
            page.get_by_role("button", name=name).click()
            page.locator(f'#rate-item [data-item]:not([data-item="{order[-1]}"])').wait_for()
            order.append(shown(page))
        page.locator("[data-strip-undo]").click()
        page.locator(f'#rate-item [data-item="{order[3]}"]').wait_for()
        page.get_by_role("button", name="A is better").click()
        page.get_by_text("Clearer").click()
        all_sent(page)
        assert rated() == order[:4]
        page.goto(page.url.replace(PAIRS, SINGLES))
        ready(page)
        page.get_by_role("button", name="4 of 5").click()
        page.get_by_text("Saved:", exact=True).wait_for()
        all_sent(page)
        assert Feedback.across_brands.get().stars == 4
        assert_nothing_twice()


class TestNoNetwork:
    def test_ratings_outlive_it_and_a_reload_in_it(self, queues, rae, page_for):
        page = ready(page_for(PAIRS, who=rae))
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        until(page, lambda: kept(page) >= 10)
        page.reload()  # so that the service worker has seen the page
        ready(page)
        page.wait_for_timeout(500)
        items = [shown(page), press(page, "a")]
        all_sent(page)
        page.context.set_offline(True)
        items += [press(page, key) for key in ("b", "e", "Space", "n")]
        page.get_by_text("Not saved yet. Trying again").first.wait_for()
        page.get_by_label("Clearer").check(force=True)
        page.locator("h1").click()
        page.keyboard.press("u")
        page.locator(f'#rate-item [data-item="{items[4]}"]').wait_for()
        until(page, lambda: "undo" in unsent(page))  # nobody reloads within a few ms of a key
        page.wait_for_timeout(200)
        page.reload()
        ready(page)
        assert shown(page) == items[4]  # the position
        assert page.locator("#rate-progress strong").inner_text() == "3 of 14"  # one was skipped
        assert press(page, "a") == items[5]
        items.append(press(page, "b"))
        page.wait_for_timeout(3000)
        assert PreferencePair.across_brands.count() == 1
        assert len(unsent(page)) >= 7
        page.context.set_offline(False)
        all_sent(page)
        assert sorted(rated()) == sorted([*items[:3], *items[4:6]])
        assert Assignment.across_brands.get(public_id=items[3]).state == "skipped"
        assert shown(page) == items[6]
        assert_nothing_twice()

    def test_a_closed_window_sends_it_the_next_time(self, queues, rae, page_for):
        page = ready(page_for(PAIRS, who=rae))
        until(page, lambda: kept(page) >= 5)
        context = page.context
        context.set_offline(True)
        first = shown(page)
        second = press(page, "a")
        press(page, "b")
        until(page, lambda: len(unsent(page)) == 2)
        address = page.url
        page.close()
        context.set_offline(False)
        page = context.new_page()
        page.goto(address)
        ready(page)
        all_sent(page)
        assert sorted(rated()) == sorted([first, second])
        assert shown(page) not in (first, second)
        assert_nothing_twice()

    def test_the_service_worker_sends_it_after_the_window_was_closed(self, queues, rae, page_for):
        page = ready(page_for(PAIRS, who=rae))
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        until(page, lambda: kept(page) >= 5)
        context, address = page.context, page.url.split("/rate/")[0]
        context.set_offline(True)
        first = shown(page)
        press(page, "a")
        until(page, lambda: len(unsent(page)) == 1)
        blank = context.new_page()
        page.close()
        context.set_offline(False)
        _back_on_the_network(context, blank, address)
        until(blank, lambda: PreferencePair.across_brands.count() == 1)
        assert rated() == [first]
        assert_nothing_twice()


def _back_on_the_network(context: Any, page: Any, address: str) -> None:
    """What the browser itself does some time after the network is back: it wakes the service worker up."""
    session = context.new_cdp_session(page)
    found: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(one["registrationId"] for one in event["registrations"] if not one["isDeleted"]),
    )
    session.send("ServiceWorker.enable")
    until(page, lambda: bool(found))
    sync = {"origin": address, "registrationId": found[-1], "tag": "endcap-rating", "lastChance": False}
    session.send("ServiceWorker.dispatchSyncEvent", sync)


class TestSessionExpired:
    def test_what_was_rated_is_sent_once_after_signing_in(self, queues, rae, page_for):
        page = ready(page_for(PAIRS, who=rae))
        until(page, lambda: kept(page) >= 5)
        order = [shown(page), press(page, "a")]
        all_sent(page)
        Session.objects.all().delete()
        order += [press(page, "b"), press(page, "e")]
        page.get_by_text("You are signed out. Sign in, and it is kept").wait_for()
        assert unsent(page) == ["answer", "answer"]
        page.get_by_role("link", name="Sign in").click()
        page.get_by_label("Name or work e-mail").fill("rae")
        page.get_by_label("Password").fill("endcap-demo")
        page.get_by_role("button", name="Sign in").click()
        ready(page)
        all_sent(page)
        assert rated() == order[:3]
        assert shown(page) == order[3]
        assert page.get_by_text("You are signed out.").count() == 0
        assert_nothing_twice()

    def test_another_person_never_sends_it(self, queues, rae, ana, page_for):
        page = ready(page_for(PAIRS, who=rae))
        until(page, lambda: kept(page) >= 5)
        page.context.set_offline(True)
        first = shown(page)
        press(page, "a")
        until(page, lambda: len(unsent(page)) == 1)
        address = page.url.split("/rate/")[0]
        cookie = {"name": "sessionid", "value": signed_in(ana).cookies["sessionid"].value, "url": address}
        page.context.add_cookies([cookie])
        page.context.set_offline(False)
        page.get_by_text("Somebody else signed in here.").wait_for()
        assert not PreferencePair.across_brands.exists()
        page.goto(address + PAIRS)
        ready(page)
        press(page, "b")
        until(page, lambda: PreferencePair.across_brands.count() == 1)
        assert PreferencePair.across_brands.get().rater == ana
        assert unsent(page) == ["answer"]
        page.context.add_cookies([{**cookie, "value": signed_in(rae).cookies["sessionid"].value}])
        page.goto(address + PAIRS)
        ready(page)
        all_sent(page)
        assert PreferencePair.across_brands.get(rater=rae).assignment.public_id.hex == first.replace("-", "")
        assert_nothing_twice()


class Server:
    """gunicorn with two workers on the database of the tests."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.kill_file = folder / "kill"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable, "-m", "gunicorn", "tests.flows.rating_wsgi:application", "--bind", f"127.0.0.1:{self.port}",
            "--workers", "2", "--threads", "4", "--worker-class", "gthread", "--log-level", "critical",
        ]  # fmt: skip
        environment = {
            **os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"]), "KILL": str(self.kill_file),
            "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings.test",
        }  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        until_ = time.monotonic() + 120
        while time.monotonic() < until_:
            try:
                urlopen(f"{self.url}/rate/worker.js", timeout=5).close()
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
            else:
                return
        raise AssertionError("the server did not come up")

    def kill(self) -> None:
        """All of it at once, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def kill_the_worker_that_answers(self, when: str) -> None:
        self.kill_file.write_text(when)


@pytest.fixture
def server(queues: Any, tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


@pytest.fixture
def page_there(server: Server, browser: Any, rae: Any) -> Iterator[Any]:
    """Rae's page of pairs on that server."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    cookie = {"name": "sessionid", "value": signed_in(rae).cookies["sessionid"].value, "url": server.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(server.url + PAIRS)
    yield ready(page)
    context.close()


@pytest.mark.processes
class TestKilled:
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_the_worker_that_takes_the_answer(self, when, server, page_there):
        page = page_there
        until(page, lambda: kept(page) >= 10, seconds=60)
        order = [shown(page), press(page, "a")]
        all_sent(page)
        server.kill_the_worker_that_answers(when)
        order += [press(page, key) for key in ("b", "e", "n")]
        until(page, lambda: not unsent(page), seconds=60)
        assert not server.kill_file.exists()
        assert sorted(rated()) == sorted(order[:4])
        assert_nothing_twice()

    def test_the_whole_server_and_started_again(self, server, page_there):
        page = page_there
        until(page, lambda: kept(page) >= 10, seconds=60)
        order = [shown(page), press(page, "a")]
        all_sent(page)
        server.kill()
        order += [press(page, key) for key in ("b", "Space", "e")]
        page.get_by_text("Not saved yet. Trying again").first.wait_for()
        page.keyboard.press("u")
        page.locator(f'#rate-item [data-item="{order[3]}"]').wait_for()
        order.append(press(page, "n"))
        assert rated() == order[:1]
        server.start()
        until(page, lambda: not unsent(page), seconds=90)
        assert sorted(rated()) == sorted([order[0], order[1], order[3]])
        verdict = PreferencePair.across_brands.get(assignment__public_id=order[3], undone_at__isnull=True).verdict
        assert verdict == "both_bad"
        assert Assignment.across_brands.get(public_id=order[2]).state == "skipped"
        assert_nothing_twice()
