"""Feedback in a real browser: axe wide and on phones, light and dark, after swaps; filters, decisions, no script."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from rlhf.feedback.giving import rate
from rlhf.models import Feedback, RaterSettings, RatingItem
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible
from tests.rlhf.feedback import saying
from tests.rlhf.feedback.test_disputes import disputed, task_of

NARROW = {"width": 360, "height": 780}
ADDRESSES = [
    "/feedback/",
    "/feedback/?by=task&version=served_by",
    "/feedback/?by=rater&task=creative",
    "/feedback/?period=4&source=panel",
    "/feedback/disputes/",
    "/feedback/flags/",
    "/feedback/files/",
    "/feedback/guides/",
    "/feedback/tasks/new/",
    "/feedback/tasks/mails-single/",
]


@pytest.fixture
def said(transactional_db: None, ana: Any, harbor: Any) -> list[RatingItem]:
    """Five people, 420 ratings, four versions that met, three disagreements, corrections, and a decided one."""
    cache.clear()
    raters = saying.people_of(harbor, "ida", "tom", "priya", "ellen", "maya")
    for user, first, last in zip(
        raters, ("Ida", "Tom", "Priya", "Ellen", "Maya"), ("Kane", "Okafor", "Nair", "Moor", "Lindqvist"), strict=True
    ):
        user.first_name, user.last_name = first, last
        user.save()
        RaterSettings.objects.create(user=user, timings_consent=first != "Ida")
    saying.many(harbor, raters, words=420, weeks=11)
    for number, one in enumerate(saying.work(harbor, 12)):
        saying.stars(one, raters[number % 5], 5)
    single, pair = task_of(harbor), task_of(harbor, "pair")
    items = [
        disputed(harbor, single, raters, [5, 2, 4]),
        disputed(harbor, pair, raters, ["a", "b", "a"]),
        disputed(harbor, single, raters, [True, False], word="thumb"),
        disputed(harbor, single, raters, [1, 5]),
    ]
    saying.stars(items[0].a, None, 3, source="panel", rater_name="Panel 1")
    for one, comment in zip(saying.work(harbor, 2), ("The price is from last year.", ""), strict=True):
        rate(experience=one, rater=raters[0], flag=True, comment=comment)
    return items


def picture(page: Any, name: str) -> None:
    kept = os.environ.get("ENDCAP_PICTURES")
    if kept:
        page.screenshot(path=str(Path(kept) / f"feedback-{name}.png"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE, NARROW], ids=["wide", "phone", "narrow"])
class TestEveryPage:
    def test_it_meets_wcag_and_does_not_scroll_sideways(self, size, scheme, said, page_for):
        for number, path in enumerate(ADDRESSES):
            page = page_for(path, size=size, scheme=scheme)
            if path.startswith("/feedback/?") or path == "/feedback/":
                page.locator("#files .waiting-lines").wait_for(state="detached")
            picture(page, f"{number}-{size['width']}-{scheme}")
            for details in page.query_selector_all("main details"):
                details.evaluate("details => { details.open = true }")
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert page.locator("h1").count() == 1, path
            page.context.close()


class TestTheFirstMorning:
    @pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
    def test_it_says_what_will_appear(self, size, transactional_db, ana, harbor, page_for):
        cache.clear()
        page = page_for("/feedback/", size=size)
        assert page.get_by_role("heading", name="No ratings yet").is_visible()
        picture(page, f"empty-{size['width']}")
        assert_accessible(page)


class TestFlags:
    def test_one_is_found_fine_and_taken_back(self, said, page_for):
        page = page_for("/feedback/")
        page.get_by_role("heading", name="2 flagged texts").wait_for()
        page.get_by_role("button", name="It is fine").first.click()
        page.get_by_role("heading", name="1 flagged text").wait_for()
        assert Feedback.across_brands.exclude(settled="").get().settled == "fine"
        assert_accessible(page)
        page.locator("[id^=flag-]").get_by_role("button", name="Undo").click()
        page.get_by_role("heading", name="2 flagged texts").wait_for()
        assert not Feedback.across_brands.exclude(settled="").exists()
        assert_accessible(page)


class TestWorking:
    def test_a_filter_changes_the_part_and_the_address(self, said, page_for):
        page = page_for("/feedback/")
        page.select_option("#filter-task", "creative")
        page.wait_for_url("**/feedback/?*task=creative*")
        page.locator("#files .waiting-lines").wait_for(state="detached")
        assert_accessible(page)
        page.get_by_role("link", name="By rater").click()
        page.wait_for_url("**by=rater*")
        assert page.locator(".kind-key dt").first.inner_text() in {
            "Ida Kane", "Tom Okafor", "Priya Nair", "Ellen Moor", "Maya Lindqvist"
        }  # fmt: skip
        page.go_back()
        page.wait_for_url(lambda address: "by=rater" not in address)

    def test_every_chart_has_its_table(self, said, page_for):
        page = page_for("/feedback/")
        charts = page.locator("main figure.graph")
        assert charts.count() >= 4
        for place in range(charts.count()):
            assert charts.nth(place).locator("details.as-table table").count() == 1

    def test_a_decision_with_a_reason_is_swapped_in_and_taken_back(self, said, page_for):
        page = page_for("/feedback/")
        card = page.locator(f"#dispute-{said[0].pk}")
        card.get_by_label("Why, for the guide").fill("It names no allergens")
        card.get_by_role("button", name="2 stars").click()
        card.get_by_text("Decided, and in the rating guide from now on.").wait_for()
        assert page.locator("#disputes-title").inner_text() == "3 disagreements to resolve"
        assert_accessible(page)
        picture(page, "decided")
        card.get_by_role("button", name="Undo").click()
        card.get_by_role("button", name="2 stars").wait_for()
        assert page.locator("#disputes-title").inner_text() == "4 disagreements to resolve"
        assert_accessible(page)
        said[0].refresh_from_db()
        assert not said[0].is_gold

    def test_one_more_is_asked_by_keyboard(self, said, page_for):
        page = page_for("/feedback/disputes/")
        card = page.locator(f"#dispute-{said[1].pk}")
        card.get_by_role("button", name="Ask one more").focus()
        page.keyboard.press("Enter")
        card.get_by_text("One more person is asked.").wait_for()
        assert_accessible(page)
        said[1].refresh_from_db()
        assert said[1].state == "open"

    def test_it_all_works_without_script(self, said, page_for):
        page = page_for("/feedback/?task=outreach", script=False)
        page.get_by_role("link", name="Count what each file would hold").click()
        assert page.get_by_role("heading", name="Export for training").is_visible()
        page.goto(page.url.split("/feedback/")[0] + "/feedback/disputes/")
        page.locator(f"#dispute-{said[2].pk}").get_by_role("button", name="Not good", exact=True).click()
        assert "Decided." in page.inner_text("#messages")

    def test_a_task_is_set_up_with_errors_by_their_fields(self, said, page_for):
        page = page_for("/feedback/tasks/new/", size=PHONE)
        page.get_by_label("Name").fill("Shelf talkers")
        page.get_by_role("button", name="Set it up").click()
        assert page.locator("#id_question_error").is_visible()
        assert_accessible(page)
        page.get_by_label("Question").fill("Would it stop you?")
        page.get_by_role("button", name="Set it up").click()
        assert "Shelf talkers is set up." in page.inner_text("#messages")
