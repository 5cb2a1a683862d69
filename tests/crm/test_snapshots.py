"""Snapshots: real figures, citable ids, a fixed number of queries, the same draw for the same seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import snapshots
from crm.models import SKU, Brand, Campaign, Company, Lead, Pack, Retailer, Sale, StageChange
from tests.factories import PackFactory, PerformanceMetricFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def pack(harbor: Brand) -> Pack:
    return PackFactory(brand=harbor, slug="win-back", task="outreach")


@pytest.fixture
def stocked(harbor: Brand, pack: Pack) -> Brand:
    """One of everything, with figures that are easy to add up."""
    SKU.across_brands.create(
        brand=harbor,
        code="OAT-5KG",
        name="Oats 5 kg",
        price=Decimal("13.90"),
        facts=[
            {"text": "110 portions a sack", "kind": "feature"},
            "broken",
            {"id": "tested", "text": "Tested", "kind": "proof"},
        ],
    )
    retailer = Retailer.across_brands.create(brand=harbor, name="Northmart", slug="northmart")
    campaign = Campaign.across_brands.create(
        brand=harbor, retailer=retailer, external_id="NM-01", name="Search", budget=Decimal(700)
    )
    for day in range(3):
        PerformanceMetricFactory(
            campaign=campaign,
            measured_on=(NOW - timedelta(days=day)).date(),
            spend=Decimal(100),
            sales=Decimal(250),
            impressions=1000,
            clicks=10,
            orders=5,
        )
    add_leads(harbor, pack, 3)
    return harbor


def add_leads(brand: Brand, pack: Pack, count: int) -> None:
    already = Lead.objects.for_brand(brand).count()
    for number in range(already, already + count):
        company = Company.across_brands.create(brand=brand, external_id=f"C-{number}", name=f"Shop {number}")
        lead = Lead.across_brands.create(
            brand=brand,
            pack=pack,
            external_id=f"L-{number}",
            name=f"Person {number}",
            company=company,
            funnel_stage="engaged" if number % 2 else "prospect",
            detail={"segment": "grocer", "need": "margin", "shops": 2},
        )
        StageChange.across_brands.create(
            lead=lead, from_funnel="", to_funnel="prospect", changed_at=NOW - timedelta(days=5), source="x"
        )
        if number % 2:
            StageChange.across_brands.create(
                lead=lead, from_funnel="prospect", to_funnel="engaged", changed_at=NOW - timedelta(days=3), source="x"
            )
        Sale.across_brands.create(
            brand=brand,
            lead=lead,
            external_id=f"S-{number}",
            amount=Decimal(100),
            currency="EUR",
            sold_at=NOW - timedelta(days=40 * (number % 2)),
        )


SUBJECT = {"kind": "prospect", "key": "L-1", "title": "Shop 1"}


class TestTake:
    def test_every_figure_is_the_databases(self, stocked: Brand, pack: Pack) -> None:
        taken = snapshots.take(stocked, pack=pack, subject=SUBJECT, now=NOW)
        (campaign,) = taken.campaigns
        assert campaign.roas == pytest.approx(2.5)
        assert campaign.spend_per_week == pytest.approx(700)
        assert list(campaign.days) == sorted(campaign.days)
        assert taken.funnel["prospect"] == 2
        assert taken.funnel["engaged"] == 1
        assert taken.conversion["prospect"] == pytest.approx(1 / 3)
        assert (taken.recent_sales.count, taken.recent_sales.amount) == (3, 300.0)
        assert taken.recent_sales.by_month[-1] == ("2026-11", 200.0)

    def test_a_campaign_that_ended_long_ago_keeps_its_own_last_days(self, stocked: Brand, pack: Pack) -> None:
        retailer = Retailer.across_brands.get(brand=stocked)
        old = Campaign.across_brands.create(brand=stocked, retailer=retailer, external_id="NM-00", name="Old")
        for days in (400, 500, 530):
            PerformanceMetricFactory(campaign=old, measured_on=(NOW - timedelta(days=days)).date(), spend=10, sales=30)
        series = {one.external_id: one for one in snapshots.campaign_series(stocked)}
        assert list(series) == ["NM-01", "NM-00"]
        assert len(series["NM-00"].days) == 2
        assert series["NM-00"].roas == pytest.approx(3)

    def test_days_add_up_what_counts_and_nothing_else(self, stocked: Brand) -> None:
        campaign = Campaign.objects.for_brand(stocked).get(external_id="NM-01")
        PerformanceMetricFactory(campaign=campaign, measured_on=NOW.date(), spend=11, orders=None)
        PerformanceMetricFactory(campaign=campaign, measured_on=NOW.date(), spend=5000, counts=False)
        series = snapshots.campaign_series(stocked)[0]
        assert len(series.days) == 3
        assert (series.days[-1], series.spend[-1], series.orders[-1]) == (NOW.date(), 111, 5)

    def test_facts_can_be_cited_by_id(self, stocked: Brand, pack: Pack) -> None:
        taken = snapshots.take(stocked, pack=pack, subject=SUBJECT, now=NOW)
        said = {fact_id: fact.text for fact_id in (
            "sku:OAT-5KG#1", "sku:OAT-5KG#tested", "sku:OAT-5KG#price", "campaign:NM-01#roas", "prospect:L-1#need",
            "prospect:L-1#shops", "prospect:L-1#orders", "sales#month", "funnel#prospect",
        ) if (fact := taken.fact(fact_id))}  # fmt: skip
        assert len(said) == 9
        assert "110 portions" in said["sku:OAT-5KG#1"]
        assert "13.90" in said["sku:OAT-5KG#price"]
        assert "2.50" in said["campaign:NM-01#roas"]
        assert taken.fact("sku:OAT-5KG#99") is None

    def test_ids_are_unique(self, stocked: Brand, pack: Pack) -> None:
        ids = [fact.id for fact in snapshots.take(stocked, pack=pack, subject=SUBJECT, now=NOW).facts()]
        assert len(ids) == len(set(ids))

    def test_the_number_of_queries_does_not_grow_with_the_brand(self, stocked: Brand, pack: Pack) -> None:
        with CaptureQueriesContext(connection) as few:
            snapshots.take(stocked, pack=pack, subject=SUBJECT, now=NOW)
        add_leads(stocked, pack, 40)
        with CaptureQueriesContext(connection) as many:
            snapshots.take(stocked, pack=pack, subject=SUBJECT, now=NOW)
        assert len(few) == len(many) <= 16

    def test_an_empty_brand_has_an_empty_picture(self, harbor: Brand, pack: Pack) -> None:
        taken = snapshots.take(harbor, pack=pack, subject=None, now=NOW)
        assert (taken.skus, taken.campaigns, taken.prospect, taken.audience) == ((), (), None, ())
        assert taken.recent_sales.count == 0

    def test_another_brand_is_never_seen(self, stocked: Brand, lumen: Brand) -> None:
        theirs = PackFactory(brand=lumen, slug="win-back", task="outreach")
        taken = snapshots.take(lumen, pack=theirs, subject=SUBJECT, now=NOW)
        assert taken.prospect is None
        assert not list(taken.skus) + list(taken.campaigns)


class TestSubjects:
    def test_the_same_seed_draws_the_same(self, stocked: Brand, pack: Pack) -> None:
        add_leads(stocked, pack, 30)
        draws = [snapshots.subjects(stocked, pack, 5, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]
        assert len({subject["key"] for subject in draws[0]}) == 5

    def test_creative_is_about_a_product(self, stocked: Brand) -> None:
        creative = PackFactory(brand=stocked, slug="page", task="creative")
        assert snapshots.subjects(stocked, creative, 1, np.random.default_rng(1)) == [
            {"kind": "sku", "code": "OAT-5KG", "title": "Oats 5 kg"}
        ]
        taken = snapshots.take(stocked, pack=creative, subject={"kind": "sku", "code": "OAT-5KG"}, now=NOW)
        assert taken.product is not None
        assert taken.product.price == pytest.approx(13.9)

    def test_budget_is_about_everything(self, stocked: Brand) -> None:
        budget = PackFactory(brand=stocked, slug="money", task="budget")
        assert snapshots.subjects(stocked, budget, 3, np.random.default_rng(1)) == [{}]

    def test_people_the_market_made_up_are_not_addressed(self, stocked: Brand, pack: Pack) -> None:
        Lead.objects.for_brand(stocked).update(source="simulated")
        assert snapshots.subjects(stocked, pack, 3, np.random.default_rng(1)) == [{}]
