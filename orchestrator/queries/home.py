"""What Home says: what waits, how the loop turned this week, the funnel, the last training."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, Sum
from django.urls import reverse
from django.utils import timezone

from crm.charts.drawings import Drawing
from crm.charts.funnel import Stage, funnel
from crm.models import Brand, FunnelStage, Import, Lead, Membership, Pack, Sale, StageChange
from crm.templatetags.figures import times
from orchestrator.models import Episode, EpisodeState
from orchestrator.queries.packs import Training
from rlhf.feedback import flags
from rlhf.models import Evaluation
from training.models import TrainingRun

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
DAY = 86_400
NEWEST_SALES = 300
STAGES = (
    FunnelStage.PROSPECT,
    FunnelStage.ENGAGED,
    FunnelStage.QUALIFIED,
    FunnelStage.PROPOSAL,
    FunnelStage.PURCHASED,
)


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for this person, and where to look after it."""

    icon: str
    title: str
    text: str
    url: str
    state: str
    word: str
    when: datetime | None
    button: str


@dataclass(frozen=True)
class Turn:
    """How often one step of the loop happened in the last seven days, and in the seven before."""

    now: int
    before: int

    @property
    def change(self) -> int:
        return self.now - self.before


@dataclass(frozen=True)
class Loop:
    run: Turn
    rate: Turn
    leads: Turn
    sales: Turn
    train: Turn

    @property
    def sell(self) -> Turn:
        return Turn(self.leads.now + self.sales.now, self.leads.before + self.sales.before)


@dataclass(frozen=True)
class Selling:
    """The funnel and the three figures under it."""

    drawing: Drawing
    leads: int
    lost: int
    won: Decimal
    won_before: Decimal
    proposals: int
    proposals_amount: Decimal
    days_to_purchase: float | None


def waiting_for(brand: Brand, membership: Membership, *, states: dict[str, int], training: Training) -> list[Waiting]:
    """What somebody has to look after, the most urgent first. Only those who may act are asked to."""
    if not membership.may_plan:
        return []
    return [
        *_episodes_waiting(brand, states),
        *_rows_set_aside(brand),
        *_texts_flagged(brand),
        *_training_waiting(training),
        *_packs_never_run(brand),
    ]


def _episodes_waiting(brand: Brand, states: dict[str, int]) -> list[Waiting]:
    recently = timezone.now() - WEEK
    kinds = (
        (EpisodeState.STUCK, "failed", "Needs a person", "Stuck", Q()),
        (EpisodeState.PAUSED, "paused", "Paused", "Paused", Q()),
        (EpisodeState.FAILED, "failed", "Failed", "Failed this week", Q(finished_at__gte=recently)),
    )
    waiting = []
    for state, mark, word, name, extra in kinds:
        if state not in states:
            continue
        found = Episode.objects.for_brand(brand).filter(extra, state=state)
        newest = list(found.select_related("pack").order_by("-created_at")[:3])
        if not newest:
            continue
        count = len(newest) if len(newest) < 3 else found.count()
        one = newest[0]
        if count == 1:
            text = one.error or f"{one.pack.name}, {times(one.steps_count, 'step')} done."
            url = reverse("episode", args=[one.pk])
            waiting.append(Waiting("episodes", one.title or one.number, text, url, mark, word, one.created_at, "Open"))
        else:
            text = ", ".join(dict.fromkeys(episode.pack.name for episode in newest)) + "."
            url = f"{reverse('episodes')}?state={state}"
            title = f"{times(count, 'episode')} {name.lower()}"
            waiting.append(Waiting("episodes", title, text, url, mark, word, one.created_at, "Look"))
    return waiting


def _rows_set_aside(brand: Brand) -> list[Waiting]:
    recently = Import.objects.for_brand(brand).filter(started_at__gte=timezone.now() - MONTH)
    aside = recently.aggregate(
        rows=Sum("rows_set_aside", default=0),
        files=Count("pk", filter=Q(rows_set_aside__gt=0)),
        failed=Count("pk", filter=Q(state=Import.State.FAILED)),
        last=Max("started_at", filter=Q(rows_set_aside__gt=0)),
        last_failed=Max("started_at", filter=Q(state=Import.State.FAILED)),
    )
    url = reverse("data")
    waiting = []
    if aside["failed"]:
        title = f"{times(aside['failed'], 'file')} could not be read"
        text = "Nothing of it was stored. The reason stands beside it."
        waiting.append(Waiting("data", title, text, url, "failed", "Failed", aside["last_failed"], "Look"))
    if aside["rows"]:
        title = f"{times(aside['rows'], 'row')} set aside"
        text = f"From {times(aside['files'], 'file')}. They count in no figure until they are put right."
        waiting.append(Waiting("data", title, text, f"{url}#quarantine", "held", "Set aside", aside["last"], "Look"))
    return waiting


