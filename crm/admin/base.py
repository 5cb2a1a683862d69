"""What every admin of business data shares. The admin looks after all tenants, so it reads `across_brands`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse

from crm.models import BrandOwned

# The classes of the admin take type arguments in their stubs only.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin, TabularInline = admin.ModelAdmin, admin.TabularInline


class AcrossBrandsAdmin(ModelAdmin):
    """Admin of a `BrandOwned` model: a brand column and filter, and the joins that its columns need.

    `list_joins` names relations that the `__str__` of a shown row reads. `page` and `page_argument` give the page
    that shows the row: name of the address, and the attribute of the row that goes into it.
    """

    list_per_page = 50
    show_full_result_count = False
    list_joins: tuple[str, ...] = ()
    page = ""
    page_argument = ""

    def get_queryset(self, request: HttpRequest) -> Any:
        model: type[BrandOwned] = self.model
        return model.across_brands.order_by(*(self.get_ordering(request) or model._meta.ordering or ("-pk",)))

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (self.model.brand_path, *super().get_list_filter(request))

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "brand_name")

    def get_list_select_related(self, request: HttpRequest) -> Any:
        joined = {field.name for field in self.model._meta.get_fields() if isinstance(field, models.ForeignKey)}
        shown = [str(name) for name in self.get_list_display(request) if name in joined]
        return (self.model.brand_path, *shown, *self.list_joins)

    @admin.display(description="Brand")
    def brand_name(self, row: BrandOwned) -> str:
        value: Any = row
        for name in row.brand_path.split("__"):
            value = getattr(value, name)
        return str(value)

    def view_on_site(self, row: BrandOwned) -> str:  # type: ignore[override]
        """The page of the product; it opens for members of the row's brand who have that brand chosen."""
        return reverse(self.page, args=[getattr(row, self.page_argument)] if self.page_argument else [])

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return self.view_on_site(obj) if obj is not None and self.page else None


class ReadOnly(ModelAdmin):
    """Rows that record what happened: they can be read, never written here."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class HistoryAdmin(ReadOnly, AcrossBrandsAdmin):
    """History of one brand's business."""
