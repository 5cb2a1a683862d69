"""What a worker does when beat wakes it up: who comes first, who is left alone, which groups are ranked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from crm.models import Brand
from rlhf import judging
from rlhf.judging import orders, turns
from rlhf.models import Evaluation, Experience, Feedback, JudgeOrder, JudgeSettings
from tests.rlhf.judge.conftest import MODEL, Maker
from tests.rlhf.judge.faults import FAULTS
from tests.rlhf.judge.loopback import Loopback

BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.mark.django_db
class TestPriority:
    def test_live_then_flagged_then_uncertain_then_newest(self, judged_by_claude: Brand, work: Maker, ana: Any) -> None:
        simulated, old, flagged = work(simulated=True), work(), work()
        newest = work()
        Feedback.objects.for_brand(judged_by_claude).create(
            brand=judged_by_claude, experience=flagged, kind=Feedback.Kind.FLAG, rater=ana
        )
        for one in (simulated, old, flagged, newest):
            judging.evaluate(one)
        wanted = sorted((simulated, old, flagged, newest), key=orders.priority_of, reverse=True)
        assert [one.pk for one in wanted] == [flagged.pk, newest.pk, old.pk, simulated.pk]


@pytest.mark.django_db
class TestTurns:
    def test_new_experiences_get_both_verdicts_and_again_changes_nothing(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        experience = work(0.9)
        assert turns.evaluate_new(worker="w") == {"rubric": 1, "ordered": 1, "done": 1}
        assert turns.evaluate_new(worker="w") == {}
        judges = Evaluation.objects.for_brand(judged_by_claude).values_list("judge", flat=True)
        assert sorted(judges) == [MODEL, "rubric"]
        score, why = judging.latest_score(experience)
        assert score == pytest.approx(0.9) and why == ""

    def test_without_a_key_the_rubric_judges_alone(self, judged_by_claude: Brand, settings: Any, work: Maker) -> None:
        settings.ANTHROPIC_API_KEY = ""
        work()
        assert turns.evaluate_new(worker="w") == {"rubric": 1}

    def test_a_service_in_trouble_is_left_alone(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        claude.script = BY_NAME["529"].script
        for _ in range(4):
            work()
        assert turns.evaluate_new(worker="w")["overloaded"] == 1
        assert len(claude.seen) == 1

    def test_what_is_old_waits_until_somebody_asks(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        old = work()
        long_ago = timezone.now() - timedelta(days=40)
        Experience.objects.for_brand(judged_by_claude).filter(pk=old.pk).update(created_at=long_ago)
        assert turns.evaluate_new(worker="w") == {"rubric": 1}

    def test_groups_are_ranked_once_two_new_answers_are_there(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        group = uuid4()
        work(0.9, group=group)
        assert turns.order_rankings() == 0
        work(0.9, group=group)  # the same text once more
        assert turns.order_rankings() == 0
        work(0.4, group=group)
        assert turns.order_rankings() == 1
        assert turns.order_rankings() == 0
        work(0.5, group=group)
        assert turns.order_rankings() == 0  # one alone is nothing to compare
        work(0.6, group=group)
        assert turns.order_rankings() == 1

    def test_a_large_group_is_split_evenly(self, judged_by_claude: Brand, work: Maker) -> None:
        group = uuid4()
        for n in range(11):
            work(0.30 + n / 100, group=group)
        assert turns.order_rankings() == 2
        sizes = [len(o.members) for o in JudgeOrder.objects.for_brand(judged_by_claude).order_by("pk")]
        assert sizes == [6, 5]

    def test_a_brand_may_want_no_ranks(self, judged_by_claude: Brand, work: Maker) -> None:
        JudgeSettings.objects.filter(brand=judged_by_claude).update(ranks=False)
        group = uuid4()
        work(0.9, group=group)
        work(0.4, group=group)
        assert turns.order_rankings() == 0
