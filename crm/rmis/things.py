"""What there is, as RMIS says it: products, audiences, campaigns with their plans, policies."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from crm.rmis.parts import Count, Currency, Gtin14, Key, Price, Shape, Slug


class RetailerItem(Shape):
    """A code under which a retailer knows the product."""

    retailer: Slug | None = Field(None, description="Null: a code of no single retailer, such as a barcode")
    scheme: Literal["gtin", "asin", "item", "sku"] = Field(description="Barcode, ASIN, item number or seller's code")
    code: str = Field(min_length=1, max_length=80)
    name: str = Field("", max_length=300, description="As the retailer writes it")
    state: Literal["matched", "waiting", "rejected"] = "matched"
    confidence: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="Of the match, 0 to 1")


class Fact(Shape):
    """Something true about the product that a text may quote."""

    id: str = Field(min_length=1)
    text: str = Field(min_length=1)
    kind: str = Field("feature", description="feature, proof, offer or use")


class SKU(Shape):
    """A product. Its GTIN-14 is the key by which retailers' items are matched."""

    code: str = Field(min_length=1, max_length=60, description="Our own code")
    gtin: Gtin14 | None = None
    name: str = Field(min_length=1, max_length=200)
    product_brand: str = Field("", max_length=120, description="The name on the package")
    size: str = Field("", max_length=60, description="As written on the package, for example 6 x 27 g")
    category: str = Field("", max_length=120)
    price: Price | None = None
    currency: Currency | None = Field(None, description="ISO 4217 code of `price`")
    facts: tuple[Fact, ...] = ()
    items: tuple[RetailerItem, ...] = ()


class Audience(Shape):
    """A group of people a campaign may reach, without the people."""

    external_id: Key
    retailer: Slug | None = Field(None, description="Null: an audience of the brand's own")
    name: str = Field(min_length=1, max_length=200)
    definition: dict[str, Any] = Field(default_factory=dict, description="Rules in words of the source, by name")
    reach_estimate: Annotated[int, Field(ge=0)] | None = Field(None, description="Number of people")
    reach_estimated_on: date | None = None
    source: Literal["first_party", "retailer", "clean_room", "modelled"] = "retailer"
    consent_basis: Literal["consent", "contract", "interest", "aggregate", "unknown"] = Field(
        "unknown", description="Ground on which the audience may be used"
    )


class _Period(Shape):
    @model_validator(mode="after")
    def _in_order(self) -> Any:
        first, last = getattr(self, "starts_on", None), getattr(self, "ends_on", None)
        if first and last and last < first:
            raise ValueError(f"ends_on: {last} is before starts_on, {first}")
        return self


class Plan(_Period):
    """What is planned for one period; days inclusive. Null: nothing is planned for that figure."""

    starts_on: date
    ends_on: date
    spend: Price | None = None
    impressions: Count | None = None
    clicks: Count | None = None
    orders: Count | None = None
    sales: Price | None = None
    source: str = Field("person", max_length=60, description="Who or what planned it")


class Campaign(_Period):
    """A placement at a retailer with a budget, dates and a plan for each period."""

    external_id: Annotated[str, Field(min_length=1, max_length=80)]
    retailer: Slug
    name: str = Field(min_length=1, max_length=200)
    objective: str = Field("", max_length=60)
    budget: Price | None = None
    budget_period: Literal["day", "week", "month", "total"] = Field("week", description="What `budget` is for")
    currency: Currency | None = Field(None, description="ISO 4217 code of all money here")
    starts_on: date | None = None
    ends_on: date | None = Field(None, description="Last day, included")
    status: Literal["planned", "live", "paused", "ended"] = "live"
    constraints: dict[str, Any] = Field(default_factory=dict, description="min_spend, max_spend, min_roas, note")
    audiences: tuple[Key, ...] = Field((), description="External ids")
    plans: tuple[Plan, ...] = ()


Action = Literal["allow", "redact", "pseudonymise", "block"]


class Policy(Shape):
    """What happens to personal data where, of all retailers or of one. What is left out is as the policy below says."""

    retailer: Slug | None = Field(None, description="Null: for all retailers")
    version: Annotated[int, Field(ge=1)] = 1
    places: dict[Literal["imports", "prompts", "feedback", "exports", "logs"], dict[str, Action]] = Field(
        default_factory=dict, description="By place and kind of personal data (or `default`)"
    )
    retention_days: dict[str, Annotated[int, Field(ge=0, le=36_500)]] = Field(
        default_factory=dict, description="How long personal detail is kept, in days; 0 keeps it"
    )
    consent_bases: tuple[str, ...] | None = Field(None, description="Grounds on which audiences may be used")
    address: dict[str, Literal["unless_refused", "only_with_consent"]] = Field(
        default_factory=dict, description="By purpose, whether somebody may be addressed who has not said yes"
    )
