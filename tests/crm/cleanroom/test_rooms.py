"""Asking the embedded room: right figures within their intervals, bounded, paid once, and refused when spent."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from crm.cleanroom import rooms
from crm.cleanroom.errors import BadQuery, BudgetSpent
from crm.models import (
    AudienceSegment,
    CleanRoom,
    CleanRoomQuery,
    Consent,
    Contact,
    Lead,
    Outcome,
    PerformanceMetric,
    Sale,
)
from tests.crm.cleanroom.conftest import BEGAN, NOW, people, segment, sell
from tests.factories import CampaignFactory

pytestmark = pytest.mark.django_db
#: Noise of a few: the figures of these tests are right or wrong by hundreds.
LOUD = {"epsilon": "5.00"}


@pytest.fixture
def rich(room: CleanRoom) -> CleanRoom:
    """A room whose budget is not what the test is about."""
    room.epsilon_limit = 1000
    room.save()
    return room


def figures(answer: Any, by: str) -> dict[str, dict[str, Any]]:
    return {row.group.get(by, ""): row.figures for row in answer.rows}


def ask(room: CleanRoom, **query: Any) -> Any:
    return rooms.ask(room=room, query={**LOUD, **query}, by=None, now=NOW)


class TestFigures:
    def test_people_by_stage_are_close_and_a_small_stage_is_not_shown(self, populated, rich):
        answer = ask(rich, metrics=["people"], by=["stage"])
        found = figures(answer, "stage")
        assert abs(found["engaged"]["people"].value - 600) < 15
        assert abs(found["purchased"]["people"].value - 400) < 15
        assert "lost" not in found
        assert answer.suppressed == 4
        assert answer.served_by == "embedded"

    def test_money_and_rates_are_close(self, populated, rich):
        answer = ask(rich, metrics=["sales_amount", "average_sale", "conversion"], amount_per_person=20)
        [row] = answer.rows
        assert row.figures["sales_amount"].value == pytest.approx(8000, rel=0.05)
        assert row.figures["average_sale"].value == pytest.approx(20, rel=0.2)
        assert row.figures["conversion"].value == pytest.approx(400 / 1003, abs=0.05)
        assert {column.name: column.unit for column in answer.columns}["sales_amount"] == "EUR"

    def test_one_person_cannot_move_a_sum_beyond_the_bound(self, populated, rich):
        whale = Lead.objects.for_brand(populated).filter(funnel_stage="purchased").first()
        Sale.across_brands.bulk_create([sell(whale, "999999.00", str(n)) for n in range(2, 60)])
        answer = ask(rich, metrics=["sales_amount", "sales"], amount_per_person=20, events_per_person=1)
        assert answer.rows[0].figures["sales_amount"].value == pytest.approx(8000, rel=0.1)
        assert answer.rows[0].figures["sales"].value == pytest.approx(400, abs=30)

    def test_leads_of_one_household_are_one_person(self, harbor, rich):
        people(harbor, 500, detail={"household": "77"})
        people(harbor, 100, prefix="q")
        answer = ask(rich, metrics=["people"])
        assert answer.rows[0].figures["people"].value == pytest.approx(101, abs=15)

    def test_a_contact_is_one_person_and_who_refused_measurement_is_left_out(self, harbor, rich):
        people(harbor, 200)
        contacts = Contact.across_brands.bulk_create(
            [Contact(brand=harbor, external_id=f"k{n}", name=f"K{n}") for n in range(150)]
        )
        for number, contact in enumerate(contacts):
            people(harbor, 2, prefix=f"c{number}-", contact=contact)
        assert ask(rich, metrics=["people"]).rows[0].figures["people"].value == pytest.approx(350, abs=15)
        for contact in contacts[:100]:
            for given, days in ((True, 9), (False, 3)):
                Consent.across_brands.create(
                    brand=harbor, person="h", contact=contact, purpose="measurement", given=given, source="form",
                    said_at=NOW - timedelta(days=days),
                )  # fmt: skip
        again = ask(rich, metrics=["people"], epsilon="4.00")
        assert again.rows[0].figures["people"].value == pytest.approx(250, abs=15)

    def test_outcomes_by_kind_and_campaign_and_segment(self, populated, rich):
        found = figures(ask(rich, metrics=["outcomes"], by=["outcome"]), "outcome")
        assert set(found) == {"opened"}
        assert found["opened"]["outcomes"].value == pytest.approx(1200, abs=80)
        assert figures(ask(rich, metrics=["people"], by=["campaign"]), "campaign")["Spring"][
            "people"
        ].value == pytest.approx(500, abs=30)
        assert set(figures(ask(rich, metrics=["people"], by=["segment"]), "segment")) == {"Loyal", "Bakers"}

    def test_filters_narrow_and_dates_cut(self, populated, rich):
        inside = ask(rich, metrics=["people"], where=[{"field": "segment", "values": ["Loyal"]}])
        assert inside.rows[0].figures["people"].value == pytest.approx(500, abs=10)
        outside = ask(rich, metrics=["people"], where=[{"field": "segment", "test": "not_in", "values": ["loyal"]}])
        assert outside.rows[0].figures["people"].value == pytest.approx(503, abs=10)
        begun = ask(rich, metrics=["people"], **{"from": "2026-09-01", "to": "2026-09-15"})
        expected = Lead.objects.for_brand(populated).filter(created_at__lt=BEGAN + timedelta(days=15)).count()
        assert begun.rows[0].figures["people"].value == pytest.approx(expected, abs=10)
        dear = ask(rich, metrics=["buyers"], where=[{"field": "amount", "test": "above", "value": 20}])
        assert dear.rows == []

    def test_weeks_are_listed_where_both_dates_are_given_and_thresholded_where_not(self, populated, rich):
        listed = ask(rich, metrics=["people"], by=["week"], **{"from": "2026-08-31", "to": "2026-10-04"})
        assert [row.group["week"] for row in listed.rows]
        assert listed.suppressed is not None
        hidden = ask(rich, metrics=["people"], by=["month"])
        assert hidden.suppressed is None
        assert {row.group["month"] for row in hidden.rows} == {"2026-09", "2026-10"}
        assert hidden.budget.delta > 0

    def test_sales_in_another_currency_are_left_out(self, populated, rich):
        lead = Lead.objects.for_brand(populated).filter(funnel_stage="engaged")
        Sale.across_brands.bulk_create([sell(one, "20.00", "usd", "USD") for one in lead])
        assert ask(rich, metrics=["buyers"]).rows[0].figures["buyers"].value == pytest.approx(400, abs=15)

    def test_overlap_of_segments_is_close(self, populated, rich):
        answer = ask(rich, kind="overlap", segments=["Loyal", "bakers"])
        found = figures(answer, "segments")
        assert found["Loyal"]["people"].value == pytest.approx(500, abs=15)
        assert found["Loyal and bakers"]["people"].value == pytest.approx(200, abs=15)
        assert found["Loyal and bakers"]["jaccard"].value == pytest.approx(0.25, abs=0.03)

    def test_another_brands_people_never_count(self, populated, lumen, rich):
        people(lumen, 900)
        segment(lumen, "Hidden", [])
        answer = ask(rich, metrics=["people"])
        assert answer.rows[0].figures["people"].value == pytest.approx(1003, abs=15)
        with pytest.raises(BadQuery, match=r"'Hidden' is not known. Known: Bakers, Loyal"):
            ask(rich, kind="overlap", segments=["Hidden", "Loyal"])

    def test_delivery_is_exact_and_free(self, harbor, room):
        spring = CampaignFactory(brand=harbor, name="Spring", external_id="spring")
        for number, counts in ((1, True), (2, True), (3, False)):
            PerformanceMetric.across_brands.create(
                brand=harbor, retailer=spring.retailer, campaign=spring, measured_on=BEGAN.date(), impressions=1000,
                spend="12.50", currency="EUR" if number == 1 else "USD", identity=number, counts=counts,
            )  # fmt: skip
        answer = ask(room, metrics=["impressions", "spend"], by=["campaign"])
        [row] = answer.rows
        assert (row.figures["impressions"].value, row.figures["spend"].value) == (2000, 12.5)
        assert answer.noise.mechanism == "none"
        assert answer.budget.spent == 0
        assert answer.budget.left == 10
        assert "1 rows have spend in another currency" in " ".join(answer.notes)

    def test_too_many_groups_are_refused_before_anything_is_spent(self, harbor, room):
        AudienceSegment.across_brands.bulk_create(
            [AudienceSegment(brand=harbor, external_id=f"s{n}", name=f"S{n}") for n in range(100)]
        )
        with pytest.raises(BadQuery, match="at most 2,000"):
            ask(room, metrics=["people"], by=["segment", "week"], **{"from": "2026-01-01", "to": "2026-12-31"})
        assert not CleanRoomQuery.objects.for_brand(harbor).exists()


class TestBudget:
    def test_the_same_question_gets_the_recorded_answer_free(self, populated, room):
        first = ask(room, metrics=["people", "buyers"], by=["stage"], epsilon="1.00")
        second = ask(room, metrics=["buyers", "people"], by=["stage"], epsilon="1.00")
        assert second.repeated
        assert second.rows == first.rows
        assert (first.budget.left, second.budget.left, second.budget.spent) == (9.0, 9.0, 0.0)
        assert CleanRoomQuery.objects.for_brand(populated).count() == 1

    def test_another_question_pays_again(self, populated, room):
        ask(room, metrics=["people"], epsilon="1.00")
        assert ask(room, metrics=["people"], epsilon="1.00", limit=50).budget.left == 8.0

    def test_it_refuses_when_spent_says_when_it_will_do_and_writes_it_down(self, populated, room):
        ask(room, metrics=["people"], epsilon="5.00")
        rooms.ask(room=room, query={"metrics": ["buyers"], "epsilon": "4.00"}, by=None, now=NOW + timedelta(days=10))
        with pytest.raises(BudgetSpent, match=r"costs 2, and 1 of 10 is left") as caught:
            rooms.ask(room=room, query={"metrics": ["sales"], "epsilon": "2.00"}, by=None, now=NOW + timedelta(days=11))
        detail = caught.value.detail
        assert detail["affordable_at"] == (NOW + timedelta(days=30)).isoformat()
        assert detail["whole_again_at"] == (NOW + timedelta(days=40)).isoformat()
        row = CleanRoomQuery.objects.for_brand(populated).first()
        assert (row.state, row.epsilon, row.answer) == ("refused", 0, None)
        later = NOW + timedelta(days=30, seconds=1)
        assert rooms.ask(room=room, query={"metrics": ["sales"], "epsilon": "2.00"}, by=None, now=later).rows

    def test_a_question_dearer_than_the_whole_budget_says_so(self, populated, room):
        room.epsilon_limit = 1
        room.save()
        with pytest.raises(BudgetSpent, match="never will be enough"):
            ask(room, metrics=["people"], epsilon="2.00")

    def test_after_the_period_the_question_is_asked_anew(self, populated, room):
        ask(room, metrics=["people"], epsilon="1.00")
        later = rooms.ask(
            room=room, query={"metrics": ["people"], "epsilon": "1.00"}, by=None, now=NOW + timedelta(days=31)
        )
        assert not later.repeated
        assert later.budget.left == 9.0

    def test_a_stricter_room_does_not_repeat_what_it_would_no_longer_show(self, populated, room):
        ask(room, metrics=["people"], epsilon="1.00")
        room.minimum_group = 500
        room.save()
        assert not ask(room, metrics=["people"], epsilon="1.00").repeated

    def test_what_it_would_cost_is_told_before(self, populated, room):
        cost = rooms.cost(room, {"metrics": ["people"], "epsilon": "1.00"}, now=NOW)
        assert (cost.epsilon, cost.is_covered, cost.again) == (1.0, True, False)
        ask(room, metrics=["people"], epsilon="1.00")
        assert rooms.cost(room, {"metrics": ["people"], "epsilon": "1.00"}, now=NOW).epsilon == 0
        assert not rooms.cost(room, {"metrics": ["people"], "epsilon": "5.00", "limit": 5}, now=NOW).again
        assert CleanRoomQuery.objects.for_brand(populated).count() == 1

    def test_a_closed_room_is_not_asked(self, room):
        room.active = False
        with pytest.raises(BadQuery, match="is closed"):
            ask(room, metrics=["people"])

    def test_delta_is_an_account_of_its_own(self, populated, room):
        ask(room, metrics=["people"], by=["month"], epsilon="5.00")
        CleanRoomQuery.objects.for_brand(populated).update(delta=room.delta)
        with pytest.raises(BudgetSpent):
            ask(room, metrics=["people"], by=["industry"], epsilon="1.00")

    def test_the_brand_has_one_embedded_room(self, harbor, room):
        assert rooms.embedded_for(harbor) == room
        assert [one.name for one in rooms.open_to(harbor)] == ["Our own data"]


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_questions_at_the_same_time_cannot_overspend(self, harbor):
        people(harbor, 120)
        room = rooms.embedded_for(harbor)
        room.epsilon_limit = 3
        room.save()
        start, refused, answered = threading.Barrier(6), [], []

        def one(number: int) -> None:
            mine = CleanRoom.objects.for_brand(harbor).select_related("brand").get(pk=room.pk)
            start.wait()
            try:
                query = {"metrics": ["people"], "epsilon": "1.00", "limit": number + 1}
                answered.append(rooms.ask(room=mine, query=query, by=None, now=timezone.now()))
            except BudgetSpent:
                refused.append(number)
            finally:
                connection.close()

        threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (len(answered), len(refused)) == (3, 3)
        rows = CleanRoomQuery.objects.for_brand(harbor).filter(state="answered")
        assert sum(row.epsilon for row in rows) == 3

    def test_the_same_question_at_the_same_time_is_paid_once(self, harbor):
        people(harbor, 120)
        room = rooms.embedded_for(harbor)
        start, found = threading.Barrier(4), []

        def one() -> None:
            mine = CleanRoom.objects.for_brand(harbor).select_related("brand").get(pk=room.pk)
            start.wait()
            found.append(rooms.ask(room=mine, query={"metrics": ["people"], "epsilon": "1.00"}, by=None))
            connection.close()

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len({answer.rows[0].figures["people"].value for answer in found}) == 1
        assert sorted(answer.repeated for answer in found) == [False, True, True, True]


def test_an_outcome_of_nobody_counts_for_nobody(harbor, room):
    Outcome.across_brands.bulk_create(
        [Outcome(brand=harbor, kind="opened", external_id=f"n{n}", occurred_at=BEGAN) for n in range(900)]
    )
    assert ask(room, metrics=["people_with_outcome"]).rows == []
