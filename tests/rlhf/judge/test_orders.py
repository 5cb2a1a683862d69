"""Orders: claimed once, tried again by the table, parked with a reason, paid within the month's limit."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from crm.models import Brand
from rlhf.judge.retries import MOST_ATTEMPTS, RETRIES
from rlhf.judging import carrying, orders, spending
from rlhf.models import Evaluation, Experience, JudgeCall, JudgeOrder, JudgeSettings, Signal
from tests.rlhf.judge.conftest import MODEL, Maker
from tests.rlhf.judge.faults import FAULTS, Fault
from tests.rlhf.judge.loopback import Delivery, Loopback, error, good

BY_NAME = {fault.name: fault for fault in FAULTS}


def claimed(brand: Brand, worker: str = "w") -> JudgeOrder:
    order = orders.claim(brand, worker=worker, now=timezone.now())
    assert order is not None
    return order


def verdicts(experience: Experience, form: str = "absolute") -> list[Evaluation]:
    return list(Evaluation.objects.for_brand(experience.brand).filter(experience=experience, form=form, judge=MODEL))


@pytest.mark.django_db
class TestAbsolute:
    def test_a_verdict_is_stored_with_all_that_was_said(self, judged_by_claude: Brand, work: Maker) -> None:
        experience = work(0.83)
        orders.order_absolute(experience, judge=MODEL)
        assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        (row,) = verdicts(experience)
        assert row.score == pytest.approx(0.83) and row.overall_rating == "up" and row.confidence == 0.8
        assert row.prompt_version.startswith("absolute@") and row.rubric_version.startswith("creative@")
        assert '"dimensions"' in row.raw and row.verdict["model"] == MODEL
        assert set(row.verdict) >= {
            "reasoning",
            "query_understanding",
            "widget_feedback",
            "missing_widgets",
            "suggestions",
        }
        assert row.cost_usd == Decimal("0.004800")  # 900 tokens at 2 USD a million, 300 at 10
        call = JudgeCall.objects.for_brand(judged_by_claude).get()
        assert (call.input_tokens, call.output_tokens, call.cause) == (900, 300, "")
        signal = Signal.objects.for_brand(judged_by_claude).get(kind="judged")
        assert signal.actor == MODEL and signal.said["evaluation"] == row.pk

    def test_twice_ordered_is_one_order(self, judged_by_claude: Brand, work: Maker) -> None:
        experience = work()
        one, new = orders.order_absolute(experience, judge=MODEL)
        again, also = orders.order_absolute(experience, judge=MODEL)
        assert one.pk == again.pk and new and not also

    def test_an_output_that_cannot_be_read_costs_no_call(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        orders.order_absolute(work(output={"kind": "creative", "copies": "none"}), judge=MODEL)
        assert carrying.carry_out(claimed(judged_by_claude)) == "unreadable"
        assert not claude.seen

    def test_personal_data_is_taken_out_before_it_leaves(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        context = {
            "brand": "Harbor Oats",
            "prospect": {"key": "L-1", "name": "Jo Marsh", "company": "Fennel", "need": "oats"},
            "facts": {"prospect:L-1#need": "Jo Marsh, jo.marsh@fennel.example, +44 20 7946 0958, looks for oats"},
        }
        mail = {"prospect_key": "L-1", "subject": "Oats for Jo", "body": "Hello Jo,\nwrite to jo.marsh@fennel.example."}
        orders.order_absolute(
            work(kind="outreach", context=context, output={"kind": "outreach", "emails": [mail]}), judge=MODEL
        )
        assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        sent = str(claude.seen)
        assert "Marsh" not in sent and "Jo" not in sent and "fennel.example" not in sent and "7946" not in sent
        assert "person_" in sent and "email_" in sent


@pytest.mark.django_db
class TestFaults:
    @pytest.mark.parametrize("fault", [f for f in FAULTS if f.cause], ids=lambda fault: fault.name)
    def test_each_leaves_a_row_that_says_why_and_no_score(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker, fault: Fault
    ) -> None:
        claude.script = fault.script
        if "absolute" in fault.forms:
            members = [work(0.9)]
            orders.order_absolute(members[0], judge=MODEL)
        else:
            members = [work(0.9), work(0.4), work(0.6)]
            orders.order_group(members, judge=MODEL)
        before = timezone.now()
        order = claimed(judged_by_claude)
        assert carrying.carry_out(order) == fault.cause
        order.refresh_from_db()
        for member in members:
            (row,) = verdicts(member, order.form)
            assert row.score is None and row.cause == fault.cause and row.missing_because
        assert order.cause == fault.cause and order.reason and order.leased_by == ""
        if RETRIES[fault.cause].times:
            assert order.state == "queued" and order.retry_at >= before
        else:
            assert order.state == "parked" and order.finished_at is not None

    def test_the_verdict_takes_the_place_of_what_was_missing(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        experience = work(0.9)
        orders.order_absolute(experience, judge=MODEL)
        claude.queue = [BY_NAME["529"].script]
        assert carrying.carry_out(claimed(judged_by_claude)) == "overloaded"
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        (row,) = verdicts(experience)
        assert row.score == pytest.approx(0.9) and row.cause == ""
        causes = [s.said.get("cause") for s in Signal.objects.for_brand(judged_by_claude).filter(kind="judged")]
        assert causes == ["overloaded", None]  # history keeps both

    def test_it_waits_as_long_as_the_service_asks(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        orders.order_absolute(work(), judge=MODEL)
        claude.script = error(429, "rate_limit_error", retry_after="600")
        order = claimed(judged_by_claude)
        carrying.carry_out(order)
        order.refresh_from_db()
        assert timedelta(seconds=590) < order.retry_at - timezone.now() <= timedelta(seconds=600)
        assert orders.claim(judged_by_claude, worker="w", now=timezone.now()) is None

    def test_after_as_many_tries_as_the_table_says_it_is_parked(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        orders.order_absolute(work(), judge=MODEL)
        claude.script = BY_NAME["score 85"].script
        now, tries = timezone.now(), 0
        while tries < 10:
            with time_machine.travel(now + timedelta(days=tries)):
                order = orders.claim(judged_by_claude, worker="w", now=timezone.now())
                if order is None:
                    break
                carrying.carry_out(order)
                tries += 1
        order = JudgeOrder.objects.for_brand(judged_by_claude).get()
        assert tries == 1 + RETRIES["out_of_range"].times and order.state == "parked"
        assert JudgeCall.objects.for_brand(judged_by_claude).filter(cause="out_of_range").count() == tries

    def test_after_a_cut_it_asks_with_more_room_and_other_ids(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        orders.order_group([work(0.9), work(0.2)], judge=MODEL)
        claude.queue = [BY_NAME["cut off"].script]
        carrying.carry_out(claimed(judged_by_claude))
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        first, second = claude.seen
        assert second["max_tokens"] == 2 * first["max_tokens"]
        assert first["messages"] != second["messages"]

    def test_parked_orders_are_taken_up_again_on_request(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        orders.order_absolute(work(), judge=MODEL)
        claude.queue = [BY_NAME["401"].script]
        assert carrying.carry_out(claimed(judged_by_claude)) == "bad_call"
        assert orders.take_up_again(judged_by_claude, cause="bad_call") == 1
        assert carrying.carry_out(claimed(judged_by_claude)) == "done"


@pytest.mark.django_db
class TestGroupsAndPairs:
    def test_ranks_are_stored_for_each_member_and_centred(self, judged_by_claude: Brand, work: Maker) -> None:
        members = [work(grade) for grade in (0.9, 0.3, 0.6)]
        orders.order_group(members, judge=MODEL)
        assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        rows = [verdicts(member, "group")[0] for member in members]
        assert [row.score for row in rows] == [0.9, 0.3, 0.6]
        assert [row.centred for row in rows] == pytest.approx([0.3, -0.3, 0.0])
        assert len({row.group for row in rows}) == 1
        assert sum(row.cost_usd for row in rows) == pytest.approx(Decimal("0.0048"), abs=Decimal("0.00001"))

    def test_a_pair_has_a_row_for_each_side(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        a, b = work(0.4), work(0.8)
        orders.order_pair(a, b, judge=MODEL)
        assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        (left,), (right,) = verdicts(a, "pair"), verdicts(b, "pair")
        assert (left.score, right.score) == (0.0, 1.0) and left.opponent_id == b.pk
        assert left.verdict["orders"] == ["b", "b"] and right.verdict["orders"] == ["a", "a"]
        assert len(claude.seen) == 2 and left.cost_usd + right.cost_usd == Decimal("0.0096")

    def test_half_a_pair_is_no_verdict(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        a, b = work(0.4), work(0.8)
        orders.order_pair(a, b, judge=MODEL)
        claude.queue = [good, BY_NAME["refusal"].script]
        assert carrying.carry_out(claimed(judged_by_claude)) == "refused"
        assert verdicts(a, "pair")[0].score is None and verdicts(b, "pair")[0].score is None

    def test_one_of_another_brand_or_kind_is_refused(self, harbor: Brand, lumen: Brand, work: Maker) -> None:
        with pytest.raises(orders.BadOrder):
            orders.order_group([work(), work(brand=lumen)], judge=MODEL)
        with pytest.raises(orders.BadOrder):
            orders.order_pair(work(), work(kind="budget"), judge=MODEL)
        one = work()
        with pytest.raises(orders.BadOrder):
            orders.order_pair(one, one, judge=MODEL)
        with pytest.raises(orders.BadOrder):
            orders.order_group([work() for _ in range(9)], judge=MODEL)

    def test_the_rubric_ranks_without_a_key(self, harbor: Brand, work: Maker) -> None:
        members = [work(0.5), work(0.5, output={"kind": "creative", "copies": []})]
        orders.order_group(members, judge="rubric")
        assert carrying.carry_out(claimed(harbor)) == "done"
        scores = [
            row.score for one in members for row in Evaluation.objects.for_brand(harbor).filter(experience=one)
        ]  # fmt: skip
        assert scores == [1.0, 0.0]


@pytest.mark.django_db
class TestMoney:
    def test_the_limit_stops_before_a_call_and_the_order_waits(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        JudgeSettings.objects.filter(brand=judged_by_claude).update(monthly_limit_usd=Decimal("0.01"))
        experience = work()
        for one in (experience, work(), work()):
            orders.order_absolute(one, judge=MODEL)
        order = claimed(judged_by_claude)
        assert carrying.carry_out(order) == "limit" and not claude.seen
        order.refresh_from_db()
        assert order.state == "queued" and order.cause == "limit" and order.attempts == 0
        assert orders.claim(judged_by_claude, worker="w", now=timezone.now()) is None  # the others wait as well
        assert Evaluation.objects.for_brand(judged_by_claude).filter(cause="limit", score=None).count() == 1

    def test_it_goes_on_when_the_limit_is_raised(self, judged_by_claude: Brand, work: Maker) -> None:
        JudgeSettings.objects.filter(brand=judged_by_claude).update(monthly_limit_usd=0)
        experience = work(0.9)
        orders.order_absolute(experience, judge=MODEL)
        carrying.carry_out(claimed(judged_by_claude))
        JudgeSettings.objects.filter(brand=judged_by_claude).update(monthly_limit_usd=5)
        with time_machine.travel(timezone.now() + timedelta(hours=1, minutes=1)):
            assert carrying.carry_out(claimed(judged_by_claude)) == "done"
        assert [row.score for row in verdicts(experience)] == [pytest.approx(0.9)]

    def test_a_new_month_begins_at_nothing(self, judged_by_claude: Brand, work: Maker) -> None:
        orders.order_absolute(work(), judge=MODEL)
        with time_machine.travel("2026-11-30T23:59:00Z", tick=False):
            carrying.carry_out(claimed(judged_by_claude))
            assert spending.spent(judged_by_claude, timezone.now()) > 0
        with time_machine.travel("2026-12-01T00:00:00Z", tick=False):
            assert spending.spent(judged_by_claude, timezone.now()) == 0
        assert spending.next_month_of(timezone.now()) > timezone.now()

    def test_a_call_without_a_reply_keeps_what_was_set_aside(
        self, judged_by_claude: Brand, claude: Loopback, work: Maker
    ) -> None:
        orders.order_absolute(work(), judge=MODEL)
        claude.script = lambda body: Delivery(hang_up=True)
        carrying.carry_out(claimed(judged_by_claude))
        call = JudgeCall.objects.for_brand(judged_by_claude).get()
        assert call.cause == "unreachable" and call.cost_usd > Decimal("0.05")

    def test_a_refused_call_costs_nothing(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        orders.order_absolute(work(), judge=MODEL)
        claude.script = BY_NAME["529"].script
        carrying.carry_out(claimed(judged_by_claude))
        assert spending.spent(judged_by_claude, timezone.now()) == 0

    def test_a_declined_reply_is_paid(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        orders.order_absolute(work(), judge=MODEL)
        claude.script = BY_NAME["refusal"].script
        carrying.carry_out(claimed(judged_by_claude))
        assert spending.spent(judged_by_claude, timezone.now()) == Decimal("0.0048")


@pytest.mark.django_db
class TestLeases:
    def test_a_claimed_order_is_nobody_elses(self, judged_by_claude: Brand, work: Maker) -> None:
        orders.order_absolute(work(), judge=MODEL)
        assert claimed(judged_by_claude).attempts == 1
        assert orders.claim(judged_by_claude, worker="other", now=timezone.now()) is None

    def test_a_dead_workers_order_is_taken_over_and_its_reply_is_not_stored(
        self, judged_by_claude: Brand, work: Maker
    ) -> None:
        experience = work(0.9)
        orders.order_absolute(experience, judge=MODEL)
        slow = claimed(judged_by_claude)
        with time_machine.travel(timezone.now() + timedelta(seconds=orders.lease_s() + 1)):
            quick = claimed(judged_by_claude, "other")
            assert quick.pk == slow.pk and quick.attempts == 2
            assert carrying.carry_out(quick) == "done"
        with pytest.raises(orders.LostOrder):
            carrying.carry_out(slow)
        assert len(verdicts(experience)) == 1
        assert JudgeCall.objects.for_brand(judged_by_claude).count() == 2  # both were paid, both are counted

    def test_an_order_whose_workers_keep_dying_is_parked(self, judged_by_claude: Brand, work: Maker) -> None:
        orders.order_absolute(work(), judge=MODEL)
        now = timezone.now()
        for day in range(MOST_ATTEMPTS):
            assert orders.claim(judged_by_claude, worker="w", now=now + timedelta(days=day)) is not None
        assert orders.claim(judged_by_claude, worker="w", now=now + timedelta(days=99)) is None
        order = JudgeOrder.objects.for_brand(judged_by_claude).get()
        assert order.state == "parked" and "attempts" in order.reason

    def test_other_brands_orders_stay_where_they_are(self, judged_by_claude: Brand, lumen: Brand, work: Maker) -> None:
        orders.order_absolute(work(brand=lumen), judge=MODEL)
        assert orders.claim(judged_by_claude, worker="w", now=timezone.now()) is None


@pytest.mark.django_db(transaction=True)
class TestManyWorkers:
    def test_each_order_is_carried_out_once(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        experiences = [work(0.5 + n / 100) for n in range(24)]
        for one in experiences:
            orders.order_absolute(one, judge=MODEL)
        lost: list[Any] = []

        def worker(number: int) -> None:
            try:
                while (order := orders.claim(judged_by_claude, worker=f"w{number}", now=timezone.now())) is not None:
                    carrying.carry_out(order)
            except BaseException as error:
                lost.append(error)
                raise
            finally:
                connection.close()

        threads = [threading.Thread(target=worker, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not lost
        assert len(claude.seen) == 24
        for one, n in zip(experiences, range(24), strict=True):
            assert [row.score for row in verdicts(one)] == [pytest.approx(0.5 + n / 100)]

    def test_the_last_dollar_is_spent_once(self, judged_by_claude: Brand, claude: Loopback, work: Maker) -> None:
        for n in range(6):
            orders.order_absolute(work(0.5 + n / 100), judge=MODEL)
        JudgeSettings.objects.filter(brand=judged_by_claude).update(monthly_limit_usd=Decimal("0.10"))
        claude.script = lambda body: Delivery(good(body).text, delay_s=0.3)
        outcomes: list[str] = []

        def worker(number: int) -> None:
            try:
                order = orders.claim(judged_by_claude, worker=f"w{number}", now=timezone.now())
                if order is not None:
                    outcomes.append(carrying.carry_out(order))
            finally:
                connection.close()

        threads = [threading.Thread(target=worker, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert spending.spent(judged_by_claude, timezone.now()) <= Decimal("0.10")
        assert outcomes.count("done") == len(claude.seen) >= 1
