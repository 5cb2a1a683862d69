"""Rows of the database as RMIS shapes, and RMIS shapes as rows that can be saved.

Related rows are named by their keys. `to_model` finds them through `find(model, key, value)`, which answers None for a
name that the brand does not have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import yaml
from pydantic import BaseModel

from crm import models
from crm.errors import EndcapError
from crm.models import Brand, BrandOwned, PerformanceMetric
from crm.rmis.events import Attributed, OutcomeEvent, PerformanceEvent, SaleEvent
from crm.rmis.things import SKU, Audience, Campaign, Fact, Plan, Policy, RetailerItem

Find = Callable[[type[BrandOwned], str, str], Any]

FIGURES = {
    "orders": "orders", "units": "units", "sales": "sales", "new_to_brand_orders": "ntb_orders",
    "new_to_brand_units": "ntb_units", "new_to_brand_sales": "ntb_sales",
}  # fmt: skip
GRAINS = {grain.name.lower(): grain for grain in PerformanceMetric.Grain}
WORDS = {grain: word for word, grain in GRAINS.items()}
RELATED: dict[str, tuple[type[BrandOwned], str]] = {
    "retailer": (models.Retailer, "slug"),
    "campaign": (models.Campaign, "external_id"),
    "sku": (models.SKU, "code"),
    "audience": (models.AudienceSegment, "external_id"),
    "pack": (models.Pack, "slug"),
    "lead": (models.Lead, "external_id"),
    "contact": (models.Contact, "external_id"),
}


class UnknownName(EndcapError):
    """A shape names a row that the brand does not have."""


def sku(row: models.SKU) -> SKU:
    """Read with `items__retailer`. A price is in the brand's currency."""
    items = [
        RetailerItem.model_validate({
            "retailer": item.retailer.slug if item.retailer else None, "scheme": item.scheme, "code": item.code,
            "name": item.name, "state": item.state, "confidence": item.confidence,
        })
        for item in row.items.all()
    ]  # fmt: skip
    facts = [Fact(**{name: str(fact[name]) for name in ("id", "text", "kind") if name in fact}) for fact in row.facts]
    return SKU(
        code=row.code, gtin=row.gtin or None, name=row.name, product_brand=row.product_brand, size=row.size,
        category=row.category, price=row.price, currency=row.brand.currency if row.price is not None else None,
        facts=tuple(facts), items=tuple(items),
    )  # fmt: skip


def audience(row: models.AudienceSegment) -> Audience:
    return Audience.model_validate({
        "external_id": row.external_id, "retailer": row.retailer.slug if row.retailer else None, "name": row.name,
        "definition": row.definition, "reach_estimate": row.reach_estimate,
        "reach_estimated_on": row.reach_estimated_on, "source": row.source, "consent_basis": row.consent_basis,
    })  # fmt: skip


def campaign(row: models.Campaign) -> Campaign:
    """Read with `retailer`, `audiences` and `plans`. A blank currency is the retailer's, then the brand's."""
    plans = [
        Plan(
            starts_on=plan.starts_on, ends_on=plan.ends_on, spend=plan.spend, impressions=plan.impressions,
            clicks=plan.clicks, orders=plan.orders, sales=plan.sales, source=plan.source,
        )
        for plan in row.plans.all()
    ]  # fmt: skip
    return Campaign.model_validate({
        "external_id": row.external_id, "retailer": row.retailer.slug, "name": row.name, "objective": row.objective,
        "budget": row.budget, "budget_period": row.budget_period,
        "currency": row.currency or row.retailer.currency or row.brand.currency, "starts_on": row.starts_on,
        "ends_on": row.ends_on, "status": row.status, "constraints": row.constraints,
        "audiences": tuple(each.external_id for each in row.audiences.all()), "plans": tuple(plans),
    })  # fmt: skip


def sale(row: models.Sale) -> SaleEvent:
    return SaleEvent(
        type="sale", external_id=row.external_id, amount=row.amount, currency=row.currency, sold_at=row.sold_at,
        pack=row.pack.slug if row.pack else None, lead=row.lead.external_id if row.lead else None,
        source=row.source, attributed_to=row.attributed_to,
    )  # fmt: skip


def outcome(row: models.Outcome) -> OutcomeEvent:
    return OutcomeEvent.model_validate({
        "type": "outcome", "external_id": row.external_id, "kind": row.kind, "occurred_at": row.occurred_at,
        "pack": row.pack.slug if row.pack else None, "lead": row.lead.external_id if row.lead else None,
        "contact": row.contact.external_id if row.contact else None, "source": row.source,
        "attributed_to": row.attributed_to,
    })  # fmt: skip


def performance(row: models.PerformanceMetric) -> PerformanceEvent:
    """Read with `retailer`, `campaign`, `sku` and `audience`."""
    return PerformanceEvent.model_validate({
        "type": "performance", "retailer": row.retailer.slug, "report": row.report, "measured_on": row.measured_on,
        "hour": row.hour, "grain": WORDS[PerformanceMetric.Grain(row.grain)],
        "campaign": row.campaign.external_id if row.campaign else None, "ad_group": row.ad_group, "ad": row.ad,
        "target": row.target, "match_type": row.match_type, "breakdown": row.breakdown,
        "item": row.item, "sku": row.sku.code if row.sku else None,
        "audience": row.audience.external_id if row.audience else None, "currency": row.currency or None,
        "impressions": row.impressions, "clicks": row.clicks, "spend": row.spend, "attributed": tuple(_attributed(row)),
        "counts": row.counts,
    })  # fmt: skip


