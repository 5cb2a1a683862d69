"""Fills a `BrandSnapshot` from the database with a fixed number of queries, whatever the size of the brand.

All windows are anchored at the brand's newest row, not at today, so that a finished year of data still has its figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.functions import Cast, Substr

from crm.models import SKU, Brand, Campaign, FunnelStage, Lead, Outcome, Pack, PerformanceMetric, Sale, StageChange
from crm.privacy.consent import ENDS_WRITING, may_write_to
from crm.privacy.policies import policy_for
from crm.privacy.policy import Policy
from crm.privacy.redaction import cleaner_of
from crm.snapshot import BrandSnapshot, CampaignSeries, Fact, ProductFact, ProspectBrief, SalesBrief

MOST_SKUS = 24
MOST_CAMPAIGNS = 30
MOST_AUDIENCE = 60
DAYS_OF_PERFORMANCE = 120
MADE_BY_MARKET = "simulated"
ORDER = {stage: position for position, stage in enumerate(FunnelStage.values[:5])}  # lost stands outside
OPEN_STAGES = (FunnelStage.PROSPECT, FunnelStage.ENGAGED, FunnelStage.QUALIFIED, FunnelStage.LOST)
PROFILE_WORDS = ("segment", "need", "seniority")
MOST_PROFILE_FACTS = 10


def take(brand: Brand, *, pack: Pack, subject: dict[str, Any] | None, now: datetime) -> BrandSnapshot:
    """The brand as an agent of this pack may see it. `subject` is one of `subjects(...)`, or None."""
    subject = subject or {}
    lead = _lead(brand, subject.get("key")) if subject.get("kind") == "prospect" else None
    policy = policy_for(brand)
    clean = cleaner_of(policy, "prompts")
    skus = _skus(brand, subject.get("code"))
    product = next((sku for sku in skus if sku.code == subject.get("code")), None)
    funnel, conversion = _funnel(brand, pack)
    return BrandSnapshot(
        brand_name=brand.name,
        currency=brand.currency,
        voice=brand.voice,
        postal_address=brand.postal_address,
        skus=skus,
        campaigns=campaign_series(brand),
        funnel=funnel,
        conversion=conversion,
        prospect=_with_history(brand, lead, policy, clean) if lead else None,
        recent_sales=_sales(brand),
        taken_at=now,
        product=product,
        audience=_audience(brand, pack, lead, clean),
    )


def subjects(brand: Brand, pack: Pack, limit: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Up to `limit` different things an episode of this pack can be about, drawn with `rng`; same seed, same draw.

    Outreach and planning get an open lead of the pack (of the brand where the pack has none), creative a product;
    budget and measurement are about the whole brand: [{}]. Where there is nothing of the kind: [{}] as well.
    """
    if pack.task in (Pack.Task.OUTREACH, Pack.Task.PLANNING):
        found = _draw_leads(brand, pack, limit, rng)
    elif pack.task == Pack.Task.CREATIVE:
        rows = list(_products(brand).values_list("code", "name", "silent"))
        rows = [row for row in rows if not row[2]] or rows
        found = [
            {"kind": "sku", "code": rows[place][0], "title": rows[place][1]} for place in _places(len(rows), limit, rng)
        ]
    else:
        found = []
    return found or [{}]


def campaign_series(brand: Brand) -> tuple[CampaignSeries, ...]:
    """The brand's campaigns, those with the newest figures first, each with its own last 120 days. Two queries."""
    found = (
        Campaign.objects.for_brand(brand).select_related("retailer").annotate(newest=Max("performance__measured_on"))
    )
    campaigns = sorted(found, key=lambda one: one.name)
    campaigns.sort(key=lambda one: one.newest or date.min, reverse=True)
    campaigns = campaigns[:MOST_CAMPAIGNS]
    span = timedelta(days=DAYS_OF_PERFORMANCE)
    first = {one.pk: one.newest - span for one in campaigns if one.newest}
    totals: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    if first:
        rows = (
            PerformanceMetric.objects.for_brand(brand)
            .counting()
            .filter(campaign__in=list(first), measured_on__gt=min(first.values()))
            .order_by("measured_on")
            .values_list("campaign_id", "measured_on")
            .annotate(*(Sum(name) for name in ("spend", "sales", "impressions", "clicks", "orders")))
        )
        for campaign_id, day, *figures in rows:
            if day > first[campaign_id]:
                totals[campaign_id].append((day, *figures))
    made = []
    for campaign in campaigns:
        columns = list(zip(*totals.get(campaign.pk, []), strict=True)) or [()] * 6
        made.append(
            CampaignSeries(
                external_id=campaign.external_id,
                name=campaign.name,
                retailer=campaign.retailer.name,
                budget=float(campaign.budget or 0),
                days=tuple(columns[0]),
                spend=_floats(columns[1]),
                sales=_floats(columns[2]),
                impressions=_floats(columns[3]),
                clicks=_floats(columns[4]),
                orders=_floats(columns[5]),
            )
        )
    return tuple(made)


