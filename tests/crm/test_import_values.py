"""Amounts, dates and stages as people write them: read where there is one reading, refused where there are two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.imports.dates import Order, order_of, parse_instant
from crm.imports.faults import Fault
from crm.imports.funnel import funnel_word
from crm.imports.money import parse_amount
from crm.imports.values import is_percent, probability

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def amount(value: object, currency: str | None = None, home: str = "EUR") -> tuple[Decimal, str | None]:
    money = parse_amount(value, field="amount", currency=currency, home=home)
    return money.amount, money.currency


def instant(value: object, order: Order | None = None) -> datetime:
    return parse_instant(value, field="date", now=NOW, order=order)


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "expected", "currency"),
        [
            ("€1,234.50", "1234.50", "EUR"),
            ("1.234,50 €", "1234.50", "EUR"),
            ("1\u202f234,50\u00a0€", "1234.50", "EUR"),
            ("$99", "99", "USD"),
            ("USD 12", "12", "USD"),
            ("12 chf", "12", "CHF"),
            ("1'234.50", "1234.50", None),
            ("1,234,567", "1234567", None),
            ("12,5", "12.50", None),
            ("0,50", "0.50", None),
            (Decimal("19.9"), "19.90", None),
            (7, "7", None),
        ],
    )
    def test_it_reads_what_has_one_reading(self, text: object, expected: str, currency: str | None) -> None:
        assert amount(text) == (Decimal(expected), currency)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("1,234", "could mean 1234 or 1.234"),
            ("1.234", "could mean 1234 or 1.234"),
            ("12,34,567.00", "thousands"),
            ("1,234.567,89", "thousands"),
            ("0.125", "two decimals"),
            (Decimal("1.999"), "two decimals"),
            ("-5", "negative"),
            ("(12.00)", "negative"),
            ("−3", "negative"),
            ("¥100", "JPY or CNY"),
            ("12 XQX", "ISO 4217"),
            ("€ 12 EUR", "twice"),
            ("1e3", "not an amount"),
            ("١٢", "not an amount"),
            ("abc", "not an amount"),
            (True, "true or false"),
            (["1"], "not an amount"),
            (10**15, "larger"),
        ],
    )
    def test_it_refuses_what_has_two_readings_or_none(self, text: object, reason: str) -> None:
        with pytest.raises(Fault, match=reason):
            amount(text)

    def test_a_dollar_sign_follows_the_currency_column(self) -> None:
        assert amount("$99", currency="CAD") == (Decimal(99), "CAD")

    def test_a_dollar_sign_means_the_brands_own_dollar(self) -> None:
        assert amount("$99", home="AUD") == (Decimal(99), "AUD")

    def test_sign_and_column_may_not_disagree(self) -> None:
        with pytest.raises(Fault, match="currency column says USD"):
            amount("€5", currency="USD")

    @given(cents=st.integers(0, 10**13), style=st.sampled_from(["{:,.2f}", "swiss", "german", "plain"]))
    def test_every_amount_with_two_decimals_comes_back(self, cents: int, style: str) -> None:
        value = Decimal(cents) / 100
        english = f"{value:,.2f}"
        text = {
            "swiss": english.replace(",", "'"),
            "german": english.translate(str.maketrans(",.", ".,")),
            "plain": f"{value:.2f}",
        }.get(style, english)
        assert amount(text)[0] == value


class TestInstant:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
            ("2026-03-01 10:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
            ("2020-12-30 3:15:52", datetime(2020, 12, 30, 3, 15, 52, tzinfo=UTC)),
            ("2026-03-01T10:00:00+05:30", datetime(2026, 3, 1, 4, 30, tzinfo=UTC)),
            ("20260301", datetime(2026, 3, 1, tzinfo=UTC)),
            ("18 Sep 2026", datetime(2026, 9, 18, tzinfo=UTC)),
            ("September 18, 2026", datetime(2026, 9, 18, tzinfo=UTC)),
            ("Fri, 18 Sep 2026 10:00:00 +0200", datetime(2026, 9, 18, 8, tzinfo=UTC)),
            (1767225600, datetime(2026, 1, 1, tzinfo=UTC)),
            ("1767225600000", datetime(2026, 1, 1, tzinfo=UTC)),
            ("13/04/2026", datetime(2026, 4, 13, tzinfo=UTC)),
            ("04/13/2026 5:30 PM", datetime(2026, 4, 13, 17, 30, tzinfo=UTC)),
            ("05.05.2026", datetime(2026, 5, 5, tzinfo=UTC)),
        ],
    )
    def test_it_reads_what_has_one_reading(self, value: object, expected: datetime) -> None:
        assert instant(value) == expected

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("03/04/2026", "day/month or month/day"),
            ("3.4.2026", "day/month or month/day"),
            ("03/04/26", "two digits"),
            ("2026-02-30", "calendar"),
            ("31/02/2026", "calendar"),
            ("2026-03-01 25:00", "calendar"),
            ("Mon, 18 Sep 2026 10:00:00 +0200", "Friday"),
            ("18 Foo 2026", "not a month"),
            ("2026-11-22", "future"),
            ("1969-12-31", "before 1970"),
            ("46082", "not a date"),
            (46082, "neither seconds"),
            (True, "true or false"),
            ("yesterday", "not a date"),
        ],
    )
    def test_it_refuses_what_has_two_readings_or_none(self, value: object, reason: str) -> None:
        with pytest.raises(Fault, match=reason):
            instant(value)

    def test_the_order_of_the_file_settles_an_ambiguous_date(self) -> None:
        assert instant("03/04/2026", Order.DAY_FIRST) == datetime(2026, 4, 3, tzinfo=UTC)
        assert instant("03/04/2026", Order.MONTH_FIRST) == datetime(2026, 3, 4, tzinfo=UTC)

    @given(st.datetimes(datetime(1971, 1, 1), datetime(2026, 11, 1)), st.integers(-14 * 60, 14 * 60))
    def test_iso_and_mail_dates_come_back_as_the_same_instant(self, naive: datetime, minutes: int) -> None:
        from datetime import timezone

        moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
        assert instant(moment.isoformat()) == moment
        assert instant(format_datetime(moment)) == moment


class TestOrderOf:
    def test_one_number_above_twelve_proves_the_order(self) -> None:
        assert order_of(["03/04/2026", "25/04/2026"]) is Order.DAY_FIRST
        assert order_of(["03/04/2026", "04/25/2026"]) is Order.MONTH_FIRST

    def test_a_contradiction_proves_nothing(self) -> None:
        assert order_of(["25/04/2026", "04/25/2026"]) is None

    def test_impossible_dates_prove_nothing(self) -> None:
        assert order_of(["03/04/2026", "31/31/2026", None, 7]) is None


class TestProbability:
    @pytest.mark.parametrize(("value", "expected"), [("0.4", 0.4), ("40%", 0.4), ("0,4", 0.4), (Decimal("1.0"), 1.0)])
    def test_it_reads_shares_and_percent(self, value: object, expected: float) -> None:
        assert probability(value, field="p", percent=False) == expected

    def test_a_column_with_a_value_above_one_is_percent(self) -> None:
        assert is_percent(["1", "40", None])
        assert not is_percent(["1", "0.4"])
        assert probability("1", field="p", percent=True) == 0.01

    def test_more_than_one_is_refused(self) -> None:
        with pytest.raises(Fault, match="more than 1"):
            probability("140%", field="p", percent=False)


class TestFunnelWord:
    @pytest.mark.parametrize(
        ("won", "closed", "chance", "word"),
        [
            (True, True, 1.0, "purchased"),
            (False, True, 0.3, "lost"),
            (False, False, 0.0, "lost"),
            (False, False, 0.19, "prospect"),
            (False, False, 0.2, "engaged"),
            (False, False, 0.5, "qualified"),
            (False, False, 0.8, "proposal"),
        ],
    )
    def test_it_follows_the_documented_bands(self, won: bool, closed: bool, chance: float, word: str) -> None:
        assert funnel_word(won=won, closed=closed, chance=chance, pipeline_has_chances=True) == word

    def test_a_pipeline_without_chances_loses_nobody(self) -> None:
        assert funnel_word(won=False, closed=False, chance=0.0, pipeline_has_chances=False) == "prospect"
