"""The media side of the year: products bought under a campaign, what each sold on each day, and the households reached.

Written in bulk; the same a second time changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import polars as pl

from crm.facts.identity import DAILY
from crm.identity import identity_of
from crm.imports.completejourney import words
from crm.imports.completejourney.figures import Figures
from crm.imports.completejourney.tables import Tables
from crm.imports.reports.canonical import COUNT_SCALE, IDENTITY
from crm.imports.tally import Tally
from crm.imports.writing import upsert
from crm.models import (
    SKU,
    AudienceSegment,
    Brand,
    Campaign,
    Lead,
    PerformanceMetric,
    Retailer,
    RetailerItem,
    SegmentMember,
)

BATCH = 500
COMPARED = ("orders", "units", "sales", "sku_id")


def store_products(brand: Brand, retailer: Retailer, tables: Tables, found: Figures) -> dict[int, SKU]:
    """SKUs of all products that were bought under a campaign, and their numbers at the shop; by product number."""
    skus = upsert(SKU, brand, words.products(tables, found), Tally(""), key="code", counted=False)
    known = set(
        RetailerItem.objects.for_brand(brand)
        .filter(retailer=retailer, scheme=RetailerItem.Scheme.ITEM)
        .values_list("code", flat=True)
    )
    RetailerItem.objects.for_brand(brand).bulk_create(
        [
            RetailerItem(
                brand=brand, retailer=retailer, scheme=RetailerItem.Scheme.ITEM, code=code[1:], name=sku.name,
                size=sku.size, state=RetailerItem.State.MATCHED, sku=sku, confidence=1,
            )
            for code, sku in skus.items()
            if code[1:] not in known
        ],
        batch_size=BATCH,
    )  # fmt: skip
    return {int(code[1:]): sku for code, sku in skus.items()}


def store_product_days(
    brand: Brand, retailer: Retailer, campaigns: dict[str, Campaign], skus: dict[int, SKU], found: Figures
) -> Tally:
    """What each product sold on each day of a campaign. It is a finer reading of the campaign's days, so totals do not
    count it."""
    tally = Tally("days of products under campaigns")
    present = PerformanceMetric.objects.for_brand(brand).filter(report=DAILY, grain=PerformanceMetric.Grain.PRODUCT)
    known = {fact.identity: fact for fact in present}
    new, changed = [], []
    for number, day, product, cents, lines, units in _product_days(found).iter_rows():
        campaign = campaigns[words.slug(number)]
        fields = {"measured_on": day, "campaign_id": campaign.external_id, "item": product, "currency": brand.currency}
        figures: dict[str, Any] = {
            "orders": Decimal(lines), "units": Decimal(round(units * COUNT_SCALE)) / COUNT_SCALE,
            "sales": Decimal(cents) / 100, "sku_id": skus[product].pk,
        }  # fmt: skip
        identity = identity_of([retailer.slug, DAILY, *(fields.get(name) for name in IDENTITY)])
        fact = known.get(identity)
        if fact is None:
            new.append(
                PerformanceMetric(
                    brand=brand, retailer=retailer, campaign=campaign, measured_on=day, report=DAILY,
                    grain=PerformanceMetric.Grain.PRODUCT, item=str(product), identity=identity, counts=False,
                    attribution=PerformanceMetric.Attribution.EXPOSURE, currency=brand.currency, **figures,
                )
            )  # fmt: skip
        elif any(getattr(fact, name) != value for name, value in figures.items()):
            for name, value in figures.items():
                setattr(fact, name, value)
            changed.append(fact)
        tally.read += 1
    PerformanceMetric.objects.for_brand(brand).bulk_create(new, batch_size=BATCH)
    PerformanceMetric.objects.for_brand(brand).bulk_update(changed, COMPARED, batch_size=200)
    tally.stored = len(new) + len(changed)
    tally.unchanged = tally.read - tally.stored
    tally.models["PerformanceMetric"] += tally.stored
    return tally


def store_audiences(
    brand: Brand, retailer: Retailer, campaigns: dict[str, Campaign], leads: dict[str, Lead], tables: Tables
) -> Tally:
    """The households that each campaign reached, and those of each age the survey knows, with their people."""
    tally = Tally("audiences of households")
    members: dict[str, list[Lead]] = defaultdict(list)
    ages = {household: about.get("age", "") for household, about in words.households(tables).items()}
    for key, lead in leads.items():
        number, household = (int(part) for part in key.split("/"))
        members[f"reached-{words.slug(number)}"].append(lead)
        if ages.get(household):
            members[f"age-{ages[household]}"].append(lead)
    wanted: dict[str, dict[str, Any]] = {}
    for code, people in members.items():
        households = len({str(lead.detail.get("household")) for lead in people})
        about = campaigns.get(code.removeprefix("reached-"))
        wanted[code] = {
            "retailer_id": retailer.pk,
            "name": f"Reached by {about.name}" if about else f"Head of household aged {code.removeprefix('age-')}",
            "definition": {"reached_by": about.external_id} if about else {"age": code.removeprefix("age-")},
            "reach_estimate": households,
            "source": AudienceSegment.Source.RETAILER,
            "consent_basis": AudienceSegment.Consent.UNKNOWN,
        }
    audiences = upsert(AudienceSegment, brand, wanted, tally)
    known = set(SegmentMember.objects.for_brand(brand).values_list("segment_id", "lead_id"))
    SegmentMember.objects.for_brand(brand).bulk_create(
        [
            SegmentMember(segment=audiences[code], lead=lead)
            for code, people in members.items()
            for lead in people
            if (audiences[code].pk, lead.pk) not in known
        ],
        batch_size=BATCH,
    )
    for slug, campaign in campaigns.items():
        if f"reached-{slug}" in audiences:
            campaign.audiences.add(audiences[f"reached-{slug}"])
    tally.read = len(wanted)
    return tally


def _product_days(found: Figures) -> pl.DataFrame:
    """campaign_id, day, product_id, cents, lines, units; lines that another campaign claims are left to it."""
    return (
        found.bought.filter(pl.col("claims") & (pl.col("sales_value") > 0))
        .group_by("campaign_id", pl.col("at").dt.date().alias("day"), "product_id")
        .agg(
            pl.col("sales_value").sum().alias("cents"), pl.len().alias("lines"), pl.col("quantity").sum().alias("units")
        )
        .sort("campaign_id", "day", "product_id")
    )
