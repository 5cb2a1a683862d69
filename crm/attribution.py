"""What the CRM says about an episode: sales, furthest stage, online response. Broken or missing data counts as nothing.

Where the source carries attribution (the simulated market, or imported rows that name an episode), only rows of this
episode count: whoever touched the person last got them when they were written. Where it carries none, the whole
pack's rows inside the window count for each of its episodes; a level like that is removed by the learner's baseline
per pack. The window ends now, or at the pack's newest row where the data are older (a finished year keeps its sales).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Case, Count, FloatField, Max, QuerySet, Sum, Value, When
from django.utils import timezone

from crm.models import Brand, FunnelStage, Lead, Outcome, Pack, Sale, StageChange
from crm.online import WEIGHTS, online_of, online_score

log = structlog.get_logger(__name__)

Level = Literal["episode", "pack", "none"]
CENT = Decimal("0.01")
REACHED = (Outcome.Kind.SENT, Outcome.Kind.DELIVERED)
FURTHEST_FIRST = (
    FunnelStage.PURCHASED,
    FunnelStage.PROPOSAL,
    FunnelStage.QUALIFIED,
    FunnelStage.ENGAGED,
    FunnelStage.PROSPECT,
    FunnelStage.LOST,
)


@dataclass(frozen=True, slots=True)
class CrmFacts:
    """What counts for a reward. `stage` is a funnel word or blank; `online` is O in [0, 1], None without outcomes."""

    sales: int = 0
    sales_amount: Decimal = Decimal(0)
    stage: str = ""
    online: float | None = None
    attribution: Level = "none"
    notes: tuple[str, ...] = ()


def facts_for(brand: Brand, *, episode: UUID, pack: Pack, window_days: float, now: datetime | None = None) -> CrmFacts:
    """Facts for one episode. Never raises because of data.

    What cannot be read counts as nothing, is logged and noted.
    """
    try:
        with transaction.atomic():
            if carries_attribution(brand):
                return _of_episode(brand, episode)
            return _of_pack(brand, pack, window_days, now or timezone.now())
    except (DatabaseError, ArithmeticError, ValueError, TypeError, AttributeError) as error:
        log.exception("crm_facts_unreadable", brand=brand.slug, pack=pack.slug, episode=str(episode))
        return CrmFacts(notes=(f"CRM data could not be read and counted as 0: {type(error).__name__}",))


def carries_attribution(brand: Brand) -> bool:
    """Whether rows of this brand say which episode they belong to."""
    if brand.is_simulated:
        return True
    models: tuple[Any, ...] = (Sale, StageChange, Outcome)
    return any(model.objects.for_brand(brand).filter(attributed_to__isnull=False).exists() for model in models)


def _of_episode(brand: Brand, episode: UUID) -> CrmFacts:
    sales = Sale.objects.for_brand(brand).filter(attributed_to=episode)
    stages = StageChange.objects.for_brand(brand).filter(attributed_to=episode)
    outcomes = Outcome.objects.for_brand(brand).filter(attributed_to=episode)
    count, amount = _sum(sales)
    rows = list(outcomes.order_by().values_list("kind", "lead_id", "contact_id", "detail"))
    online = online_of((kind, _who(kind, lead, contact, detail), detail or {}) for kind, lead, contact, detail in rows)
    blocked = any(kind == Outcome.Kind.BLOCKED for kind, *_ in rows)
    return CrmFacts(
        sales=count,
        sales_amount=amount,
        stage=_furthest(stages) or (FunnelStage.PURCHASED.value if count else ""),
        online=online,
        attribution="episode",
        notes=("Blocked before sending: nothing reached the market",) if blocked else (),
    )


def _who(kind: str, lead: int | None, contact: int | None, detail: Any) -> object:
    """The person of a row; None for rows that count people."""
    if kind in (Outcome.Kind.SENT, Outcome.Kind.EXPOSED) and isinstance(detail, dict) and "count" in detail:
        return None
    return ("lead", lead) if lead else ("contact", contact) if contact else None


def _of_pack(brand: Brand, pack: Pack, window_days: float, now: datetime) -> CrmFacts:
    sales = Sale.objects.for_brand(brand).filter(pack=pack)
    stages = StageChange.objects.for_brand(brand).filter(lead__pack=pack)
    outcomes = Outcome.objects.for_brand(brand).filter(pack=pack)
    newest = [
        moment
        for moment in (
            sales.aggregate(at=Max("sold_at"))["at"],
            stages.aggregate(at=Max("changed_at"))["at"],
            outcomes.aggregate(at=Max("occurred_at"))["at"],
        )
        if moment is not None
    ]
    if not newest:
        return CrmFacts(notes=("No CRM rows for this pack",))
    end = min(now, max(newest))
    start = end - timedelta(days=window_days)
    count, amount = _sum(sales.filter(sold_at__gt=start, sold_at__lte=end))
    return CrmFacts(
        sales=count,
        sales_amount=amount,
        stage=_furthest(stages.filter(changed_at__gt=start, changed_at__lte=end)),
        online=_online_of_people(pack, outcomes.filter(occurred_at__gt=start, occurred_at__lte=end)),
        attribution="pack",
        notes=(f"Rows of the whole pack from {start:%d %b %Y} to {end:%d %b %Y}",),
    )


def _sum(sales: QuerySet[Any]) -> tuple[int, Decimal]:
    found = sales.order_by().aggregate(n=Count("pk"), amount=Sum("amount"))
    return found["n"], Decimal(found["amount"] or 0).quantize(CENT)


def _furthest(stages: QuerySet[Any]) -> str:
    reached = set(stages.order_by().values_list("to_funnel", flat=True).distinct())
    return next((stage.value for stage in FURTHEST_FIRST if stage in reached), "")


def _online_of_people(pack: Pack, outcomes: QuerySet[Any]) -> float | None:
    """O over people, computed in the database: one row per lead may be thousands.

    Where the source does not tell who was reached (no row says sent or delivered), every lead of the pack counts as
    reached.
    """
    weights = (When(kind=kind, then=Value(score)) for kind, score in WEIGHTS.items())
    weight = Case(*weights, default=Value(0.0), output_field=FloatField())
    people = outcomes.exclude(lead=None, contact=None).order_by().values("lead_id", "contact_id")
    found = people.annotate(best=Max(weight)).aggregate(sum=Sum("best"), n=Count("best"))
    if not found["n"]:
        return None
    reached = found["n"]
    if not Outcome.objects.for_brand(pack.brand).filter(pack=pack, kind__in=REACHED).exists():
        reached = max(reached, Lead.objects.for_brand(pack.brand).filter(pack=pack).count())
    return online_score(float(found["sum"]) / reached)
