"""The sample data: three brands, six packs each, loaded once, everything marked as invented."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from crm.market.world import World
from crm.models import (
    SKU,
    Brand,
    Campaign,
    FunnelStage,
    Import,
    Lead,
    Membership,
    Outcome,
    Pack,
    PerformanceMetric,
    RetailerItem,
    Sale,
    StageChange,
)

pytestmark = pytest.mark.django_db

SIX = {"tax-assist", "win-back-email", "product-page-copy", "retail-budget", "campaign-readout", "quarter-plan"}


def load() -> str:
    out = io.StringIO()
    call_command("init_sample_data", stdout=out)
    return out.getvalue()


class TestInitSampleData:
    def test_it_makes_three_brands_with_all_that_agents_need(self) -> None:
        said = load()
        for slug, world in (("harbor-oats", "grocers"), ("lumen-home", "price-led"), ("pawfield", "thin-data")):
            brand = Brand.objects.get(slug=slug)
            assert brand.world == world
            assert set(Pack.objects.for_brand(brand).values_list("slug", flat=True)) == SIX
            assert {pack.task for pack in Pack.objects.for_brand(brand)} == set(Pack.Task.values)
            assert Lead.objects.for_brand(brand).filter(source="sample").count() == 150
            stages = set(Lead.objects.for_brand(brand).values_list("funnel_stage", flat=True))
            assert stages == set(FunnelStage.values)
            assert Sale.objects.for_brand(brand).count() > 20
            assert SKU.objects.for_brand(brand).filter(code="TAX-ASSIST").exists()
            assert all(len(sku.facts) >= 5 for sku in SKU.objects.for_brand(brand))
            days = PerformanceMetric.objects.for_brand(brand).values("measured_on").distinct().count()
            assert days == (28 if world == "thin-data" else 120)
            assert brand.retailers.count() == 3
        assert "endcap-demo" in said
        assert "ana" in said

    def test_loading_twice_changes_nothing(self) -> None:
        models = (Lead, Sale, StageChange, Outcome, PerformanceMetric, Campaign, Pack)
        load()
        before = [model.across_brands.count() for model in models] + [get_user_model().objects.count()]
        assert "was there" in load()
        assert [model.across_brands.count() for model in models] + [get_user_model().objects.count()] == before

    def test_everything_is_marked_as_sample(self) -> None:
        load()
        for model in (Lead, Sale, StageChange, Outcome):
            generated = model.across_brands.exclude(source="import")
            assert set(generated.values_list("source", flat=True)) == {"sample"}
        assert Sale.across_brands.filter(attributed_to__isnull=False).count() == 0

    def test_reports_of_the_shops_came_in_restated_days_and_add_up(self) -> None:
        load()
        for brand in Brand.objects.all():
            reports = Import.objects.for_brand(brand).filter(kind="report").exclude(state=Import.State.MAPPING)
            assert len(reports) == 10
            assert all(report.reconciliation["spend"]["adds_up"] for report in reports)
            assert sum(report.rows_restated for report in reports) > 0
            assert sum(report.rows_set_aside for report in reports) == 3
            assert {report.mapping for report in reports} == {
                "amazon-sp-campaign", "basketly-campaign", "basketly-product", "generic",
            }  # fmt: skip
            waiting = Import.objects.for_brand(brand).get(state=Import.State.MAPPING)
            assert waiting.proposal["columns"]
            assert RetailerItem.objects.for_brand(brand).filter(state="waiting", proposed__isnull=False).count() >= 4

    def test_counting_facts_are_the_history_of_the_market(self) -> None:
        load()
        harbor = Brand.objects.get(slug="harbor-oats")
        world = World.load(harbor.world)
        for campaign in Campaign.objects.for_brand(harbor):
            facts = PerformanceMetric.objects.for_brand(harbor).counting().filter(campaign=campaign)
            yesterday = timezone.now().date() - timedelta(days=1)
            past = world.history(campaign.external_id, budget=float(campaign.budget), last_day=yesterday)
            late = campaign.retailer.network == "generic"  # its newest day has not come
            expected = sum(round(float(amount), 2) for amount in past.spend[: len(past.spend) - late])
            assert float(sum(fact.spend for fact in facts)) == pytest.approx(expected, abs=0.01)

    def test_two_deliveries_of_harbor_oats_came_through_the_import_door(self) -> None:
        load()
        harbor = Brand.objects.get(slug="harbor-oats")
        deliveries = Import.objects.for_brand(harbor).exclude(kind="report")
        taken = {row.filename: (row.rows_stored, row.rows_set_aside) for row in deliveries}
        assert taken == {"leads_2026-09.csv": (4, 2), "sales_2026-09.json": (4, 3)}

    def test_history_leads_to_where_each_lead_stands(self) -> None:
        load()
        for lead in Lead.across_brands.prefetch_related("changes"):
            changes = sorted(lead.changes.all(), key=lambda change: change.changed_at)
            assert changes[-1].to_funnel == lead.funnel_stage
            assert [change.from_funnel for change in changes[1:]] == [change.to_funnel for change in changes[:-1]]

    def test_people_have_the_roles_of_the_story(self) -> None:
        load()
        roles = {
            (row.user.username, row.brand.slug): row.role for row in Membership.objects.select_related("user", "brand")
        }
        assert roles["ana", "harbor-oats"] == "owner"
        assert roles["ben", "harbor-oats"] == "viewer"
        assert roles["cleo", "lumen-home"] == "owner"
        assert roles["rae", "harbor-oats"] == "rater"
        assert roles["maya", "harbor-oats"] == "planner"
        users = get_user_model().objects
        assert [user.username for user in users.filter(is_superuser=True)] == ["admin"]
        assert not users.exclude(username="admin").filter(is_staff=True).exists()


class TestPasswords:
    def test_production_refuses_the_public_one(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.PRODUCTION = True
        monkeypatch.delenv("DEMO_PASSWORD", raising=False)
        with pytest.raises(CommandError, match="DEMO_PASSWORD"):
            load()
        assert not Brand.objects.exists()

    def test_a_given_one_is_used_and_not_printed(self, monkeypatch: pytest.MonkeyPatch, rf: Any) -> None:
        monkeypatch.setenv("DEMO_PASSWORD", "quite-another-1")
        assert "quite-another-1" not in load()
        assert authenticate(rf.post("/"), username="ana", password="quite-another-1") is not None
