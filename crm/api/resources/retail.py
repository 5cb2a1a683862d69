"""Retailers, products and the codes under which retailers know them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.api.filters import Choice, Number, Order, RowFilters, Search, Text
from crm.api.inputs import Strict
from crm.api.references import Currency, Gtin, PlainList, Reference, TimeZone
from crm.api.resource import Resource, StillNeeded
from crm.models import SKU, Brand, PerformanceMetric, Retailer, RetailerItem


class RetailerOutput(serializers.ModelSerializer[Retailer]):
    """A shop or network that carries campaigns."""

    class Meta:
        model = Retailer
        fields = ("id", "slug", "name", "network", "currency", "time_zone", "delivers_every_days", "delivers_by")
        read_only_fields = fields


class RetailerInput(Strict, serializers.ModelSerializer[Retailer]):
    """A shop or network, found again by its slug."""

    currency = Currency(required=False, allow_blank=True)
    time_zone = TimeZone(required=False, max_length=60, help_text="IANA name; UTC when left out")

    class Meta:
        model = Retailer
        fields = ("slug", "name", "network", "currency", "time_zone", "delivers_every_days", "delivers_by")
        validators: list[Any] = []


class RetailerFilters(RowFilters):
    slug = Text("slug", "Slug")
    network = Text("network", "Family of report mappings")
    search = Search("name", "slug")
    ordering = Order({"name": "name", "slug": "slug"}, default="name")


class Retailers(Resource):
    name, one, many = "retailers", "retailer", "retailers"
    model, key = Retailer, ("slug",)
    output, input, filters = RetailerOutput, RetailerInput, RetailerFilters

    @classmethod
    def delete(cls, brand: Brand, row: Any) -> None:
        refuse_with_facts(brand, "retailer", row)
        super().delete(brand, row)


class SKUOutput(serializers.ModelSerializer[SKU]):
    """A product with the facts that a text may quote."""

    facts = serializers.JSONField()

    class Meta:
        model = SKU
        fields = ("id", "code", "gtin", "name", "product_brand", "size", "category", "price", "facts")
        read_only_fields = fields


class SKUInput(Strict, serializers.ModelSerializer[SKU]):
    """A product, found again by its code."""

    gtin = Gtin(required=False, allow_blank=True, help_text="Barcode of 8, 12, 13 or 14 digits; kept as GTIN-14")
    price = serializers.DecimalField(12, 2, min_value=0, required=False, allow_null=True)
    facts = PlainList(required=False, help_text="{id, text, kind}: kind is feature, proof, offer or use")

    class Meta:
        model = SKU
        fields = ("code", "gtin", "name", "product_brand", "size", "category", "price", "facts")
        validators: list[Any] = []


class SKUFilters(RowFilters):
    code = Text("code", "Code")
    gtin = Text("gtin", "GTIN-14")
    category = Text("category", "Category")
    product_brand = Text("product_brand", "The name on the package")
    search = Search("name", "code", "gtin")
    ordering = Order({"code": "code", "name": "name", "category": "category", "price": "price"}, default="code")


class SKUs(Resource):
    name, one, many = "skus", "product", "products"
    model, key, further_keys = SKU, ("code",), (("gtin",),)
    output, input, filters = SKUOutput, SKUInput, SKUFilters


class RetailerItemOutput(serializers.ModelSerializer[RetailerItem]):
    """A code of a retailer, and the product we believe it is."""

    retailer = serializers.SlugRelatedField[Retailer](slug_field="slug", read_only=True, allow_null=True)
    sku = serializers.SlugRelatedField[SKU](slug_field="code", read_only=True, allow_null=True)
    proposed = serializers.SlugRelatedField[SKU](slug_field="code", read_only=True, allow_null=True)
    evidence = serializers.JSONField(help_text="What was compared: {compared, theirs, ours, fits, note}")

    class Meta:
        model = RetailerItem
        fields = (
            "id", "retailer", "scheme", "code", "name", "size", "price", "state", "sku", "proposed", "confidence",
            "evidence", "decided_at", "first_seen_at",
        )  # fmt: skip
        read_only_fields = fields


class RetailerItemInput(Strict, serializers.ModelSerializer[RetailerItem]):
    """A code of a retailer. With `sku` it is matched; without, it waits for a person."""

    retailer = Reference(Retailer, "slug", required=False, allow_null=True, default=None)
    sku = Reference(SKU, "code", required=False, allow_null=True)
    price = serializers.DecimalField(12, 2, min_value=0, required=False, allow_null=True)

    class Meta:
        model = RetailerItem
        fields = ("retailer", "scheme", "code", "name", "size", "price", "sku")
        validators: list[Any] = []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "sku" in attrs:
            attrs["state"] = RetailerItem.State.MATCHED if attrs["sku"] else RetailerItem.State.WAITING
        return attrs


class RetailerItemFilters(RowFilters):
    retailer = Text("retailer__slug", "Slug of the retailer")
    scheme = Choice("scheme", RetailerItem.Scheme, "Kind of code")
    state = Choice("state", RetailerItem.State, "Matched, waiting or rejected")
    code = Text("code", "Code")
    sku = Text("sku__code", "Code of the product")
    confidence_min = Number("confidence", "gte", "Lowest confidence, 0 to 1")
    search = Search("name", "code")
    ordering = Order({"confidence": "confidence", "code": "code", "seen": "first_seen_at"}, default="-confidence")


class RetailerItems(Resource):
    name, one, many = "retailer-items", "retailer item", "retailer items"
    model, key = RetailerItem, ("retailer", "scheme", "code")
    output, input, filters = RetailerItemOutput, RetailerItemInput, RetailerItemFilters
    joins = ("retailer", "sku", "proposed")


def refuse_with_facts(brand: Brand, field: str, row: Any) -> None:
    """Raises StillNeeded when figures were measured for the row: deleting it would change totals of the past."""
    if PerformanceMetric.objects.for_brand(brand).filter(**{field: row}).exists():
        raise StillNeeded(f"There are figures of this {field}. Undo the imports that brought them first.", field=field)
