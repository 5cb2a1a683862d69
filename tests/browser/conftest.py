"""A real browser on a real server: the system's Chromium, two widths, two colour schemes, nothing from outside."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.utils import timezone

from crm.models import FunnelStage, Import, Lead, QuarantinedRow, Sale
from orchestrator import learning
from orchestrator.models import Episode
from tests.factories import EpisodeFactory, PackFactory, StepFactory

# Playwright runs an event loop in the thread of the tests; the database is used from it on purpose.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
# Pages that axe has looked at: it tries inline styles, which our policy refuses, and the browser may say so much later.
AUDITED: set[Any] = set()
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs Chromium, and is left out where there is none."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not Path(CHROMIUM).exists():
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture
def world(transactional_db: None, ana: Any, harbor: Any, lumen: Any) -> Any:
    """Harbor Oats with six packs, runs in every state, a training, leads, a sale, an import; Ana may switch brands."""
    harbor.world = "grocers"
    harbor.save()
    lumen.memberships.create(user=ana, role="viewer")
    names = ("Win-back e-mail", "Budget plan", "Product page", "Tax assist", "Measurement", "Season planning")
    packs = [PackFactory(brand=harbor, name=name, slug=name.lower().replace(" ", "-")) for name in names]
    for number in range(40):
        at = timezone.now() - timedelta(days=40 - number)
        run = _run(packs[number % 5], ("rule", "rl", "static")[number % 3], 0.3 + number / 80, at)
        Episode.across_brands.filter(pk=run.pk).update(created_at=at)
    learning.train(brand=harbor, by=ana)
    for state in ("failed", "stuck", "cancelled"):
        EpisodeFactory(pack=packs[2], state=state, simulated=True, error="Governance refused the text twice.")
    EpisodeFactory(pack=packs[3], state="paused", simulated=True)
    for number, stage in enumerate([*FunnelStage.values, "prospect", "prospect", "engaged"]):
        Lead.across_brands.create(brand=harbor, external_id=f"L{number}", name=f"Grocer {number}", funnel_stage=stage)
    Sale.across_brands.create(
        brand=harbor, external_id="S", amount=1140, currency="EUR", sold_at=timezone.now(), attributed_to=run.public_id
    )
    batch = Import.across_brands.create(
        brand=harbor, kind="leads", filename="master_leads.json", sha256="x", state="partial", rows_read=9,
        rows_stored=8, rows_set_aside=1, stored={"models": {"Lead": 8}, "files": {}, "notes": []},
    )  # fmt: skip
    QuarantinedRow.across_brands.create(
        batch=batch, file="master_leads.json", row=3, field="amount", value="a lot", reason="Not an amount of money"
    )
    return harbor


def _run(pack: Any, mode: str, reward: float, at: Any) -> Episode:
    run: Episode = EpisodeFactory(
        pack=pack, mode=mode, state="done", reward=reward, simulated=True, steps_count=2, title="Fennel & Co",
        started_at=at, finished_at=at, concluded_at=at,
    )  # fmt: skip
    for index, action in enumerate(("insight", "finish")):
        StepFactory(
            episode=run, index=index, action=action, allowed=["insight", "outreach", "finish"],
            probabilities=[0.5, 0.2, 0.3], probability=0.5 if index == 0 else 0.3, policy=f"{mode}@1",
            summary="Pulled 14 facts about the account", quality={"relevant": 0.8, "complete": 0.4},
            quality_overall=0.6, output={"subject": "A sturdier sack", "body": "Hello Jo"}, finished_at=at,
        )  # fmt: skip
    return run


def _is_ours(page: Any, text: str) -> bool:
    return "Content Security" in text and not (page in AUDITED and "inline style" in text)


@pytest.fixture
def answered(live_server: Any) -> Iterator[None]:
    """Afterwards waits until the server has answered everything it was asked.

    An answer that outlives its test reads tables while they are emptied: on PostgreSQL the two wait for each other, and
    the next test finds rows of this one.
    """
    underway: list[object] = []

    def begin(**_: Any) -> None:
        underway.append(None)

    def end(**_: Any) -> None:
        if underway:
            underway.pop()

    request_started.connect(begin)
    request_finished.connect(end)
    yield
    quiet_since = until = time.monotonic()
    while time.monotonic() - quiet_since < 0.05 and time.monotonic() - until < 30:
        time.sleep(0.01)
        if underway:
            quiet_since = time.monotonic()
    request_started.disconnect(begin)
    request_finished.disconnect(end)


@pytest.fixture
def page_for(browser: Any, live_server: Any, answered: None, ana: Any) -> Iterator[Any]:
    """Opens a page as Ana at a width and in a scheme; afterwards fails on whatever the browser complained about."""
    from tests.conftest import signed_in

    contexts, complaints = [], []

    def opened(
        path: str, *, size: dict[str, int] = WIDE, scheme: str = "light", script: bool = True, who: Any = ana
    ) -> Any:
        context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=script)
        context.set_default_timeout(60_000)  # for busy machines; only what fails waits so long
        contexts.append(context)
        if who is not None:
            session = signed_in(who).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_ours(page, said.text) else None)
        page.goto(live_server.url + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
