"""Doubts the work so far: how sure may one be, what is missing, what contradicts itself, which dimension is weakest.

confidence = 0.6 · mean quality + 0.4 · share of the expected evidence that is there − 0.15 · contradictions, in [0, 1].
It changes no text; what it knows the next draft can use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from orchestrator.agents.contract import AgentContext, AgentResult
from orchestrator.agents.pricing import cost_of, tokens_of
from orchestrator.agents.workbench import Workbench

COMPUTE_MS = 1
QUALITY_SHARE, EVIDENCE_SHARE, PER_CONTRADICTION = 0.6, 0.4, 0.15
WENT_ON, RETHOUGHT = "went_on", "rethought"
EXPECTED: dict[str, tuple[str, ...]] = {
    "budget": ("insight", "budget"),
    "creative": ("insight", "creative", "governance"),
    "measurement": ("insight",),
    "planning": ("insight", "budget"),
    "outreach": ("insight", "outreach", "governance"),
}
MAKERS = {
    "budget": "budget",
    "creative": "creative",
    "outreach": "outreach",
    "measurement": "insight",
    "planning": "insight",
}


class Reflection(BaseModel):
    """`missing` is evidence nobody brought; `weakest` the lowest dimension of the work; `advice` what to do next."""

    confidence: float
    threshold: float
    decision: str
    weakest: str
    weakest_value: float | None
    missing: list[str]
    contradictions: list[str]
    risks: list[str]
    advice: str


@dataclass(frozen=True)
class Reflect:
    name: str = "reflect"
    purpose: str = "Says how sure one may be, what is missing and what could go wrong."

    def run(self, context: AgentContext) -> AgentResult:
        work, task = context.work, context.pack.task
        quality = {name: value for name, value in work.quality.items() if name != "confidence"}
        missing = list(_missing(context))
        wanted = len(_expected(context)) or 1
        contradictions = list(_contradictions(context))
        level = sum(quality.values()) / len(quality) if quality else 0.0
        present = 1 - sum(item.startswith("no ") for item in missing) / wanted
        confidence = QUALITY_SHARE * level + EVIDENCE_SHARE * present - PER_CONTRADICTION * len(contradictions)
        confidence = round(min(max(confidence, 0.0), 1.0), 4)
        own = _own_dimensions(work, MAKERS.get(task, "insight")) or quality
        weakest = min(own, key=lambda name: (own[name], name)) if own else ""
        threshold = context.pack.quality_threshold
        output = Reflection(
            confidence=confidence,
            threshold=threshold,
            decision=WENT_ON if confidence >= threshold else RETHOUGHT,
            weakest=weakest,
            weakest_value=round(own[weakest], 4) if weakest else None,
            missing=missing,
            contradictions=contradictions,
            risks=[*contradictions, *_risks(context)],
            advice=_advice(missing, contradictions, weakest),
        )
        verdict = "enough" if output.decision == WENT_ON else "not enough"
        lack = f"; {output.advice}" if output.advice else ""
        summary = f"Confidence {confidence:.2f} against {threshold:.2f}, {verdict}{lack}"
        read = [str(value) for value in quality.values()]
        return AgentResult(
            output, summary[:300], {"confidence": confidence}, cost_of(COMPUTE_MS), tokens_of(output, read)
        )


def _expected(context: AgentContext) -> tuple[str, ...]:
    """What the task needs, as far as the pack allows it."""
    return tuple(name for name in EXPECTED.get(context.pack.task, ()) if name in context.pack.allowed_agents)


def _own_dimensions(work: Workbench, maker: str) -> dict[str, float]:
    """Quality of the newest step that made the task's output."""
    return next((step.quality for step in reversed(work.steps) if step.action == maker), {})


def _missing(context: AgentContext) -> Iterator[str]:
    work = context.work
    for name in _expected(context):
        if name not in work.actions:
            yield f"no {name}"
    for name in ("insight", "budget", "creative", "outreach"):
        for item in (work.latest(name) or {}).get("missing", ()):
            yield f"{name}: {item}"


def _contradictions(context: AgentContext) -> Iterator[str]:
    """What cannot be true or fine at once."""
    work = context.work
    review = work.latest("governance")
    for name in ("outreach", "creative"):
        if review is not None and review["reviewed"].get(name, 0) < len(work.all(name)):
            yield f"the newest {name} is newer than its check"
    if review is not None and review["blocking"]:
        yield f"{review['blocking']} blocking issues are open"
    for name in ("outreach", "creative"):
        output = work.latest(name) or {}
        texts = output.get("variants", [output]) if output else []
        cited = {citation for text in texts for citation in text.get("citations", ())}
        lost = [citation for citation in sorted(cited) if context.snapshot.fact(citation) is None]
        if lost:
            yield f"{name} cites {lost[0]}, which is not a fact"
    falling = {
        finding["id"].removesuffix("#trend")
        for finding in work.facts
        if finding["kind"] == "trend" and finding["id"].startswith("campaign:") and (finding["high"] or 0) < 0
    }
    for placed in (work.latest("budget") or {}).get("placements", ()):
        if placed["proposed"] > placed["now"] and f"campaign:{placed['external_id']}" in falling:
            yield f"more money for {placed['name']} although its sales fall"


def _risks(context: AgentContext) -> Iterator[str]:
    work = context.work
    plan = work.latest("budget")
    if plan and plan["placements"]:
        if plan["uplift_low"] <= 0:
            yield f"the uplift may be nothing: {plan['uplift_low']:+,.0f} to {plan['uplift_high']:+,.0f}"
        loose = [placed["name"] for placed in plan["placements"] if placed["fit"] < 0.2]
        if loose:
            yield f"spend explains little of the sales of {loose[0]}"
    if work.latest("outreach") and not context.snapshot.postal_address:
        yield "without a postal address no e-mail may be sent"
    wide = [f for f in work.facts if f["kind"] == "return" and f["value"] and f["high"] - f["low"] > abs(f["value"])]
    if wide:
        yield f"the interval is wide: {wide[0]['text']}"


def _advice(missing: list[str], contradictions: list[str], weakest: str) -> str:
    absent = [item.removeprefix("no ") for item in missing if item.startswith("no ")]
    if absent:
        return f"ask {absent[0]} first"
    if contradictions:
        return contradictions[0]
    return f"weakest is {weakest}" if weakest else ""
