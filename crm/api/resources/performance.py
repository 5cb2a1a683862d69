"""Facts of retail media: read by day, written through the same way as reports."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.filters import Choice, Day, RowFilters, Search, Text, Whole, Word, YesNo
from crm.api.inputs import Strict, WholeNumber
from crm.api.references import Currency, Reference
from crm.api.resource import Resource
from crm.models import SKU, AudienceSegment, Brand, Campaign, PerformanceMetric, Retailer
from crm.models.tenancy import slug_validator

GRAINS = {grain.name.lower(): int(grain) for grain in PerformanceMetric.Grain}
WORDS = {number: word for word, number in GRAINS.items()}
FIGURES = ("orders", "units", "sales", "ntb_orders", "ntb_units", "ntb_sales")
WINDOW = re.compile(r"^(\d{1,3})?\|(" + "|".join(PerformanceMetric.Attribution.values) + ")$")
MOST = Decimal(10) ** 11


@extend_schema_field({"type": "string", "enum": list(GRAINS)})
class GrainWord(serializers.Field[Any, Any, Any, Any]):
    """`campaign`, `ad_group` and so on."""

    words = WORDS
    default_error_messages = {"unknown": "Must be one of: {known}."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, str) or data not in GRAINS:
            self.fail("unknown", known=", ".join(GRAINS))
        return GRAINS[data]

    def to_representation(self, value: Any) -> str:
        return WORDS[value]


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in FIGURES},
            "additionalProperties": False,
        },
        "nullable": True,
    }
)
class OtherWindows(serializers.JSONField):
    """{"30|click": {"orders": "2", "sales": "9.80"}}: days and attribution, then the figures that the source gives."""

    default_error_messages = {
        "kind": "Must be an object of windows, each an object of figures.",
        "window": "{value!r} is no window. Write days, a bar and the attribution: 30|click.",
        "figure": "{value!r} is no figure of a window. There are: {known}.",
        "number": "{value!r} is no number of a sensible size.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict) or not all(isinstance(figures, dict) for figures in data.values()):
            self.fail("kind")
        read = {}
        for window, figures in data.items():
            if not WINDOW.fullmatch(window):
                self.fail("window", value=window[:40])
            read[window] = {name: self._number(name, value) for name, value in figures.items() if value is not None}
        return read or None

    def _number(self, name: str, value: Any) -> str:
        if name not in FIGURES:
            self.fail("figure", value=name[:40], known=", ".join(FIGURES))
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            self.fail("number", value=str(value)[:40])
        if isinstance(value, bool) or not number.is_finite() or abs(number) >= MOST:
            self.fail("number", value=str(value)[:40])
        text = format(number.quantize(Decimal("0.000001")), "f").rstrip("0").rstrip(".")
        return text or "0"


class PerformanceOutput(serializers.ModelSerializer[PerformanceMetric]):
    """One row of a report. `orders` to `ntb_sales` are those of `window_days` and `attribution`; figures of different
    windows must never be added. Null: the source does not say."""

    retailer = serializers.SlugRelatedField[Retailer](slug_field="slug", read_only=True)
    campaign = serializers.SlugRelatedField[Campaign](slug_field="external_id", read_only=True, allow_null=True)
    campaign_name = serializers.CharField(source="campaign.name", default=None, allow_null=True)
    sku = serializers.SlugRelatedField[SKU](slug_field="code", read_only=True, allow_null=True)
    audience = serializers.SlugRelatedField[AudienceSegment](slug_field="external_id", read_only=True, allow_null=True)
    grain = GrainWord(read_only=True)
    other_windows = OtherWindows(read_only=True)
    import_id = serializers.IntegerField(source="source_id", allow_null=True, help_text="Of the import that brought it")

    class Meta:
        model = PerformanceMetric
        fields = (
            "id", "measured_on", "hour", "retailer", "campaign", "campaign_name", "grain", "ad_group", "ad", "target",
            "match_type", "breakdown", "item", "sku", "audience", "impressions", "clicks", "spend", "window_days",
            "attribution", *FIGURES, "other_windows", "currency", "report", "import_id", "source_row", "counts",
        )  # fmt: skip
        read_only_fields = fields


def _figure(places: int, **kwargs: Any) -> serializers.DecimalField:
    return serializers.DecimalField(11 + places, places, required=False, allow_null=True, **kwargs)


def _text(length: int) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=length, default="")


def _number(most: int) -> WholeNumber:
    return WholeNumber(required=False, allow_null=True, min_value=0, max_value=most)


class PerformanceInput(Strict):
    """One row, found again by retailer, report, day, hour, campaign, ad group, ad, target, match type, breakdown, item,
    audience and currency. A campaign must be known; only rows of the whole account have none."""

    measured_on = serializers.DateField(help_text="Day in the retailer's time zone")
    hour = _number(23)
    retailer = Reference(Retailer, "slug")
    campaign = Reference(Campaign, required=False, allow_null=True)
    grain = GrainWord(required=False, default=int(PerformanceMetric.Grain.CAMPAIGN))
    ad_group = _text(120)
    ad = _text(120)
    target = _text(255)
    match_type = _text(30)
    breakdown = _text(200)
    item = _text(80)
    audience = Reference(AudienceSegment, required=False, allow_null=True)
    impressions = _number(10**15)
    clicks = _number(10**15)
    spend = _figure(6)
    window_days = _number(366)
    attribution = serializers.ChoiceField(PerformanceMetric.Attribution.choices, default="unknown")
    orders = _figure(4)
    units = _figure(4)
    sales = _figure(6)
    ntb_orders = _figure(4)
    ntb_units = _figure(4)
    ntb_sales = _figure(6)
    other_windows = OtherWindows(required=False, allow_null=True)
    currency = Currency(required=False, allow_blank=True, default="")
    report = serializers.CharField(
        required=False, default="api", max_length=60, validators=[slug_validator],
        help_text="What the figures come from. Rows of another report are other rows.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        campaign, account = attrs.get("campaign"), attrs["grain"] == PerformanceMetric.Grain.ACCOUNT
        if campaign is None and not account:
            raise serializers.ValidationError({"campaign": "Name the campaign, or send grain: account."})
        if campaign is not None and account:
            raise serializers.ValidationError({"campaign": "A row of the whole account belongs to no campaign."})
        if campaign is not None and campaign.retailer_id != attrs["retailer"].pk:
            raise serializers.ValidationError({"campaign": f"{campaign.external_id} runs at another retailer."})
        figures = ("impressions", "clicks", "spend", *FIGURES, "other_windows")
        if all(attrs.get(name) is None for name in figures):
            raise serializers.ValidationError("The row has no figure. Send at least one.")
        if attrs.get("clicks") and attrs.get("impressions") == 0:
            raise serializers.ValidationError({"clicks": "There are clicks without a single impression."})
        if not attrs["currency"]:
            brand: Brand = self.context["brand"]
            attrs["currency"] = attrs["retailer"].currency or brand.currency
        return attrs


class PerformanceFilters(RowFilters):
    retailer = Text("retailer__slug", "Slug of the retailer")
    campaign = Text("campaign__external_id", "External id of the campaign")
    date_from = Day("measured_on", "gte", "First day")
    date_to = Day("measured_on", "lte", "Last day, included")
    counting = YesNo("counts", "true: only rows that totals read")
    grain = Word("grain", GRAINS, "What a row is about")
    window = Whole("window_days", "Attribution window in days")
    attribution = Choice("attribution", PerformanceMetric.Attribution, "What a sale is attributed to")
    report = Text("report", "Name of the report")
    currency = Text("currency", "ISO 4217")
    sku = Text("sku__code", "Code of the product")
    item = Text("item", "The retailer's code of the product")
    audience = Text("audience__external_id", "External id of the audience")
    import_id = Whole("source", "Id of the import")
    search = Search("target", "campaign__name")


class Performance(Resource):
    """Rows come and go with imports: there is no changing or deleting of one."""

    name, one, many = "performance", "figure", "figures"
    model = PerformanceMetric
    key = ("retailer", "report", "measured_on", "campaign", "the parts below it")
    output, input, filters = PerformanceOutput, PerformanceInput, PerformanceFilters
    joins = ("retailer", "campaign", "sku", "audience")

    @classmethod
    def rows(cls, brand: Brand) -> QuerySet[Any]:
        return super().rows(brand).order_by("measured_on", "identity")
