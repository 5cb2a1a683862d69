"""Product lists: real files come in, uncertain bar codes are set aside, the same list twice changes nothing."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.models import SKU, Import, RetailerItem
from crm.products import catalogue, crosswalk
from crm.products.listing import read_taxonomy
from tests.factories import RetailerFactory, SKUFactory

HEADER = "sku,gtin,name,brand,size,price,category\n"


@pytest.fixture
def bring(harbor: Any, tmp_path: Path) -> Any:
    def brought(text: str, name: str = "products.csv", **options: Any) -> Import:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return catalogue.take_in(harbor, path, **options)

    return brought


def books(batch: Import) -> tuple[str, int, int, int, int]:
    return batch.state, batch.rows_read, batch.rows_stored, batch.rows_unchanged, batch.rows_set_aside


@pytest.mark.django_db
class TestTakeIn:
    def test_a_row_becomes_a_product(self, harbor, ana, bring):
        row = "HO-1,4006381333931,Rolled oats,Harbor,5 kg,11.80,Food > Cereal\n"
        batch = bring(HEADER + row, by=ana)
        assert (batch.kind, batch.by, *books(batch)) == ("products", ana, "stored", 1, 1, 0, 0)
        sku = SKU.objects.for_brand(harbor).get()
        assert (sku.code, sku.gtin, sku.product_brand, sku.size, str(sku.price), sku.category) == (
            "HO-1", "04006381333931", "Harbor", "5 kg", "11.80", "Cereal",
        )  # fmt: skip

    def test_the_same_list_twice_changes_nothing(self, harbor, bring):
        text = HEADER + "HO-1,4006381333931,Rolled oats,Harbor,5 kg,11.80,\n"
        bring(text)
        assert books(bring(text)) == ("stored", 1, 0, 1, 0)
        assert books(bring(text + "\n", name="again.csv")) == ("stored", 1, 0, 1, 0)
        assert SKU.objects.for_brand(harbor).count() == 1

    def test_what_a_list_leaves_out_stays(self, harbor, bring):
        bring(HEADER + "HO-1,4006381333931,Rolled oats,Harbor,5 kg,11.80,\n")
        assert books(bring("gtin,name\n4006381333931,Rolled oats fine\n")) == ("stored", 1, 1, 0, 0)
        sku = SKU.objects.for_brand(harbor).get()
        assert (sku.code, sku.name, sku.size, str(sku.price)) == ("HO-1", "Rolled oats fine", "5 kg", "11.80")

    @pytest.mark.parametrize(
        ("row", "field", "reason"),
        [
            ("HO-1,4006381333932,Oats,,,,", "gtin", "wrong check digit"),
            ("HO-1,4.00638E+12,Oats,,,,", "gtin", "scientific notation"),
            ("HO-1,42100005264,Oats,,,,", "gtin", "00042100005264"),
            ("HO-1,200003009646,Oats,,,,", "gtin", "one shop only"),
            ("HO-1,,,,,,", "name", "is missing"),
            (",,Oats,,,,", "gtin", "is missing"),
            ("HO-1,,Oats,,,a lot,", "price", "is not an amount"),
            (f"HO-1,,{'x' * 201},,,,", "name", "longer than 200"),
            ("HO-1,4006381333931", "row", "more or fewer values"),
        ],
    )
    def test_an_uncertain_row_is_set_aside_with_its_reason(self, row, field, reason, harbor, bring):
        batch = bring(HEADER + row + "\nHO-2,,Porridge,,,,\n")
        assert books(batch) == ("partial", 2, 1, 0, 1)
        aside = batch.quarantine.get()
        assert (aside.row, aside.field) == (1, field)
        assert reason in aside.reason
        assert [sku.code for sku in SKU.objects.for_brand(harbor)] == ["HO-2"]

    def test_a_known_product_repairs_a_ruined_list(self, harbor, bring):
        bring(HEADER + "HO-1,042100005264,Oats,,,,\n")
        batch = bring('name,gtin,size\nOats,"42,100,005,264",1 kg\n')
        assert books(batch) == ("stored", 1, 1, 0, 0)
        assert any("thousands separators" in note for note in batch.stored["notes"])
        assert SKU.objects.for_brand(harbor).get().size == "1 kg"

    def test_two_products_are_never_made_one(self, harbor, bring):
        bring(HEADER + "A,4006381333931,Oats,,,,\nB,042100005264,Pot,,,,\n")
        batch = bring(HEADER + "A,042100005264,Oats,,,,\nA,96385074,Oats,,,,\n", name="mixed.csv")
        assert [row.reason for row in batch.quarantine.order_by("row")] == [
            "belongs to B, but the code is A", "A has the bar code 04006381333931",
        ]  # fmt: skip

    def test_a_code_that_comes_twice_is_taken_once(self, bring):
        row = "A,4006381333931,Oats,,,,\n"
        batch = bring(HEADER + row + row + "A,4006381333931,Other,,,,\n")
        assert books(batch) == ("partial", 3, 1, 1, 1)
        assert "row 1 has the same code" in batch.quarantine.get().reason

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("a;b\n1;2\n", "no column says their names"), ("{", "not valid JSON"),
            ('{"a": {"b": 1}}', "must be a list"), ("", "is empty"), ('{"products": {"a": 1}}', "must be a list"),
        ],
    )  # fmt: skip
    def test_a_file_that_is_no_list_fails_and_stores_nothing(self, text, why, harbor, bring):
        batch = bring(text)
        assert batch.state == "failed" and why in batch.error
        assert not SKU.objects.for_brand(harbor).exists()

    def test_a_failure_half_way_leaves_nothing(self, harbor, bring, monkeypatch):
        def broken(*_: Any, **__: Any) -> None:
            raise RuntimeError("the disk is full")

        monkeypatch.setattr(crosswalk, "look_again", broken)
        with pytest.raises(RuntimeError):
            bring(HEADER + "A,4006381333931,Oats,,,,\n")
        assert not SKU.objects.for_brand(harbor).exists()
        assert not Import.objects.for_brand(harbor).exists()

    def test_json_in_every_shape(self, harbor, bring):
        assert books(bring(json.dumps([{"sku": "A", "title": "Oats", "price": 3.5}]), "a.json"))[:3] == ("stored", 1, 1)
        wrapped = {"products": [{"sku": "B", "title": "Pot", "tags": ["x"]}], "page": 1}
        assert books(bring(json.dumps(wrapped), "b.json"))[:3] == ("stored", 1, 1)
        assert books(bring('{"4006381333931": "Flour", " 042100005264": "Soup"}', "c.json"))[:3] == ("stored", 2, 2)
        assert books(bring('[{"sku": "D", "name": "x", "name": "y"}]', "d.json"))[4] == 1

    def test_new_products_settle_codes_that_waited(self, harbor, bring):
        shop = RetailerFactory(brand=harbor)
        crosswalk.resolve(harbor, shop, [("gtin", "4006381333931", "OATS")])
        batch = bring(HEADER + "A,4006381333931,Oats,,,,\n")
        assert RetailerItem.objects.for_brand(harbor).get().state == "matched"
        assert any("settled now: 1" in note for note in batch.stored["notes"])

    def test_other_brands_keep_their_products(self, lumen, bring):
        theirs = SKUFactory(brand=lumen, code="A", gtin="04006381333931", name="Lamp")
        bring(HEADER + "A,4006381333931,Oats,,,,\n")
        theirs.refresh_from_db()
        assert theirs.name == "Lamp"


@pytest.mark.django_db
class TestListOfAShop:
    def test_its_items_are_matched_or_wait(self, harbor, bring):
        shop = RetailerFactory(brand=harbor, slug="northmart", name="Northmart")
        SKUFactory(brand=harbor, code="HO-1", name="Rolled oats", size="5 kg", gtin="04006381333931")
        text = "item_number,ean,title\nVF-1,4006381333931,OATS\nVF-2,,ROLLED OATS 5KG\n,042100005264,Soup\n"
        batch = bring(text, retailer=shop)
        assert (batch.retailer, *books(batch)) == (shop, "stored", 3, 3, 0, 0)
        states = dict(RetailerItem.objects.for_brand(harbor).values_list("code", "state"))
        assert states == {"VF-1": "matched", "VF-2": "waiting", "042100005264": "waiting"}
        assert SKU.objects.for_brand(harbor).count() == 1
        assert books(bring(text + "\n", retailer=shop)) == ("stored", 3, 0, 3, 0)


@pytest.mark.django_db
@pytest.mark.real_data
class TestRealFiles:
    def test_household_bar_codes(self, harbor, shared_data):
        batch = catalogue.take_in(harbor, shared_data / "products" / "household_barcodes.json")
        assert batch.rows_read == 422
        assert batch.rows_stored + batch.rows_set_aside == 422
        reasons = {row.value: row.reason for row in batch.quarantine.all()}
        assert "2361560*****" in reasons and "7641" in reasons
        in_store = [value for value, reason in reasons.items() if "one shop only" in reason]
        assert len(in_store) == 5
        assert "same code and other content" in reasons["9415522000598"]  # the key with a blank in front is the same
        assert (batch.rows_stored, batch.rows_set_aside) == (414, 8)
        assert SKU.objects.for_brand(harbor).filter(gtin="09415522000598", name="Sour cream").exists()

    def test_open_food_facts(self, harbor, shared_data):
        batch = catalogue.take_in(harbor, shared_data / "products" / "openfoodfacts" / "off_export_sample.csv.gz")
        assert batch.rows_read == 1000 == batch.rows_stored + batch.rows_unchanged + batch.rows_set_aside
        assert batch.rows_stored == 279  # 405 are numbers of one shop, 54 have no name, most others no valid code
        again = catalogue.take_in(harbor, shared_data / "products" / "openfoodfacts" / "off_export_sample.csv.gz")
        assert again.rows_stored == 0
        assert again.rows_set_aside == batch.rows_set_aside

    def test_shopify_variants(self, harbor, shared_data):
        path = shared_data / "products" / "shopify_fivetran" / "shopify_product_variant_data.csv"
        batch = catalogue.take_in(harbor, path)
        assert batch.rows_set_aside == 0 and batch.rows_stored > 0
        assert SKU.objects.for_brand(harbor).get(code="ITEM15").price is not None

    def test_google_categories_get_their_names(self, harbor, shared_data, tmp_path):
        file = shared_data / "products" / "google_taxonomy" / "taxonomy-with-ids.en-US.txt"
        assert len(read_taxonomy(file.read_text().splitlines())) == 5598 - 3
        path = tmp_path / "p.csv"
        path.write_text("sku,name,google_product_category\nA,Bath,7\n")
        catalogue.take_in(harbor, path, taxonomy=file)
        assert SKU.objects.for_brand(harbor).get().category == "Bird Cage Food & Water Dishes"


@pytest.mark.django_db
class TestCommand:
    def test_it_reports_what_was_stored(self, harbor, tmp_path):
        path = tmp_path / "p.csv"
        path.write_text(HEADER + "A,4006381333931,Oats,,,,\nB,123,Pot,,,,\n")
        out = StringIO()
        call_command("import_products", str(path), brand="harbor-oats", stdout=out)
        assert "1 SKU" in out.getvalue() and "123" in out.getvalue()

    @pytest.mark.parametrize("options", [{"brand": "nobody"}, {"brand": "harbor-oats", "retailer": "nowhere"}])
    def test_it_names_what_is_not_there(self, options, harbor, tmp_path):
        path = tmp_path / "p.csv"
        path.write_text(HEADER)
        with pytest.raises(CommandError, match="There is no"):
            call_command("import_products", str(path), **options)

    def test_a_missing_file_is_said(self, harbor):
        with pytest.raises(CommandError, match="cannot be opened"):
            call_command("import_products", "/nowhere.csv", brand="harbor-oats")