def _texts_flagged(brand: Brand) -> list[Waiting]:
    found = flags.waiting(brand).aggregate(n=Count("pk"), last=Max("created_at"))
    if not found["n"]:
        return []
    title = f"{times(found['n'], 'flagged text')}"
    text = "Somebody says that something is wrong. No training file takes it until it is found fine."
    return [Waiting("feedback", title, text, reverse("feedback_flags"), "held", "Flagged", found["last"], "Look")]


def _training_waiting(training: Training) -> list[Waiting]:
    """Rewards that settled after the newest version was trained: enough of them, and training again is worth it."""
    if training.unlearned_runs < 20:
        return []
    text = "Train, and the policy learns from them which agent to pick next."
    title = f"{times(training.unlearned_runs, 'new run')} to learn from"
    last, url = training.trained_at, f"{reverse('packs')}#train-title"
    return [Waiting("learn", title, text, url, "waiting", "Ready", last, "Train")]


def _packs_never_run(brand: Brand) -> list[Waiting]:
    runs = Episode.objects.for_brand(brand).filter(pack=OuterRef("pk"))
    fresh = list(Pack.objects.for_brand(brand).filter(~Exists(runs)).order_by("name")[:4])
    if not fresh:
        return []
    if len(fresh) == 1:
        title, text = f"{fresh[0].name} has never run", fresh[0].goal
    else:
        title = f"{len(fresh) if len(fresh) < 4 else 'Some'} packs have never run"
        text = ", ".join(pack.name for pack in fresh[:3]) + (" and more." if len(fresh) == 4 else ".")
    url = f"{reverse('packs')}#pack-{fresh[0].slug}"
    return [Waiting("packs", title, text, url, "queued", "New", None, "Run")]


def loop(brand: Brand) -> Loop:
    """Seven days against the seven before, one question per kind of event."""
    now = timezone.now()

    def turn(rows: Any, at: str) -> Turn:
        counted = rows.filter(**{f"{at}__gt": now - 2 * WEEK, f"{at}__lte": now}).aggregate(
            now=Count(at, filter=Q(**{f"{at}__gt": now - WEEK})),
            before=Count(at, filter=Q(**{f"{at}__lte": now - WEEK})),
        )
        return Turn(counted["now"], counted["before"])

    return Loop(
        run=turn(Episode.objects.for_brand(brand), "created_at"),
        rate=turn(Evaluation.objects.for_brand(brand), "created_at"),
        leads=turn(Lead.objects.for_brand(brand), "created_at"),
        sales=turn(Sale.objects.for_brand(brand), "sold_at"),
        train=turn(TrainingRun.objects.for_brand(brand), "created_at"),
    )


def selling(brand: Brand) -> Selling:
    """Leads by the furthest stage they are known to have reached, and what was sold in the last thirty days."""
    now = timezone.now()
    leads = Lead.objects.for_brand(brand)
    at_stage: dict[str, int] = dict(leads.order_by().values_list("funnel_stage").annotate(n=Count("*")))
    total = sum(at_stage.values())
    lost, proposals = at_stage.pop(FunnelStage.LOST, 0), at_stage.get(FunnelStage.PROPOSAL, 0)
    # A lost lead got as far as the stage it was lost from.
    fell = StageChange.objects.for_brand(brand).filter(to_funnel=FunnelStage.LOST, lead__funnel_stage=FunnelStage.LOST)
    for stage, count in fell.order_by().values_list("from_funnel").annotate(Count("lead", distinct=True)):
        reached = stage if stage in STAGES else FunnelStage.PROSPECT
        at_stage[reached] = at_stage.get(reached, 0) + count
    reached_by = [sum(at_stage.get(later, 0) for later in STAGES[index:]) for index in range(len(STAGES))]
    reached_by[0] = total
    sales = Sale.objects.for_brand(brand).filter(sold_at__lte=now)
    money = sales.aggregate(
        won=Sum("amount", filter=Q(sold_at__gt=now - MONTH), default=Decimal(0)),
        before=Sum("amount", filter=Q(sold_at__gt=now - 2 * MONTH, sold_at__lte=now - MONTH), default=Decimal(0)),
    )
    sold = sales.filter(sold_at__gte=F("lead__created_at")).order_by("-sold_at")[:NEWEST_SALES]
    took = [(at - began).total_seconds() / DAY for at, began in sold.values_list("sold_at", "lead__created_at")]
    offered = leads.filter(funnel_stage=FunnelStage.PROPOSAL).aggregate(sum=Sum("amount", default=Decimal(0)))
    return Selling(
        drawing=funnel([Stage(stage.label, count) for stage, count in zip(STAGES, reached_by, strict=True)]),
        leads=total,
        lost=lost,
        won=money["won"],
        won_before=money["before"],
        proposals=proposals,
        proposals_amount=offered["sum"],
        days_to_purchase=fmean(took) if took else None,
    )


def states(brand: Brand) -> dict[str, int]:
    """How many episodes stand where, but for those that are done: most of all, and in no figure of Home."""
    others = Episode.objects.for_brand(brand).filter(
        state__in=[one for one in EpisodeState if one != EpisodeState.DONE]
    )
    return dict(others.order_by().values_list("state").annotate(n=Count("*")))
