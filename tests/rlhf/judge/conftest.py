"""A brand that has Claude judge, on a server of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crm.models import Brand
from rlhf.models import Experience, JudgeSettings
from tests.rlhf.judge.loopback import Loopback, good

MODEL = "claude-sonnet-5-5"
Maker = Callable[..., Experience]


@pytest.fixture(scope="session")
def _running() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def claude(_running: Loopback, settings: Any) -> Loopback:
    """The service, good-natured until told otherwise, and the settings that lead to it."""
    _running.script, _running.queue, _running.seen = good, [], []
    _running.batches, _running.batch_status, _running.lines = {}, "ended", lambda lines: lines
    settings.ANTHROPIC_API_KEY = "test"
    settings.CLAUDE_MODEL = MODEL
    settings.CLAUDE_BASE_URL = _running.url
    settings.CLAUDE_TIMEOUT_S = 1.0
    return _running


@pytest.fixture
def judged_by_claude(harbor: Brand, claude: Loopback) -> Brand:
    JudgeSettings.objects.create(brand=harbor, backend=JudgeSettings.Backend.CLAUDE, monthly_limit_usd=20)
    return harbor


@pytest.fixture
def work(harbor: Brand) -> Maker:
    """Makes a piece of copy with a known grade."""

    def made(grade: float = 0.7, brand: Brand | None = None, **fields: Any) -> Experience:
        body = f"Plain rolled oats for bakers, grade {grade:.2f}."
        row = {
            "brand": brand or harbor,
            "kind": "creative",
            "request": "Sell oats",
            "context": {"brand": "Harbor Oats", "facts": {"sku:A#1": "11 g of protein in 100 g"}},
            "output": {"kind": "creative", "copies": [{"sku_code": "A", "headline": "Oats", "body": body}]},
            "served_by": "composer@1",
            **fields,
        }
        experience: Experience = Experience.objects.for_brand(row["brand"]).create(**row)
        return experience

    return made
