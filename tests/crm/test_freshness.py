"""How fresh each retailer's data is: when it came, when it is due, how late it is, how the last deliveries went."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template.loader import render_to_string
from django.urls import reverse

from crm import freshness
from crm.freshness import Rhythm, bars, expected_after
from crm.models import Brand, Import
from tests.factories import DeliveryFactory, RetailerFactory

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Rhythm(1, time(7), BERLIN)
NOW = datetime(2026, 3, 18, 10, 0, tzinfo=BERLIN)


def at(day: int, hour: int = 6, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=BERLIN)


class TestRhythm:
    def test_the_next_one_is_expected_that_many_days_after_the_last(self):
        assert expected_after(DAILY, at(17)) == at(18, 7)
        assert expected_after(Rhythm(7, time(12), BERLIN), at(11)) == at(18, 12)

    def test_without_a_time_it_is_due_by_the_end_of_the_day(self):
        assert expected_after(Rhythm(1, None, BERLIN), at(17)) == datetime(2026, 3, 19, 0, tzinfo=BERLIN)

    def test_the_day_is_the_retailers_own(self):
        late_in_utc = datetime(2026, 3, 17, 23, 30, tzinfo=UTC)  # already the 18th in Berlin
        assert expected_after(DAILY, late_in_utc) == at(19, 7)

    def test_seven_in_the_morning_stays_seven_when_clocks_change(self):
        due = expected_after(DAILY, at(28))
        assert (due.hour, due.utcoffset()) == (7, timedelta(hours=2))


class TestBars:
    def test_each_expected_delivery_is_on_time_late_or_missing(self):
        came = [at(14), at(15, 9), at(17)]
        assert bars(DAILY, came, NOW) == ("on time", "late", "missing", "on time", "missing")

    def test_one_still_ahead_is_not_missing_yet(self):
        assert bars(DAILY, [at(17)], at(18, 6)) == ("on time",)
        assert bars(DAILY, [at(17)], at(18, 8)) == ("on time", "missing")

    def test_of_several_on_one_day_the_first_counts(self):
        assert bars(DAILY, [at(18, 6), at(18, 9), at(18, 23)], NOW) == ("on time",)

    def test_a_catch_up_does_not_make_the_missing_day_good(self):
        assert bars(DAILY, [at(15), at(18, 6), at(18, 6)], NOW) == ("on time", "missing", "missing", "on time")

    def test_weekly_ones_a_few_days_off_belong_to_the_nearest(self):
        weekly = Rhythm(7, time(12), BERLIN)
        assert bars(weekly, [at(2), at(11), at(16)], NOW) == ("on time", "late", "on time")

    def test_they_are_thirty_at_most_and_the_newest(self):
        came = [NOW - timedelta(days=back) for back in range(60)]
        turns = bars(DAILY, [one.replace(hour=6) for one in came[1:]], NOW)
        assert len(turns) == 30 and turns[-1] == "missing" and set(turns[:-1]) == {"on time"}

    def test_of_nothing_there_are_none(self):
        assert bars(DAILY, [], NOW) == ()


@pytest.fixture
def northmart(harbor: Brand) -> Any:
    return RetailerFactory(
        brand=harbor, name="Northmart", slug="northmart", time_zone="Europe/Berlin", delivers_every_days=1,
        delivers_by=time(7),
    )  # fmt: skip


def only(brand: Brand) -> freshness.Fresh:
    (one,) = freshness.retailers(brand, now=NOW)
    return one


class TestRetailers:
    def test_it_knows_the_last_day_the_last_delivery_and_the_next(self, harbor, northmart):
        DeliveryFactory(retailer=northmart, started_at=at(17), last_on=date(2026, 3, 16))
        DeliveryFactory(retailer=northmart, started_at=at(18), last_on=date(2026, 3, 17))
        one = only(harbor)
        assert (one.state, one.last_at, one.last_on, one.expected_at) == (
            "on time", at(18), date(2026, 3, 17), at(19, 7),
        )  # fmt: skip
        assert one.bars == ("on time", "on time")

    @pytest.mark.parametrize(("day", "late"), [(17, 1), (16, 2), (14, 4)])
    def test_it_counts_the_days_it_is_late(self, day, late, harbor, northmart):
        DeliveryFactory(retailer=northmart, started_at=at(day))
        assert (only(harbor).state, only(harbor).late_days) == ("late", late)

    def test_one_that_never_came_is_told_apart(self, harbor, northmart):
        assert only(harbor).state == "never" and only(harbor).bars == ()

    @pytest.mark.parametrize("state", ["failed", "undone", "discarded", "mapping", "queued", "running"])
    def test_what_stored_nothing_is_no_delivery(self, state, harbor, northmart):
        DeliveryFactory(retailer=northmart, started_at=at(18), state=state)
        assert only(harbor).state == "never"

    def test_without_a_rhythm_nothing_is_late(self, harbor, northmart):
        northmart.delivers_every_days = None
        northmart.save()
        DeliveryFactory(retailer=northmart, started_at=at(1))
        assert (only(harbor).state, only(harbor).expected_at) == ("whenever", None)

    def test_an_unknown_time_zone_is_said_and_breaks_nothing(self, harbor, northmart):
        northmart.time_zone = "Europe/Atlantis"
        northmart.save()
        assert only(harbor).state == "no such time zone"

    def test_one_that_has_been_silent_for_a_year_is_late_by_all_of_it(self, harbor, northmart):
        DeliveryFactory(retailer=northmart, started_at=NOW - timedelta(days=365))
        one = only(harbor)
        assert one.late_days > 360 and one.bars == ("missing",) * 30

    def test_the_side_bar_and_the_page_say_the_same(self, harbor, northmart):
        DeliveryFactory(retailer=northmart, started_at=at(16))
        (short,) = freshness.feeds(harbor, now=NOW)
        full = only(harbor)
        assert (short.state, short.late_days, short.expected_at) == (full.state, full.late_days, full.expected_at)

    def test_the_side_bar_asks_once_and_the_page_three_times(self, harbor, northmart, django_assert_num_queries):
        for number in range(5):
            DeliveryFactory(retailer=RetailerFactory(brand=harbor, name=f"R{number}"), started_at=at(17))
        with django_assert_num_queries(1):
            freshness.feeds(harbor, now=NOW)
        with django_assert_num_queries(3):
            freshness.retailers(harbor, now=NOW)

    def test_another_brand_sees_none_of_it(self, lumen, northmart):
        DeliveryFactory(retailer=northmart, started_at=at(18))
        assert freshness.retailers(lumen, now=NOW) == []


class TestPages:
    @time_machine.travel(NOW, tick=False)
    def test_the_side_bar_names_each_retailer(self, ana_client, harbor, northmart):
        RetailerFactory(brand=harbor, name="Basketly")
        DeliveryFactory(retailer=northmart, started_at=at(16))
        text = ana_client.get(reverse("campaigns")).content.decode()
        assert "2 days late" in text and "no report yet" in text

    @time_machine.travel(NOW, tick=False)
    def test_the_part_for_data_shows_bars_and_words(self, harbor, northmart):
        for day in (14, 15, 17, 18):
            DeliveryFactory(
                retailer=northmart, started_at=at(day, 9 if day == 15 else 6), last_on=date(2026, 3, day - 1)
            )
        text = render_to_string("crm/freshness.html", {"fresh": freshness.retailers(harbor)})
        assert "Last 5 expected deliveries: 3 on time, 1 late, 1 missing" in text
        assert 'class="late"' in text and 'class="gone"' in text
        assert "Up to 17 Mar 2026" in text and "Every day by 07:00, next on 19 Mar, 07:00" in text
        assert "06:00" in text
        assert Import.objects.for_brand(harbor).count() == 4

    @time_machine.travel(NOW, tick=False)
    def test_one_that_is_late_says_when_it_was_due(self, harbor, northmart):
        DeliveryFactory(retailer=northmart, started_at=at(16), last_on=date(2026, 3, 15))
        text = render_to_string("crm/freshness.html", {"fresh": freshness.retailers(harbor)})
        assert "Was due on 17 Mar, 07:00" in text

    def test_without_retailers_it_says_what_will_appear(self):
        assert "No retailers yet" in render_to_string("crm/freshness.html", {"fresh": []})
