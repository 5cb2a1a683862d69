"""A worker of the judge is killed while Claude thinks: the verdicts there are stay, the one under way comes once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from crm.models import Brand
from rlhf.judging import spending
from rlhf.models import Evaluation, JudgeCall, JudgeOrder
from tests.rlhf.judge.conftest import Maker, _running, claude, judged_by_claude, work
from tests.rlhf.judge.loopback import Delivery, Loopback, good

__all__ = ["_running", "claude", "judged_by_claude", "work"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[2]


def started(brand: Brand, server: Loopback) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flows.judge_worker", brand.slug, server.url],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"]), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_killed_worker_loses_no_verdict_and_none_comes_twice(
    judged_by_claude: Brand, claude: Loopback, work: Maker
) -> None:
    brand, experiences = judged_by_claude, [work(0.5 + n / 10) for n in range(3)]
    asked, dead = threading.Event(), threading.Event()

    def thinking(body: dict[str, Any]) -> Delivery:
        asked.set()
        dead.wait(60)
        return Delivery(hang_up=True)

    claude.queue = [good, thinking]
    worker = started(brand, claude)
    assert asked.wait(60), worker.communicate(timeout=5)
    worker.kill()
    worker.communicate(timeout=10)
    dead.set()
    verdicts = Evaluation.objects.for_brand(brand).filter(form=Evaluation.Form.ABSOLUTE)
    assert verdicts.filter(score__isnull=False).count() == 1
    left = JudgeOrder.objects.for_brand(brand).get(state=JudgeOrder.State.RUNNING)
    lost = JudgeCall.objects.for_brand(brand).get(order=left)
    assert (lost.cause, lost.cost_usd > 0) == (Evaluation.Cause.TIMED_OUT, True)  # nobody knows what it cost

    # while the lease runs another worker leaves it alone, and says so
    said, _ = started(brand, claude).communicate(timeout=60)
    assert "Under way elsewhere" in said
    assert verdicts.filter(score__isnull=False).count() == 2

    JudgeOrder.objects.for_brand(brand).filter(pk=left.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
    said, _ = started(brand, claude).communicate(timeout=60)
    assert "Under way elsewhere" not in said
    scored = verdicts.filter(score__isnull=False)
    assert sorted(scored.values_list("experience", flat=True)) == [one.pk for one in experiences]
    assert set(JudgeOrder.objects.for_brand(brand).values_list("state", flat=True)) == {JudgeOrder.State.DONE}
    calls = JudgeCall.objects.for_brand(brand)
    assert calls.count() == len(claude.seen) == 4
    lost.refresh_from_db()
    assert lost.cause == Evaluation.Cause.TIMED_OUT
    paid = sum((call.cost_usd for call in calls), Decimal(0))
    assert spending.spent(brand, timezone.now()) == paid > lost.cost_usd
