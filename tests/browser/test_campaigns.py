"""Campaigns in a real browser: axe wide and on a phone, light and dark; forms work without script."""

from __future__ import annotations

import os
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from crm.models import AudienceSegment, Campaign, CampaignPlan, PerformanceMetric, Restatement
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible
from tests.factories import (
    CampaignFactory,
    CampaignPlanFactory,
    DeliveryFactory,
    RetailerFactory,
    WindowedFactFactory,
)

TODAY = date(2026, 3, 18)
NETWORKS = (("Northmart", "walmart-connect"), ("Basketly", "instacart-ads"), ("Verdi Foods", "criteo"))


@pytest.fixture
def campaigns(transactional_db: None, ana: Any, harbor: Any) -> Campaign:
    """Three networks in three windows, plans, restated days, deliveries on time and late; the first is the fullest."""
    northmart, basketly, verdi = (
        RetailerFactory(
            brand=harbor, name=name, slug=name.lower().replace(" ", "-"), network=network, delivers_every_days=1,
            delivers_by="07:00", time_zone="Europe/Berlin",
        )
        for name, network in NETWORKS
    )  # fmt: skip
    now = timezone.now()
    for number, retailer in enumerate((northmart, basketly, verdi)):
        for back in range(34):
            if (back, number) not in {(0, 2), (1, 2), (7, 1)}:
                at = (now - timedelta(days=back)).replace(hour=9 if back % 11 == 5 else 4, minute=10)
                if at <= now:
                    DeliveryFactory(retailer=retailer, started_at=at, last_on=(at - timedelta(days=1)).date())
    ours = []
    for number, (retailer, name, window) in enumerate([
        (northmart, "Autumn porridge", 14), (northmart, "Oat drink always on", 14),
        (basketly, "Back to school bars", 7), (verdi, "Barista week", 30), (verdi, "Rolled oats 5 kg", None),
    ]):  # fmt: skip
        one = CampaignFactory(
            brand=harbor, retailer=retailer, name=name, objective=("Growth", "Reach")[number % 2], budget=Decimal(1400),
            status=("live", "live", "paused", "live", "ended")[number], starts_on=TODAY - timedelta(days=70),
        )  # fmt: skip
        ours.append(one)
        for back in range(70):
            weekly = Decimal((back * 7 + number * 3) % 11)
            WindowedFactFactory(
                campaign=one, measured_on=TODAY - timedelta(days=back), window_days=window, source=None,
                attribution="click" if window else "unknown", spend=Decimal(150 + 40 * number) + 6 * weekly,
                sales=Decimal(600 + 90 * number) + 31 * weekly, impressions=9000 + 31 * back, clicks=90 + back,
                other_windows={"14|click": {"orders": 2, "sales": "512.25"}} if window == 7 else None,
                report="campaigns",
            )  # fmt: skip
            for item in ("B07X", "B08Y") if number == 0 and back < 20 else ():
                WindowedFactFactory(
                    campaign=one, measured_on=TODAY - timedelta(days=back), grain=PerformanceMetric.Grain.PRODUCT,
                    report="products", item=item, counts=False, spend=Decimal(70),
                )  # fmt: skip
    first = ours[0]
    first.constraints = {"min_spend": "5000", "max_spend": "30000", "min_roas": "2.5", "note": "Never on Sundays."}
    first.save()
    segment = AudienceSegment.across_brands.create(brand=harbor, external_id="A", name="Lapsed porridge buyers")
    first.audiences.add(segment)
    for month, end in ((1, 31), (2, 28), (3, 31)):
        CampaignPlanFactory(
            campaign=first, starts_on=date(2026, month, 1), ends_on=date(2026, month, end), spend=Decimal(5600),
            sales=Decimal(24_000), orders=60,
        )  # fmt: skip
    batch = DeliveryFactory(retailer=northmart, filename="northmart_ads_2026-03-18.csv")
    PerformanceMetric.objects.for_brand(harbor).filter(campaign=first).update(source=batch)
    for back in range(3):
        Restatement.across_brands.create(
            brand=harbor, batch=batch, retailer=northmart, campaign=first, measured_on=TODAY - timedelta(days=back),
            identity=back, before={"sales": "598.00", "orders": "1"}, after={"sales": "600.00", "orders": "2"},
        )  # fmt: skip
    return first


def addresses(one: Campaign) -> list[str]:
    return [
        "/campaigns/", "/campaigns/?q=nothing", "/campaigns/windows/", "/campaigns/new/", f"/campaigns/{one.pk}/",
        f"/campaigns/{one.pk}/?by=day&grain=4.products", f"/campaigns/{one.pk}/change/", f"/campaigns/{one.pk}/plan/",
    ]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
class TestEveryPage:
    def test_it_meets_wcag_and_does_not_scroll_sideways(self, size, scheme, campaigns, page_for):
        for number, path in enumerate(addresses(campaigns)):
            page = page_for(path, size=size, scheme=scheme)
            kept = os.environ.get("ENDCAP_PICTURES")
            if kept:
                name = f"{number}-{'phone' if size is PHONE else 'wide'}-{scheme}.png"
                page.screenshot(path=str(Path(kept) / name), full_page=True)
            for details in page.query_selector_all("main details"):
                details.evaluate("details => { details.open = true }")
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.locator("h1").count() == 1, path
            page.context.close()


class TestWorking:
    def test_a_plan_is_changed_and_taken_back_without_script(self, campaigns, page_for):
        page = page_for(f"/campaigns/{campaigns.pk}/plan/", script=False)
        page.fill("#id_p0-spend", "6000")
        page.get_by_role("button", name="Save the plan").click()
        assert "Saved." in page.inner_text("#messages")
        assert CampaignPlan.across_brands.filter(spend=6000).count() == 1
        page.get_by_role("button", name="Take it back").click()
        assert "Taken back: Plan: 1 period changed." in page.inner_text("#messages")
        assert not CampaignPlan.across_brands.filter(spend=6000).exists()

    def test_a_filter_swaps_the_list_and_changes_the_address(self, campaigns, page_for):
        page = page_for("/campaigns/")
        page.select_option("#filter-retailer", "verdi-foods")
        page.get_by_role("heading", name="2 campaigns").wait_for()
        assert "retailer=verdi-foods" in page.url
        assert_accessible(page)

    def test_another_window_is_chosen_in_the_matrix(self, campaigns, page_for):
        page = page_for("/campaigns/windows/")
        page.get_by_role("link", name="30 days after a click").click()
        page.get_by_role("heading", name="Compared 30 days after a click", exact=True).wait_for()

    def test_the_side_bar_says_how_fresh_each_retailer_is(self, campaigns, page_for):
        page = page_for("/campaigns/")
        feeds = page.locator(".feeds").inner_text()
        assert "Northmart" in feeds and "late" in feeds
