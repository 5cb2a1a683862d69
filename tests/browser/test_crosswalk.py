"""The review of codes by hand: one key each, focus, the search for another product, without script, on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import RetailerItem
from crm.products import crosswalk
from tests.browser.conftest import PHONE, WIDE
from tests.browser.test_accessibility import assert_accessible
from tests.factories import RetailerFactory, SKUFactory

REVIEW = "/data/products/review/"


@pytest.fixture
def codes(world: Any) -> Any:
    """Five products and seven codes of a shop, three of which look like one of them."""
    mart = RetailerFactory(brand=world, name="Verdi Foods", slug="verdi")
    for code, name, size in (
        ("HO-ROLLED-5KG", "Rolled oats sack", "5 kg"),
        ("HO-ROLLED-1KG", "Rolled oats", "1 kg"),
        ("HO-POT", "Porridge pot, golden syrup", "55 g"),
        ("HO-BARISTA", "Oat drink barista", "1 l"),
        ("HO-KIDS", "Kids oat bars apple", "6 x 27 g"),
    ):
        SKUFactory(brand=world, code=code, name=name, size=size, product_brand="Harbor", price="11.80")
    SKUFactory(brand=world, code="HO-GTIN", name="Oat flour", gtin="04006381333931")
    seen = [
        crosswalk.Seen("item", "VF-88213", "HARBOR OAT RLLD 5KG SCK", price=11.90),  # type: ignore[arg-type]
        crosswalk.Seen("item", "VF-88240", "HARBOR PORR POT GLD SYR 55G"),
        crosswalk.Seen("item", "VF-88251", "HRBR OATDRK BARISTA 1L"),
        crosswalk.Seen("gtin", "4.00638E+12", "Oat flour"),
        crosswalk.Seen("item", "VF-9", "Toilet cleaner with a very long name that does not break " + "x" * 60),
        crosswalk.Seen("item", "VF-10"),
        crosswalk.Seen("gtin", "4006381333931"),
    ]
    crosswalk.resolve(world, mart, seen)
    return world


def state(code: str) -> str:
    return str(RetailerItem.across_brands.get(code=code).state)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
class TestEveryState:
    def test_it_meets_wcag_and_does_not_scroll_sideways(self, size, scheme, codes, ana, page_for):
        for item in RetailerItem.across_brands.filter(code__in=["VF-88240", "VF-9"]):
            crosswalk.reject(item, by=ana)
        for path in ("/data/products/", REVIEW, f"{REVIEW}?q=oat", "/data/products/?q=nothing+like+it"):
            page = page_for(path, size=size, scheme=scheme)
            for details in page.query_selector_all("main details"):
                details.evaluate("details => { details.open = true }")
            assert_accessible(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            page.context.close()
        for item in RetailerItem.across_brands.filter(state="waiting"):
            crosswalk.reject(item, by=ana)
        page = page_for(REVIEW, size=size, scheme=scheme)
        page.get_by_text("Every code is settled.").wait_for()
        assert_accessible(page)


class TestKeys:
    def test_a_accepts_x_refuses_s_skips_and_u_takes_back(self, codes, page_for):
        page = page_for(REVIEW)
        first = page.locator(".same-item code").first.inner_text()
        page.keyboard.press("s")
        page.get_by_text("2 of 6").wait_for()
        page.locator(".crosswalk-queue a").first.click()
        page.locator("#match-title:focus", has_text="1 of 6").wait_for()  # htmx has taken the new buttons over
        page.keyboard.press("a")
        page.get_by_text(f"{first} is ").wait_for()
        assert state(first) == "matched"
        page.locator("#match-title:focus", has_text="1 of 5").wait_for()
        assert_accessible(page)
        second = page.locator(".same-item code").first.inner_text()
        page.keyboard.press("x")
        page.get_by_text(f"{second} is marked as not ours.").wait_for()
        page.locator("#match-title:focus", has_text="1 of 4").wait_for()
        assert state(second) == "rejected"
        page.keyboard.press("u")
        page.get_by_text(f"{second} waits again.").wait_for()
        assert state(second) == "waiting"

    def test_they_are_letters_inside_a_text_field(self, codes, page_for):
        page = page_for(REVIEW)
        page.get_by_text("It is another product of ours").click()
        page.get_by_label("Name, code or bar code").fill("")
        page.get_by_label("Name, code or bar code").press_sequentially("asux")
        assert page.get_by_label("Name, code or bar code").input_value() == "asux"
        assert not RetailerItem.across_brands.filter(decided_by__isnull=False).exists()

    def test_they_can_be_switched_off(self, codes, page_for):
        page = page_for(REVIEW)
        page.get_by_role("button", name="Keys are on").click()
        page.get_by_role("button", name="Keys are off").wait_for()
        page.locator("h1").click()
        page.keyboard.press("x")
        page.wait_for_timeout(300)
        assert not RetailerItem.across_brands.filter(decided_by__isnull=False).exists()


class TestAnotherProduct:
    def test_it_is_found_and_taken(self, codes, page_for):
        page = page_for(REVIEW)
        code = page.locator(".same-item code").first.inner_text()
        page.get_by_text("It is another product of ours").click()
        page.get_by_label("Name, code or bar code").fill("kids")
        page.get_by_role("button", name="Find", exact=True).click()
        page.get_by_role("button", name="It is Kids oat bars apple, HO-KIDS").click()
        page.get_by_text(f"{code} is Kids oat bars apple now.").wait_for()
        assert RetailerItem.across_brands.get(code=code).sku.code == "HO-KIDS"


class TestWithoutScript:
    def test_every_action_is_a_form(self, codes, page_for):
        page = page_for(REVIEW, script=False)
        code = page.locator(".same-item code").first.inner_text()
        page.get_by_role("button", name="Accept").click()
        page.get_by_text(f"{code} is ").wait_for()
        page.get_by_role("link", name="Skip", exact=True).click()
        page.get_by_text("2 of 5").wait_for()
        page.locator(".decide").get_by_role("button", name="Undo").click()
        page.get_by_text(f"{code} waits again.").wait_for()
        page.get_by_text("It is another product of ours").click()
        page.get_by_label("Name, code or bar code").fill("barista")
        page.get_by_role("button", name="Find", exact=True).click()
        page.get_by_role("button", name="It is Oat drink barista, HO-BARISTA").click()
        page.get_by_text(f"{code} is Oat drink barista now.").wait_for()
        assert RetailerItem.across_brands.get(code=code).sku.code == "HO-BARISTA"


class TestProducts:
    def test_filters_swap_the_list_alone(self, codes, page_for):
        page = page_for("/data/products/")
        page.get_by_label("Find", exact=True).fill("porridge")
        page.get_by_label("Find", exact=True).press("Enter")
        page.get_by_role("heading", name="1 product").wait_for()
        assert "q=porridge" in page.url
        assert page.locator("h1").count() == 1
