"""The real year: every stored figure against sums made with pandas straight from the files."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from crm.imports.completejourney import load_completejourney
from crm.imports.completejourney.load import SimulatedBrand
from crm.models import (
    SKU,
    AudienceSegment,
    Brand,
    Campaign,
    Import,
    Lead,
    Outcome,
    Pack,
    PerformanceMetric,
    RetailerItem,
    Sale,
    SegmentMember,
    StageChange,
)
from tests.conftest import SHARED_DATA
from tests.factories import BrandFactory, UserFactory

pytestmark = [pytest.mark.real_data, pytest.mark.django_db]
MODELS: tuple[Any, ...] = (
    Pack, Campaign, Lead, StageChange, Outcome, Sale, PerformanceMetric, SKU, RetailerItem, AudienceSegment,
    SegmentMember,
)  # fmt: skip


FOLDER = SHARED_DATA / "retail" / "completejourney"


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "retail" / "completejourney"


@pytest.fixture(scope="class")
def brand(django_db_setup: None, django_db_blocker: Any) -> Iterator[Brand]:
    """The year, loaded once for a class of tests that only look at it."""
    if not FOLDER.is_dir():
        pytest.skip("real data is not there: expected beside the project in ../shared")
    with django_db_blocker.unblock(), transaction.atomic():
        yield load(FOLDER)[1]
        transaction.set_rollback(True)


@pytest.fixture(scope="class")
def year() -> dict[str, pd.DataFrame]:
    """The files as pandas reads them, without a line of the product's code."""
    read = {path.name.split(".")[0].removesuffix("_sample"): pd.read_csv(path) for path in FOLDER.glob("*.csv*")}
    read["transactions"]["at"] = pd.to_datetime(read["transactions"]["transaction_timestamp"])
    for column in ("start_date", "end_date"):
        read["campaign_descriptions"][column] = pd.to_datetime(read["campaign_descriptions"][column])
    return read


