"""The media side of a sample brand: shops with their ways of delivering, plans, audiences."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from crm.models import AudienceSegment, Brand, Campaign, CampaignPlan, Lead, Retailer, SegmentMember
from crm.sample.catalogue import BrandEntry

RETURN_WANTED = Decimal("2.4")  # sales planned per unit of spend


def make_retailers(brand: Brand, entry: BrandEntry) -> dict[str, Retailer]:
    """The shops by name; each delivers once a week."""
    made = Retailer.across_brands.bulk_create(
        Retailer(
            brand=brand,
            name=one.name,
            slug=one.name.lower().replace(" ", "-"),
            network=one.network,
            time_zone="Europe/Berlin",
            delivers_every_days=7,
            delivers_by=one.delivers_by,
        )
        for one in entry.retailers
    )
    return {retailer.name: retailer for retailer in made}


def make_plans(campaigns: dict[str, Campaign], now: datetime) -> None:
    """Every month from the campaign's first to the next one: spend at the budget, sales at the return wanted."""
    plans = []
    for campaign in campaigns.values():
        assert campaign.starts_on is not None and campaign.budget is not None
        for first, last in _months(campaign.starts_on, now.date()):
            days = (last - first).days + 1
            spend = (campaign.budget * days / 7).quantize(Decimal("0.01"))
            plans.append(
                CampaignPlan(
                    campaign=campaign,
                    starts_on=first,
                    ends_on=last,
                    spend=spend,
                    sales=(spend * RETURN_WANTED).quantize(Decimal("0.01")),
                    source="sample",
                )
            )
    CampaignPlan.across_brands.bulk_create(plans)


def make_audiences(brand: Brand, entry: BrandEntry, retailers: dict[str, Retailer]) -> None:
    """One audience for each kind of customer we know, with its people, and one of a shop's shoppers."""
    first_party = [
        AudienceSegment(
            brand=brand,
            external_id=f"ours-{segment.name.replace(' ', '-')}",
            name=segment.name.capitalize(),
            definition={"segment": segment.name},
            source=AudienceSegment.Source.FIRST_PARTY,
            consent_basis=AudienceSegment.Consent.INTEREST,
        )
        for segment in entry.segments
    ]
    AudienceSegment.across_brands.bulk_create(first_party)
    by_name = {str(audience.definition["segment"]): audience for audience in first_party}
    leads = list(Lead.objects.for_brand(brand).filter(detail__has_key="segment").order_by("pk"))
    SegmentMember.across_brands.bulk_create(
        SegmentMember(segment=by_name[lead.detail["segment"]], lead=lead)
        for lead in leads
        if lead.detail["segment"] in by_name
    )
    for audience in first_party:
        audience.reach_estimate = sum(lead.detail["segment"] == audience.definition["segment"] for lead in leads)
    AudienceSegment.across_brands.bulk_update(first_party, ["reach_estimate"])
    name, retailer = next(iter(retailers.items()))
    AudienceSegment.across_brands.create(
        brand=brand,
        retailer=retailer,
        external_id="shoppers-of-the-category",
        name=f"{name} shoppers of the category",
        definition={"bought_category_within_days": 90},
        reach_estimate=184_000,
        source=AudienceSegment.Source.RETAILER,
        consent_basis=AudienceSegment.Consent.AGGREGATE,
    )


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """First and last days of the months from that of `first` to the one after that of `last`."""
    day = first.replace(day=1)
    until = (last.replace(day=28) + timedelta(days=4)).replace(day=1)
    while day <= until:
        end = day.replace(day=monthrange(day.year, day.month)[1])
        yield max(day, first), end
        day = end + timedelta(days=1)
