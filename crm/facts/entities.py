"""Lists of campaigns, ad groups, ads and keywords: what things are called and to which campaign they belong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from crm.facts.places import id_of_name
from crm.imports.lookups import in_chunks
from crm.imports.reports.canonical import MONEY_SCALE
from crm.models import AdEntity, Brand, Campaign, Import, QuarantinedRow, Retailer

KINDS = {"portfolio": AdEntity.Kind.PORTFOLIO, "ad_group": AdEntity.Kind.AD_GROUP, "ad": AdEntity.Kind.AD,
         "keyword": AdEntity.Kind.TARGET}  # fmt: skip
# words of networks for what a campaign is doing
STATUS = {
    "enabled": "live", "active": "live", "live": "live", "running": "live", "serving": "live",
    "paused": "paused", "campaign_paused": "paused", "inactive": "paused", "suspended": "paused",
    "archived": "ended", "removed": "ended", "deleted": "ended", "ended": "ended", "completed": "ended",
    "pending": "planned", "scheduled": "planned", "draft": "planned", "planned": "planned",
}  # fmt: skip
DETAIL = ("status", "objective", "item", "text", "match_type", "currency", "time_zone")


@dataclass
class Stored:
    """What became of the rows of a list."""

    stored: int = 0
    unchanged: int = 0
    set_aside: int = 0
    models: Counter[str] = field(default_factory=Counter)


def store_entities(brand: Brand, retailer: Retailer, frames: Iterable[pl.DataFrame], source: Import) -> Stored:
    """Fill Campaign and AdEntity from frames of ENTITIES. The same list a second time changes nothing.

    A list of accounts settles the retailer's currency and time zone where they are not said yet.
    """
    done = Stored()
    for frame in frames:
        for entity in frame["entity"].unique(maintain_order=True):
            rows = frame.filter(pl.col("entity") == entity).to_dicts()
            if entity == "campaign":
                _campaigns(brand, retailer, rows, done, source)
            elif entity == "account":
                _account(retailer, rows, done)
            else:
                _entities(brand, retailer, KINDS[entity], rows, done)
    return done


def _campaigns(brand: Brand, retailer: Retailer, rows: list[dict[str, Any]], done: Stored, source: Import) -> None:
    known = {
        one.external_id: one
        for one in in_chunks(
            Campaign, brand, [key for row in rows for key in (row["external_id"], id_of_name(row["name"]))]
        )
    }
    for row in rows:
        fields = _campaign_fields(row)
        one = known.get(row["external_id"])
        if one is None and (named := known.get(id_of_name(row["name"]))) and named.retailer_id == retailer.pk:
            # a report that knew the name only was here before
            one, named.external_id = named, row["external_id"]
            fields["external_id"] = row["external_id"]
        if one is not None and one.retailer_id != retailer.pk:
            reason = f"campaign {one.external_id} is known at {one.retailer.name} already; choose the right retailer"
            QuarantinedRow.objects.for_brand(brand).create(
                batch=source, file=source.filename, row=row["row"], field="external_id", value=row["external_id"],
                reason=reason, raw={name: str(value) for name, value in row.items() if value not in (None, "")},
            )  # fmt: skip
            done.set_aside += 1
        elif one is None:
            known[row["external_id"]] = Campaign.objects.for_brand(brand).create(
                brand=brand, retailer=retailer, external_id=row["external_id"],
                **{"name": row["external_id"], **fields},
            )  # fmt: skip
            _book(done, "Campaign", changed=True)
        else:
            _book(done, "Campaign", changed=_update(one, fields) or "external_id" in fields)
            if "external_id" in fields:
                one.save()


def _campaign_fields(row: dict[str, Any]) -> dict[str, Any]:
    """What the list says; what it does not say is left as it is."""
    starts, ends = row["starts_on"], row["ends_on"]
    if starts and ends and ends < starts:
        ends = None
    said = {
        "name": row["name"],
        "objective": row["objective"].lower()[:60],
        "budget": None if row["budget"] is None else (Decimal(row["budget"]) / MONEY_SCALE).quantize(Decimal("0.01")),
        "currency": row["currency"][:3].upper(),
        "status": STATUS.get(row["status"].lower(), ""),
        "starts_on": starts,
        "ends_on": ends,
    }
    return {name: value for name, value in said.items() if value not in (None, "")}


def _account(retailer: Retailer, rows: list[dict[str, Any]], done: Stored) -> None:
    """Where the accounts of a list agree, the retailer gets what it lacks."""
    wanted = {}
    for name, unsaid in (("currency", ""), ("time_zone", "UTC")):
        said = {row[name] for row in rows if row[name]}
        if len(said) == 1 and getattr(retailer, name) == unsaid:
            wanted[name] = said.pop()
    changed = _update(retailer, wanted)
    for place, _ in enumerate(rows):
        _book(done, "Retailer", changed=changed and place == 0)


def _entities(brand: Brand, retailer: Retailer, kind: Any, rows: list[dict[str, Any]], done: Stored) -> None:
    wanted = {row["campaign_id"] for row in rows if row["campaign_id"]}
    campaigns, elsewhere = {}, set()
    for one in in_chunks(Campaign, brand, sorted(wanted)):
        if one.retailer_id == retailer.pk:
            campaigns[one.external_id] = one.pk
        else:
            elsewhere.add(one.external_id)
    of_group = dict(
        AdEntity.objects.for_brand(brand)
        .filter(retailer=retailer, kind=AdEntity.Kind.AD_GROUP)
        .values_list("external_id", "campaign_id")
    )
    for identifier in sorted(wanted - set(campaigns) - elsewhere):
        made = Campaign.objects.for_brand(brand).create(
            brand=brand, retailer=retailer, external_id=identifier, name=identifier
        )
        campaigns[identifier] = made.pk
        done.models["Campaign"] += 1
    there = AdEntity.objects.for_brand(brand).filter(retailer=retailer, kind=kind)
    known = {one.external_id: one for one in there}
    new = []
    for row in rows:
        fields = {
            "name": (row["name"] or row["text"])[:300],
            "parent_id": row["ad_group"],
            "campaign_id": campaigns.get(row["campaign_id"]) or of_group.get(row["ad_group"]),
            "detail": {name: row[name] for name in DETAIL if row[name]},
        }
        one = known.get(row["external_id"])
        if one is None:
            new.append(AdEntity(brand=brand, retailer=retailer, kind=kind, external_id=row["external_id"], **fields))
        _book(done, "AdEntity", changed=one is None or _update(one, fields))
    AdEntity.objects.for_brand(brand).bulk_create(new, batch_size=500)
    if kind == AdEntity.Kind.AD_GROUP:
        _adopt_orphans(brand, retailer)


def _adopt_orphans(brand: Brand, retailer: Retailer) -> None:
    """Ads and keywords that came before the list of their ad groups belong to a campaign now."""
    entities = AdEntity.objects.for_brand(brand).filter(retailer=retailer)
    groups = dict(entities.filter(kind="ad_group", campaign__isnull=False).values_list("external_id", "campaign_id"))
    for one in entities.filter(campaign__isnull=True).exclude(parent_id=""):
        if found := groups.get(one.parent_id):
            _update(one, {"campaign_id": found})


def _update(row: Any, fields: dict[str, Any]) -> bool:
    """Store the fields that differ; whether any did."""
    differing = {name: value for name, value in fields.items() if getattr(row, name) != value}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        row.save(update_fields=[name.removesuffix("_id") if name == "campaign_id" else name for name in differing])
    return bool(differing)


def _book(done: Stored, model: str, *, changed: bool) -> None:
    done.stored += changed
    done.unchanged += not changed
    if changed:
        done.models[model] += 1
