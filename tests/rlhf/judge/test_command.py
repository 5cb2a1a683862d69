"""`manage.py evaluate_experiences`: what it judges, what it says, what it leaves alone."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.models import Brand
from rlhf.models import Evaluation, JudgeOrder, JudgeSettings
from tests.rlhf.judge.conftest import MODEL, Maker
from tests.rlhf.judge.faults import FAULTS
from tests.rlhf.judge.loopback import Loopback

pytestmark = pytest.mark.django_db
BY_NAME = {fault.name: fault for fault in FAULTS}


def run(*args: str) -> tuple[str, str]:
    """What was printed, and what the exit said ("" for 0)."""
    out = io.StringIO()
    try:
        call_command("evaluate_experiences", *args, stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


class TestRubric:
    def test_it_judges_what_is_new_and_again_nothing(self, harbor: Brand, lumen: Brand, work: Maker) -> None:
        for brand in (harbor, harbor, lumen):
            work(brand=brand)
        said, failed = run()
        assert "harbor-oats: 2 to judge by rubric" in said and "lumen-home: 1 to judge" in said and failed == ""
        assert Evaluation.objects.for_brand(harbor).count() == 2
        assert "harbor-oats: 0 to judge" in run()[0]

    def test_brand_kind_and_limit_narrow_it(self, harbor: Brand, lumen: Brand, work: Maker) -> None:
        for _ in range(3):
            work()
        work(kind="budget", output={"kind": "budget", "allocation": {"C-1": 10}})
        work(brand=lumen)
        run("--brand", "harbor-oats", "--kind", "creative", "--limit", "2")
        rows = Evaluation.objects.for_brand(harbor).values_list("experience__kind", flat=True)
        assert list(rows) == ["creative", "creative"]
        assert not Evaluation.objects.for_brand(lumen).exists()

    def test_a_dry_run_stores_nothing(self, harbor: Brand, work: Maker) -> None:
        work()
        work(output={"kind": "budget"})
        said, failed = run("--dry-run")
        assert "creative" in said and "would be missing: unreadable 1" in said and failed == ""
        assert not Evaluation.objects.for_brand(harbor).exists()

    def test_what_is_missing_is_in_the_table_and_in_the_exit_code(self, harbor: Brand, work: Maker) -> None:
        work()
        work(output={"kind": "budget"})
        said, failed = run()
        assert "The output cannot be read" in said and failed.startswith("1 of 2 verdicts are missing")

    @pytest.mark.parametrize(
        ("args", "why"),
        [
            (("--brand", "nobody"), "There is no brand nobody"),
            (("--kind", "song"), "no rubric for song"),
            (("--limit", "0"), "at least 1"),
            (("--judge", "claude"), "ANTHROPIC_API_KEY"),
        ],
    )
    def test_it_says_what_is_wrong_with_a_call(self, args: tuple[str, ...], why: str) -> None:
        assert why in run(*args)[1]


class TestClaude:
    def test_it_judges_and_says_what_it_cost(self, judged_by_claude: Brand, work: Maker) -> None:
        for grade in (0.5, 0.8):
            work(grade)
        said, failed = run("--judge", "claude")
        assert failed == "" and "Cost, USD" in said and "0.0096" in said
        scores = Evaluation.objects.for_brand(judged_by_claude).filter(judge=MODEL).values_list("score", flat=True)
        assert sorted(scores) == [pytest.approx(0.5), pytest.approx(0.8)]
        assert "0 to judge" in run("--judge", "claude")[0]

    def test_a_dry_run_says_what_it_would_cost_and_calls_nobody(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        work()
        said, _ = run("--judge", "claude", "--dry-run")
        assert "USD in single calls" in said and "20.00 left" in said
        assert not claude.seen and not JudgeOrder.objects.for_brand(judged_by_claude).exists()

    def test_it_stops_when_the_service_is_in_trouble(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        for _ in range(4):
            work()
        claude.script = BY_NAME["529"].script
        said, failed = run("--judge", "claude")
        assert "stopped after “overloaded”; 3 are left" in said and "1 of 1" in failed
        claude.script = BY_NAME["good"].script
        assert run("--judge", "claude")[1] == ""  # asked for again: it does not wait for the retry

    def test_it_stops_at_the_limit(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        JudgeSettings.objects.filter(brand=judged_by_claude).update(monthly_limit_usd=0)
        work()
        said, failed = run("--judge", "claude")
        assert "The month's limit is reached" in said and failed and not claude.seen

    def test_an_unknown_model_is_priced_at_the_dearest(
        self, judged_by_claude: Brand, settings: Any, work: Maker
    ) -> None:
        settings.CLAUDE_MODEL = "somebody-9"
        work()
        assert "dearest" in run("--judge", "claude", "--dry-run")[0]
