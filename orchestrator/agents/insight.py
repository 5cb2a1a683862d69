"""Reads performance and CRM and says what is so: each finding with value, unit, interval and citation.

The first look reports levels (returns, conversion, sales, what meets the need); the second goes deeper (trends, pace,
comparisons) and takes up what `reflect` missed. A third finds nothing new and says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pydantic import BaseModel

from crm.snapshot import BrandSnapshot, ProspectBrief
from orchestrator.agents.contract import AgentContext, AgentResult
from orchestrator.agents.findings import Finding, findings_of, matching_facts, products_of, shoppers_of, wish_of
from orchestrator.agents.grammar import named_product
from orchestrator.agents.pricing import cost_of, tokens_of
from rlhf.judge.wording import overlap

COMPUTE_MS = 3
MOST_FINDINGS = 24
AUDIENCE_SIZE = 12
ALIKE = 0.34  # share of words that two stated needs have in common
# What each task asks of the data: sources that should have spoken.
SOURCES: dict[str, tuple[str, ...]] = {
    "budget": ("campaigns", "sales"),
    "creative": ("products", "audience"),
    "measurement": ("campaigns", "funnel", "sales"),
    "planning": ("campaigns", "funnel", "sales", "audience"),
    "outreach": ("products", "prospect", "funnel"),
}
# Kinds of findings that the task can use, the most useful first; others are left out.
WANTED: dict[str, tuple[str, ...]] = {
    "budget": ("return", "comparison", "trend", "pace"),
    "creative": ("audience", "fit", "sales", "return"),
    "measurement": ("return", "funnel", "sales", "comparison", "trend", "conversion", "pace"),
    "planning": ("return", "funnel", "audience", "sales", "comparison", "trend"),
    "outreach": ("fit", "funnel", "sales", "audience"),
}


class InsightReport(BaseModel):
    """`findings` are new ones only; `audience` are prospects worth reaching, the subject first."""

    findings: list[Finding]
    best_product: str = ""
    best_campaign: str = ""
    retailer: str = ""
    weakest_stage: str = ""
    wish: str = ""
    hooks: list[str] = []
    audience: list[str] = []
    missing: list[str] = []
    look: int = 1


@dataclass(frozen=True)
class Insight:
    name: str = "insight"
    purpose: str = "Reads performance and CRM and reports what is so, each figure with its source."

    def run(self, context: AgentContext) -> AgentResult:
        snapshot, task = context.snapshot, context.pack.task
        known = {finding["id"] for finding in context.work.facts}
        look = len(context.work.all("insight")) + 1
        everything = findings_of(snapshot)
        wanted = WANTED.get(task, WANTED["planning"])
        fresh = [f for f in everything if f.id not in known and f.depth <= look and f.kind in wanted]
        fresh = sorted(fresh, key=lambda finding: wanted.index(finding.kind))[:MOST_FINDINGS]
        missing = [source for source in SOURCES.get(task, ()) if not _has(snapshot, source)]
        best = max((c for c in snapshot.campaigns if c.roas is not None), key=lambda c: c.roas or 0.0, default=None)
        hooks, product = _hooks(context)
        rates = {stage: rate for stage, rate in snapshot.conversion.items() if stage not in ("purchased", "lost")}
        output = InsightReport(
            findings=fresh,
            best_product=product,
            best_campaign=best.external_id if best else "",
            retailer=best.retailer if best else "",
            weakest_stage=min(rates, key=lambda stage: rates[stage]) if rates else "",
            wish=wish_of(snapshot.prospect) if snapshot.prospect else _common_wish(snapshot),
            hooks=hooks,
            audience=audience_of(snapshot),
            missing=missing,
            look=look,
        )
        return AgentResult(
            output=output,
            summary=_summary(fresh, missing, look),
            quality=_quality(fresh, everything, known, wanted, task, missing),
            cost=cost_of(COMPUTE_MS),
            tokens=tokens_of(output, (fact.text for fact in snapshot.facts())),
        )


def audience_of(snapshot: BrandSnapshot) -> list[str]:
    """Keys of those worth reaching: the subject, then the same segment by likeness of need, no lost or won ones."""
    subject = snapshot.prospect
    open_ones = [person for person in snapshot.audience if person.stage not in ("lost", "purchased")]
    if subject is None:
        return [person.key for person in open_ones[:AUDIENCE_SIZE]]

    def alike(person: ProspectBrief) -> tuple[float, str]:
        return (-overlap(wish_of(person), wish_of(subject)), person.key)

    wish = wish_of(subject)
    same = [
        person
        for person in open_ones
        if person.segment == subject.segment
        and person.key != subject.key
        and (not wish or overlap(wish_of(person), wish) >= ALIKE)
    ]
    return [subject.key, *(person.key for person in sorted(same, key=alike)[: AUDIENCE_SIZE - 1])]


def _has(snapshot: BrandSnapshot, source: str) -> bool:
    return {
        "campaigns": any(campaign.days for campaign in snapshot.campaigns),
        "sales": snapshot.recent_sales.count > 0,
        "products": any(sku.facts for sku in products_of(snapshot)),
        "audience": bool(snapshot.audience),
        "funnel": any(snapshot.funnel.values()),
        "prospect": snapshot.prospect is not None,
    }[source]


def _common_wish(snapshot: BrandSnapshot) -> str:
    """What most consumers in the audience look for; buyers of shops look for other things than their customers."""
    needs = Counter(wish for person in shoppers_of(snapshot) if (wish := wish_of(person)))
    return min(needs, key=lambda need: (-needs[need], need)) if needs else ""


def _hooks(context: AgentContext) -> tuple[list[str], str]:
    """Ids of product statements by how many people they speak to, and the product most of them belong to."""
    snapshot, named = context.snapshot, named_product(context)
    products = products_of(snapshot)
    owners = {fact.id: sku.code for sku in products for fact in sku.facts}
    people = (snapshot.prospect,) if snapshot.prospect else shoppers_of(snapshot)
    weight: dict[str, float] = {}
    for person in people:
        for fact, share in matching_facts(snapshot, person):
            if named is None or owners[fact.id] == named.code:
                weight[fact.id] = weight.get(fact.id, 0.0) + share
    hooks = sorted(weight, key=lambda fact_id: (-weight[fact_id], fact_id))[:6]
    if named is not None:
        return hooks, named.code
    totals: dict[str, float] = {}
    for fact_id, gained in weight.items():
        totals[owners[fact_id]] = totals.get(owners[fact_id], 0.0) + gained
    return hooks, max(totals, key=lambda code: (totals[code], code)) if totals else ""


def _quality(
    fresh: list[Finding],
    everything: tuple[Finding, ...],
    known: set[str],
    wanted: tuple[str, ...],
    task: str,
    missing: list[str],
) -> dict[str, float]:
    said = [finding for finding in everything if finding.id in known] + fresh
    sources = SOURCES.get(task, ())
    quality = {
        "coverage": sum(any(f.kind == kind for f in said) for kind in wanted) / len(wanted),
        "data": 1 - len(missing) / len(sources) if sources else 1.0,
    }
    if said:
        quality["evidence"] = sum(finding.firmness for finding in said) / len(said)
    return quality


def _summary(fresh: list[Finding], missing: list[str], look: int) -> str:
    if not fresh:
        lack = f"; no data on {', '.join(missing)}" if missing else ""
        return f"Nothing new to report on look {look}{lack}"
    lack = f" No data on {', '.join(missing)}." if missing else ""
    return f"{len(fresh)} findings. {fresh[0].text}.{lack}"[:300]