@pytest.fixture(scope="class")
def eligible(year: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Lines of reached households, inside the window, for couponed products; a row for each campaign that fits."""
    lines = year["transactions"].reset_index(names="line").merge(year["campaigns"], on="household_id")
    lines = lines.merge(year["campaign_descriptions"], on="campaign_id")
    day = lines["at"].dt.normalize()
    lines = lines[(day >= lines["start_date"]) & (day <= lines["end_date"])]
    couponed = year["coupons"][["campaign_id", "product_id"]].drop_duplicates()
    return lines.merge(couponed, on=["campaign_id", "product_id"])


@pytest.fixture(scope="class")
def claimed(eligible: pd.DataFrame) -> pd.DataFrame:
    """One campaign for each line: the one that started last, then the lower number."""
    ranked = eligible.sort_values(["start_date", "campaign_id"], ascending=[False, True])
    return ranked.drop_duplicates("line")


def load(folder: Path) -> tuple[Import, Brand]:
    batch = load_completejourney(folder=folder)
    assert batch.error == ""
    assert batch.rows_read == batch.rows_stored + batch.rows_unchanged + batch.rows_set_aside
    return batch, batch.brand


def cents(frame: pd.DataFrame, *columns: str) -> int:
    return sum(round(100 * value) for column in columns for value in frame[column])


class TestFigures:
    def test_campaigns_households_and_redemptions_are_all_there(
        self, brand: Brand, year: dict[str, pd.DataFrame]
    ) -> None:
        assert (brand.is_simulated, brand.currency) == (False, "USD")
        assert Pack.objects.for_brand(brand).count() == Campaign.objects.for_brand(brand).count() == 27
        reached = year["campaigns"].groupby("campaign_id").size()
        for pack in Pack.objects.for_brand(brand):
            number = int(pack.slug.removeprefix("campaign-"))
            assert pack.leads.count() == reached[number]
            assert f"{reached[number]:,} households" in pack.goal
        redeemed = Outcome.objects.for_brand(brand).filter(kind="redeemed")
        assert redeemed.count() == len(year["coupon_redemptions"]) == 2102
        by_day = Counter(f"{day:%Y-%m-%d}" for day in redeemed.values_list("occurred_at", flat=True))
        assert by_day == Counter(year["coupon_redemptions"]["redemption_date"])

    def test_sales_are_the_sums_of_their_lines(self, brand: Brand, claimed: pd.DataFrame) -> None:
        paid = claimed[claimed["sales_value"] > 0]
        baskets = paid.groupby(["campaign_id", "basket_id"])["sales_value"].sum()
        stored = {sale.external_id: sale for sale in Sale.objects.for_brand(brand).select_related("pack", "lead")}
        assert len(stored) == len(baskets)
        for (campaign, basket), value in baskets.items():
            sale = stored[f"cj:{int(campaign)}:{int(basket)}"]
            assert sale.amount == Decimal(str(round(value, 2)))
            assert sale.pack.slug == f"campaign-{int(campaign):02d}"
            assert sale.attributed_to is None
        assert sum(sale.amount for sale in stored.values()) * 100 == cents(paid, "sales_value")

    def test_no_line_of_money_counts_for_two_campaigns(self, brand: Brand, eligible: pd.DataFrame) -> None:
        once = eligible[eligible["sales_value"] > 0].drop_duplicates("line")
        assert len(once) < len(eligible)
        assert sum(Sale.objects.for_brand(brand).values_list("amount", flat=True)) * 100 == cents(once, "sales_value")

    def test_performance_adds_up_to_sales_and_discounts(self, brand: Brand, claimed: pd.DataFrame) -> None:
        metrics = PerformanceMetric.objects.for_brand(brand).counting().select_related("campaign")
        assert sum(metric.sales for metric in metrics) * 100 == cents(claimed, "sales_value")
        assert sum(metric.spend for metric in metrics) * 100 == cents(claimed, "coupon_disc", "coupon_match_disc")
        assert sum(metric.orders for metric in metrics) == Sale.objects.for_brand(brand).count()
        assert (
            sum(metric.impressions for metric in metrics)
            == Outcome.objects.for_brand(brand).filter(kind="exposed").count()
        )
        paid = claimed[claimed["sales_value"] > 0]
        by_day = paid.groupby(["campaign_id", paid["at"].dt.date])["sales_value"].sum()
        for metric in metrics:
            number = int(metric.campaign.external_id.removeprefix("campaign-"))
            assert float(metric.sales) == pytest.approx(by_day.get((number, metric.measured_on), 0), abs=0.005)

    def test_days_of_products_are_a_finer_reading_of_the_same_money(self, brand: Brand, claimed: pd.DataFrame) -> None:
        paid = claimed[claimed["sales_value"] > 0]
        expected = paid.groupby(["campaign_id", paid["at"].dt.date, "product_id"])["sales_value"].sum()
        facts = PerformanceMetric.objects.for_brand(brand).filter(grain=PerformanceMetric.Grain.PRODUCT)
        found = {
            (int(fact.campaign.external_id.removeprefix("campaign-")), fact.measured_on, int(fact.item)): fact
            for fact in facts.select_related("campaign", "sku")
        }
        assert set(found) == set(expected.index)
        for key, fact in found.items():
            assert float(fact.sales) == pytest.approx(expected[key], abs=0.005)
            assert fact.sku.code == f"P{fact.item}"
            assert not fact.counts

    def test_audiences_are_the_households_reached(self, brand: Brand, year: dict[str, pd.DataFrame]) -> None:
        reached = year["campaigns"].groupby("campaign_id")["household_id"].nunique()
        for number, households in reached.items():
            audience = AudienceSegment.objects.for_brand(brand).get(external_id=f"reached-campaign-{number:02d}")
            assert audience.reach_estimate == households == audience.members.count()
            assert list(audience.campaigns.values_list("external_id", flat=True)) == [f"campaign-{number:02d}"]

    def test_exposure_is_a_visit_to_a_store_that_promoted_a_couponed_product(
        self, brand: Brand, year: dict[str, pd.DataFrame]
    ) -> None:
        visits = year["transactions"][["household_id", "store_id", "basket_id", "week", "at"]].drop_duplicates()
        visits = visits.merge(year["campaigns"], on="household_id").merge(
            year["campaign_descriptions"], on="campaign_id"
        )
        day = visits["at"].dt.normalize()
        visits = visits[(day >= visits["start_date"]) & (day <= visits["end_date"])]
        shown = year["promotions"].merge(
            year["coupons"][["campaign_id", "product_id"]].drop_duplicates(), on="product_id"
        )
        seen = visits.merge(
            shown[["campaign_id", "store_id", "week"]].drop_duplicates(), on=["campaign_id", "store_id", "week"]
        )
        expected = {f"cj:exposed:{row.campaign_id}:{int(row.basket_id)}" for row in seen.itertuples()}
        found = Outcome.objects.for_brand(brand).filter(kind="exposed").values_list("external_id", flat=True)
        assert set(found) == expected
        assert expected

    def test_stages_follow_from_what_happened(
        self, brand: Brand, year: dict[str, pd.DataFrame], eligible: pd.DataFrame
    ) -> None:
        keys = ["campaign_id", "household_id"]
        bought = {tuple(key) for key in eligible[eligible["sales_value"] > 0][keys].itertuples(index=False)}
        took = {tuple(key) for key in year["coupon_redemptions"][keys].itertuples(index=False)} - bought
        stages = dict(Lead.objects.for_brand(brand).values_list("external_id", "funnel_stage"))
        at = {stage: {key for key, found in stages.items() if found == stage} for stage in set(stages.values())}
        assert at["purchased"] == {f"{campaign}/{household}" for campaign, household in bought}
        assert at["proposal"] == {f"{campaign}/{household}" for campaign, household in took}
        assert "lost" not in at
        firsts = eligible[eligible["sales_value"] > 0].groupby(keys)["at"].min()
        for change in StageChange.objects.for_brand(brand).filter(to_funnel="purchased").select_related("lead")[:300]:
            campaign, household = map(int, change.lead.external_id.split("/"))
            assert change.changed_at.replace(tzinfo=None) == firsts[campaign, household].to_pydatetime()

    def test_histories_only_move_forward(self, brand: Brand) -> None:
        order = ["", "prospect", "engaged", "qualified", "proposal", "purchased"]
        last: dict[int, str] = {}
        for change in StageChange.objects.for_brand(brand).order_by("lead", "changed_at", "pk"):
            assert change.from_funnel == last.get(change.lead_id, "")
            assert order.index(change.to_funnel) > order.index(change.from_funnel)
            last[change.lead_id] = change.to_funnel
        assert last == dict(Lead.objects.for_brand(brand).values_list("pk", "funnel_stage"))

    def test_products_quote_counted_facts(
        self, brand: Brand, year: dict[str, pd.DataFrame], claimed: pd.DataFrame
    ) -> None:
        paid = claimed[claimed["sales_value"] > 0]
        for sku in SKU.objects.for_brand(brand).exclude(facts=[]):
            product = int(sku.code.removeprefix("P"))
            own, every = paid[paid["product_id"] == product], year["transactions"]
            every = every[every["product_id"] == product]
            texts = " ".join(fact["text"] for fact in sku.facts)
            assert f"Bought {len(every):,} times by {every['household_id'].nunique():,} households" in texts
            assert f"Bought {len(own):,} times for {cents(own, 'sales_value') / 100:,.2f} USD" in texts
            assert sku.price is None


class TestLoading:
    def test_a_second_run_changes_nothing(self, folder: Path) -> None:
        first, brand = load(folder)
        before = [list(model.objects.for_brand(brand).order_by("pk").values()) for model in MODELS]
        second, _ = load(folder)
        assert (second.rows_stored, second.rows_unchanged) == (0, first.rows_stored)
        Import.objects.for_brand(brand).delete()  # so that the content is compared row by row, not by its hash
        third, _ = load(folder)
        assert (third.rows_stored, third.rows_unchanged) == (0, first.rows_stored)
        assert [list(model.objects.for_brand(brand).order_by("pk").values()) for model in MODELS] == before

    def test_a_missing_file_stores_nothing(self, folder: Path, tmp_path: Path) -> None:
        for path in folder.glob("*.csv"):
            shutil.copy(path, tmp_path)
        batch = load_completejourney(folder=tmp_path)
        assert batch.state == Import.State.FAILED
        assert "has no coupons.csv" in batch.error
        assert not Pack.objects.for_brand(batch.brand).exists()

    def test_bad_lines_are_set_aside_and_the_rest_goes_in(self, folder: Path, tmp_path: Path) -> None:
        for path in folder.iterdir():
            shutil.copy(path, tmp_path)
        redemptions = tmp_path / "coupon_redemptions.csv"
        redemptions.chmod(0o644)
        redemptions.write_text(
            redemptions.read_text() + "1,10000085364,8,2017-13-45\n999999,10000085364,8,2017-06-01\n"
        )
        batch = load_completejourney(folder=tmp_path)
        assert batch.state == Import.State.PARTIAL
        assert set(batch.quarantine.values_list("row", "field")) == {(2103, "redemption_date"), (2104, "household_id")}
        assert Outcome.objects.for_brand(batch.brand).filter(kind="redeemed").count() == 2102

    def test_a_simulated_brand_is_refused(self, folder: Path) -> None:
        BrandFactory(slug="harbor-oats", world="grocers")
        with pytest.raises(SimulatedBrand):
            load_completejourney(folder=folder, slug="harbor-oats")

    def test_the_command_prints_progress_and_gives_the_brand_an_owner(self, folder: Path) -> None:
        ana, out = UserFactory(username="ana"), StringIO()
        call_command("load_completejourney", str(folder), "--owner", "ana", stdout=out)
        assert "6,589 leads" in out.getvalue()
        assert Brand.objects.open_to(ana).get().slug == "complete-journey"
        with pytest.raises(CommandError, match="nobody called 'zed'"):
            call_command("load_completejourney", str(folder), "--owner", "zed", stdout=out)
