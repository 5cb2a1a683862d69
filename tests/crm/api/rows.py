"""One row of every resource: what its tests send, and what a brand has before they do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm import pipelines
from crm.models import (
    AudienceSegment,
    Brand,
    CampaignPlan,
    Company,
    Contact,
    Lead,
    Outcome,
    Pipeline,
    PipelineStage,
    RetailerItem,
    Sale,
)
from tests.factories import CampaignFactory, PackFactory, RetailerFactory, SKUFactory

NUMBERS = itertools.count(1)
NOON = "2026-11-02T12:00:00Z"


@dataclass(frozen=True)
class Sample:
    """How to make a row of a brand, a body that makes another one, a change, and references that can be foreign."""

    make: Callable[[Brand], Any]
    body: Callable[[Brand], dict[str, Any]]
    change: dict[str, Any]
    references: tuple[str, ...] = ()
    required: str = "external_id"


def _n(letter: str) -> str:
    return f"{letter}-{next(NUMBERS)}"


def retailer(brand: Brand) -> Any:
    return RetailerFactory(brand=brand, slug=f"shop-{next(NUMBERS)}")


def campaign(brand: Brand) -> Any:
    return CampaignFactory(brand=brand, retailer=retailer(brand), external_id=_n("C"))


def audience(brand: Brand) -> Any:
    return AudienceSegment.across_brands.create(brand=brand, external_id=_n("A"), name="Loyal")


def company(brand: Brand) -> Any:
    return Company.across_brands.create(brand=brand, external_id=_n("CO"), name="Fennel & Co")


def contact(brand: Brand) -> Any:
    return Contact.across_brands.create(brand=brand, external_id=_n("P"), name="Ida Roth", email="ida@example.com")


def lead(brand: Brand) -> Any:
    row = Lead.across_brands.create(brand=brand, external_id=_n("L"), name="Fennel & Co")
    row.move_to(pipelines.default_stages(brand)["prospect"], at=row.created_at, source="test")
    return row


def pipeline(brand: Brand) -> Any:
    return Pipeline.across_brands.create(brand=brand, external_id=_n("PL"), name="Partners")


SAMPLES: dict[str, Sample] = {
    "retailers": Sample(
        retailer, lambda b: {"slug": f"new-{next(NUMBERS)}", "name": "Eastmart"}, {"name": "Westmart"}, (), "slug"
    ),
    "skus": Sample(
        lambda b: SKUFactory(brand=b, code=_n("K")),
        lambda b: {"code": _n("K"), "name": "Oat bar", "price": "3.90"},
        {"price": "4.20"},
        (),
        "code",
    ),
    "retailer-items": Sample(
        lambda b: RetailerItem.across_brands.create(brand=b, retailer=retailer(b), scheme="asin", code=_n("B0")),
        lambda b: {"retailer": retailer(b).slug, "scheme": "asin", "code": _n("B0"), "sku": SKUFactory(brand=b).code},
        {"name": "Oat bar 6 x 27 g"},
        ("retailer", "sku"),
        "code",
    ),
    "audiences": Sample(
        audience,
        lambda b: {"external_id": _n("A"), "name": "New", "retailer": retailer(b).slug, "definition": {"bought": 2}},
        {"reach_estimate": 1200},
        ("retailer",),
    ),
    "campaigns": Sample(
        campaign,
        lambda b: {
            "external_id": _n("C"),
            "retailer": retailer(b).slug,
            "name": "Autumn",
            "budget": "1200.00",
            "audiences": [audience(b).external_id],
        },
        {"budget": "900.00"},
        ("retailer", "audiences"),
    ),
    "campaign-plans": Sample(
        lambda b: CampaignPlan.across_brands.create(campaign=campaign(b), starts_on="2026-11-02", ends_on="2026-11-08"),
        lambda b: {"campaign": campaign(b).external_id, "starts_on": "2026-11-02", "ends_on": "2026-11-08"},
        {"spend": "70.00"},
        ("campaign",),
        "starts_on",
    ),
    "pipelines": Sample(pipeline, lambda b: {"external_id": _n("PL"), "name": "Shops"}, {"name": "Corner shops"}),
    "pipeline-stages": Sample(
        lambda b: PipelineStage.across_brands.create(
            pipeline=pipeline(b), external_id="x", name="Talks", order=1, win_probability=0.4, maps_to="engaged"
        ),
        lambda b: {
            "pipeline": pipeline(b).external_id,
            "external_id": _n("S"),
            "name": "Offer",
            "order": 2,
            "win_probability": 0.7,
            "maps_to": "proposal",
        },
        {"win_probability": 0.5},
        ("pipeline",),
        "name",
    ),
    "companies": Sample(company, lambda b: {"external_id": _n("CO"), "name": "Juniper"}, {"country": "France"}),
    "contacts": Sample(
        contact,
        lambda b: {"external_id": _n("P"), "name": "Ada", "company": company(b).external_id},
        {"job_title": "Buyer"},
        ("company",),
    ),
    "leads": Sample(
        lead,
        lambda b: {
            "external_id": _n("L"),
            "name": "Juniper",
            "stage": "engaged",
            "company": company(b).external_id,
            "contact": contact(b).external_id,
            "pack": PackFactory(brand=b).slug,
        },
        {"amount": "250.00"},
        ("pack", "company", "contact", "pipeline"),
    ),
    "sales": Sample(
        lambda b: Sale.across_brands.create(
            brand=b, external_id=_n("S"), amount="12.50", currency="EUR", sold_at=NOON, lead=lead(b)
        ),
        lambda b: {
            "external_id": _n("S"),
            "amount": "20.00",
            "currency": "EUR",
            "sold_at": NOON,
            "lead": lead(b).external_id,
        },
        {"amount": "21.00"},
        ("lead", "pack"),
    ),
    "outcomes": Sample(
        lambda b: Outcome.across_brands.create(
            brand=b, external_id=_n("O"), kind="opened", occurred_at=NOON, lead=lead(b)
        ),
        lambda b: {"external_id": _n("O"), "kind": "replied", "occurred_at": NOON, "contact": contact(b).external_id},
        {"kind": "booked"},
        ("lead", "contact", "pack"),
    ),
}
