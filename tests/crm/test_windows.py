"""Networks in one attribution window: what is offered, what is compared, what is left out and why."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import Brand, PerformanceMetric, Retailer
from crm.windows import reading
from crm.windows.alignment import Fact, Window, align, best, common, offers_of
from crm.windows.page import comparison
from tests.factories import CampaignFactory, RetailerFactory, WindowedFactFactory

WEEK, FORTNIGHT, MONTH = Window(7, "click"), Window(14, "click"), Window(30, "click")
SILENT = Window(None, "unknown")


def fact(network: str, window: Window, *, others: Any = None, **changes: Any) -> Fact:
    given: dict[str, Any] = {
        "campaign": "C", "measured_on": date(2026, 3, 4), "currency": "EUR", "spend": Decimal(10),
        "figures": {"orders": Decimal(1), "units": Decimal(2), "sales": Decimal(40)}, "others": others or {},
    }  # fmt: skip
    return Fact(network, window=window, **{**given, **changes})


class TestWindow:
    @pytest.mark.parametrize("key", ["", "14", "14d|click", "-7|click", "14|tap", "|click", "99999|click", "٣|click"])
    def test_a_key_that_names_none_is_not_guessed(self, key):
        assert Window.parse(key) is None

    @pytest.mark.parametrize("window", [WEEK, Window(0, "view"), Window(28, "click_view")])
    def test_its_key_reads_back_as_itself(self, window):
        assert Window.parse(window.key) == window

    def test_it_is_said_in_words(self):
        assert FORTNIGHT.words == "14 days after a click"
        assert Window(1, "click_view").words == "1 day after a click or a view"
        assert SILENT.words == "window not said"
        assert not SILENT.is_said and not Window(7, "unknown").is_said


class TestAlign:
    def test_it_chooses_the_window_that_every_network_gives(self):
        facts = [fact("A", WEEK, others={"14|click": {"sales": "50"}}), fact("B", FORTNIGHT), fact("B", MONTH)]
        assert common(offers_of(facts)) == [FORTNIGHT]
        assert best(offers_of(facts)) == FORTNIGHT

    def test_it_reads_a_figure_where_the_row_gives_the_window_and_nowhere_else(self):
        facts = [fact("A", WEEK, others={"14|click": {"sales": "50.5", "orders": 3}}), fact("B", FORTNIGHT)]
        aligned = align(facts, FORTNIGHT)
        monday = date(2026, 3, 2)
        ours = aligned.sums["A", "C", monday, "EUR"]
        assert (ours.orders, ours.units, ours.sales) == (3, None, Decimal("50.5"))
        assert aligned.sums["B", "C", monday, "EUR"].sales == 40

    def test_it_never_converts_and_says_why(self):
        facts = [fact("A", MONTH), fact("B", SILENT), fact("C", Window(14, "click_view")), fact("D", FORTNIGHT)]
        aligned = align(facts, FORTNIGHT)
        assert {key[0] for key in aligned.sums} == {"D"}
        assert {offer.network: why for offer, why in aligned.left_out} == {
            "A": "Gives only 30 days after a click.",
            "B": "Does not say which window its figures are of.",
            "C": "Gives 14 days only after a click or a view.",
        }

    def test_a_window_named_in_an_unknown_way_is_left_out_by_name(self):
        ((_, why),) = align([fact("A", WEEK, others={"fortnight": {"sales": 1}})], FORTNIGHT).left_out
        assert why == "Names a window in a way that is not known: fortnight."

    def test_two_that_keep_silent_are_not_in_one_window(self):
        facts = [fact("A", SILENT), fact("B", SILENT)]
        assert common(offers_of(facts)) == []
        aligned = align(facts)
        assert aligned.window is None and not aligned.sums and len(aligned.left_out) == 2

    def test_a_figure_that_nobody_says_is_not_a_nought(self):
        nobody = fact("A", FORTNIGHT, figures={"orders": None, "units": None, "sales": None}, spend=None)
        (sums,) = align([nobody], FORTNIGHT).sums.values()
        assert (sums.rows, sums.spend, sums.sales) == (1, None, None)

    def test_of_no_facts_it_makes_nothing(self):
        assert align([]).window is None


@pytest.fixture
def two_networks(harbor: Brand) -> list[Retailer]:
    """400 random rows: Northmart in 7 days with others beside, Basketly in 14 or 30, some silent; two currencies."""
    rng = random.Random(7)
    retailers = [RetailerFactory(brand=harbor, name=name, slug=name.lower()) for name in ("Northmart", "Basketly")]
    campaigns = [CampaignFactory(brand=harbor, retailer=retailers[n % 2]) for n in range(4)]
    for number in range(400):
        campaign = campaigns[number % 4]
        window = [WEEK, rng.choice([FORTNIGHT, MONTH, SILENT])][number % 2]
        others = None
        if number % 2 == 0 and rng.random() < 0.7:
            others = {"14|click": {"orders": rng.randint(0, 9), "sales": f"{rng.randint(0, 99999) / 100:.2f}"}}
            if rng.random() < 0.3:
                others["30|click"] = {"sales": rng.randint(0, 100), "units": None}
        WindowedFactFactory(
            campaign=campaign, measured_on=date(2026, 1, 1) + timedelta(days=rng.randint(0, 60)),
            identity=10_000 + number, window_days=window.days, attribution=window.attribution,
            spend=None if rng.random() < 0.1 else Decimal(rng.randint(1, 9999)) / 100,
            sales=None if rng.random() < 0.2 else Decimal(rng.randint(0, 99999)) / 100,
            orders=rng.randint(0, 20), units=None, other_windows=others, counts=rng.random() < 0.9,
            currency=rng.choice(["EUR", "USD"]),
        )  # fmt: skip
    return retailers


def as_facts(brand: Brand) -> list[Fact]:
    """The stored rows as plain facts, one by one."""
    return [
        Fact(
            row.retailer.slug, str(row.campaign_id), row.measured_on, row.currency,
            Window(row.window_days, row.attribution), row.spend,
            {"orders": row.orders, "units": row.units, "sales": row.sales}, row.other_windows or {},
        )
        for row in PerformanceMetric.objects.for_brand(brand).filter(counts=True).select_related("retailer")
    ]  # fmt: skip


class TestReading:
    @pytest.mark.parametrize("window", [WEEK, FORTNIGHT, MONTH, Window(90, "view")], ids=lambda one: one.key)
    def test_the_database_adds_up_as_a_loop_over_the_rows_does(self, window, harbor, two_networks):
        slugs = {one.pk: one.slug for one in two_networks}
        mine = {
            (slugs[one.retailer], str(one.campaign), one.week, one.currency): one
            for one in reading.weeks(reading.facts(harbor), window)
        }
        theirs = align(as_facts(harbor), window).sums
        assert mine.keys() == theirs.keys()
        for key, sums in theirs.items():
            for name in ("rows", "spend", "orders", "units", "sales"):
                ours, expected = getattr(mine[key], name), getattr(sums, name)
                assert (ours is None) == (expected is None), (key, name)
                assert ours is None or abs(ours - expected) < Decimal("0.000001"), (key, name)

    def test_every_row_and_every_cent_of_spend_is_compared_or_left_out(self, harbor, two_networks):
        seen = comparison(harbor, window=FORTNIGHT)
        expected: dict[str, Decimal] = defaultdict(Decimal)
        for one in as_facts(harbor):
            expected[one.currency] += one.spend or 0
        spent: dict[str, Decimal] = defaultdict(Decimal)
        for line in seen.compared:
            spent[line.currency] += (line.spend or 0) + (line.left_out_spend or 0)
        assert sum(line.rows + line.left_out_rows for line in seen.compared) == len(as_facts(harbor)) == seen.rows
        assert {key: round(value, 2) for key, value in spent.items()} == dict(expected)
        assert sum(one.offer.rows for one in seen.left_out) == sum(line.left_out_rows for line in seen.compared)

    def test_the_offers_are_those_of_the_rows(self, harbor, two_networks):
        rows = reading.facts(harbor)
        mine = {
            (o.network, o.currency, o.window, o.others): (o.rows, o.first_on)
            for o in reading.offers(rows, two_networks)
        }
        theirs = {
            (o.network, o.currency, o.window, o.others): (o.rows, o.first_on) for o in offers_of(as_facts(harbor))
        }
        assert mine == theirs

    def test_days_outside_are_not_read(self, harbor, two_networks):
        inside = [one for one in as_facts(harbor) if date(2026, 1, 10) <= one.measured_on <= date(2026, 1, 20)]
        seen = comparison(harbor, window=FORTNIGHT, since=date(2026, 1, 10), until=date(2026, 1, 20))
        assert seen.rows == len(inside) > 0

    def test_it_asks_three_times_however_much_there_is(self, harbor, two_networks, django_assert_num_queries):
        with django_assert_num_queries(3):
            comparison(harbor)


class TestPage:
    def test_it_names_the_common_window_and_what_is_left_out(self, harbor, two_networks, ana_client):
        page = ana_client.get(reverse("windows"))
        assert page.status_code == 200
        compared = page.context["compared"]
        assert compared.window == FORTNIGHT and not compared.chosen
        text = page.content.decode()
        assert "Compared 14 days after a click" in text
        assert "Does not say which window its figures are of." in text

    def test_a_window_may_be_chosen(self, harbor, two_networks, ben_client):
        page = ben_client.get(reverse("windows"), {"window": "30|click"})
        assert page.context["compared"].window == MONTH

    def test_one_that_is_none_is_said(self, harbor, two_networks, ana_client):
        page = ana_client.get(reverse("windows"), {"window": "soon"})
        assert page.status_code == 200 and "names no window" in page.content.decode()

    def test_without_figures_it_says_so(self, ana_client):
        assert "No figures in these days" in ana_client.get(reverse("windows")).content.decode()

    def test_another_brand_sees_none_of_it(self, two_networks, cleo_client):
        assert "Northmart" not in cleo_client.get(reverse("windows")).content.decode()

    def test_it_needs_a_login_and_refuses_a_post(self, ana_client):
        assert Client().get(reverse("windows")).status_code == 302
        assert ana_client.post(reverse("windows")).status_code == 405
