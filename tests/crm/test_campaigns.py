"""Campaigns: figures by window, plan against actual, changes that can be taken back."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from django.test import Client
from django.urls import reverse

from crm.campaigns import changes, listing, reading
from crm.campaigns.listing import Wanted
from crm.campaigns.pace import Stretch, ahead, from_budget, pace, planned_until
from crm.models import AdEntity, AudienceSegment, Brand, Campaign, CampaignPlan, PerformanceMetric, Restatement
from crm.windows.alignment import Window
from tests.factories import (
    CampaignFactory,
    CampaignPlanFactory,
    DeliveryFactory,
    RetailerFactory,
    SKUFactory,
    WindowedFactFactory,
)

FIRST = date(2026, 1, 5)


def days(campaign: Campaign, count: int, **changes: Any) -> None:
    """A fact a day from the first day on."""
    for number in range(count):
        WindowedFactFactory(campaign=campaign, measured_on=FIRST + timedelta(days=number), **changes)


@pytest.fixture
def oats(harbor: Brand) -> Campaign:
    """Two weeks of 14 days after a click at Northmart: spend 10, sales 40 a day."""
    retailer = RetailerFactory(brand=harbor, name="Northmart", slug="northmart")
    campaign = CampaignFactory(
        brand=harbor, retailer=retailer, name="Autumn oats", objective="Growth", budget=Decimal(70), starts_on=FIRST
    )
    days(campaign, 14)
    return campaign


@pytest.fixture
def drink(harbor: Brand) -> Campaign:
    """A week of 30 days after a click at Basketly, half the rows without sales, in a second network."""
    retailer = RetailerFactory(brand=harbor, name="Basketly", slug="basketly")
    campaign = CampaignFactory(brand=harbor, retailer=retailer, name="Oat drink", status="paused", objective="Reach")
    for number in range(8):
        WindowedFactFactory(
            campaign=campaign, measured_on=FIRST + timedelta(days=number), window_days=30, spend=Decimal("5.25"),
            sales=None if number % 2 else Decimal("21.10"), orders=None if number % 2 else 1,
            other_windows={"14|click": {"sales": "10.5", "orders": 1}} if number < 4 else None,
        )  # fmt: skip
    return campaign


class TestPace:
    def test_a_plan_is_spread_evenly_over_its_days(self):
        january = Stretch(date(2026, 1, 1), date(2026, 1, 31), Decimal(310))
        assert [planned_until([january], date(2026, 1, day)) for day in (1, 10, 31)] == [10, 100, 310]
        assert planned_until([january], date(2025, 12, 31)) == 0
        assert planned_until([january], date(2027, 1, 1)) == 310

    @pytest.mark.parametrize(
        ("period", "amount", "end", "expected"),
        [("day", 5, date(2026, 1, 10), 50), ("week", 70, date(2026, 1, 14), 140), ("total", 99, date(2026, 3, 1), 99)],
    )
    def test_a_budget_becomes_a_plan(self, period, amount, end, expected):
        (stretch,) = from_budget(Decimal(amount), period, date(2026, 1, 1), end, last_day=date(2026, 2, 1))
        assert stretch.amount == expected and stretch.ends_on == end

    @pytest.mark.parametrize(
        ("budget", "period", "starts", "ends"),
        [(None, "week", FIRST, None), (Decimal(5), "total", FIRST, None), (Decimal(5), "week", None, None)],
    )
    def test_one_that_cannot_be_spread_is_no_plan(self, budget, period, starts, ends):
        assert from_budget(budget, period, starts, ends, last_day=date(2026, 2, 1)) == []

    def test_spend_outside_the_planned_days_is_not_held_against_it(self):
        plan = [Stretch(date(2026, 1, 10), date(2026, 1, 19), Decimal(100))]
        spent = {date(2026, 1, 9): Decimal(500), date(2026, 1, 10): Decimal(8), date(2026, 1, 12): Decimal(12)}
        found = pace(plan, spent, as_of=date(2026, 1, 13), is_budget=False)
        assert found is not None
        assert (found.planned, found.spent, found.share, found.state) == (40, 20, 0.5, "under")
        assert pace(plan, spent, as_of=date(2026, 1, 9), is_budget=False) is None

    def test_a_projection_goes_on_with_the_mean_and_widens(self):
        spent = {FIRST + timedelta(days=n): Decimal(10 + 2 * (n % 2)) for n in range(14)}
        last = FIRST + timedelta(days=13)
        found = ahead(spent, after=last, until=last + timedelta(days=4), reached=154)
        assert [round(one.likely) for one in found] == [165, 176, 187, 198]
        assert found[3].high - found[3].low > found[0].high - found[0].low > 0
        assert ahead({FIRST: Decimal(1)}, after=FIRST, until=last, reached=1) == []

    def test_a_day_without_spend_counts_as_none_in_a_projection(self):
        spent = {FIRST: Decimal(40), FIRST + timedelta(days=3): Decimal(40)}
        (one,) = ahead(spent, after=FIRST + timedelta(days=3), until=FIRST + timedelta(days=4), reached=80)
        assert one.likely == 100


class TestListing:
    def test_figures_of_different_windows_are_never_added(self, harbor, oats, drink):
        found = listing.listing(harbor, Wanted())
        assert {(one.window.key, one.sales, one.spend) for one in found.totals} == {
            ("14|click", 560, 140), ("30|click", Decimal("84.40"), 42),
        }  # fmt: skip
        assert not found.one_window
        (euros,) = listing.by_currency(found.totals)
        assert euros.spend == 182 and len(euros.attributed) == 2

    def test_it_agrees_with_pandas(self, harbor, oats, drink):
        rows = PerformanceMetric.objects.for_brand(harbor).filter(counts=True)
        frame = pd.DataFrame(rows.values("campaign_id", "window_days", "spend", "sales", "orders")).astype(float)
        summed = frame.groupby(["campaign_id", "window_days"]).sum(min_count=1)
        found = listing.listing(harbor, Wanted()).figures
        assert len(summed) == sum(len(mine) for mine in found.values())
        for (pk, window), row in summed.iterrows():
            (mine,) = [one for one in found[int(pk)] if one.window.days == window]
            assert (float(mine.spend), float(mine.sales), float(mine.orders)) == pytest.approx(tuple(row))

    def test_roas_reads_spend_only_of_rows_that_say_sales(self, harbor, drink):
        (mine,) = listing.listing(harbor, Wanted()).figures[drink.pk]
        assert mine.partly and (mine.said, mine.rows) == (4, 8)
        assert mine.roas == Decimal("84.40") / Decimal("21.00")

    def test_what_nobody_says_is_not_a_nought(self, harbor, ana_client):
        campaign = CampaignFactory(brand=harbor, retailer=RetailerFactory(brand=harbor))
        days(campaign, 2, sales=None, orders=None, spend=None)
        (mine,) = listing.listing(harbor, Wanted()).figures[campaign.pk]
        assert (mine.sales, mine.orders, mine.spend, mine.roas) == (None, None, None, None)
        assert "not said" in ana_client.get(reverse("campaigns")).content.decode()

    def test_rows_that_do_not_count_are_not_read(self, harbor, oats):
        days(oats, 14, counts=False, grain=PerformanceMetric.Grain.TARGET)
        assert listing.listing(harbor, Wanted()).totals[0].spend == 140

    def test_currencies_are_never_added(self, harbor, oats):
        days(oats, 2, currency="USD")
        found = listing.listing(harbor, Wanted())
        assert [(one.currency, one.spend) for one in listing.by_currency(found.totals)] == [("EUR", 140), ("USD", 20)]

    def test_silent_windows_of_two_networks_stay_apart(self, harbor, oats, drink):
        PerformanceMetric.objects.for_brand(harbor).update(window_days=None, attribution="unknown")
        found = listing.listing(harbor, Wanted())
        assert {one.retailer for one in found.totals} == {"Northmart", "Basketly"}

    def test_a_chosen_window_brings_both_together_and_leaves_out_the_rest(self, harbor, oats, drink):
        found = listing.listing(harbor, Wanted(window=Window(14, "click")))
        (total,) = found.totals
        assert total.sales == 560 + 4 * Decimal("10.5")
        assert (total.left_out_rows, total.left_out_spend) == (4, 21)
        assert total.spend == 182

    def test_days_choose_figures_but_not_campaigns(self, harbor, oats, drink):
        found = listing.listing(harbor, Wanted(since=FIRST + timedelta(days=10)))
        assert len(found.campaigns) == 2 and found.totals[0].spend == 40

    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            (Wanted(text="drink"), ["Oat drink"]),
            (Wanted(retailer="northmart"), ["Autumn oats"]),
            (Wanted(status="paused"), ["Oat drink"]),
            (Wanted(objective="Growth"), ["Autumn oats"]),
            (Wanted(sort="spend"), ["Oat drink", "Autumn oats"]),
            (Wanted(sort="-name"), ["Oat drink", "Autumn oats"]),
            (Wanted(sort="-sales"), ["Autumn oats", "Oat drink"]),
        ],
    )
    def test_filters_and_sorts(self, wanted, names, harbor, oats, drink):
        assert [one.name for one in listing.listing(harbor, wanted).campaigns] == names

    def test_sales_of_two_windows_cannot_be_put_in_order(self, harbor, oats, drink):
        assert listing.listing(harbor, Wanted(sort="-sales")).sort == "-spend"
        assert listing.listing(harbor, Wanted(sort="-sales", window=Window(14, "click"))).sort == "-sales"

    def test_pace_is_held_against_the_plan_up_to_the_retailers_last_day(self, harbor, oats):
        CampaignPlanFactory(campaign=oats, starts_on=FIRST, ends_on=FIRST + timedelta(days=27), spend=Decimal(560))
        (row,) = listing.rows(harbor, [oats], {})
        assert row.pace is not None
        assert (row.pace.planned, row.pace.spent, row.pace.share) == (280, 140, 0.5)
        later = CampaignFactory(brand=harbor, retailer=oats.retailer)
        WindowedFactFactory(campaign=later, measured_on=FIRST + timedelta(days=27))
        (row,) = listing.rows(harbor, [oats], {})
        assert row.pace is not None and row.pace.share == 0.25

    def test_without_a_plan_the_budget_is_spread(self, harbor, oats):
        (row,) = listing.rows(harbor, [oats], {})
        assert row.pace is not None and row.pace.from_budget and (row.pace.planned, row.pace.share) == (140, 1.0)


class TestCampaignsPage:
    def test_it_names_the_windows_and_links_to_the_comparison(self, ben_client, oats, drink):
        text = ben_client.get(reverse("campaigns")).content.decode()
        assert "14 days after a click" in text and "30 days after a click" in text
        assert "count in 2 different windows" in text
        assert "Plan a campaign" not in text

    def test_the_number_of_queries_does_not_grow(self, ana_client, oats, harbor, django_assert_max_num_queries):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        ana_client.get(reverse("campaigns"))
        with CaptureQueriesContext(connection) as few:
            ana_client.get(reverse("campaigns"))
        for _ in range(12):
            more = CampaignFactory(brand=harbor, retailer=RetailerFactory(brand=harbor))
            CampaignPlanFactory(campaign=more)
            days(more, 3)
        with django_assert_max_num_queries(len(few)):
            page = ana_client.get(reverse("campaigns"))
        assert len(page.context["rows"]) == 13
        assert len(few) <= 16

    def test_it_has_pages_that_keep_the_filters(self, ana_client, harbor):
        retailer = RetailerFactory(brand=harbor)
        for _ in range(25):
            CampaignFactory(brand=harbor, retailer=retailer)
        page = ana_client.get(reverse("campaigns"), {"page": 2, "sort": "name", "q": "Campaign"})
        assert len(page.context["rows"]) == 5
        assert "sort=name" in page.content.decode()

    def test_a_part_is_given_to_htmx(self, ana_client, oats):
        text = ana_client.get(reverse("campaigns"), headers={"HX-Request": "true"}).content.decode()
        assert "Autumn oats" in text and "<html" not in text

    @pytest.mark.parametrize(
        "query", [{"since": "soon"}, {"window": "soon"}, {"since": "2026-02-01", "until": "2026-01-01"}]
    )
    def test_a_filter_that_cannot_be_read_is_said_and_not_used(self, query, ana_client, oats):
        page = ana_client.get(reverse("campaigns"), query)
        assert page.status_code == 200
        assert "That filter is not in use." in page.content.decode()
        assert len(page.context["rows"]) == 1

    def test_it_shows_the_last_weeks_unless_asked_for_all_days(self, ana_client, oats):
        WindowedFactFactory(campaign=oats, measured_on=FIRST - timedelta(days=200), spend=Decimal(1000))
        page = ana_client.get(reverse("campaigns"))
        assert page.context["spent"][0].spend == 140 and "last 13 weeks reported" in page.content.decode()
        assert ana_client.get(reverse("campaigns"), {"days": "all"}).context["spent"][0].spend == 1140
        assert ana_client.get(reverse("campaigns"), {"until": "2026-01-01"}).context["spent"][0].spend == 1000

    def test_nothing_found_and_nothing_there_are_told_apart(self, ana_client, harbor):
        assert "No campaigns yet" in ana_client.get(reverse("campaigns")).content.decode()
        CampaignFactory(brand=harbor, retailer=RetailerFactory(brand=harbor))
        assert "No campaign matches" in ana_client.get(reverse("campaigns"), {"q": "zzz"}).content.decode()

    def test_rows_without_a_campaign_are_mentioned(self, ana_client, harbor, oats):
        WindowedFactFactory(campaign=None, brand=harbor, retailer=oats.retailer, measured_on=FIRST)
        assert "1 row of reports name no campaign" in ana_client.get(reverse("campaigns")).content.decode()

    def test_another_brand_sees_none_of_it(self, cleo_client, oats):
        assert "Autumn oats" not in cleo_client.get(reverse("campaigns")).content.decode()
        assert b"Autumn oats" not in cleo_client.get(reverse("campaigns_csv")).getvalue()

    @pytest.mark.parametrize("name", ["campaigns", "campaigns_csv"])
    def test_it_needs_a_login_and_refuses_a_post(self, name, ana_client):
        assert Client().get(reverse(name)).status_code == 302
        assert ana_client.post(reverse(name)).status_code == 405


class TestExport:
    def test_it_has_one_line_per_campaign_currency_and_window(self, ben_client, harbor, oats, drink):
        bare = CampaignFactory(brand=harbor, retailer=oats.retailer, name="=1+1")
        text = ben_client.get(reverse("campaigns_csv"), {"sort": "name"}).getvalue().decode()
        rows = {row["campaign"]: row for row in csv.DictReader(io.StringIO(text))}
        assert set(rows) == {"Autumn oats", "Oat drink", "'=1+1"}
        oat = rows["Oat drink"]
        assert (oat["window_days"], oat["spend"], oat["sales"], oat["rows"], oat["rows_with_sales"]) == (
            "30", "42", "84.4", "8", "4",
        )  # fmt: skip
        assert rows["'=1+1"]["spend"] == "" and rows["'=1+1"]["external_id"] == bare.external_id
        assert rows["'=1+1"]["budget_period"] == "week"


class TestCampaignPage:
    def test_it_shows_plan_trend_parts_and_sources(self, ben_client, harbor, oats):
        CampaignPlanFactory(campaign=oats, starts_on=FIRST, ends_on=FIRST + timedelta(days=27), sales=Decimal(500))
        batch = DeliveryFactory(retailer=oats.retailer, filename="north.csv")
        PerformanceMetric.objects.for_brand(harbor).update(source=batch)
        page = ben_client.get(reverse("campaign", args=[oats.pk]))
        text = page.content.decode()
        assert page.status_code == 200
        assert "plan-band" in text and "ahead-line" in text and "north.csv" in text
        (period,) = page.context["progress"].periods
        assert (period.spent, period.planned_so_far, period.done) == (140, 155, False)
        assert "Change the plan" not in text

    def test_the_trend_is_the_rows_by_week(self, harbor, oats):
        frame = pd.DataFrame(
            PerformanceMetric.objects.for_brand(harbor).filter(campaign=oats).values("measured_on", "spend", "sales")
        )
        weekly = frame.astype({"spend": float, "sales": float}).groupby(
            pd.to_datetime(frame["measured_on"]).dt.to_period("W-SUN").dt.start_time.dt.date
        )[["spend", "sales"]].sum()  # fmt: skip
        found = reading.trend(oats, by="week", restated=set())
        assert [one.day for one in found.moments] == list(weekly.index)
        for one, (spend, sales) in zip(found.moments, weekly.to_numpy(), strict=True):
            assert float(one.spend) == spend and float(one.attributed[Window(14, "click")].sales) == sales

    def test_grains_are_shown_one_at_a_time_and_never_mixed(self, ana_client, harbor, oats):
        sku = SKUFactory(brand=harbor, name="Rolled oats")
        for number in range(3):
            WindowedFactFactory(
                campaign=oats, measured_on=FIRST, grain=PerformanceMetric.Grain.PRODUCT, report="p", item=f"B{number}",
                sku=sku if number == 0 else None, spend=Decimal(number + 1), counts=False,
            )  # fmt: skip
        WindowedFactFactory(
            campaign=oats, measured_on=FIRST, grain=PerformanceMetric.Grain.AD_GROUP, report="g", ad_group="AG1",
            spend=Decimal(7), counts=False,
        )  # fmt: skip
        AdEntity.across_brands.create(
            brand=harbor, retailer=oats.retailer, kind="ad_group", external_id="AG1", name="Porridge words"
        )
        page = ana_client.get(reverse("campaign", args=[oats.pk]))
        assert [one.label for one in page.context["grains"]] == ["Ad group", "Product"]
        assert [(one.name, one.figures.spend) for one in page.context["breakdown"].pieces] == [("Porridge words", 7)]
        page = ana_client.get(reverse("campaign", args=[oats.pk]), {"grain": "4.p"})
        pieces = [(one.name, one.detail, one.figures.spend) for one in page.context["breakdown"].pieces]
        assert pieces == [("B2", "", 3), ("B1", "", 2), ("Rolled oats", "B0", 1)]
        assert page.context["spent"][0].spend == 140

    def test_restated_days_are_marked_with_what_changed(self, ana_client, harbor, oats):
        batch = DeliveryFactory(retailer=oats.retailer, filename="again.csv")
        for number in range(3):
            Restatement.across_brands.create(
                brand=harbor, batch=batch, retailer=oats.retailer, campaign=oats, identity=number,
                measured_on=FIRST + timedelta(days=number), before={"sales": "38.00"}, after={"sales": "40.00"},
            )  # fmt: skip
        text = ana_client.get(reverse("campaign", args=[oats.pk]), {"by": "day"}).content.decode()
        assert "3 days were restated since" in text
        assert "sales 38.00 → 40.00" in text and "again.csv" in text
        assert text.count('<a href="#restated">restated</a>') == 3

    def test_two_windows_stand_side_by_side(self, ana_client, oats):
        days(oats, 3, window_days=7)
        page = ana_client.get(reverse("campaign", args=[oats.pk]))
        assert {(one.window.days, one.sales) for one in page.context["figures"]} == {(14, 560), (7, 120)}
        assert page.context["spent"][0].spend == 170

    def test_one_without_any_rows_says_what_will_come(self, ana_client, harbor):
        bare = CampaignFactory(brand=harbor, retailer=RetailerFactory(brand=harbor))
        text = ana_client.get(reverse("campaign", args=[bare.pk])).content.decode()
        assert "No figures yet" in text and "Nothing is planned" in text

    def test_the_number_of_queries_does_not_grow(self, ana_client, oats, django_assert_max_num_queries):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        address = reverse("campaign", args=[oats.pk])
        CampaignPlanFactory(campaign=oats)
        ana_client.get(address)
        with CaptureQueriesContext(connection) as few:
            ana_client.get(address)
        for month in range(2, 8):
            CampaignPlanFactory(campaign=oats, starts_on=date(2026, month, 1), ends_on=date(2026, month, 20))
        with django_assert_max_num_queries(len(few)):
            ana_client.get(address)
        assert len(few) <= 26


def form(campaign: Campaign | None, **changed: Any) -> dict[str, Any]:
    """What the form posts."""
    given: dict[str, Any] = {
        "name": "Autumn oats", "external_id": "", "objective": "Growth", "status": "live", "budget": "70.00",
        "budget_period": "week", "currency": "", "starts_on": FIRST.isoformat(), "ends_on": "",
    }  # fmt: skip
    if campaign is not None:
        given |= {"retailer": campaign.retailer_id, "seen": changes.seen(campaign)}
    return given | changed


def periods(campaign: Campaign, *rows: dict[str, Any]) -> dict[str, Any]:
    posted: dict[str, Any] = {"rows": len(rows), "seen": changes.seen(campaign)}
    for place, row in enumerate(rows):
        posted |= {f"p{place}-{name}": value for name, value in row.items()}
    return posted


class TestPlanningACampaign:
    def test_it_is_written_down_as_planned(self, ana, ana_client, harbor):
        retailer = RetailerFactory(brand=harbor)
        audience = AudienceSegment.across_brands.create(brand=harbor, external_id="A", name="Lapsed")
        response = ana_client.post(
            reverse("campaign_new"),
            form(None, retailer=retailer.pk, min_roas="2.5", audiences=[audience.pk], status=""),
        )
        made = Campaign.objects.for_brand(harbor).get()
        assert response.url == reverse("campaign_plan", args=[made.pk])
        assert (made.constraints, made.budget) == ({"min_roas": "2.5"}, 70)
        assert made.status == "planned"
        assert made.external_id.startswith("planned-")
        assert list(made.audiences.all()) == [audience]
        assert made.history.first().history_user == ana

    @pytest.mark.parametrize(
        ("changed", "field", "says"),
        [
            ({"name": ""}, "name", "Give it a name."),
            ({"ends_on": "2025-12-31"}, "ends_on", "before the first"),
            ({"budget": "-1"}, "budget", "greater than or equal to 0"),
            ({"currency": "euro"}, "currency", "Three capital letters"),
            ({"external_id": "TAKEN"}, "external_id", "has this number already"),
            ({"min_spend": "10", "max_spend": "5"}, "max_spend", "less than the least"),
            ({"retailer": ""}, "retailer", "Choose where it runs."),
        ],
    )
    def test_a_wrong_form_comes_back_with_the_reason_by_the_field(self, changed, field, says, ana_client, harbor):
        retailer = RetailerFactory(brand=harbor)
        CampaignFactory(brand=harbor, retailer=retailer, external_id="TAKEN")
        response = ana_client.post(reverse("campaign_new"), form(None, retailer=retailer.pk) | changed)
        assert response.status_code == 422
        assert says in " ".join(response.context["form"].errors[field])
        assert f'id="id_{field}_error"' in response.content.decode()
        assert Campaign.objects.for_brand(harbor).count() == 1

    def test_a_retailer_of_others_cannot_be_chosen(self, ana_client, lumen, harbor):
        RetailerFactory(brand=harbor)
        theirs = RetailerFactory(brand=lumen)
        assert ana_client.post(reverse("campaign_new"), form(None, retailer=theirs.pk)).status_code == 422

    def test_without_a_retailer_it_says_where_one_comes_from(self, ana_client):
        assert "No retailer to run it at yet" in ana_client.get(reverse("campaign_new")).content.decode()


class TestChangingACampaign:
    def test_it_is_saved_listed_and_taken_back(self, ana_client, harbor, oats):
        one = AudienceSegment.across_brands.create(brand=harbor, external_id="A", name="Lapsed")
        address = reverse("campaign_change", args=[oats.pk])
        given = form(oats, external_id=oats.external_id, budget="90", audiences=[one.pk])
        assert ana_client.post(address, given).url == reverse("campaign", args=[oats.pk])
        oats.refresh_from_db()
        assert oats.budget == 90 and list(oats.audiences.all()) == [one]
        page = ana_client.get(reverse("campaign", args=[oats.pk]))
        assert "Changed budget from 70.00 to 90.00, audiences" in page.content.decode()
        ana_client.post(reverse("campaign_undo", args=[oats.pk]), {"seen": page.context["seen"]})
        oats.refresh_from_db()
        assert oats.budget == 70 and list(oats.audiences.all()) == []
        assert changes.changes(oats)[0].what.startswith("Undone")

    def test_what_a_report_wrote_without_history_can_be_brought_back(self, ana, harbor, oats):
        Campaign.objects.for_brand(harbor).filter(pk=oats.pk).update(name="Renamed by a report")
        oats.refresh_from_db()
        facts = {"name": "Mine"}
        assert changes.change(campaign=oats, by=ana, facts=facts, audiences=[], seen_as=changes.seen(oats))
        changes.undo(campaign=oats, by=ana, seen_as=changes.seen(oats))
        oats.refresh_from_db()
        assert oats.name == "Renamed by a report"

    def test_a_page_that_is_old_writes_over_nothing(self, ana, ana_client, oats):
        stale = form(oats, external_id=oats.external_id, budget="90")
        changes.change(campaign=oats, by=ana, facts={"name": "New"}, audiences=[], seen_as=changes.seen(oats))
        response = ana_client.post(reverse("campaign_change", args=[oats.pk]), stale)
        assert response.status_code == 409
        assert "Somebody changed this campaign after you opened the page" in response.content.decode()
        oats.refresh_from_db()
        assert (oats.name, oats.budget) == ("New", 70)

    def test_the_same_again_saves_nothing(self, ana_client, oats):
        before = oats.history.count()
        response = ana_client.post(
            reverse("campaign_change", args=[oats.pk]), form(oats, external_id=oats.external_id), follow=True
        )
        assert "Nothing was different" in response.content.decode()
        assert oats.history.count() == before

    def test_rules_that_are_not_ours_are_kept(self, ana_client, oats):
        oats.constraints = {"weekend": False, "note": "old"}
        oats.save()
        given = form(oats, external_id=oats.external_id, note="", min_spend="5")
        ana_client.post(reverse("campaign_change", args=[oats.pk]), given)
        oats.refresh_from_db()
        assert oats.constraints == {"weekend": False, "min_spend": "5"}

    def test_the_first_writing_cannot_be_taken_back(self, ana_client, oats):
        page = ana_client.post(
            reverse("campaign_undo", args=[oats.pk]), {"seen": changes.seen(oats)}, follow=True
        ).content.decode()
        assert "nothing before it" in page
        assert Campaign.across_brands.filter(pk=oats.pk).exists()


class TestChangingThePlan:
    def test_periods_are_added_changed_taken_out_and_brought_back_in_one_piece(self, ana_client, harbor, oats):
        stays = CampaignPlanFactory(campaign=oats, starts_on=date(2026, 1, 1), ends_on=date(2026, 1, 31))
        goes = CampaignPlanFactory(campaign=oats, starts_on=date(2026, 2, 1), ends_on=date(2026, 2, 28), orders=7)
        posted = periods(
            oats,
            {"id": stays.pk, "starts_on": "2026-01-01", "ends_on": "2026-01-31", "spend": "400"},
            {"id": goes.pk, "starts_on": "2026-02-01", "ends_on": "2026-02-28", "spend": "310", "drop": "on"},
            {"starts_on": "2026-03-01", "ends_on": "2026-03-31", "sales": "99.50"},
            {},
        )
        response = ana_client.post(reverse("campaign_plan", args=[oats.pk]), posted)
        assert response.url == reverse("campaign", args=[oats.pk])
        rows = CampaignPlan.objects.for_brand(harbor).order_by("starts_on")
        assert [(one.starts_on.month, one.spend, one.sales) for one in rows] == [
            (1, 400, None),
            (3, None, Decimal("99.5")),
        ]
        page = ana_client.get(reverse("campaign", args=[oats.pk]))
        assert page.context["changes"][0].what == "Plan: 1 period added, 1 period changed, 1 period taken out"
        ana_client.post(reverse("campaign_undo", args=[oats.pk]), {"seen": page.context["seen"]})
        assert [(one.pk, one.spend, one.orders) for one in rows.all()] == [(stays.pk, 310, None), (goes.pk, 310, 7)]

    def test_two_periods_may_change_places(self, ana, harbor, oats):
        one = CampaignPlanFactory(campaign=oats, starts_on=date(2026, 1, 1), ends_on=date(2026, 1, 31))
        two = CampaignPlanFactory(campaign=oats, starts_on=date(2026, 2, 1), ends_on=date(2026, 2, 28))
        swapped = [
            {"id": one.pk, "starts_on": two.starts_on, "ends_on": two.ends_on, "spend": Decimal(1)},
            {"id": two.pk, "starts_on": one.starts_on, "ends_on": one.ends_on, "spend": Decimal(2)},
        ]
        changes.change_plan(campaign=oats, by=ana, periods=swapped, seen_as=changes.seen(oats))
        assert [row.pk for row in CampaignPlan.objects.for_brand(harbor).order_by("starts_on")] == [two.pk, one.pk]
        changes.undo(campaign=oats, by=ana, seen_as=changes.seen(oats))
        assert [row.pk for row in CampaignPlan.objects.for_brand(harbor).order_by("starts_on")] == [one.pk, two.pk]

    @pytest.mark.parametrize(
        ("row", "field", "says"),
        [
            ({"starts_on": "2026-01-20", "ends_on": "2026-02-20", "spend": "5"}, "starts_on", "Overlaps"),
            ({"starts_on": "2026-03-20", "ends_on": "2026-03-01", "spend": "5"}, "ends_on", "Before the first day."),
            ({"starts_on": "2026-03-01", "ends_on": "2026-03-31"}, "spend", "Plan at least one figure."),
            ({"ends_on": "2026-03-31", "spend": "5"}, "starts_on", "Say the day."),
            ({"starts_on": "2026-03-01", "ends_on": "2026-03-31", "spend": "-5"}, "spend", "greater than or equal"),
            (
                {"id": "999999", "starts_on": "2026-03-01", "ends_on": "2026-03-31", "spend": "5"},
                "starts_on",
                "not there",
            ),
        ],
    )
    def test_a_wrong_row_comes_back_with_the_reason_by_the_field(self, row, field, says, ana_client, harbor, oats):
        kept = CampaignPlanFactory(campaign=oats)
        first = {"id": kept.pk, "starts_on": "2026-01-01", "ends_on": "2026-01-31", "spend": "1"}
        response = ana_client.post(reverse("campaign_plan", args=[oats.pk]), periods(oats, first, row))
        assert response.status_code == 422
        errors = response.context["plan"].forms[1].errors
        assert says in " ".join(errors[field])
        assert CampaignPlan.objects.for_brand(harbor).get().spend == 310

    def test_a_page_that_is_old_writes_over_nothing(self, ana, ana_client, harbor, oats):
        stale = periods(oats, {"starts_on": "2026-03-01", "ends_on": "2026-03-31", "spend": "5"})
        changes.change(campaign=oats, by=ana, facts={"name": "New"}, audiences=[], seen_as=changes.seen(oats))
        assert ana_client.post(reverse("campaign_plan", args=[oats.pk]), stale).status_code == 409
        assert not CampaignPlan.objects.for_brand(harbor).exists()


READ = ["campaign"]
WRITE = ["campaign_change", "campaign_plan"]


class TestWhoMay:
    @pytest.mark.parametrize("name", [*READ, *WRITE])
    def test_another_brand_gets_404(self, name, cleo_client, oats):
        assert cleo_client.get(reverse(name, args=[oats.pk])).status_code == 404

    def test_another_brand_can_take_back_nothing(self, cleo_client, oats):
        assert cleo_client.post(reverse("campaign_undo", args=[oats.pk])).status_code == 404

    @pytest.mark.parametrize("name", WRITE)
    def test_a_viewer_may_not_change(self, name, ben_client, oats):
        assert ben_client.get(reverse(name, args=[oats.pk])).status_code == 403
        assert ben_client.post(reverse(name, args=[oats.pk])).status_code == 403
        assert ben_client.post(reverse("campaign_undo", args=[oats.pk])).status_code == 403
        assert ben_client.get(reverse("campaign_new")).status_code == 403

    @pytest.mark.parametrize("name", [*READ, *WRITE])
    def test_it_needs_a_login(self, name, oats):
        assert Client().get(reverse(name, args=[oats.pk])).url.startswith(reverse("account_login"))

    def test_reading_refuses_a_post_and_undoing_a_get(self, ana_client, oats):
        assert ana_client.post(reverse("campaign", args=[oats.pk])).status_code == 405
        assert ana_client.get(reverse("campaign_undo", args=[oats.pk])).status_code == 405
