"""The Privacy page in a browser: accessible in every width and scheme, and a text is tried without leaving the page."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import Contact
from crm.privacy import consent
from orchestrator import erasure
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible


@pytest.fixture
def filled(world: Any, ana: Any) -> Any:
    """Entries in every part of the page."""
    Contact.objects.for_brand(world).create(brand=world, external_id="jo@example.com", email="jo@example.com")
    erasure.erase(brand=world, who="jo@example.com", by=ana)
    consent.suppress_many(brand=world, addresses=[f"p{n}@example.com" for n in range(25)], reason="manual")
    return world


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_meets_wcag_and_does_not_scroll_sideways(size: Any, scheme: str, filled: Any, page_for: Any) -> None:
    page = page_for("/privacy/", size=size, scheme=scheme)
    for details in page.query_selector_all("main details"):
        details.evaluate("details => { details.open = true }")
    page.get_by_role("button", name="See what happens to it").click()
    page.get_by_text("Found:").wait_for()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_text_is_tried_without_leaving_the_page(filled: Any, page_for: Any) -> None:
    page = page_for("/privacy/")
    page.get_by_label("Text", exact=True).fill("card 4111 1111 1111 1111")
    page.get_by_role("button", name="See what happens to it").click()
    page.get_by_text("card [card]").first.wait_for()
    assert page.url.endswith("/privacy/")


def test_an_erasure_works_without_script(filled: Any, page_for: Any) -> None:
    Contact.objects.for_brand(filled).create(brand=filled, external_id="bo@example.com", email="bo@example.com")
    page = page_for("/privacy/", script=False)
    page.locator("#id_who").fill("bo@example.com")
    page.get_by_role("button", name="See what would be erased").click()
    assert_in = page.inner_text("main")
    assert "Forget bo@example.com?" in assert_in and "crm.Contact erased" in assert_in
    page.get_by_role("button", name="Erase", exact=True).click()
    assert "bo@example.com" not in page.inner_text("main")
    assert not Contact.objects.for_brand(filled).filter(email="bo@example.com").exists()
