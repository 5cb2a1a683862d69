"""axe on every page, wide and on a phone, light and dark; nothing scrolls sideways; zoom and keyboard work."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from orchestrator.models import Episode
from tests.browser.conftest import AUDITED, PHONE, WIDE

# WCAG 2.2 AA; best practices are ours to break on purpose (a page part has its own heading order).
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
PAGES = [
    "/",
    "/packs/",
    "/episodes/",
    "/episodes/?mode=rl&reward_min=3",
    "/data/",
    "/nowhere/",
    "episode",
    "raw",
    "stuck",
]


def address(name: str) -> str:
    """Pages of one episode are named by what they show."""
    if name.startswith("/"):
        return name
    state = "stuck" if name == "stuck" else "done"
    pk = Episode.across_brands.filter(state=state).latest("pk").pk
    return f"/episodes/{pk}/{'?show=raw' if name == 'raw' else ''}"


def assert_accessible(page: Any) -> None:
    AUDITED.add(page)
    page.locator(".htmx-request").first.wait_for(state="detached")  # a pressed button stands at half strength
    found = Axe().run(page, options=RULES)
    problems = [
        (violation["id"], node["target"], node.get("failureSummary", "")[:300])
        for violation in found.response["violations"]
        for node in violation["nodes"][:3]
    ]
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
class TestEveryPage:
    def test_it_meets_wcag_and_does_not_scroll_sideways(self, size, scheme, world, page_for):
        for name in PAGES:
            page = page_for(address(name), size=size, scheme=scheme)
            for details in page.query_selector_all("main details"):
                details.evaluate("details => { details.open = true }")
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
            assert page.locator("h1").count() == 1, name
            page.context.close()

    def test_signing_in_meets_wcag(self, size, scheme, world, page_for):
        for path in ("/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"):
            page = page_for(path, size=size, scheme=scheme, who=None)
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            page.context.close()


class TestAccountPages:
    def test_they_have_our_look_and_meet_wcag(self, world, page_for):
        for path in ("/accounts/2fa/", "/accounts/password/change/", "/accounts/logout/"):
            page = page_for(path)
            assert page.locator("body.entry, body.shell").count() == 1
            assert_accessible(page)


class TestFirstHome:
    def test_a_new_brand_meets_wcag_too(self, transactional_db, ana, page_for):
        page = page_for("/")
        assert "Nothing has run yet" in page.inner_text("main")
        assert_accessible(page)


class TestZoom:
    @pytest.mark.parametrize("path", ["/", "/packs/", "/episodes/", "/data/"])
    def test_at_400_percent_nothing_scrolls_sideways(self, path, world, page_for):
        """1280 px at 400 % is a viewport of 320 px (WCAG 1.4.10)."""
        page = page_for(path, size={"width": 320, "height": 256})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320


class TestKeyboard:
    def test_slash_goes_to_the_search_field_but_not_while_typing(self, world, page_for):
        page = page_for("/episodes/")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "find"
        page.keyboard.type("a/b")
        assert page.input_value("#find") == "a/b"

    def test_the_first_stop_skips_to_the_page(self, world, page_for):
        page = page_for("/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip-link"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "page"

    def test_the_menu_of_a_phone_opens_and_closes(self, world, page_for):
        page = page_for("/", size=PHONE)
        assert not page.locator("#side-nav").is_visible()
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Packs").first.wait_for(state="visible")
        assert_accessible(page)
        page.keyboard.press("Escape")
        assert not page.locator("#side-nav").is_visible()
