"""The crosswalk: what a bar code settles, what waits for a person, and what decisions do to the facts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crm.models import PerformanceMetric, RetailerItem
from crm.products import crosswalk
from crm.products.crosswalk import Seen
from tests.factories import RetailerFactory, SKUFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def mart(harbor: Any) -> Any:
    return RetailerFactory(brand=harbor, name="Northmart", slug="northmart")


@pytest.fixture
def oats(harbor: Any) -> Any:
    return SKUFactory(
        brand=harbor, code="HO-ROLLED-5KG", name="Rolled oats sack", product_brand="Harbor", size="5 kg",
        gtin="04006381333931", price="11.80",
    )  # fmt: skip


def fact(brand: Any, retailer: Any, item: str, number: int, **fields: Any) -> PerformanceMetric:
    made: PerformanceMetric = PerformanceMetric.across_brands.create(
        brand=brand,
        retailer=retailer,
        item=item,
        measured_on=date(2026, 11, 1),
        identity=number,
        spend="1.50",
        **fields,
    )
    return made


def item_of(code: str) -> RetailerItem:
    found: RetailerItem = RetailerItem.across_brands.get(code=code)
    return found


class TestResolve:
    def test_a_bar_code_of_ours_settles_itself(self, harbor, mart, oats):
        found = crosswalk.resolve(harbor, mart, [("gtin", "4006381333931", "OATS")])
        assert found == {"4006381333931": oats.pk}
        item = item_of("4006381333931")
        assert (item.state, item.sku, item.decided_by) == ("matched", oats, None)

    def test_a_ruined_bar_code_is_repaired_and_says_so(self, harbor, mart, oats):
        found = crosswalk.resolve(harbor, mart, [("gtin", "4,006,381,333,931")])
        assert found == {"4,006,381,333,931": oats.pk}
        assert "thousands separators" in item_of("4,006,381,333,931").evidence[0]["note"]

    def test_a_bar_code_that_lost_digits_waits_and_says_why(self, harbor, mart, oats):
        assert (
            crosswalk.resolve(harbor, mart, [("gtin", "4.00638E+12", "Harbor rolled oats 5kg")])["4.00638E+12"] is None
        )
        item = item_of("4.00638E+12")
        assert (item.state, item.proposed) == ("waiting", oats)
        assert "scientific notation" in item.evidence[0]["note"]

    def test_a_bar_code_beside_the_item_number_settles_it_too(self, harbor, mart, oats):
        seen = Seen("item", "VF-88213", "HARBOR OAT RLLD", gtin="4006381333931")
        assert crosswalk.resolve(harbor, mart, [seen]) == {"VF-88213": oats.pk}

    @pytest.mark.parametrize(("code", "state"), [("4.006381333931E+12", "matched"), ("4006381333931.0", "matched"),
                                                 ("4.00638E+12", "waiting"), ("406381333", "waiting")])  # fmt: skip
    def test_a_ruined_bar_code_in_place_of_the_item_number_is_read(self, code, state, harbor, mart, oats):
        crosswalk.resolve(harbor, mart, [("item", code)])
        assert item_of(code).state == state

    def test_a_name_alone_never_settles_anything(self, harbor, mart, oats):
        exact = Seen("item", "1", "Harbor Rolled oats sack", "5 kg", oats.price)
        assert crosswalk.resolve(harbor, mart, [exact]) == {"1": None}
        item = item_of("1")
        assert (item.state, item.proposed, item.sku) == ("waiting", oats, None)
        assert item.confidence > 0.9

    def test_a_number_of_one_shop_waits(self, harbor, mart):
        SKUFactory(brand=harbor, code="X", gtin="00200003009646")
        assert crosswalk.resolve(harbor, mart, [("gtin", "200003009646")]) == {"200003009646": None}

    def test_what_was_decided_is_known(self, harbor, mart, oats):
        crosswalk.resolve(harbor, mart, [("item", "VF-1", "Harbor oats 5kg"), ("item", "VF-2", "Soap")])
        crosswalk.accept(item_of("VF-1"), oats, by=None)
        crosswalk.reject(item_of("VF-2"), by=None)
        again = crosswalk.resolve(harbor, mart, [("item", "VF-1"), ("item", "VF-2")])
        assert again == {"VF-1": oats.pk, "VF-2": None}
        assert RetailerItem.across_brands.count() == 2

    def test_the_same_code_at_another_shop_is_another_item(self, harbor, mart, oats):
        other = RetailerFactory(brand=harbor, slug="basketly")
        for shop in (mart, other, None):
            crosswalk.resolve(harbor, shop, [("item", "VF-1", "Harbor oats")])
        crosswalk.resolve(harbor, None, [("item", "VF-1", "Harbor oats")])
        assert RetailerItem.across_brands.count() == 3

    def test_a_name_that_comes_later_brings_the_proposal(self, harbor, mart, oats):
        crosswalk.resolve(harbor, mart, [("item", "VF-1")])
        assert item_of("VF-1").proposed is None
        crosswalk.resolve(harbor, mart, [("item", "VF-1", "Harbor rolled oats 5kg")])
        assert item_of("VF-1").proposed == oats

    def test_another_brand_keeps_its_own(self, harbor, lumen, mart, oats):
        assert crosswalk.resolve(lumen, None, [("gtin", "4006381333931")]) == {"4006381333931": None}
        assert item_of("4006381333931").brand == lumen

    def test_ten_thousand_items_take_few_queries(self, harbor, mart, oats, django_assert_max_num_queries):
        items = [Seen("item", f"VF-{number}", f"Harbor thing {number}") for number in range(10_000)]
        with django_assert_max_num_queries(180):  # SQLite takes 62 rows in one insert, PostgreSQL 500
            assert len(crosswalk.resolve(harbor, mart, items)) == 10_000
        with django_assert_max_num_queries(6):
            crosswalk.resolve(harbor, mart, items)

    def test_new_products_settle_what_waits(self, harbor, mart):
        crosswalk.resolve(harbor, mart, [("gtin", "4006381333931", "Oats")])
        waiting = fact(harbor, mart, "4006381333931", 1)
        sku = SKUFactory(brand=harbor, code="HO", gtin="04006381333931")
        assert crosswalk.look_again(harbor) == 1
        assert item_of("4006381333931").sku == sku
        waiting.refresh_from_db()
        assert waiting.sku == sku

    def test_a_bar_code_beside_the_item_number_is_kept_for_later_products(self, harbor, mart):
        crosswalk.resolve(harbor, mart, [Seen("item", "VF-1", "Oats", gtin="4006381333931")])
        assert item_of("VF-1").evidence[0]["note"] == "none of our products has it"
        SKUFactory(brand=harbor, code="HO", name="Else", gtin="04006381333931")
        assert crosswalk.look_again(harbor) == 1
        assert item_of("VF-1").state == "matched"


class TestDecide:
    @pytest.fixture
    def item(self, harbor: Any, mart: Any, oats: Any) -> RetailerItem:
        crosswalk.resolve(harbor, mart, [("item", "VF-1", "HARBOR OAT RLLD 5KG SCK")])
        return item_of("VF-1")

    def test_accepting_fills_the_facts_of_that_shop_only(self, harbor, mart, oats, item, ana):
        other = RetailerFactory(brand=harbor, slug="basketly")
        mine = [fact(harbor, mart, "VF-1", number) for number in (1, 2)]
        apart = [fact(harbor, other, "VF-1", 3), fact(harbor, mart, "VF-2", 4)]
        assert crosswalk.reach(item) == (2, 3)
        effect = crosswalk.accept(item, by=ana)
        assert effect.rows == 2
        assert {one.sku for one in PerformanceMetric.across_brands.filter(pk__in=[one.pk for one in mine])} == {oats}
        assert not PerformanceMetric.across_brands.filter(pk__in=[one.pk for one in apart], sku__isnull=False).exists()
        item.refresh_from_db()
        assert (item.state, item.sku, item.decided_by) == ("matched", oats, ana)

    def test_another_product_can_be_chosen(self, harbor, item, ana):
        other = SKUFactory(brand=harbor, code="HO-1KG")
        assert crosswalk.accept(item, other, by=ana).item.sku == other

    def test_a_product_of_another_brand_cannot(self, lumen, item, ana):
        with pytest.raises(crosswalk.NotOurs):
            crosswalk.accept(item, SKUFactory(brand=lumen), by=ana)

    def test_without_a_proposal_one_must_be_chosen(self, harbor, mart, ana):
        crosswalk.resolve(harbor, mart, [("item", "VF-9")])
        with pytest.raises(crosswalk.NotOurs, match="Choose the product"):
            crosswalk.accept(item_of("VF-9"), by=ana)

    def test_it_refuses_a_second_decision(self, item, ana):
        crosswalk.reject(item, by=ana)
        for decide in (crosswalk.accept, crosswalk.reject):
            with pytest.raises(crosswalk.AlreadyDecided, match="not ours by ana"):
                decide(item, by=ana)

    def test_undoing_takes_the_product_off_the_facts(self, harbor, mart, item, ana):
        fact(harbor, mart, "VF-1", 1)
        crosswalk.accept(item, by=ana)
        later = fact(harbor, mart, "VF-1", 2, sku=item_of("VF-1").sku)  # imported after the decision
        assert crosswalk.undo(item, by=ana).rows == 2
        later.refresh_from_db()
        assert later.sku is None
        item.refresh_from_db()
        assert (item.state, item.sku, item.decided_at) == ("waiting", None, None)
        assert crosswalk.accept(item, by=ana).rows == 2

    def test_only_the_last_ten_can_be_undone(self, harbor, mart, ana):
        items = [("item", f"N-{number}", "Thing") for number in range(12)]
        crosswalk.resolve(harbor, mart, items)
        for _, code, _ in items:
            crosswalk.reject(item_of(code), by=ana)
        assert [row.code for row in crosswalk.last_decisions(harbor)] == [f"N-{n}" for n in range(11, 1, -1)]
        with pytest.raises(crosswalk.CannotUndo):
            crosswalk.undo(item_of("N-1"), by=ana)
        crosswalk.undo(item_of("N-2"), by=ana)

    def test_what_a_bar_code_settled_is_no_decision_to_undo(self, harbor, mart, oats, ana):
        crosswalk.resolve(harbor, mart, [("gtin", "4006381333931")])
        with pytest.raises(crosswalk.CannotUndo):
            crosswalk.undo(item_of("4006381333931"), by=ana)
