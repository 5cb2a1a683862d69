"""A brand with people enough to be asked about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm.cleanroom import rooms
from crm.models import AudienceSegment, Brand, Campaign, CleanRoom, Lead, Outcome, Sale, SegmentMember
from tests.factories import CampaignFactory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGAN = datetime(2026, 9, 1, tzinfo=UTC)


def people(brand: Brand, count: int, *, stage: str = "engaged", prefix: str = "p", **more: Any) -> list[Lead]:
    rows = [
        Lead(
            brand=brand, external_id=f"{prefix}{number}", name=f"Person {number}", funnel_stage=stage,
            created_at=BEGAN + timedelta(days=number % 60), **more,
        )
        for number in range(count)
    ]  # fmt: skip
    return list(Lead.across_brands.bulk_create(rows))


def segment(brand: Brand, name: str, leads: list[Lead]) -> AudienceSegment:
    one: AudienceSegment = AudienceSegment.across_brands.create(brand=brand, external_id=name.lower(), name=name)
    SegmentMember.across_brands.bulk_create([SegmentMember(segment=one, lead=lead) for lead in leads])
    return one


def sell(lead: Lead, amount: str, number: str, currency: str = "EUR") -> Sale:
    return Sale(
        brand_id=lead.brand_id, lead=lead, external_id=f"{lead.external_id}-{number}", amount=amount,
        currency=currency, sold_at=lead.created_at + timedelta(days=3),
    )  # fmt: skip


@pytest.fixture
def populated(harbor: Brand) -> Brand:
    """600 engaged, 400 purchased (each once, for 20), 3 lost; two segments of 500 that share 200; one campaign."""
    engaged, bought = people(harbor, 600), people(harbor, 400, stage="purchased", prefix="b")
    people(harbor, 3, stage="lost", prefix="x")
    Sale.across_brands.bulk_create([sell(lead, "20.00", "1") for lead in bought])
    Outcome.across_brands.bulk_create(
        [
            Outcome(brand=harbor, lead=lead, kind="opened", external_id=f"{lead.external_id}-{n}", occurred_at=BEGAN)
            for lead in engaged
            for n in range(2)
        ]
    )
    loyal = segment(harbor, "Loyal", [*engaged[:300], *bought[:200]])
    segment(harbor, "Bakers", [*engaged[200:500], *bought[:100], *bought[300:400]])
    spring: Campaign = CampaignFactory(brand=harbor, name="Spring", external_id="spring")
    spring.audiences.add(loyal)
    return harbor


@pytest.fixture
def room(harbor: Brand) -> CleanRoom:
    return rooms.embedded_for(harbor)
