"""What happened, as RMIS says it: figures of a report's row, outcomes, sales."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, RootModel, model_validator

from crm.rmis.parts import Count, Currency, Key, Money, Price, Quantity, Shape, Slug

Grain = Literal["campaign", "ad_group", "ad", "product", "target", "search_term", "breakdown", "account"]
Attribution = Literal["click", "click_view", "view", "linear", "modelled", "exposure", "unknown"]
OutcomeKind = Literal[
    "sent", "delivered", "bounced", "opened", "clicked", "replied", "booked", "sold", "exposed", "redeemed",
    "unsubscribed", "blocked",
]  # fmt: skip


class Attributed(Shape):
    """Sales that a network attributes to advertising within one window. Figures of two windows must never be added:
    the longer one holds the shorter."""

    window_days: Annotated[int, Field(ge=0, le=366)] | None = Field(
        None, description="Days after the click or view; null: the source does not say"
    )
    attribution: Attribution = Field("unknown", description="What a sale is attributed to")
    orders: Quantity | None = None
    units: Quantity | None = None
    sales: Money | None = None
    new_to_brand_orders: Quantity | None = Field(None, description="Orders of people who had not bought the brand")
    new_to_brand_units: Quantity | None = None
    new_to_brand_sales: Money | None = None


class PerformanceEvent(Shape):
    """One row of a retail-media report: what was delivered, and what was attributed to it in each window."""

    type: Literal["performance"]
    retailer: Slug = Field(description="Shop or network that reports")
    report: str = Field("", max_length=60, description="Name of the mapping that read the report")
    measured_on: date = Field(description="Day in the retailer's time zone")
    hour: Annotated[int, Field(ge=0, le=23)] | None = Field(None, description="Hour of that day, where reported")
    grain: Grain = Field(description="What the row is about. Rows of two grains say the same and must not be added.")
    campaign: Key | None = Field(None, description="External id of the campaign; null for the whole account")
    ad_group: str = Field("", max_length=120, description="External id, else the name")
    ad: str = Field("", max_length=120)
    target: str = Field("", max_length=255, description="Keyword, target or search term")
    match_type: str = Field("", max_length=30)
    breakdown: str = Field("", max_length=200, description="device=MOBILE;network=SEARCH")
    item: str = Field("", max_length=80, description="The retailer's code of the product")
    sku: str | None = Field(None, max_length=60, description="Our code of the product, where it is known")
    audience: Key | None = Field(None, description="External id of the audience")
    currency: Currency | None = Field(None, description="ISO 4217 code of `spend` and `sales`")
    impressions: Count | None = None
    clicks: Count | None = None
    spend: Money | None = None
    attributed: tuple[Attributed, ...] = Field(
        (), description="One for each window of the source; the first is the one it reports by default"
    )
    counts: bool = Field(True, description="Whether totals read this row: one reading of each campaign and day does")

    @model_validator(mode="after")
    def _each_window_once(self) -> PerformanceEvent:
        windows = [(one.window_days, one.attribution) for one in self.attributed]
        if len(set(windows)) != len(windows):
            raise ValueError("attributed: the same window and attribution is given twice")
        return self


class OutcomeEvent(Shape):
    """What somebody did with something that was sent or shown."""

    type: Literal["outcome"]
    external_id: Key
    kind: OutcomeKind
    occurred_at: AwareDatetime
    pack: Slug | None = Field(None, description="Offering it belongs to")
    lead: Key | None = Field(None, description="External id of the lead")
    contact: Key | None = Field(None, description="External id of the person")
    source: str = Field("rmis", max_length=40)
    attributed_to: UUID | None = Field(None, description="Public id of the episode that touched the person last")


class SaleEvent(Shape):
    """Money that came in."""

    type: Literal["sale"]
    external_id: Key
    amount: Price
    currency: Currency
    sold_at: AwareDatetime
    pack: Slug | None = Field(None, description="Offering it belongs to")
    lead: Key | None = Field(None, description="External id of the lead")
    source: str = Field("rmis", max_length=40)
    attributed_to: UUID | None = Field(None, description="Public id of the episode that touched the person last")


class Event(RootModel[Annotated[PerformanceEvent | OutcomeEvent | SaleEvent, Field(discriminator="type")]]):
    """Something that happened; `type` says what."""
