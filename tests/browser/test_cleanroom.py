"""The clean room in a browser: axe, no sideways scroll, asked with and without script."""

from __future__ import annotations

from typing import Any

import pytest

from crm.cleanroom import rooms
from crm.models import AudienceSegment
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible
from tests.crm.cleanroom.conftest import people, segment

PAGE = "/data/clean-room/"


@pytest.fixture
def asked(transactional_db: None, harbor: Any, ana: Any) -> int:
    """Two segments, and an answer by stage; returns its number."""
    loyal = people(harbor, 300)
    people(harbor, 200, stage="purchased", prefix="b")
    segment(harbor, "Loyal", loyal)
    AudienceSegment.across_brands.create(brand=harbor, external_id="empty", name="Nobody yet, a segment of a long name")
    query = {"metrics": ["people", "outcomes"], "by": ["stage"], "epsilon": "2.00"}
    room = rooms.embedded_for(harbor)
    number = rooms.ask(room=room, query={**query, "metrics": ["people", "conversion"]}, by=ana).query_id
    assert number is not None
    return number


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_meets_wcag_and_does_not_scroll_sideways(size, scheme, asked, page_for):
    for path in (PAGE, f"{PAGE}?answer={asked}", f"{PAGE}?kind=overlap&segments=loyal&epsilon=0.50"):
        page = page_for(path, size=size, scheme=scheme)
        for details in page.query_selector_all("main details"):
            details.evaluate("details => { details.open = true }")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        page.context.close()


def test_without_script_a_question_is_costed_asked_and_answered(asked, page_for):
    page = page_for(PAGE, script=False)
    page.get_by_label("Buyers", exact=True).check()
    page.get_by_label("How exact").select_option("1.00")
    page.get_by_role("button", name="See what it costs").click()
    assert "People and buyers by stage." in page.inner_text("#cost")
    page.get_by_role("button", name="Ask for 1").click()
    assert page.locator("#answer-title").inner_text() == "People and buyers by stage"
    assert page.locator(".room-answer tbody tr").count() == 2


def test_with_script_the_cost_follows_the_form(asked, page_for):
    page = page_for(PAGE)
    page.get_by_label("How exact").select_option("2.00")
    page.get_by_role("button", name="Ask for 2").wait_for()
    page.get_by_label("Overlap of segments").check(force=True)
    page.locator("#cost .trouble").wait_for()
    assert "at least 2 items" in page.inner_text("#cost")
    assert not page.get_by_label("Split by").is_visible()