def prospects(brand: Brand, keys: Iterable[str]) -> list[ProspectBrief]:
    """Briefs of the leads with these external ids, in no order. One query."""
    rows = _leads(brand).filter(external_id__in=list(keys))
    return [_brief(lead, _as_it_is) for lead in rows]


def _floats(values: Sequence[Any]) -> tuple[float, ...]:
    """What no source says adds nothing: a campaign without clicks in its reports has none to count on."""
    return tuple(float(value or 0) for value in values)


def _places(size: int, limit: int, rng: np.random.Generator) -> list[int]:
    return [int(place) for place in rng.permutation(size)[:limit]]


def _leads(brand: Brand) -> QuerySet[Any]:
    rows: QuerySet[Any] = Lead.objects.for_brand(brand).select_related("company", "contact")
    return rows


def _open_leads(brand: Brand) -> QuerySet[Any]:
    """Leads that may be addressed: nobody who unsubscribed or whose address does not exist; those the market made
    stay its own."""
    ended = Outcome.objects.for_brand(brand).filter(kind__in=ENDS_WRITING, lead=OuterRef("pk"))
    rows = _leads(brand).filter(~Exists(ended), funnel_stage__in=OPEN_STAGES)
    return rows.exclude(source=MADE_BY_MARKET).order_by("pk")