def policy(row: models.PrivacyPolicy) -> Policy:
    """The parts of a policy file that others can follow; own recognizers stay at home."""
    said = yaml.safe_load(row.body) or {}
    bases = said.get("audiences", {}).get("consent_bases")
    return Policy(
        retailer=row.retailer.slug if row.retailer else None, version=row.version, places=said.get("places", {}),
        retention_days=said.get("retention_days", {}), consent_bases=tuple(bases) if bases is not None else None,
        address=said.get("address", {}),
    )  # fmt: skip


#: How rows of a model are read, and what makes a shape of each.
FROM_MODEL: Mapping[type[BrandOwned], tuple[tuple[str, ...], tuple[str, ...], Callable[[Any], BaseModel]]] = {
    models.SKU: (("brand",), ("items__retailer",), sku),
    models.AudienceSegment: (("retailer",), (), audience),
    models.Campaign: (("brand", "retailer"), ("audiences", "plans"), campaign),
    models.Sale: (("pack", "lead"), (), sale),
    models.Outcome: (("pack", "lead", "contact"), (), outcome),
    models.PerformanceMetric: (("retailer", "campaign", "sku", "audience"), (), performance),
    models.PrivacyPolicy: (("retailer",), (), policy),
}


def lines(rows: Any) -> Iterator[str]:
    """JSON lines, one shape for each row of a queryset, read 2,000 at a time."""
    joins, prefetch, shape = FROM_MODEL[rows.model]
    found = rows.select_related(*joins).prefetch_related(*prefetch)
    for row in found.iterator(chunk_size=2000):
        yield shape(row).model_dump_json() + "\n"


def to_model(shape: BaseModel, brand: Brand, find: Find) -> Any:
    """An unsaved row of the brand that says the same. What hangs on it (plans, items, audiences) is not part of it.

    Raises UnknownName for a related row that the brand does not have.
    """
    if isinstance(shape, PerformanceEvent):
        return _fact(shape, brand, find)
    makes: tuple[tuple[type[BaseModel], Any, tuple[str, ...]], ...] = (
        (SKU, models.SKU, ("currency", "items")),
        (Audience, models.AudienceSegment, ()),
        (Campaign, models.Campaign, ("audiences", "plans")),
        (SaleEvent, models.Sale, ("type",)),
        (OutcomeEvent, models.Outcome, ("type",)),
    )
    for kind, model, beside in makes:
        if isinstance(shape, kind):
            values = {name: getattr(shape, name) for name in type(shape).model_fields if name not in beside}
            return model(brand=brand, **_plain(model, _related(values, find)))
    raise TypeError(f"{type(shape).__name__} is no shape of a row")


def _fact(shape: PerformanceEvent, brand: Brand, find: Find) -> PerformanceMetric:
    same = ("report", "measured_on", "hour", "ad_group", "ad", "target", "match_type", "breakdown", "item",
            "impressions", "clicks", "spend", "counts")  # fmt: skip
    values = {name: getattr(shape, name) for name in same}
    related = {name: getattr(shape, name) for name in ("retailer", "campaign", "sku", "audience")}
    row = PerformanceMetric(
        brand=brand, grain=GRAINS[shape.grain], currency=shape.currency or "", **values, **_related(related, find)
    )
    for place, one in enumerate(shape.attributed):
        figures = {to: getattr(one, name) for name, to in FIGURES.items()}
        if place == 0:
            row.window_days, row.attribution = one.window_days, one.attribution
            for name, value in figures.items():
                setattr(row, name, value)
        else:
            days = "" if one.window_days is None else one.window_days
            said = {name: format(value, "f") for name, value in figures.items() if value is not None}
            row.other_windows = {**(row.other_windows or {}), f"{days}|{one.attribution}": said}
    return row


def _attributed(row: PerformanceMetric) -> Iterator[Attributed]:
    """The row's own window, when it says anything, and the further ones."""
    own = {name: getattr(row, of) for name, of in FIGURES.items()}
    if row.window_days is not None or any(value is not None for value in own.values()):
        yield Attributed(window_days=row.window_days, attribution=row.attribution, **own)  # type: ignore[arg-type]
    for window, figures in (row.other_windows or {}).items():
        days, _, attribution = window.partition("|")
        given = {name: Decimal(str(figures[of])) for name, of in FIGURES.items() if figures.get(of) is not None}
        yield Attributed(window_days=int(days) if days else None, attribution=attribution, **given)  # type: ignore[arg-type]


def _related(values: dict[str, Any], find: Find) -> dict[str, Any]:
    for name in values.keys() & RELATED.keys():
        if values[name] is None:
            continue
        model, key = RELATED[name]
        row = find(model, key, values[name])
        if row is None:
            said = f"There is no {model._meta.verbose_name} {values[name]!r} in this brand. Create it first."
            raise UnknownName(said, field=name, value=values[name])
        values[name] = row
    return values


def _plain(model: type[BrandOwned], values: dict[str, Any]) -> dict[str, Any]:
    """Nulls as blanks where the column knows no null, tuples of shapes as JSON."""
    ready = {}
    for name, value in values.items():
        if value is None and not model._meta.get_field(name).null:
            value = ""
        if isinstance(value, tuple):
            value = [json.loads(each.model_dump_json()) for each in value]
        ready[name] = value
    return ready
