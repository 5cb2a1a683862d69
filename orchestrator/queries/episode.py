"""One episode as its page shows it: steps with their odds, reward in parts, verdict, doubts, answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.safestring import SafeString

from crm.charts.marks import bar, confidence_bullet
from crm.charts.reward import Part, parts_bar
from crm.models import Brand, Outcome, Sale, StageChange
from crm.templatetags.figures import money
from orchestrator.models import Episode, EpisodeState, ReflectionLog, Step
from rlhf.judging import verdict_of
from rlhf.models import Evaluation, Experience, Reward
from rlhf.queries.experiences import counted_as
from rlhf.queries.rewards import Taken, parts_of

SHOWN_OUTCOMES = 30
FINISH = "finish"


@dataclass(frozen=True)
class Chance:
    """One allowed agent and how likely the policy was to pick it."""

    action: str
    probability: float
    chosen: bool
    bar: SafeString


@dataclass(frozen=True)
class Quality:
    dimension: str
    value: float
    bar: SafeString


@dataclass(frozen=True)
class StepView:
    """A step with its odds (most likely first), its quality and readable lines of what came out."""

    step: Step
    odds: list[Chance]
    quality: list[Quality]
    out: list[tuple[str, str]]

    @property
    def number(self) -> str:
        return str(self.step.index + 1)

    @property
    def raw(self) -> str:
        """The step as it was written, for people who want every field."""
        fields = ("action", "allowed", "probabilities", "policy", "why", "summary", "output", "quality", "served_by")
        event = {name: getattr(self.step, name) for name in fields}
        event |= {"cost": str(self.step.cost), "tokens": self.step.tokens, "duration_ms": self.step.duration_ms}
        return json.dumps(event, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class RewardView(Taken):
    """The current reward taken apart, drawn, and what it was before."""

    bar: SafeString
    earlier: list[Reward]


@dataclass(frozen=True)
class Event:
    """Something the market did because of this episode."""

    at: datetime
    text: str
    earned: str


@dataclass(frozen=True)
class Doubt:
    log: ReflectionLog
    bullet: SafeString


@dataclass(frozen=True)
class Made:
    """What the episode handed over in the end: its text, the facts it cites, and why nothing would be sent."""

    title: str
    text: str
    citations: list[str]
    gate_issues: list[str]


@dataclass(frozen=True)
class EpisodeView:
    episode: Episode
    made: Made | None
    steps: list[StepView]
    reward: RewardView | None
    experience: UUID | None
    evaluation: Evaluation | None
    counted_as: float | None
    doubts: list[Doubt]
    events: list[Event]
    more_events: int
    sold: Decimal
    worked_ms: int
    lasted: timedelta

    @property
    def risks(self) -> list[tuple[str, str]]:
        """Risks named in any reflection, each with what is done about it where that was said."""
        named: dict[str, str] = {}
        for doubt in self.doubts:
            for risk in doubt.log.risks:
                if isinstance(risk, dict):
                    named[str(risk.get("risk") or risk.get("text") or "")] = str(risk.get("mitigation") or "")
                else:
                    named[str(risk)] = ""
        return [(risk, answer) for risk, answer in named.items() if risk]


def view(brand: Brand, episode: Episode) -> EpisodeView:
    """Everything on the page of an episode: ten questions, whatever its length."""
    steps = list(Step.objects.for_brand(brand).filter(episode=episode).order_by("index"))
    events, more, sold = market_events(brand, episode)
    experience = Experience.objects.for_brand(brand).filter(episode=episode.public_id).first()
    reward, verdict = reward_view(brand, episode), verdict_of(experience) if experience else None
    reflections = ReflectionLog.objects.for_brand(brand).filter(episode=episode).order_by("step_index")
    began = episode.started_at or episode.created_at
    return EpisodeView(
        episode=episode,
        made=made(steps),
        steps=[step_view(step) for step in steps],
        reward=reward,
        experience=experience.public_id if experience else None,
        evaluation=verdict,
        counted_as=counted_as(verdict, reward),
        doubts=[Doubt(log, confidence_bullet(log.confidence, log.threshold)) for log in reflections],
        events=events,
        more_events=more,
        sold=sold,
        worked_ms=sum(step.duration_ms for step in steps),
        lasted=(episode.finished_at or timezone.now()) - began,
    )


def made(steps: list[Step]) -> Made | None:
    """From the last step, when that one put the results together; None while there is no text yet."""
    output = steps[-1].output if steps and steps[-1].action == FINISH else {}
    if not output.get("text"):
        return None
    return Made(
        title=str(output.get("title", "")),
        text=str(output["text"]),
        citations=[str(citation) for citation in output.get("citations", [])],
        gate_issues=[str(issue) for issue in output.get("gate_issues", [])],
    )


def step_view(step: Step) -> StepView:
    pairs = sorted(zip(step.allowed, step.probabilities, strict=False), key=lambda pair: -pair[1])
    return StepView(
        step=step,
        odds=[
            Chance(action, p, action == step.action, bar(p, kind="bar chosen" if action == step.action else "bar"))
            for action, p in pairs
        ],
        quality=[
            Quality(name.replace("_", " ").capitalize(), value, bar(value))
            for name, value in step.quality.items()
            if isinstance(value, int | float)
        ],
        out=list(readable(step.output)),
    )


def readable(output: dict[str, Any], *, at_most: int = 8) -> Iterator[tuple[str, str]]:
    """The top-level fields of an output as name and text; long lists are counted, long texts cut at 900 characters."""
    for name, value in list(output.items())[:at_most]:
        if value in (None, "", [], {}):
            continue
        yield name.replace("_", " ").capitalize(), _said(value)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, list):
        first = "; ".join(_said(one) for one in value[:3])
        return f"{first}; and {len(value) - 3} more" if len(value) > 3 else first
    if isinstance(value, dict):
        text = value.get("text") or value.get("headline") or value.get("subject")
        if isinstance(text, str):
            return _cut(text)
        return ", ".join(f"{key.replace('_', ' ')} {_said(one)}" for key, one in list(value.items())[:4])
    return _cut(str(value))


def _cut(text: str, at: int = 900) -> str:
    return text if len(text) <= at else text[:at].rstrip() + "…"


def reward_view(brand: Brand, episode: Episode) -> RewardView | None:
    """The newest computation in parts, with the older ones; None before the first."""
    computed = list(
        Reward.objects.for_brand(brand)
        .filter(experience__episode=episode.public_id)
        .select_related("config")
        .order_by("-computed_at", "-pk")[:20]
    )
    current = next((reward for reward in computed if reward.is_current), None)
    if current is None:
        return None
    parts = list(parts_of(current.components))
    drawn = parts_bar([Part(part.kind, part.name.lower(), part.adds) for part in parts], so_far=current.provisional)
    return RewardView(current, parts, drawn, [reward for reward in computed if reward is not current])


def market_events(brand: Brand, episode: Episode) -> tuple[list[Event], int, Decimal]:
    """What came back, newest first (at most thirty), how much more there is, and the money sold."""
    sales = list(Sale.objects.for_brand(brand).filter(attributed_to=episode.public_id).select_related("lead"))
    found = [
        Event(sale.sold_at, f"Sale{f' to {sale.lead}' if sale.lead else ''}", money(sale.amount, sale.currency))
        for sale in sales
    ]
    moved = StageChange.objects.for_brand(brand).filter(attributed_to=episode.public_id).select_related("lead")
    found += [
        Event(change.changed_at, f"{change.lead}: {change.get_to_funnel_display().lower()}", "")
        for change in moved.order_by("-changed_at")[: SHOWN_OUTCOMES + 1]
    ]
    outcomes = (
        Outcome.objects.for_brand(brand)
        .filter(attributed_to=episode.public_id)
        .exclude(kind=Outcome.Kind.SOLD)
        .select_related("lead")
    )
    found += [
        Event(outcome.occurred_at, f"{outcome.get_kind_display()}{f' by {outcome.lead}' if outcome.lead else ''}", "")
        for outcome in outcomes.order_by("-occurred_at")[: SHOWN_OUTCOMES + 1]
    ]
    found.sort(key=lambda event: event.at, reverse=True)
    sold = sum((sale.amount for sale in sales), Decimal(0))
    return found[:SHOWN_OUTCOMES], max(len(found) - SHOWN_OUTCOMES, 0), sold


def is_live(episode: Episode) -> bool:
    """Whether the page should look again soon: work goes on, or the verdict and the market are still to come."""
    if episode.state in (EpisodeState.QUEUED, EpisodeState.RUNNING):
        return True
    if episode.state != EpisodeState.DONE or episode.finished_at is None:
        return False
    return episode.concluded_at is None and timezone.now() - episode.finished_at < timedelta(minutes=5)