def _draw_leads(brand: Brand, pack: Pack, limit: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    keys = list(_open_leads(brand).filter(pack=pack).values_list("pk", flat=True))
    keys = keys or list(_open_leads(brand).values_list("pk", flat=True))
    chosen = [keys[place] for place in _places(len(keys), limit, rng)]
    leads = {lead.pk: lead for lead in _leads(brand).filter(pk__in=chosen)}
    return [
        {
            "kind": "prospect",
            "key": leads[pk].external_id,
            "title": leads[pk].company.name if leads[pk].company else leads[pk].name,
        }
        for pk in chosen
        if pk in leads
    ]


def _lead(brand: Brand, key: str | None) -> Lead | None:
    found: Lead | None = _leads(brand).filter(external_id=key).first() if key else None
    return found


def _as_it_is(value: Any) -> Any:
    return value


def _brief(lead: Lead, clean: Callable[[Any], Any]) -> ProspectBrief:
    """`clean` takes personal data out of what the source wrote freely; name and company are what a letter needs."""
    detail = clean(lead.detail) if isinstance(lead.detail, dict) else {}
    company, contact = lead.company, lead.contact
    return ProspectBrief(
        key=lead.external_id,
        name=(contact.name if contact and contact.name else lead.name),
        company=company.name if company else "",
        segment=str(detail.get("segment") or (company.industry if company else "") or ""),
        need=str(detail.get("need") or ""),
        seniority=str(detail.get("seniority") or (contact.job_title if contact else "") or ""),
        stage=lead.funnel_stage,
        facts=_profile(lead, detail),
    )


def _profile(lead: Lead, detail: dict[str, Any]) -> tuple[Fact, ...]:
    base = f"prospect:{lead.external_id}"
    made = []
    if detail.get("need"):
        made.append(Fact(f"{base}#need", f"Looks for {detail['need']}", "need"))
    if detail.get("segment"):
        made.append(Fact(f"{base}#segment", f"Kind of buyer: {detail['segment']}", "profile"))
    made.append(Fact(f"{base}#stage", f"Pipeline stage: {lead.funnel_stage}", "profile"))
    others = [
        (name, value)
        for name, value in detail.items()
        if name not in PROFILE_WORDS and name != "touched_at" and isinstance(value, str | int | float) and value != ""
    ]
    for name, value in others[:MOST_PROFILE_FACTS]:
        made.append(Fact(f"{base}#{name}", f"{name.replace('_', ' ').capitalize()}: {value}", "profile"))
    return tuple(made)


def _with_history(brand: Brand, lead: Lead, policy: Policy, clean: Callable[[Any], Any]) -> ProspectBrief:
    """The brief with what was bought, how the last messages went, and whether more may be sent. Five queries."""
    brief = _brief(lead, clean)
    bought = (
        Sale.objects.for_brand(brand).filter(lead=lead).aggregate(n=Count("pk"), sum=Sum("amount"), at=Max("sold_at"))
    )
    kinds = dict(
        Outcome.objects.for_brand(brand).filter(lead=lead).order_by().values_list("kind").annotate(n=Count("pk"))
    )
    base, history = f"prospect:{lead.external_id}", []
    if bought["n"]:
        text = f"Bought {bought['n']} times for {bought['sum']:,.2f} {brand.currency}, last on {bought['at']:%d %b %Y}"
        history.append(Fact(f"{base}#orders", text, "history"))
    if kinds:
        text = "So far: " + ", ".join(f"{Outcome.Kind(kind).label.lower()} {n}" for kind, n in sorted(kinds.items()))
        history.append(Fact(f"{base}#responses", text, "history"))
    return ProspectBrief(
        brief.key,
        brief.name,
        brief.company,
        brief.segment,
        brief.need,
        brief.seniority,
        brief.stage,
        (*brief.facts, *history),
        may_write_to(lead, policy=policy).why_not,
    )


def _audience(brand: Brand, pack: Pack, lead: Lead | None, clean: Callable[[Any], Any]) -> tuple[ProspectBrief, ...]:
    """Open leads like this one: of its segment, else of its pack, else of the brand's."""
    segment = lead.detail.get("segment") if lead and isinstance(lead.detail, dict) else None
    rows = _open_leads(brand)
    if segment:
        rows = rows.filter(detail__segment=segment)
    elif lead and lead.pack_id:
        rows = rows.filter(pack=lead.pack_id)
    return tuple(_brief(one, clean) for one in rows[:MOST_AUDIENCE])


def _skus(brand: Brand, code: str | None) -> tuple[ProductFact, ...]:
    rows = list(_products(brand)[:MOST_SKUS])
    if code and all(row.code != code for row in rows):
        rows = [*SKU.objects.for_brand(brand).filter(code=code), *rows[: MOST_SKUS - 1]]
    return tuple(_product(row, brand.currency) for row in rows)


def _products(brand: Brand) -> QuerySet[Any]:
    """Products about which something may be said first; a shop's list of codes comes after them."""
    silent = Case(When(facts=[], then=Value(True)), default=Value(False))
    rows: QuerySet[Any] = SKU.objects.for_brand(brand).annotate(silent=silent).order_by("silent", "code")
    return rows


def _product(sku: SKU, currency: str) -> ProductFact:
    base = f"sku:{sku.code}"
    facts = []
    for number, raw in enumerate(sku.facts if isinstance(sku.facts, list) else [], start=1):
        if not isinstance(raw, dict) or not raw.get("text"):
            continue
        named = str(raw.get("id") or number)
        facts.append(
            Fact(
                named if named.startswith("sku:") else f"{base}#{named}",
                str(raw["text"]),
                str(raw.get("kind", "feature")),
            )
        )
    if sku.price is not None:
        facts.append(Fact(f"{base}#price", f"{sku.name} costs {sku.price:,.2f} {currency}", "price"))
    price = float(sku.price) if sku.price is not None else None
    return ProductFact(sku.code, sku.name, sku.category, price, tuple(facts))


def _funnel(brand: Brand, pack: Pack) -> tuple[dict[str, int], dict[str, float]]:
    """Counts by stage, and the share that went on from each: of the pack, or of the brand where it has no leads."""
    rows = list(
        Lead.objects.for_brand(brand)
        .order_by()
        .values("funnel_stage")
        .annotate(every=Count("pk"), own=Count("pk", filter=Q(pack=pack)))
    )
    which = "own" if any(row["own"] for row in rows) else "every"
    funnel = dict.fromkeys(FunnelStage.values, 0) | {row["funnel_stage"]: row[which] for row in rows}
    moves = StageChange.objects.for_brand(brand).exclude(from_funnel="").order_by()
    if which == "own":
        moves = moves.filter(lead__pack=pack)
    left: dict[str, int] = defaultdict(int)
    onward: dict[str, int] = defaultdict(int)
    for start, end, leads in moves.values_list("from_funnel", "to_funnel").annotate(leads=Count("lead", distinct=True)):
        left[start] += leads
        if start in ORDER and ORDER.get(end, -1) > ORDER[start]:
            onward[start] += leads
    conversion = {
        stage: min(1.0, onward[stage] / (left[stage] + funnel[stage]))
        for stage in ORDER
        if stage != FunnelStage.PURCHASED and left[stage] + funnel[stage]
    }
    return funnel, conversion


def _sales(brand: Brand) -> SalesBrief:
    """Twelve months up to the newest sale. Two queries.

    The month is cut from the stored text (UTC): SQLite truncates dates in Python, ten times slower on a real year.
    """
    newest = Sale.objects.for_brand(brand).aggregate(at=Max("sold_at"))["at"]
    if newest is None:
        return SalesBrief(0, 0.0)
    months = list(
        Sale.objects.for_brand(brand)
        .filter(sold_at__gt=newest - timedelta(days=365))
        .order_by()
        .annotate(month=Substr(Cast("sold_at", TextField()), 1, 7))
        .values("month")
        .annotate(n=Count("pk"), amount=Sum("amount"))
        .order_by("month")
    )
    return SalesBrief(
        count=sum(row["n"] for row in months),
        amount=float(sum(row["amount"] for row in months)),
        by_month=tuple((row["month"], float(row["amount"])) for row in months),
    )
