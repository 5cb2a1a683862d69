"""Reports become facts: new, known, restated, or set aside with a reason; the same twice changes nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from django.db import IntegrityError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.facts.identity import identify
from crm.facts.undoing import CannotUndo, undo
from crm.identity import identity_of
from crm.imports.reports.canonical import SCHEMA
from crm.models import AdEntity, AudienceSegment, Brand, Campaign, PerformanceMetric, QuarantinedRow, Retailer
from tests.crm.facts.frames import DAY, batch, bring, entities, mapping, restatements, row, truth
from tests.factories import BrandFactory, CampaignFactory, RetailerFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(harbor: Brand) -> Retailer:
    return RetailerFactory(brand=harbor, slug="northmart")


def facts(shop: Retailer) -> list[PerformanceMetric]:
    return list(PerformanceMetric.objects.for_brand(shop.brand).order_by("measured_on", "source_row"))


class TestIdentity:
    def test_it_is_that_of_crm_identity(self) -> None:
        frame = pl.DataFrame([row(hour=7, ad_group="g", ad_group_name="Group", target="oats")], schema=SCHEMA)
        parts = ["northmart", "r", "2026-03-01", "7", "C-1", "", "g", "", "", "oats", "", "", "", "", "EUR"]
        assert identify(frame, retailer="northmart", report="r").to_list() == [identity_of(parts)]

    def test_a_new_name_of_a_campaign_with_an_id_is_the_same_row(self) -> None:
        frame = pl.DataFrame([row(campaign_name="Old"), row(campaign_name="New")], schema=SCHEMA)
        assert identify(frame, retailer="a", report="r").n_unique() == 1

    def test_the_name_tells_apart_where_there_is_no_id(self) -> None:
        frame = pl.DataFrame(
            [row(campaign="", campaign_name="Old"), row(campaign="", campaign_name="New")], schema=SCHEMA
        )
        assert identify(frame, retailer="a", report="r").n_unique() == 2


class TestNewRows:
    def test_every_column_arrives(self, shop: Retailer) -> None:
        windows = '{"30|click": {"orders": 2, "sales": 9.8}}'
        full = row(
            7, hour=23, ad_group_name="Group", ad="A1", target='"oats", 5 kg', match_type="exact", breakdown="device=M",
            audience="A-9", sales=1, ntb_sales=0, orders=12_345, units=10_000, window_days=14, attribution="click",
            other_windows=windows, campaign_name="Search",
        )  # fmt: skip
        bring(shop, batch([full]), by=mapping(grain="target"))
        fact = facts(shop)[0]
        assert (fact.campaign.external_id, fact.campaign.name) == ("C-1", "Search")
        assert (fact.hour, fact.ad_group, fact.ad, fact.target, fact.match_type) == (
            23,
            "Group",
            "A1",
            '"oats", 5 kg',
            "exact",
        )
        assert (fact.breakdown, fact.audience.external_id, fact.item, fact.sku) == ("device=M", "A-9", "", None)
        assert (fact.impressions, fact.clicks, fact.spend) == (1000, 10, Decimal("12.5"))
        assert (fact.sales, fact.ntb_sales, fact.ntb_orders) == (Decimal("0.000001"), 0, None)
        assert (fact.orders, fact.units) == (Decimal("1.2345"), 1)
        assert (fact.window_days, fact.attribution, fact.other_windows) == (
            14,
            "click",
            {"30|click": {"orders": 2, "sales": 9.8}},
        )
        assert (fact.grain, fact.report, fact.currency, fact.source_row, fact.counts) == (
            5,
            "hand-made",
            "EUR",
            7,
            True,
        )
        assert AudienceSegment.objects.for_brand(shop.brand).get().retailer == shop

    def test_the_books_say_what_went_where(self, shop: Retailer) -> None:
        _, result = bring(shop, batch([row(1), row(2, campaign="C-2", spend=1)], said={"spend": 12_500_001}))
        assert (result.read, result.stored, result.unchanged, result.restated, result.set_aside) == (2, 2, 0, 0, 0)
        assert result.reconciliation["spend"] == {
            "source": "12.500001", "stored": "12.500001", "unchanged": "0.00", "set_aside": "0.00", "off": "0.00",
            "said": "12.500001", "adds_up": True,
        }  # fmt: skip
        assert (result.first_on, result.last_on, result.made_campaigns) == (DAY, DAY, 2)

    def test_two_rows_that_are_the_same_fact_change_nothing(self, shop: Retailer) -> None:
        with pytest.raises(IntegrityError):
            bring(shop, batch([row(1), row(2)]))
        assert facts(shop) == []
        assert not Campaign.objects.for_brand(shop.brand).exists()

    def test_a_dry_run_says_the_same_and_stores_nothing(self, shop: Retailer) -> None:
        _, dry = bring(shop, batch([row(1), row(2, campaign="", ad_group="9")]), keep=False)
        assert (dry.stored, dry.set_aside) == (1, 1)
        assert facts(shop) == []
        assert not QuarantinedRow.objects.for_brand(shop.brand).exists()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has partitions")
    def test_rows_lie_in_the_partitions_of_their_months(self, shop: Retailer) -> None:
        bring(shop, batch([row(1, day=date(2031, 12, 31)), row(2, day=date(2032, 2, 1))]))
        with connection.cursor() as cursor:
            cursor.execute("SELECT tableoid::regclass::text FROM crm_performancemetric ORDER BY measured_on")
            assert [name for (name,) in cursor.fetchall()] == [
                "crm_performancemetric_2031_12", "crm_performancemetric_2032_02"
            ]  # fmt: skip


class TestRestatement:
    def test_it_keeps_what_changed_and_nothing_else(self, shop: Retailer) -> None:
        first, _ = bring(shop, batch([row(1, sales=None), row(2, campaign="C-2")]))
        second, result = bring(shop, batch([row(5, sales=3_000_000, spend=13_000_000), row(6, campaign="C-2")]))
        assert (result.stored, result.restated, result.unchanged) == (1, 1, 1)
        assert restatements(shop.brand) == [
            (
                {"spend": "12.5", "sales": None, "source": first.pk, "source_row": 1},
                {"spend": "13", "sales": "3", "source": second.pk, "source_row": 5},
            )
        ]
        assert [(fact.spend, fact.sales, fact.source_id) for fact in facts(shop)] == [
            (Decimal("12.5"), None, first.pk), (Decimal(13), Decimal(3), second.pk)
        ]  # fmt: skip
        assert result.reconciliation["spend"]["stored"] == "13.00"
        assert result.reconciliation["spend"]["unchanged"] == "12.50"

    def test_other_windows_are_compared_too(self, shop: Retailer) -> None:
        bring(shop, batch([row(other_windows='{"7|click": {"orders": 1}}')]))
        _, result = bring(shop, batch([row(other_windows='{"7|click": {"orders": 2}}')]))
        assert result.restated == 1
        assert restatements(shop.brand)[0][0]["other_windows"] == {"7|click": {"orders": 1}}

    def test_rows_that_a_report_no_longer_has_stay(self, shop: Retailer) -> None:
        bring(shop, batch([row(1), row(2, campaign="C-2")]))
        bring(shop, batch([row(1)]))
        assert len(facts(shop)) == 2

    def test_another_retailer_and_another_report_are_other_facts(self, shop: Retailer) -> None:
        bring(shop, batch([row()]))
        other = RetailerFactory(brand=shop.brand)
        bring(other, batch([row(campaign="D-1")]))
        bring(shop, batch([row()]), by=mapping("by-ad", "ad"))
        assert len(facts(shop)) == 3
        assert restatements(shop.brand) == []


class TestPlaces:
    def test_a_campaign_of_another_shop_is_not_taken(self, shop: Retailer) -> None:
        CampaignFactory(
            brand=shop.brand, retailer=RetailerFactory(brand=shop.brand, name="Eastmart"), external_id="C-1"
        )
        source, result = bring(shop, batch([row(), row(2, campaign="C-2")]))
        aside = source.quarantine.get()
        assert (aside.row, aside.field, aside.value) == (1, "campaign_id", "C-1")
        assert "known at Eastmart" in aside.reason
        assert (result.stored, result.set_aside) == (1, 1)
        assert result.reconciliation["spend"]["set_aside"] == "12.50"
        assert result.reconciliation["spend"]["adds_up"]

    def test_an_ad_group_finds_its_campaign_through_the_list_of_ad_groups(self, shop: Retailer) -> None:
        orphan = row(3, campaign="", ad_group="501")
        source, result = bring(shop, batch([orphan]))
        assert source.quarantine.get().reason == (
            "ad group 501 belongs to no campaign that is known; bring in the list of ad groups first"
        )
        assert result.stored == 0
        bring(
            shop, entities("ad_group", [{"external_id": "501", "name": "Oats", "campaign_id": "C-7"}]), by=ad_groups()
        )
        bring(shop, batch([orphan]))
        assert facts(shop)[0].campaign.external_id == "C-7"

    def test_an_ad_finds_its_campaign_through_its_ad_group(self, shop: Retailer) -> None:
        ad = row(campaign="", ad="77")
        bring(shop, entities("ad", [{"external_id": "77", "ad_group": "501"}]), by=ad_groups())
        bring(shop, entities("ad_group", [{"external_id": "501", "campaign_id": "C-7"}]), by=ad_groups())
        bring(shop, batch([ad]), by=mapping(grain="ad"))
        assert facts(shop)[0].campaign.external_id == "C-7"

    def test_a_row_that_names_nothing_is_set_aside(self, shop: Retailer) -> None:
        source, _ = bring(shop, batch([row(campaign="")]))
        assert source.quarantine.get().reason == "the row names no campaign, ad group or ad"

    def test_a_whole_account_needs_no_campaign_and_never_counts(self, shop: Retailer) -> None:
        bring(shop, batch([row(campaign="")]), by=mapping(grain="account"))
        assert [(fact.campaign, fact.counts) for fact in facts(shop)] == [(None, False)]

    @pytest.mark.parametrize("names_first", [True, False])
    def test_name_and_id_lead_to_one_campaign_in_any_order(self, shop: Retailer, names_first: bool) -> None:
        named, numbered = row(campaign="", campaign_name="Search"), row(2, campaign="9", campaign_name="Search")
        for one in (named, numbered) if names_first else (numbered, named):
            bring(shop, batch([one]))
        assert [(one.external_id, one.name) for one in Campaign.objects.for_brand(shop.brand)] == [("9", "Search")]

    def test_a_name_that_two_campaigns_have_is_set_aside(self, shop: Retailer) -> None:
        bring(shop, batch([row(1, campaign="1", campaign_name="Search"), row(2, campaign="2", campaign_name="Search")]))
        source, _ = bring(shop, batch([row(campaign="", campaign_name="Search")]))
        assert "several campaigns are called Search" in source.quarantine.get().reason


def ad_groups() -> object:
    return mapping("lists", kind="entities", entity="ad_group", columns={"external_id": "id"})


class TestLists:
    def test_a_list_of_campaigns_settles_what_they_are(self, shop: Retailer) -> None:
        bring(shop, batch([row(campaign="1")]))
        listed = entities("campaign", [
            {"external_id": "1", "name": "Spring", "status": "PAUSED", "budget": 20_500_000, "starts_on": DAY},
            {"external_id": "2", "name": "Autumn", "status": "enabled"},
        ])  # fmt: skip
        by = mapping("lists", kind="entities", entity="campaign", columns={"external_id": "id"})
        _, result = bring(shop, listed, by=by)
        one = Campaign.objects.for_brand(shop.brand).get(external_id="1")
        assert (one.name, one.status, one.budget, one.starts_on) == ("Spring", "paused", Decimal("20.50"), DAY)
        assert (result.stored, result.unchanged) == (2, 0)
        _, again = bring(shop, listed, by=by)
        assert (again.stored, again.unchanged) == (0, 2)

    def test_ads_that_came_before_their_ad_groups_find_their_campaign(self, shop: Retailer) -> None:
        bring(shop, entities("ad", [{"external_id": "77", "ad_group": "501"}]), by=ad_groups())
        bring(shop, entities("ad_group", [{"external_id": "501", "campaign_id": "C-7"}]), by=ad_groups())
        assert AdEntity.objects.for_brand(shop.brand).get(kind="ad").campaign.external_id == "C-7"


class TestWhatCounts:
    def counting(self, shop: Retailer) -> set[tuple[date, str]]:
        return {(fact.measured_on, fact.report) for fact in facts(shop) if fact.counts}

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    def test_the_smallest_grain_then_the_name_wins_in_any_order(self, shop: Retailer, order: tuple[int, ...]) -> None:
        tomorrow = DAY + timedelta(days=1)
        reports = [
            (mapping("b-campaigns", "campaign"), [row(1)]),
            (mapping("a-campaigns", "campaign"), [row(1)]),
            (mapping("products", "product"), [row(1, item="P"), row(2, item="Q"), row(3, day=tomorrow, item="P")]),
        ]
        for place in order:
            bring(shop, batch(reports[place][1]), by=reports[place][0])
        assert self.counting(shop) == {(DAY, "a-campaigns"), (tomorrow, "products")}

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
    def test_reports_with_different_figures_of_a_day_count_together(
        self, shop: Retailer, order: tuple[int, ...]
    ) -> None:
        nothing = {"impressions": None, "clicks": None, "spend": None}
        reports = [
            (mapping("ads", "ad"), row(1, ad="A")),
            (mapping("a-purchases", "ad"), row(1, ad="A", orders=10_000, **nothing)),
            (mapping("a-values", "ad"), row(1, ad="A", sales=1_000_000, **nothing)),
        ]
        for place in order:
            bring(shop, batch([reports[place][1]]), by=reports[place][0])
        assert len(self.counting(shop)) == 3
        bring(shop, batch([row(2)]))
        assert self.counting(shop) == {(DAY, "hand-made"), (DAY, "a-purchases"), (DAY, "a-values")}

    def test_undo_lets_the_other_reading_count_again(self, shop: Retailer) -> None:
        bring(shop, batch([row(1, item="P")]), by=mapping("products", "product"))
        source, _ = bring(shop, batch([row(1)]))
        assert self.counting(shop) == {(DAY, "hand-made")}
        undo(source)
        assert self.counting(shop) == {(DAY, "products")}


class TestUndo:
    def test_it_restores_the_facts_as_before(self, shop: Retailer) -> None:
        windows = '{"30|click": {"orders": 2, "sales": 9.8}}'
        bring(
            shop, batch([row(1, orders=12_345, other_windows=windows), row(2, campaign="C-2"), row(3, campaign="C-3")])
        )
        before, sources = truth(shop.brand), [fact.source_row for fact in facts(shop)]
        second, _ = bring(shop, batch([row(4, spend=1, orders=None), row(5, campaign="C-2"), row(6, campaign="C-9")]))
        assert truth(shop.brand) != before
        assert undo(second) == {"deleted": 1, "restored": 1}
        assert truth(shop.brand) == before
        assert [fact.source_row for fact in facts(shop)] == sources
        assert restatements(shop.brand) == []

    def test_it_refuses_where_a_later_import_changed_the_same_facts(self, shop: Retailer) -> None:
        first, _ = bring(shop, batch([row(1)]))
        second, _ = bring(shop, batch([row(1, spend=1)]))
        with pytest.raises(CannotUndo, match=rf"import {second.pk}\) came later and changed"):
            undo(first)
        undo(second)
        undo(first)
        assert facts(shop) == []

    def test_it_refuses_where_a_later_import_relies_on_the_same_facts(self, shop: Retailer) -> None:
        first, _ = bring(shop, batch([row(1)]))
        bring(shop, batch([row(1), row(2, campaign="C-2")]))
        with pytest.raises(CannotUndo, match="would be lost"):
            undo(first)


ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 4), st.integers(0, 10**9), st.integers(0, 10**6)),
    unique_by=lambda one: one[:2], min_size=1, max_size=12,
)  # fmt: skip


class TestTheSameDatabase:
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rows=ROWS, pieces=st.integers(1, 4), seed=st.randoms(use_true_random=False))
    def test_twice_in_pieces_or_in_another_order(self, db: None, rows: list, pieces: int, seed) -> None:  # type: ignore[no-untyped-def, type-arg]
        whole = [
            row(at, DAY + timedelta(days=day), f"C-{campaign}", spend=spend, orders=orders)
            for at, (day, campaign, spend, orders) in enumerate(rows, start=1)
        ]

        def fill(*deliveries: list[dict]) -> list[dict]:  # type: ignore[type-arg]
            brand = BrandFactory()
            shop = RetailerFactory(brand=brand, slug="northmart")
            for delivery in deliveries:
                bring(shop, batch(delivery))
            return [{name: value for name, value in one.items() if not name.endswith("_id")} for one in truth(brand)]

        wanted = fill(whole)
        assert len(wanted) == len(whole)
        assert fill(whole, whole) == wanted
        parts = [whole[start::pieces] for start in range(pieces) if whole[start::pieces]]
        seed.shuffle(parts)
        assert fill(*parts) == wanted
        assert fill(*parts, whole) == wanted
