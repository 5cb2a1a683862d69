"""The simulated market's answers as rows: planned once per episode, released exactly once when they are due.

`respond` writes what will happen (MarketEvent); `release_due` turns it into leads, stage changes, outcomes and sales
marked `simulated`, each dated when it is released. Both may be called again at any time. Brands without a world never
come here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.dateparse import parse_datetime

from crm import snapshots
from crm.errors import EndcapError
from crm.market.buyers import rng_of
from crm.market.cascade import PlannedEvent
from crm.market.names import lead_name
from crm.market.produced import Produced
from crm.market.world import World
from crm.models import Brand, FunnelStage, Lead, MarketEvent, Outcome, Pack, PipelineStage, Sale
from crm.pipelines import default_stages

log = structlog.get_logger(__name__)

SOURCE = "simulated"
KEPT = ("count", "further", "channel", "segment", "issues")
ORDER = {stage: position for position, stage in enumerate(FunnelStage.values[:5])}


class NoMarket(EndcapError):
    """The brand has no simulated market: only real imports answer it."""


def respond(*, brand: Brand, pack: Pack, episode: UUID, produced: Produced, now: datetime) -> int:
    """Plan the answer to an episode; how many events were planned, 0 when it was answered before.

    The draw depends on the world's seed and the episode's id. Raises NoMarket for a brand without a world.
    """
    if not brand.is_simulated:
        raise NoMarket(f"{brand.name} has no simulated market.", brand=brand.slug)
    if MarketEvent.objects.for_brand(brand).filter(attributed_to=episode).exists():
        return 0
    world = World.load(brand.world)
    keys = {email.prospect_key for email in produced.emails} | set(produced.audience)
    planned = world.answer(
        produced,
        prospects=snapshots.prospects(brand, keys) if keys else [],
        campaigns=snapshots.campaign_series(brand) if produced.allocation or produced.report else (),
        rng=rng_of(world.spec.seed, "answer", str(episode)),
    )
    day = timedelta(seconds=settings.MARKET_SECONDS_PER_DAY)
    rows = [
        MarketEvent(
            brand=brand,
            pack=pack,
            attributed_to=episode,
            sequence=sequence,
            kind=event.kind,
            prospect_key=event.prospect_key,
            simulated_days=event.days_after,
            due_at=now + day * event.days_after,
            payload=_payload(event, produced, now),
        )
        for sequence, event in enumerate(planned)
    ]
    # Two workers that conclude the same episode draw the same rows, so ignoring conflicts loses nothing.
    MarketEvent.across_brands.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _payload(event: PlannedEvent, produced: Produced, now: datetime) -> dict[str, object]:
    payload: dict[str, object] = {"sent_at": now.isoformat(), "channel": event.channel, "segment": event.segment}
    if event.kind == Outcome.Kind.BLOCKED:
        payload["issues"] = list(produced.gate_issues)
    if event.amount:
        payload["amount"] = f"{event.amount:.2f}"
    if event.funnel_stage:
        payload["funnel_stage"] = event.funnel_stage
    if event.count != 1 or event.further or not event.prospect_key:
        payload |= {"count": event.count, "further": event.further}
    return payload


def release_due(*, now: datetime, limit: int = 500) -> int:
    """Release what is due, oldest first, at most `limit` events; how many this call released.

    Each event is claimed by a conditional update in the transaction that writes its rows: released twice is
    impossible, and a crash in between releases nothing. Events of one episode share a transaction.
    """
    waiting = (
        MarketEvent.across_brands.filter(released_at__isnull=True, due_at__lte=now)
        .exclude(brand__world="")
        .select_related("brand", "pack")
        .order_by("due_at", "attributed_to", "sequence")[:limit]
    )
    events = sorted(waiting, key=lambda event: (str(event.attributed_to), event.due_at, event.sequence))
    stages: dict[int, dict[str, PipelineStage]] = {}
    released = 0
    for _, of_episode in groupby(events, key=lambda event: event.attributed_to):
        released += _release(of_episode, now, stages)
    if released:
        log.info("market_released", events=released)
    return released


def _release(events: Iterable[MarketEvent], now: datetime, stages: dict[int, dict[str, PipelineStage]]) -> int:
    done = 0
    with transaction.atomic():
        for event in events:
            claimed = MarketEvent.across_brands.filter(pk=event.pk, released_at__isnull=True).update(released_at=now)
            if claimed != 1:
                continue
            if event.brand_id not in stages:
                stages[event.brand_id] = default_stages(event.brand)
            _write(event, now, stages[event.brand_id])
            done += 1
    return done


def _write(event: MarketEvent, now: datetime, stages: dict[str, PipelineStage]) -> None:
    """The rows of one event."""
    brand, payload = event.brand, event.payload
    lead = _lead(event, now, stages)
    credited = _last_touch(lead, event, now) if lead else event.attributed_to
    external_id = f"sim-{event.attributed_to}-{event.sequence}"
    Outcome.across_brands.create(
        brand=brand,
        pack=event.pack,
        lead=lead,
        contact_id=lead.contact_id if lead else None,
        kind=event.kind,
        external_id=external_id,
        occurred_at=now,
        source=SOURCE,
        attributed_to=credited,
        detail={
            name: value
            for name, value in payload.items()
            if name in ("count", "further", "channel", "segment", "issues")
        },
    )
    if lead is None:
        return
    wanted = payload.get("funnel_stage")
    if wanted and ORDER[wanted] > ORDER.get(lead.funnel_stage, -1):
        lead.move_to(stages[wanted], at=now, source=SOURCE, attributed_to=credited)
    if event.kind == Outcome.Kind.SOLD:
        Sale.across_brands.create(
            brand=brand,
            pack=event.pack,
            lead=lead,
            external_id=external_id,
            amount=Decimal(payload.get("amount", "0")),
            currency=brand.currency,
            sold_at=now,
            source=SOURCE,
            attributed_to=credited,
            detail={"channel": payload.get("channel", "")},
        )
    _remember_touch(lead, event, credited)


def _lead(event: MarketEvent, now: datetime, stages: dict[str, PipelineStage]) -> Lead | None:
    """The lead of the event's person: the brand's own, or made when a stranger first does something worth a row."""
    if not event.prospect_key:
        return None
    found: Lead | None = Lead.objects.for_brand(event.brand).filter(external_id=event.prospect_key).first()
    if found or "funnel_stage" not in event.payload:
        return found
    segment = event.payload.get("segment", "")
    made, _ = Lead.objects.for_brand(event.brand).get_or_create(
        brand=event.brand,
        external_id=event.prospect_key,
        defaults={
            "pack": event.pack,
            "name": lead_name(event.prospect_key, segment),
            "stage": stages[FunnelStage.PROSPECT],
            "funnel_stage": FunnelStage.PROSPECT,
            "currency": event.brand.currency,
            "detail": {"segment": segment} if segment else {},
            "source": SOURCE,
            "created_at": now,
            "attributed_to": event.attributed_to,
        },
    )
    return made  # type: ignore[no-any-return]


def _touched_at(lead: Lead) -> datetime | None:
    raw = lead.detail.get("touched_at") if isinstance(lead.detail, dict) else None
    return parse_datetime(raw) if isinstance(raw, str) else None


def _last_touch(lead: Lead, event: MarketEvent, now: datetime) -> UUID:
    """Who gets the credit: the episode that touched this lead last within the window, else the event's own."""
    window = timedelta(seconds=settings.MARKET_SECONDS_PER_DAY * settings.REWARD_WINDOW_DAYS)
    sent_at, touched_at = parse_datetime(event.payload["sent_at"]), _touched_at(lead)
    if lead.attributed_to and touched_at and sent_at and sent_at < touched_at <= now and now - touched_at <= window:
        return lead.attributed_to
    return event.attributed_to


def _remember_touch(lead: Lead, event: MarketEvent, credited: UUID) -> None:
    if credited != event.attributed_to:
        return
    lead.attributed_to = event.attributed_to
    lead.detail = {**(lead.detail or {}), "touched_at": event.payload["sent_at"]}
    lead.save(update_fields=["attributed_to", "detail"])
