"""Facts of before keep their figures when the table is made anew, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from crm.facts.identity import daily_identity

BEFORE, AFTER = [("crm", "0001_initial")], [("crm", "0002_retail_truth")]

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(target: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(target)
    return executor.loader.project_state(target).apps


@pytest.fixture
def old() -> Iterator[Any]:
    """The models of before; all migrations are applied again afterwards."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    yield migrate(BEFORE)
    MigrationExecutor(connection).migrate(newest)


def rows_of_before(apps: Any) -> Any:
    brand = apps.get_model("crm", "Brand").objects.create(name="Harbor", slug="harbor", currency="USD")
    retailer = apps.get_model("crm", "Retailer").across_brands.create(brand=brand, name="Northmart", slug="northmart")
    campaigns = [
        apps.get_model("crm", "Campaign").across_brands.create(
            brand=brand, retailer=retailer, external_id=f"C-{number}", name="Search"
        )
        for number in range(2)
    ]
    model = apps.get_model("crm", "PerformanceMetric")
    for number, day in enumerate((date(2025, 12, 31), date(2026, 1, 1), date(2026, 2, 28))):
        for campaign in campaigns:
            model.across_brands.create(
                brand=brand, campaign=campaign, measured_on=day, impressions=1000 + number, clicks=10, orders=number,
                spend=Decimal("12.34"), sales=Decimal("56.70"),
            )  # fmt: skip
    return sorted(figures(model))


def figures(model: Any) -> list[tuple[Any, ...]]:
    names = ("pk", "brand_id", "campaign_id", "measured_on", "impressions", "clicks", "orders", "spend", "sales")
    return list(model.across_brands.values_list(*names))


class TestTheWayThereAndBack:
    def test_old_rows_keep_their_figures_and_ids(self, old: Any) -> None:
        before = rows_of_before(old)
        model = migrate(AFTER).get_model("crm", "PerformanceMetric")
        assert sorted(figures(model)) == before
        for fact in model.across_brands.select_related("campaign", "retailer"):
            assert fact.retailer == fact.campaign.retailer
            assert (fact.report, fact.grain, fact.currency, fact.counts) == ("endcap-daily", 1, "USD", True)
            assert (fact.window_days, fact.attribution, fact.source) == (None, "unknown", None)
            assert fact.identity == daily_identity(
                "northmart", campaign=fact.campaign.external_id, day=fact.measured_on, currency="USD"
            )
        one = model.across_brands.first()
        made = model.across_brands.create(
            brand=one.brand, retailer=one.retailer, campaign=one.campaign, measured_on=date(2031, 5, 5), identity=7
        )
        assert made.pk > max(row[0] for row in before)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT tableoid::regclass::text, count(*) FROM crm_performancemetric GROUP BY 1")
                assert dict(cursor.fetchall()) == {
                    "crm_performancemetric_2025_12": 2,
                    "crm_performancemetric_2026_01": 2,
                    "crm_performancemetric_2026_02": 2,
                    "crm_performancemetric_other": 1,
                }

    def test_the_way_back_adds_up_what_counts(self, old: Any) -> None:
        before = rows_of_before(old)
        model = migrate(AFTER).get_model("crm", "PerformanceMetric")
        one = model.across_brands.order_by("pk").first()
        for identity, counts in ((1, True), (2, False)):
            model.across_brands.create(
                brand=one.brand, retailer=one.retailer, campaign=one.campaign, measured_on=one.measured_on,
                identity=identity, counts=counts, spend=Decimal("1.006"), impressions=5,
            )  # fmt: skip
        back = {row[0]: row for row in figures(migrate(BEFORE).get_model("crm", "PerformanceMetric"))}
        assert sorted(back) == [row[0] for row in before]
        assert back[one.pk][4] == one.impressions + 5
        assert back[one.pk][7] == Decimal("13.35")
        assert [back[row[0]] for row in before if row[0] != one.pk] == [row for row in before if row[0] != one.pk]
