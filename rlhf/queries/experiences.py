"""Everything that was said of one experience, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm.charts.words import figure
from rlhf.feedback.human import HumanScore, human_score
from rlhf.judging import verdict_of
from rlhf.models import Evaluation, Experience, Feedback, PreferencePair, Reward, Signal
from rlhf.queries.rewards import Taken, taken_apart

SHOWN = 50


@dataclass(frozen=True)
class Happened:
    """One signal of the history with what it said, in a few words."""

    signal: Signal
    told: str


@dataclass(frozen=True)
class Said:
    """`counts` is the verdict that the reward takes; lists are the newest `SHOWN` first."""

    counts: Evaluation | None
    people: HumanScore | None
    verdicts: list[Evaluation]
    words: list[Feedback]
    pairs: list[PreferencePair]
    rewards: list[Taken]
    history: list[Happened]

    @property
    def current(self) -> Taken | None:
        return next((taken for taken in self.rewards if taken.reward.is_current), None)

    @property
    def counted_as(self) -> float | None:
        """J as it was counted where that is another number than the verdict that counts."""
        return counted_as(self.counts, self.current)


def said_of(experience: Experience) -> Said:
    """In nine questions, whatever there is."""
    brand, about = experience.brand_id, str(experience.public_id)
    pairs = PreferencePair.objects.for_brand(brand)
    both = pairs.filter(a=experience) | pairs.filter(b=experience)
    rewards = Reward.objects.for_brand(brand).filter(experience=experience).select_related("config")
    signals = Signal.objects.for_brand(brand).filter(experience=experience).order_by("-created_at", "-pk")
    counts = verdict_of(experience)
    verdicts = Evaluation.objects.for_brand(brand).filter(experience=experience).order_by("-created_at", "-pk")
    words = Feedback.objects.for_brand(brand).filter(experience=experience).select_related("rater")
    return Said(
        counts=counts,
        people=human_score(experience),
        verdicts=sorted(verdicts[:SHOWN], key=lambda one: counts is None or one.pk != counts.pk),
        words=list(words[:SHOWN]),
        pairs=list(both.select_related("a", "b", "rater")[:SHOWN]),
        rewards=[taken_apart(reward) for reward in rewards[:SHOWN]],
        history=[Happened(signal, told(signal, about)) for signal in signals[:SHOWN]],
    )


def counted_as(verdict: Evaluation | None, taken: Taken | None) -> float | None:
    """J as a reward counted it, where that is another number than the verdict's score: a rank among answers to the same
    request moves it. None also where the verdict came after the reward was computed."""
    if verdict is None or verdict.score is None or taken is None or taken.judge is None:
        return None
    late = verdict.created_at > taken.reward.computed_at
    return None if late or abs(taken.judge - verdict.score) < 0.005 else taken.judge


def told(signal: Signal, about: str) -> str:
    """What a signal says beyond its kind, empty where that is all: `4 of 5`, `0.62`, `better`. `about` is the public id
    of its experience."""
    said: dict[str, Any] = signal.said if isinstance(signal.said, dict) else {}
    match signal.kind:
        case Signal.Kind.JUDGED:
            return figure(said["score"]) if said.get("score") is not None else str(said.get("why") or "no verdict")
        case Signal.Kind.REWARDED:
            return figure(said.get("value"), 3)
        case Signal.Kind.PREFERRED:
            return _side(said, about)
        case Signal.Kind.EXPLAINED:
            return ", ".join([*map(str, said.get("reasons") or ()), *filter(None, [str(said.get("comment") or "")])])
        case Signal.Kind.SETTLED:
            return str(said.get("found", ""))
        case Signal.Kind.EXPORTED | Signal.Kind.OUTCOME:
            return str(said.get("as") or said.get("outcome") or "").replace("_", " ")
    if said.get("stars"):
        return f"{said['stars']} of 5"
    if said.get("kind") == Feedback.Kind.THUMB:
        return "up" if said.get("value") else "down"
    return ""


def _side(said: dict[str, Any], about: str) -> str:
    verdict = str(said.get("verdict", ""))
    if verdict not in ("a", "b"):
        return str(dict(PreferencePair.Verdict.choices).get(verdict, "")).lower()
    return "better than another" if said.get(verdict) == about else "not as good as another"
