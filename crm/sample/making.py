"""Makes one sample brand: shops, products, campaigns, packs. Leads, media and reports have modules of their own."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from crm.market.world import World
from crm.models import SKU, Brand, Campaign, Pack, PerformanceMetric, Retailer
from crm.pipelines import ensure_default_pipeline
from crm.sample.catalogue import BrandEntry, brand_entry, pack_entries
from crm.sample.deliveries import take_in_reports
from crm.sample.leads import make_leads
from crm.sample.media import make_audiences, make_plans, make_retailers


def make_brand(slug: str, *, now: datetime) -> tuple[Brand, bool]:
    """The brand and whether it was made now; one that is there already is left as it is.

    All but its reports is one transaction; those come in after it, as they would from a shop.
    """
    entry = brand_entry(slug)
    with transaction.atomic():
        brand, created = Brand.objects.get_or_create(
            slug=entry.slug,
            defaults={
                "name": entry.name,
                "currency": entry.currency,
                "voice": entry.voice,
                "postal_address": entry.postal_address,
                "world": entry.world,
            },
        )
        world = World.load(entry.world)
        if created:
            _make(brand, entry, world, now)
    if not PerformanceMetric.objects.for_brand(brand).exists():  # new, or interrupted before its reports were in
        take_in_reports(brand, entry, world, last_day=now.date() - timedelta(days=1))
    return brand, created


def _make(brand: Brand, entry: BrandEntry, world: World, now: datetime) -> None:
    ensure_default_pipeline(brand)
    _skus(brand, entry)
    packs = _packs(brand)
    retailers = make_retailers(brand, entry)
    make_plans(_campaigns(brand, entry, retailers, world, now), now)
    make_leads(brand, entry, world, packs, now)
    make_audiences(brand, entry, retailers)


def _skus(brand: Brand, entry: BrandEntry) -> None:
    SKU.across_brands.bulk_create(
        SKU(
            brand=brand,
            code=sku.code,
            gtin=sku.gtin,
            size=sku.size,
            name=sku.name,
            category=sku.category,
            price=sku.price,
            facts=[
                {"id": f"sku:{sku.code}#{number}", "text": fact.text, "kind": fact.kind}
                for number, fact in enumerate(sku.facts, start=1)
            ],
        )
        for sku in entry.skus
    )


def _packs(brand: Brand) -> dict[str, Pack]:
    made = Pack.across_brands.bulk_create(
        Pack(
            brand=brand,
            slug=pack.slug,
            name=pack.name,
            goal=pack.goal,
            task=Pack.Task(pack.task),
            allowed_agents=list(pack.allowed),
            static_sequence=list(pack.static),
            max_steps=pack.max_steps,
            quality_threshold=pack.threshold,
        )
        for pack in pack_entries()
    )
    return {pack.slug: pack for pack in made}


def _campaigns(
    brand: Brand, entry: BrandEntry, retailers: dict[str, Retailer], world: World, now: datetime
) -> dict[str, Campaign]:
    made = {}
    for one in entry.campaigns:
        past = world.history(one.id, budget=float(one.budget), last_day=now.date() - timedelta(days=1))
        campaign = Campaign.across_brands.create(
            brand=brand,
            retailer=retailers[one.retailer],
            external_id=one.id,
            name=one.name,
            objective=one.objective,
            budget=one.budget,
            starts_on=past.days[0],
            status=Campaign.Status.LIVE,
        )
        made[one.id] = campaign
    return made
