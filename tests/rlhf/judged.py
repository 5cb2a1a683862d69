"""A brand whose work was judged, rated and rewarded for a while: what the pages about judges have to show."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from crm.attribution import CrmFacts
from crm.models import Brand
from rlhf.calibration import frozen, measure_all, wording
from rlhf.feedback.giving import prefer, rate
from rlhf.feedback.undoing import undo
from rlhf.judge.rubric import file_text
from rlhf.judging import evaluate
from rlhf.models import (
    Evaluation,
    Experience,
    FrozenSet,
    JudgeBatch,
    JudgeCall,
    JudgeOrder,
    JudgeSettings,
    Reward,
    RubricVersion,
    Source,
)
from rlhf.rewards import compute, new_config
from tests.factories import MembershipFactory, UserFactory
from tests.rlhf.rating.things import LOUD, WARM, email

POLICIES = ("rule@1", "rl@7", "rl@8", "static@1")
PROMPT = "absolute@3f1c9a"
SHORTER = (
    (file_text("outreach") or "")
    .replace("accuracy: 0.25", "accuracy: 0.35")
    .replace("compliance: 0.20", "compliance: 0.10")
    .replace("ideal: 80", "ideal: 60")
)


@dataclass(frozen=True)
class Judged:
    """`first` has everything that can be said of an e-mail, `board` is a dashboard, `mute` has no verdict."""

    brand: Brand
    first: Experience
    board: Experience
    mute: Experience
    frozen: FrozenSet
    draft: RubricVersion


def judged_world(brand: Brand, owner: Any, *, emails: int = 40) -> Judged:
    """`emails` e-mails by four policies, each with two verdicts, three people's stars and a reward."""
    chance = random.Random(4)
    people = [UserFactory(username=name, first_name=name.capitalize()) for name in ("rosa", "timo", "ines")]
    for person in people:
        MembershipFactory(user=person, brand=brand, role="rater")
    settings_row(brand)
    made = [_email(brand, number, people, chance) for number in range(emails)]
    first = made[0]
    _everything_about(first, made[1], owner, people)
    board, mute = _board(brand), _mute(brand)
    draft = wording.draft(brand=brand, kind="outreach", text=SHORTER, note="Truth first, and shorter", by=owner)
    kept = frozen.freeze(brand=brand, kind="outreach", name="Autumn e-mails", by=owner)
    frozen.try_on(kept, draft)
    frozen.serving_on(kept)
    _orders(brand, made)
    measure_all(brand)
    new_config(brand, by=owner, note="People say more than the rubric does", w_human=0.4, w_judge=0.4)
    _reward(first)
    return Judged(brand, first, board, mute, kept, draft)


def settings_row(brand: Brand) -> JudgeSettings:
    row, _ = JudgeSettings.objects.update_or_create(brand=brand, defaults={"backend": "claude"})
    return row


def by_claude(experience: Experience, score: float | None, **more: Any) -> Evaluation:
    """A model's verdict as `rlhf/judging/storing.py` writes it."""
    fields: dict[str, Any] = {
        "judge": settings.CLAUDE_MODEL, "rubric_version": evaluate(experience).rubric_version,
        "prompt_version": PROMPT, "score": score, "confidence": 0.82,
        "overall_rating": "up" if (score or 0) >= 0.6 else "down",
        "dimensions": {"accuracy": score, "completeness": 0.7, "coherence": 0.9, "relevance": 0.75, "brand_fit": 0.8,
                       "compliance": 1.0},
        "verdict": {
            "reasoning": "It names the sack that tore and what is different now. The offer comes late, without a date.",
            "query_understanding": "Win back a café that stopped ordering in May, by asking for a small trial order.",
            "strengths": ["Says what changed since the last order"],
            "issues": ["10 % off has no last day"],
            "suggestions": ["Put the trial into the first line"],
            "widget_feedback": [], "missing_widgets": [], "model": settings.CLAUDE_MODEL,
        },
        "cost_usd": Decimal("0.0041"), "latency_ms": 2140,
    }  # fmt: skip
    made: Evaluation = Evaluation.across_brands.create(experience=experience, **{**fields, **more})
    return made


def _email(brand: Brand, number: int, people: list[Any], chance: random.Random) -> Experience:
    one = email(
        brand, number=number, policy=POLICIES[number % 4], served_by="composer@1", simulated=False,
        output=_mail(number),
    )  # fmt: skip
    evaluate(one)
    liked = 0.45 + 0.12 * (number % 4) + chance.uniform(-0.2, 0.2)
    by_claude(one, round(min(max(liked + chance.uniform(-0.1, 0.1), 0.05), 0.98), 3))
    for person in people:
        stars = min(max(round(1 + 4 * (liked + chance.uniform(-0.15, 0.15))), 1), 5)
        rate(experience=one, rater=person, stars=stars)
    _reward(one, sales=number % 3, stage="engaged")
    return one


