"""Products of the brands, and the codes under which shops know them."""

from __future__ import annotations

from django.contrib import admin

from crm.admin.base import AcrossBrandsAdmin
from crm.models import SKU, RetailerItem


@admin.register(SKU)
class SKUAdmin(AcrossBrandsAdmin):
    list_display = ("code", "gtin", "name", "product_brand", "size", "category", "price")
    list_filter = ("category",)
    search_fields = ("code", "gtin", "name", "product_brand")
    autocomplete_fields = ("brand",)


@admin.register(RetailerItem)
class RetailerItemAdmin(AcrossBrandsAdmin):
    """Decisions are made on the review page, where the facts follow them; here they can only be looked at."""

    list_display = ("code", "scheme", "retailer", "name", "state", "sku", "confidence", "decided_by", "decided_at")
    list_filter = ("state", "scheme")
    search_fields = ("code", "name", "sku__code", "sku__name")
    autocomplete_fields = ("brand", "retailer")
    readonly_fields = ("state", "sku", "proposed", "confidence", "evidence", "decided_by", "decided_at")
    page = "crosswalk_review"
