"""Invented leads with a past: companies, people, stage changes, outcomes and sales over the last 120 days."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from crm.market.buyers import rng_of
from crm.market.names import company as company_name
from crm.market.names import person
from crm.market.world import World
from crm.models import Brand, Company, Contact, FunnelStage, Lead, Outcome, Pack, PipelineStage, Sale, StageChange
from crm.pipelines import default_stages
from crm.sample.catalogue import BrandEntry, SegmentEntry

SOURCE = "sample"
DAYS = 120
# (stage now, share of leads). Most stand early, as in any funnel; lost and purchased make the win-back pack useful.
STAGES = (
    (FunnelStage.PROSPECT, 0.30),
    (FunnelStage.ENGAGED, 0.22),
    (FunnelStage.QUALIFIED, 0.14),
    (FunnelStage.PROPOSAL, 0.08),
    (FunnelStage.PURCHASED, 0.14),
    (FunnelStage.LOST, 0.12),
)
PATH = (
    FunnelStage.PROSPECT,
    FunnelStage.ENGAGED,
    FunnelStage.QUALIFIED,
    FunnelStage.PROPOSAL,
    FunnelStage.PURCHASED,
)
# What reaching a stage leaves behind as outcomes.
TRACES = {
    FunnelStage.PROSPECT: (Outcome.Kind.SENT,),
    FunnelStage.ENGAGED: (Outcome.Kind.OPENED, Outcome.Kind.REPLIED),
    FunnelStage.QUALIFIED: (Outcome.Kind.BOOKED,),
    FunnelStage.PROPOSAL: (),
    FunnelStage.PURCHASED: (Outcome.Kind.SOLD,),
    FunnelStage.LOST: (),
}
JOBS = ("owner", "manager", "head of buying", "buyer", "shop assistant")


@dataclass
class _Rows:
    companies: list[Company] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    changes: list[StageChange] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)


def make_leads(brand: Brand, entry: BrandEntry, world: World, packs: dict[str, Pack], now: datetime) -> None:
    """All leads of a sample brand. The same seed makes the same people; only dates follow `now`."""
    stages = default_stages(brand)
    rows = _Rows()
    for number in range(1, entry.leads + 1):
        rng = rng_of(world.spec.seed, "sample", brand.slug, str(number))
        _lead(brand, entry, world, packs, stages, number, rng, rows, now)
    Company.across_brands.bulk_create(rows.companies)
    Contact.across_brands.bulk_create(rows.contacts)
    Lead.across_brands.bulk_create(rows.leads)
    StageChange.across_brands.bulk_create(rows.changes, batch_size=500)
    Outcome.across_brands.bulk_create(rows.outcomes, batch_size=500)
    Sale.across_brands.bulk_create(rows.sales, batch_size=500)


def _lead(
    brand: Brand,
    entry: BrandEntry,
    world: World,
    packs: dict[str, Pack],
    stages: dict[str, PipelineStage],
    number: int,
    rng: np.random.Generator,
    rows: _Rows,
    now: datetime,
) -> None:
    key = f"{entry.code}-L{number:03d}"
    segment = _drawn(entry, rng)
    now_at = STAGES[int(rng.choice(len(STAGES), p=[share for _, share in STAGES]))][0]
    company = Company(
        brand=brand,
        external_id=f"{key}-C",
        name=company_name(key, segment.name),
        industry=segment.name,
        country=str(rng.choice(["Germany", "Netherlands", "Austria", "Belgium"])),
        detail={"sample": True},
    )
    name, job = person(key), JOBS[int(rng.choice(len(JOBS), p=[0.4, 0.25, 0.12, 0.15, 0.08]))]
    contact = Contact(
        brand=brand,
        external_id=f"{key}-P",
        company=company,
        name=name,
        email=f"{name.lower().replace(' ', '.')}@{key.lower()}.example",
        job_title=job,
        detail={"sample": True},
    )
    began = now - timedelta(days=float(rng.uniform(12, DAYS)))
    lead = Lead(
        brand=brand,
        pack=_pack_of(packs, now_at, rng),
        external_id=key,
        name=f"{name}, {company.name}",
        company=company,
        contact=contact,
        stage=stages[now_at],
        funnel_stage=now_at,
        amount=Decimal(f"{world.spec.segments[segment.name].sale * float(rng.uniform(0.7, 1.4)):.2f}"),
        currency=brand.currency,
        detail=_detail(entry, segment, world, job, rng),
        source=SOURCE,
        created_at=began,
    )
    rows.companies.append(company)
    rows.contacts.append(contact)
    rows.leads.append(lead)
    _past(brand, lead, stages, began, now, rng, rows)


def _drawn(entry: BrandEntry, rng: np.random.Generator) -> SegmentEntry:
    shares = np.array([segment.share for segment in entry.segments])
    return entry.segments[int(rng.choice(len(shares), p=shares / shares.sum()))]


def _pack_of(packs: dict[str, Pack], stage: FunnelStage, rng: np.random.Generator) -> Pack:
    if stage in (FunnelStage.LOST, FunnelStage.PURCHASED):
        return packs["win-back-email"]
    return packs[str(rng.choice(["tax-assist", "win-back-email", "quarter-plan"], p=[0.45, 0.25, 0.30]))]


def _detail(
    entry: BrandEntry, segment: SegmentEntry, world: World, job: str, rng: np.random.Generator
) -> dict[str, str | int]:
    detail: dict[str, str | int] = {"segment": segment.name, "seniority": job}
    if rng.random() < entry.stated_need:
        # What they say follows the needs of the segment; whether it is true only the market knows.
        weights = world.spec.segments[segment.name].needs
        names = [name for name in weights if name in entry.needs]
        chances = np.array([weights[name] for name in names])
        need = names[int(rng.choice(len(names), p=chances / chances.sum()))]
        detail["need"] = str(rng.choice(entry.needs[need]))
    for name, (low, high) in segment.facts.items():
        detail[name] = int(rng.integers(low, high + 1))
    return detail


def _past(
    brand: Brand,
    lead: Lead,
    stages: dict[str, PipelineStage],
    began: datetime,
    now: datetime,
    rng: np.random.Generator,
    rows: _Rows,
) -> None:
    """Every stage on the way with its traces; a lost lead fell out after engaged or qualified."""
    if lead.funnel_stage == FunnelStage.LOST:
        path = [*PATH[: int(rng.integers(2, 4))], FunnelStage.LOST]
    else:
        path = list(PATH[: PATH.index(FunnelStage(lead.funnel_stage)) + 1])
    share = np.sort(rng.uniform(0.0, 0.95, len(path)))
    share[0] = 0.0
    previous: PipelineStage | None = None
    for place, word in enumerate(path):
        at = began + (now - began) * float(share[place])
        rows.changes.append(
            StageChange(
                lead=lead,
                from_stage=previous,
                to_stage=stages[word],
                from_funnel=previous.maps_to if previous else "",
                to_funnel=word,
                changed_at=at,
                source=SOURCE,
            )
        )
        previous = stages[word]
        for kind in TRACES[word]:
            rows.outcomes.append(_outcome(brand, lead, kind, at, len(rows.outcomes)))
        if word == FunnelStage.PURCHASED:
            _sales(brand, lead, at, now, rng, rows)


def _outcome(brand: Brand, lead: Lead, kind: str, at: datetime, number: int) -> Outcome:
    return Outcome(
        brand=brand,
        pack=lead.pack,
        lead=lead,
        contact=lead.contact,
        kind=kind,
        external_id=f"sample-{lead.external_id}-{number}",
        occurred_at=at,
        source=SOURCE,
    )


def _sales(brand: Brand, lead: Lead, at: datetime, now: datetime, rng: np.random.Generator, rows: _Rows) -> None:
    for number in range(int(rng.integers(1, 5))):
        sold_at = at + (now - at) * (number / 5)
        rows.sales.append(
            Sale(
                brand=brand,
                pack=lead.pack,
                lead=lead,
                external_id=f"sample-{lead.external_id}-S{number}",
                amount=Decimal(f"{float(lead.amount or 0) * float(rng.uniform(0.6, 1.3)):.2f}"),
                currency=brand.currency,
                sold_at=sold_at,
                source=SOURCE,
            )
        )
