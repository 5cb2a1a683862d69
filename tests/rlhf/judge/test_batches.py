"""Backlogs go as batches at half price, come back in any order, and lose nothing when a batch does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from crm.models import Brand
from rlhf.judging import batches, carrying, orders, spending, turns
from rlhf.models import Evaluation, Experience, JudgeBatch, JudgeCall, JudgeOrder, JudgeSettings
from tests.rlhf.judge.conftest import MODEL, Maker
from tests.rlhf.judge.loopback import Delivery, Loopback, error, good

pytestmark = pytest.mark.django_db


def send(brand: Brand, behind: int = 0) -> JudgeBatch | None:
    return batches.send(brand, worker="w", client=carrying.client(), now=timezone.now(), behind=behind)


def collect(batch: JudgeBatch) -> dict[str, int] | None:
    return batches.collect(batch, client=carrying.client(), now=timezone.now())


def scores(brand: Brand) -> dict[int, float | None]:
    rows = Evaluation.objects.for_brand(brand).filter(judge=MODEL)
    return dict(rows.values_list("experience_id", "score"))


@pytest.fixture
def waiting(judged_by_claude: Brand, work: Maker) -> list[Experience]:
    made = [work(0.5 + n / 10) for n in range(4)]
    for one in made:
        orders.order_absolute(one, judge=MODEL)
    return made


class TestBatch:
    def test_results_in_any_order_reach_their_experiences_at_half_price(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None and batch.size == 4
        claude.lines = lambda lines: lines[::-1]
        assert collect(batch) == {"done": 4}
        assert scores(judged_by_claude) == {one.pk: pytest.approx(0.5 + n / 10) for n, one in enumerate(waiting)}
        assert spending.spent(judged_by_claude, timezone.now()) == 4 * Decimal("0.0024")
        batch.refresh_from_db()
        assert (batch.state, batch.counts) == ("ended", {"done": 4}) and batch.ended_at is not None

    def test_the_first_orders_are_asked_one_by_one(self, judged_by_claude: Brand, waiting: list[Experience]) -> None:
        batch = send(judged_by_claude, behind=3)
        assert batch is not None and batch.size == 1
        assert JudgeOrder.objects.for_brand(judged_by_claude).filter(state="queued").count() == 3

    def test_an_order_in_a_batch_is_taken_by_nobody(self, judged_by_claude: Brand, waiting: list[Experience]) -> None:
        send(judged_by_claude)
        later = timezone.now() + timedelta(hours=5)
        assert orders.claim(judged_by_claude, worker="w", now=later) is None
        assert send(judged_by_claude) is None

    def test_rankings_go_along(self, judged_by_claude: Brand, work: Maker) -> None:
        orders.order_group([work(0.9), work(0.3)], judge=MODEL)
        batch = send(judged_by_claude)
        assert batch is not None
        assert collect(batch) == {"done": 1}
        assert sorted(scores(judged_by_claude).values()) == [0.3, 0.9]  # type: ignore[type-var]

    def test_one_that_has_not_ended_is_left_alone(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.batch_status = "in_progress"
        assert collect(batch) is None
        assert not scores(judged_by_claude)

    def test_collected_twice_is_stored_once(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.lines = lambda lines: [*lines, *lines]  # every result comes twice
        assert collect(batch) == {"done": 4, "unknown": 4}
        collect(batch)
        assert Evaluation.objects.for_brand(judged_by_claude).filter(judge=MODEL).count() == 4


class TestWhatGoesWrong:
    def test_each_line_has_its_own_cause(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        busy = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}

        def lines(good_ones: list[dict[str, Any]]) -> list[Any]:
            a, b, c, _ = good_ones
            return [
                {**a, "result": {"type": "expired"}},
                {**b, "result": {"type": "errored", "error": busy}},
                {**c, "custom_id": "order-999999-1"},
            ]  # the fourth has no line at all

        claude.lines = lines
        assert collect(batch) == {"expired": 3, "overloaded": 1, "unknown": 1}
        assert set(scores(judged_by_claude).values()) == {None}
        assert JudgeOrder.objects.for_brand(judged_by_claude).filter(state="queued", batch=None).count() == 4
        assert spending.spent(judged_by_claude, timezone.now()) == 0

    def test_results_swapped_between_two_orders_are_found(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.lines = lambda lines: [
            {**line, "custom_id": other["custom_id"]}
            for line, other in zip(lines, lines[1:] + lines[:1], strict=True)
        ]  # fmt: skip
        assert collect(batch) == {"wrong_ids": 4}
        assert set(scores(judged_by_claude).values()) == {None}

    def test_a_reply_of_no_use_is_missing_as_in_a_single_call(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.script = lambda body: Delivery(good(body).text[:40], stop_reason="max_tokens")
        assert collect(batch) == {"cut_off": 4}
        assert spending.spent(judged_by_claude, timezone.now()) == 4 * Decimal("0.0024")

    def test_a_batch_that_is_gone_gives_its_orders_back(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.batches.clear()
        assert collect(batch) == {"expired": 4}
        batch.refresh_from_db()
        assert batch.state == "lost"
        again = send(judged_by_claude)
        assert again is not None and again.size == 4

    def test_results_that_break_off_are_read_again(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.lines = lambda lines: [lines[0], '{"custom_id": "order-']
        assert collect(batch) is None
        assert len(scores(judged_by_claude)) == 1
        claude.lines = lambda lines: lines
        assert collect(batch) == {"done": 3, "unknown": 1}
        assert len([score for score in scores(judged_by_claude).values() if score is not None]) == 4

    def test_one_that_never_ends_is_given_up_after_a_day(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        batch = send(judged_by_claude)
        assert batch is not None
        claude.batch_status = "in_progress"
        with time_machine.travel(timezone.now() + timedelta(hours=28)):
            assert collect(batch) == {"expired": 4}

    def test_a_batch_that_is_not_taken_leaves_its_orders_waiting(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        claude.queue = [error(529, "overloaded_error")]
        assert send(judged_by_claude) is None
        assert not JudgeBatch.objects.for_brand(judged_by_claude).exists()
        rows = JudgeOrder.objects.for_brand(judged_by_claude)
        assert {(row.state, row.cause) for row in rows} == {("queued", "overloaded")}
        assert {call.cost_usd for call in JudgeCall.objects.for_brand(judged_by_claude)} == {Decimal(0)}

    def test_the_limit_holds_for_batches(
        self, judged_by_claude: Brand, claude: Loopback, waiting: list[Experience]
    ) -> None:
        JudgeSettings.objects.filter(brand=judged_by_claude).update(monthly_limit_usd=Decimal("0.08"))
        batch = send(judged_by_claude)
        assert batch is not None and 1 <= batch.size < 4
        assert spending.spent(judged_by_claude, timezone.now()) <= Decimal("0.08")
        assert JudgeOrder.objects.for_brand(judged_by_claude).filter(cause="limit").count() == 4 - batch.size


class TestTurn:
    def test_it_sends_what_waits_behind_and_collects_it(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        for n in range(batches.BEHIND + 5):
            orders.order_absolute(work(0.4 + n / 100), judge=MODEL)
        assert turns.turn_batches(worker="w") == {"sent": 5}
        assert turns.turn_batches(worker="w") == {"collected": 1}
        assert len(scores(judged_by_claude)) == 5

    def test_a_brand_may_want_no_batches(self, judged_by_claude: Brand, waiting: list[Experience]) -> None:
        JudgeSettings.objects.filter(brand=judged_by_claude).update(batches=False)
        assert send(judged_by_claude) is None
