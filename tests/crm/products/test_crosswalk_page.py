"""The pages of products and codes: they work without script, decide only for planners, and show one brand only."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.models import PerformanceMetric, RetailerItem
from crm.products import crosswalk
from tests.factories import RetailerFactory, SKUFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def mart(harbor: Any) -> Any:
    return RetailerFactory(brand=harbor, name="Northmart", slug="northmart")


@pytest.fixture
def oats(harbor: Any) -> Any:
    return SKUFactory(brand=harbor, code="HO-ROLLED-5KG", name="Rolled oats, 5 kg sack", gtin="04006381333931")


@pytest.fixture
def items(harbor: Any, mart: Any, oats: Any) -> list[RetailerItem]:
    """Three waiting codes; two rows of figures carry the first."""
    names = {"VF-1": "ROLLED OAT 5KG SCK", "VF-2": "Oats rolled", "VF-3": "Soap"}
    crosswalk.resolve(harbor, mart, [("item", code, name) for code, name in names.items()])
    for number in (1, 2):
        PerformanceMetric.across_brands.create(
            brand=harbor, retailer=mart, item="VF-1", measured_on=date(2026, 11, number), identity=number, spend="13.20"
        )
    return [RetailerItem.across_brands.get(code=code) for code in names]


def decide(client: Client, name: str, item: RetailerItem, **fields: Any) -> Any:
    return client.post(reverse(f"crosswalk_{name}", args=[item.pk]), fields, follow=True)


class TestProducts:
    def test_they_are_listed_with_their_codes(self, ana, ana_client, items, oats):
        crosswalk.accept(items[0], by=ana)
        page = ana_client.get(reverse("products")).content.decode()
        assert "Rolled oats, 5 kg sack" in page and "04006381333931" in page
        assert "Northmart <code>VF-1</code>" in page

    @pytest.mark.parametrize("q", ["rolled sack", "HO-ROLLED", "4006381333931", "333931", "VF-1"])
    def test_they_are_found_by_words_and_codes(self, q, ana, ana_client, items, harbor):
        crosswalk.accept(items[0], by=ana)
        SKUFactory(brand=harbor, code="OTHER", name="Porridge pot")
        page = ana_client.get(reverse("products"), {"q": q})
        assert [sku.code for sku, _ in page.context["listed"]] == ["HO-ROLLED-5KG"]

    @pytest.mark.parametrize(
        ("show", "codes"), [("matched", ["HO-ROLLED-5KG"]), ("unmatched", ["B"]), ("no-gtin", ["B"])]
    )
    def test_filters_narrow_the_list(self, show, codes, ana, ana_client, items, harbor):
        crosswalk.accept(items[0], by=ana)
        SKUFactory(brand=harbor, code="B")
        page = ana_client.get(reverse("products"), {"show": show})
        assert [sku.code for sku, _ in page.context["listed"]] == codes

    def test_the_part_comes_without_the_frame(self, ana_client, oats):
        page = ana_client.get(reverse("products"), headers=HTMX).content.decode()
        assert "<html" not in page and 'id="products"' in page

    def test_a_long_list_is_paged_in_few_queries(self, ana_client, harbor, django_assert_max_num_queries):
        for number in range(60):
            SKUFactory(brand=harbor, code=f"N-{number:02d}")
        with django_assert_max_num_queries(14):
            page = ana_client.get(reverse("products"), {"page": 2})
        assert len(page.context["listed"]) == 25

    def test_an_empty_brand_is_told_what_to_do(self, ana_client):
        assert "No products yet" in ana_client.get(reverse("products")).content.decode()

    def test_it_needs_a_login_and_refuses_a_post(self, ana_client):
        assert Client().get(reverse("products")).status_code == 302
        assert ana_client.post(reverse("products")).status_code == 405

    def test_another_brand_sees_none_of_them(self, cleo_client, oats):
        assert list(cleo_client.get(reverse("products")).context["page"]) == []


class TestExport:
    def rows(self, client: Client) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(client.get(reverse("products_export")).getvalue().decode())))

    def test_every_code_has_a_line(self, ana, ben_client, items, harbor):
        crosswalk.accept(items[0], by=ana)
        SKUFactory(brand=harbor, code="B", name="=1+1")
        rows = self.rows(ben_client)
        assert [(row["code"], row["retailer_code"], row["state"]) for row in rows] == [
            ("B", "", ""), ("HO-ROLLED-5KG", "VF-1", "matched"),
        ]  # fmt: skip
        assert rows[0]["name"] == "'=1+1"

    def test_another_brand_gets_none_of_it(self, cleo_client, oats):
        assert self.rows(cleo_client) == []

    def test_it_needs_a_login_and_refuses_a_post(self, ana_client):
        assert Client().get(reverse("products_export")).status_code == 302
        assert ana_client.post(reverse("products_export")).status_code == 405


class TestReview:
    def test_it_shows_what_was_compared_and_what_accepting_settles(self, ana_client, items):
        page = ana_client.get(reverse("crosswalk_review"), {"item": items[0].pk}).content.decode()
        assert "ROLLED OAT 5KG SCK" in page and "Rolled oats, 5 kg sack" in page
        assert "Accepting settles 2 rows, €26.40" in page

    def test_the_likeliest_comes_first(self, ana_client, items):
        page = ana_client.get(reverse("crosswalk_review"))
        assert page.context["item"] == items[0]
        assert [one.code for one, _ in page.context["window"]] == ["VF-1", "VF-2", "VF-3"]

    def test_another_product_is_found_by_search(self, ana_client, harbor, items):
        SKUFactory(brand=harbor, code="POT", name="Porridge pot")
        page = ana_client.get(reverse("crosswalk_review"), {"item": items[0].pk, "q": "porridge"})
        assert [sku.code for sku in page.context["found"]] == ["POT"]

    def test_a_viewer_looks_but_gets_no_buttons(self, ben_client, items):
        page = ben_client.get(reverse("crosswalk_review")).content.decode()
        assert "Owners and planners decide" in page and "data-key=" not in page

    def test_when_nothing_waits_it_says_so(self, ana_client):
        assert "Nothing waits" in ana_client.get(reverse("crosswalk_review")).content.decode()

    @pytest.mark.parametrize("item", ["abc", "0", "99999999999999999999", "-1"])
    def test_an_item_that_is_not_there_shows_the_first(self, item, ana_client, items):
        assert ana_client.get(reverse("crosswalk_review"), {"item": item}).context["item"] == items[0]

    def test_a_thousand_waiting_codes_take_few_queries(
        self, harbor, mart, oats, ana_client, django_assert_max_num_queries
    ):
        crosswalk.resolve(harbor, mart, [("item", f"N-{number}", f"oats {number}") for number in range(1000)])
        with django_assert_max_num_queries(16):
            page = ana_client.get(reverse("crosswalk_review"))
        assert (page.context["total"], len(page.context["window"])) == (1000, 8)

    def test_it_needs_a_login_and_refuses_a_post(self, ana_client):
        assert Client().get(reverse("crosswalk_review")).status_code == 302
        assert ana_client.post(reverse("crosswalk_review")).status_code == 405

    def test_another_brand_sees_none_of_it(self, cleo_client, items):
        assert cleo_client.get(reverse("crosswalk_review"), {"item": items[0].pk}).context["item"] is None


class TestDecide:
    def test_accepting_goes_on_to_the_next(self, ana_client, items, oats):
        page = decide(ana_client, "accept", items[0])
        assert page.redirect_chain == [(f"{reverse('crosswalk_review')}?item={items[1].pk}", 302)]
        assert "VF-1 is Rolled oats, 5 kg sack now. 2 rows of figures got it." in page.content.decode()
        items[0].refresh_from_db()
        assert (items[0].state, items[0].sku) == ("matched", oats)

    def test_another_product_can_be_chosen(self, ana_client, harbor, items):
        pot = SKUFactory(brand=harbor, code="POT")
        decide(ana_client, "accept", items[0], sku=pot.pk)
        items[0].refresh_from_db()
        assert items[0].sku == pot

    @pytest.mark.parametrize("sku", ["abc", "0", "99999999999999999999"])
    def test_a_product_that_is_not_there_is_404(self, sku, ana_client, items):
        assert decide(ana_client, "accept", items[0], sku=sku).status_code == 404

    def test_a_product_of_another_brand_is_404(self, ana_client, lumen, items):
        assert decide(ana_client, "accept", items[0], sku=SKUFactory(brand=lumen).pk).status_code == 404

    def test_rejecting_says_so(self, ana_client, items):
        assert "VF-3 is marked as not ours." in decide(ana_client, "reject", items[2]).content.decode()

    def test_a_second_decision_is_refused_and_explained(self, ana_client, items):
        decide(ana_client, "reject", items[0])
        page = decide(ana_client, "accept", items[0])
        assert page.status_code == 409
        assert "marked as not ours by ana before" in page.content.decode()

    def test_htmx_gets_the_part_with_focus_on_its_heading(self, ana_client, items):
        page = ana_client.post(reverse("crosswalk_accept", args=[items[0].pk]), headers=HTMX)
        text = page.content.decode()
        assert page.status_code == 200 and "<html" not in text
        assert page.context["item"] == items[1]
        assert 'id="match-title" tabindex="-1" autofocus' in text

    def test_undo_takes_back_the_last_decision_of_this_person(self, ana_client, items):
        decide(ana_client, "accept", items[0])
        decide(ana_client, "reject", items[1])
        page = ana_client.post(reverse("crosswalk_undo"), follow=True)
        assert "VF-2 waits again." in page.content.decode()
        assert page.context["item"] == items[1]
        page = ana_client.post(reverse("crosswalk_undo"), {"item": items[0].pk}, follow=True)
        assert "VF-1 waits again. 2 rows wait with it." in page.content.decode()
        assert ana_client.post(reverse("crosswalk_undo")).status_code == 409

    @pytest.mark.parametrize("name", ["accept", "reject"])
    def test_it_refuses_a_get_a_viewer_a_stranger_and_another_brand(
        self, name, ana_client, ben_client, cleo_client, items
    ):
        address = reverse(f"crosswalk_{name}", args=[items[0].pk])
        assert ana_client.get(address).status_code == 405
        assert ben_client.post(address).status_code == 403
        assert cleo_client.post(address).status_code == 404
        assert Client().post(address).status_code == 302
        items[0].refresh_from_db()
        assert items[0].state == "waiting"

    def test_undo_refuses_a_get_a_viewer_a_stranger_and_another_brand(self, ana_client, ben_client, cleo_client, items):
        decide(ana_client, "reject", items[0])
        address = reverse("crosswalk_undo")
        assert ana_client.get(address).status_code == 405
        assert ben_client.post(address).status_code == 403
        assert Client().post(address).status_code == 302
        assert cleo_client.post(address, {"item": items[0].pk}).status_code == 404
        items[0].refresh_from_db()
        assert items[0].state == "rejected"