def _mail(number: int) -> dict[str, Any]:
    """Some longer than others."""
    body = WARM.format(name="Jo") + ("\n\nP.S. We deliver on Monday." if number % 3 else "")
    mail = {"prospect_key": "L-1", "subject": f"A sturdier sack, no. {number}", "body": body, "citations": ["f1"]}
    return {"kind": "outreach", "emails": [mail]}


def _reward(one: Experience, *, sales: int = 1, stage: str = "qualified") -> Reward:
    facts = CrmFacts(sales=sales, stage=stage, online=0.35, attribution="episode")
    return compute(one, crm=facts, steps=5, tokens=2140, now=timezone.now())


def _everything_about(one: Experience, other: Experience, owner: Any, people: list[Any]) -> None:
    long = "The figure in the second sentence is the one of last year. Everything else could go out as it is."
    rate(experience=one, rater=owner, stars=4, comment=long, reasons=["Not true"])
    rate(experience=one, rater=people[0], corrected="Dear Jo,\n\nThe 5 kg sack holds.", original=LOUD)
    rate(experience=one, rater=people[1], flag=True, comment="May we still say Monday?")
    undo(rate(experience=one, rater=people[2], thumb=False)[0], by=people[2])
    rate(experience=one, rater=None, rater_name="panel", stars=3, source=Source.PANEL, counts=False)
    prefer(a=one, b=other, verdict="a", rater=owner, comment="It says what changed")
    prefer(a=other, b=one, verdict="tie", rater=people[0])
    group = uuid.uuid4()
    for member, score in ((one, 0.8), (other, 0.4)):
        by_claude(member, score, form="group", group=group, centred=score - 0.6, confidence=None, dimensions={},
                  verdict={"reasoning": "Named the sack.", "members": 2, "model": settings.CLAUDE_MODEL})  # fmt: skip
    by_claude(one, 1.0, form="pair", group=uuid.uuid4(), opponent=other, confidence=None, dimensions={},
              verdict={"reasoning": "Both times the better one.", "orders": ["a", "a"], "agreed": True})  # fmt: skip


def _board(brand: Brand) -> Experience:
    widgets = [
        {"type": "line", "title": "Sales by week", "metrics": ["sales"], "dimensions": ["week"], "width": 8, "rows": 4},
        {"type": "table", "title": "Campaigns", "metrics": ["roas"], "dimensions": ["campaign"], "width": 4, "rows": 4},
    ]
    one: Experience = Experience.across_brands.create(
        brand=brand, kind="dashboard", title="Sales of oat drinks", request="How did oat drinks do since summer?",
        context={}, output={"title": "Oat drinks since summer", "widgets": widgets}, served_by="planner@2",
    )  # fmt: skip
    by_claude(
        one, 0.55,
        verdict={
            "reasoning": "The weeks answer the question. Nothing shows the promotion that explains the jump.",
            "query_understanding": "Sales of one category over time, with what moved them.",
            "strengths": ["The time axis starts before summer"], "issues": ["One campaign hides the others"],
            "suggestions": ["Mark the promotion"], "missing_widgets": ["Promotions beside sales"],
            "widget_feedback": [
                {"widget_index": 0, "widget_type": "line", "appropriateness_score": 0.9, "size_appropriate": True,
                 "issues": [], "strengths": ["Right for weeks"]},
                {"widget_index": 1, "widget_type": "table", "appropriateness_score": 0.4, "size_appropriate": False,
                 "issues": ["Too narrow for eight campaigns"], "strengths": []},
            ],
            "model": settings.CLAUDE_MODEL,
        },
    )  # fmt: skip
    return one


def _mute(brand: Brand) -> Experience:
    one = email(brand, number=900, output={"emails": []})
    evaluate(one)
    return one


def _orders(brand: Brand, made: list[Experience]) -> None:
    batch = JudgeBatch.across_brands.create(brand=brand, external_id=f"msgbatch_{brand.slug}", size=3)
    states = ["queued"] * 6 + ["in_batch"] * 3 + ["parked"] * 2 + ["done"] * (len(made) - 11)
    for one, state in zip(made, states, strict=False):
        JudgeOrder.across_brands.create(
            brand=brand, experience=one, members=[one.pk], judge=settings.CLAUDE_MODEL, state=state,
            rubric_version=f"outreach@{state}", batch=batch if state == "in_batch" else None,
        )  # fmt: skip
        JudgeCall.across_brands.create(
            brand=brand, model=settings.CLAUDE_MODEL, input_tokens=1900, output_tokens=420, cost_usd=Decimal("0.2241")
        )
    for one, (cause, why) in zip(
        made,
        [
            ("refused", "the model declined"), ("timed_out", "no reply within 60 s"), ("timed_out", "no reply"),
            ("wrong_ids", "it named candidate q4 twice"), ("limit", "the month's limit is reached"),
        ],
        strict=False,
    ):  # fmt: skip
        by_claude(one, None, cause=cause, missing_because=why, rubric_version="outreach@draft", verdict={},
                  dimensions={}, overall_rating="", confidence=None)  # fmt: skip
