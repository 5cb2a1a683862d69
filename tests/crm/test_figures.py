"""Figures, moments and money as pages write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from crm.templatetags import figures


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [
            (Decimal("1140.49"), "EUR", "€1,140"),
            (Decimal("3.5"), "USD", "$3.50"),
            (Decimal("0.0042"), "EUR", "€0.004"),
            (Decimal("0.00001"), "EUR", "under €0.001"),
            (Decimal(0), "EUR", "€0.00"),
            (Decimal("-12"), "GBP", "−£12.00"),
            (Decimal(7), "SEK", "SEK\N{NO-BREAK SPACE}7.00"),
            (None, "EUR", ""),
        ],
    )
    def test_it_is_written_with_its_sign(self, amount, currency, written):
        assert figures.money(amount, currency) == written


class TestMoments:
    @time_machine.travel(datetime(2026, 11, 21, 12, tzinfo=UTC), tick=False)
    def test_it_says_no_more_than_is_needed(self):
        assert figures.moment(datetime(2026, 11, 21, 9, 5, tzinfo=UTC)) == "09:05"
        assert figures.moment(datetime(2026, 9, 3, 9, 5, tzinfo=UTC)) == "3 Sep, 09:05"
        assert figures.moment(datetime(2025, 9, 3, tzinfo=UTC)) == "3 Sep 2025"
        assert figures.moment(None) == ""


class TestLasting:
    @pytest.mark.parametrize(
        ("lasted", "written"),
        [
            (240, "240 ms"),
            (14_000, "14 s"),
            (110_000, "1 min 50 s"),
            (timedelta(hours=2), "2 h"),
            (timedelta(days=6, hours=1, minutes=4), "6 d 1 h"),
            (None, ""),
        ],
    )
    def test_it_uses_at_most_two_units(self, lasted, written):
        assert figures.lasting(lasted) == written


class TestWords:
    def test_nouns_follow_their_number(self):
        assert figures.times(1, "row") == "1 row"
        assert figures.times(1200, "row") == "1,200 rows"
        assert figures.times(2, "company,companies") == "2 companies"

    def test_names_of_others_are_escaped(self):
        assert "<b>" not in figures.state("done", "<b>")
        assert "<b>" not in figures.mode("rl", "<b>")

    def test_a_reward_that_is_not_there_is_a_dash(self):
        assert (figures.reward(None), figures.reward(0.7149), figures.reward(-0.05)) == ("–", "0.715", "−0.050")

    def test_a_share_of_nothing_is_nought(self):
        assert figures.percent(0.0) == "0\N{NO-BREAK SPACE}%"
        assert figures.percent(0.004) == "under 1\N{NO-BREAK SPACE}%"
