"""From the bench to what leaves the house: the pieces of an episode that a buyer, a judge or a planner gets to see.

Pure. The newest text counts; where governance saw it, its checked version goes out and open blocking issues hold it
back. A text that nobody checked goes as it is, through the legal gate alone.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from crm.market.produced import Copy, Email, Finding, Produced, Report
from crm.privacy import BLOCKING, check_copy, hard_gate, rules_for
from crm.snapshot import BrandSnapshot
from orchestrator.agents.contract import PackBrief
from orchestrator.agents.findings import findings_of, products_of, wish_of
from orchestrator.agents.governance import barred_issues
from orchestrator.agents.grammar import placement_of
from orchestrator.agents.workbench import Workbench

REPORT_FINDINGS = 8
MOVES_NAMED = 3
LEGAL_COPY = ("personal_data", "forbidden_claim")


def produced_by(work: Workbench, *, pack: PackBrief, snapshot: BrandSnapshot) -> Produced:
    """What the pack's task asks for, as far as it was made. Everything else on the bench stays inside."""
    gate: list[str] = []
    emails: tuple[Email, ...] = ()
    copies: tuple[Copy, ...] = ()
    audience: tuple[str, ...] = ()
    allocation: dict[str, float] = {}
    report: Report | None = None
    if pack.task == "outreach":
        emails = _emails(work, snapshot, gate)
        audience = _audience(work, emails)
    elif pack.task == "creative":
        copies = _copies(work, gate)
        audience = tuple((work.latest("insight") or {}).get("audience", ()))
    elif pack.task == "budget":
        allocation = _allocation(work, gate)
        report = _report(work, pack, snapshot) if allocation else None
    else:
        report = _report(work, pack, snapshot)
        if pack.task == "planning":
            allocation = _allocation(work, gate)
            emails = _emails(work, snapshot, gate)
            audience = _audience(work, emails) or tuple((work.latest("insight") or {}).get("audience", ()))
    return Produced(
        kind=pack.task,
        emails=emails,
        copies=copies,
        allocation=allocation,
        audience=audience,
        report=report,
        gate_issues=tuple(dict.fromkeys(gate)),
    )


def context_of(snapshot: BrandSnapshot, *, pack: PackBrief) -> dict[str, Any]:
    """What a judge needs to check an output: every fact and figure by id, the brand, whom or what it is about."""
    facts = {fact.id: fact.text for fact in snapshot.facts()}
    values: dict[str, list[float]] = {}
    for finding in findings_of(snapshot):
        facts.setdefault(finding.id, finding.text)
        figures = [number for number in (finding.value, finding.low, finding.high) if number is not None]
        values[finding.id] = [round(number, 4) for number in figures]
    prospect = snapshot.prospect
    return {
        "brand": snapshot.brand_name,
        "currency": snapshot.currency,
        "voice": snapshot.voice,
        "postal_address": snapshot.postal_address,
        "task": pack.task,
        "placement": placement_of(pack),
        "goal": pack.goal,
        "facts": facts,
        "values": values,
        "products": {sku.code: sku.name for sku in products_of(snapshot)},
        "product": snapshot.product.code if snapshot.product else "",
        "prospect": {
            "key": prospect.key,
            "name": prospect.name,
            "company": prospect.company,
            "segment": prospect.segment,
            "stage": prospect.stage,
            "need": wish_of(prospect),
        }
        if prospect
        else None,
        "audience": len(snapshot.audience),
        "campaigns": [
            {
                "external_id": campaign.external_id,
                "name": campaign.name,
                "retailer": campaign.retailer,
                "budget": round(campaign.budget, 2),
                "spend_per_week": round(campaign.spend_per_week, 2),
                "sales_per_week": round(7 * sum(campaign.sales) / len(campaign.days), 2) if campaign.days else 0.0,
            }
            for campaign in snapshot.campaigns
        ],
    }


def output_of(produced: Produced, work: Workbench) -> dict[str, Any]:
    """`Experience.output`: the produced pieces as JSON, the plan's figures where there is one, the final words."""
    stored: dict[str, Any] = asdict(produced)
    stored["emails"] = [{**mail, "citations": list(mail["citations"])} for mail in stored["emails"]]
    stored["copies"] = [{**copy, "citations": list(copy["citations"])} for copy in stored["copies"]]
    stored["audience"], stored["gate_issues"] = list(produced.audience), list(produced.gate_issues)
    if stored["report"] is not None:
        stored["report"]["findings"] = list(stored["report"]["findings"])
    plan = work.latest("budget")
    if plan and produced.kind in ("budget", "measurement", "planning"):
        kept = ("total", "placements", "expected_now", "expected", "uplift", "uplift_low", "uplift_high", "currency")
        stored["plan"] = {name: plan[name] for name in (*kept, "next_one_brings")}
    final = work.latest("finish")
    if final is not None:
        stored["final"] = {"title": final["title"], "text": final["text"], "citations": final["citations"]}
    return stored


def _governed(work: Workbench, action: str) -> dict[str, Any] | None:
    """The newest review, if it saw the newest output of this action."""
    review = work.latest("governance")
    if review is None or review["reviewed"].get(action, 0) < len(work.all(action)):
        return None
    return review


def _emails(work: Workbench, snapshot: BrandSnapshot, gate: list[str]) -> tuple[Email, ...]:
    draft, review = work.latest("outreach"), _governed(work, "outreach")
    if draft is None or not draft["subject"]:
        return ()
    texts = review["emails"] if review is not None else [draft]
    made = []
    for text in texts:
        gate += text.get("blocked_by", [])
        stops = hard_gate(text["subject"], text["body"], postal_address=snapshot.postal_address)
        stops += barred_issues(text["prospect_key"], snapshot)
        gate += [issue.message for issue in stops]
        made.append(Email(text["prospect_key"], text["subject"], text["body"], tuple(text["citations"])))
    return tuple(made)


def _audience(work: Workbench, emails: tuple[Email, ...]) -> tuple[str, ...]:
    """Whom the e-mail was written to, then those that insight found alike."""
    if not emails:
        return ()
    chosen = (work.latest("insight") or {}).get("audience", ())
    return tuple(dict.fromkeys([*(mail.prospect_key for mail in emails), *chosen]))


def _copies(work: Workbench, gate: list[str]) -> tuple[Copy, ...]:
    """Variants that nothing holds back; where every one is held back, all of them with the reasons."""
    drafts, review = work.latest("creative"), _governed(work, "creative")
    if drafts is None or not drafts["variants"]:
        return ()
    if review is not None:
        texts = [(text, text["blocked_by"]) for text in review["copies"]]
    else:
        rules = rules_for(drafts.get("retailer", "")).at(drafts.get("placement", "ad"))
        texts = [
            (
                {**variant, "sku_code": drafts["sku_code"]},
                [
                    issue.message
                    for issue in check_copy(variant["headline"], variant["body"], rules)
                    if issue.severity == BLOCKING and issue.code in LEGAL_COPY
                ],
            )
            for variant in drafts["variants"]
        ]
    free = [text for text, blocked in texts if not blocked]
    if not free:
        gate += [reason for _, blocked in texts for reason in blocked]
    return tuple(
        Copy(text["sku_code"], text["headline"], text["body"], tuple(text["citations"]))
        for text in (free or [text for text, _ in texts])
    )


def _allocation(work: Workbench, gate: list[str]) -> dict[str, float]:
    plan, review = work.latest("budget"), _governed(work, "budget")
    if plan is None:
        return {}
    if review is not None:
        names = {"total", *plan["allocation"]}
        gate += [
            issue["message"]
            for issue in review["issues"]
            if issue["severity"] == BLOCKING and not issue["repaired"] and issue["where"] in names
        ]
    return dict(plan["allocation"])


def _report(work: Workbench, pack: PackBrief, snapshot: BrandSnapshot) -> Report | None:
    """The findings that tell most, at most one page of them; all of them stay with the steps."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for found in work.facts:
        by_kind.setdefault(found["kind"], []).append(found)
    turns = zip_longest(*(sorted(group, key=_telling) for group in by_kind.values()))
    chosen = [found for turn in turns for found in turn if found is not None][:REPORT_FINDINGS]
    if not chosen and work.latest("budget") is None:
        return None
    findings = tuple(Finding(found["text"], found["value"], found["citation"]) for found in chosen)
    return Report(f"{pack.name}: {snapshot.brand_name}", findings, _recommendation(work, snapshot))


def _telling(found: dict[str, Any]) -> float:
    """Firm and large ones first: value over the half width of the interval; those without one keep their order."""
    if found["low"] is None or found["value"] is None:
        return 0.0
    return -abs(float(found["value"])) / max((float(found["high"]) - float(found["low"])) / 2, 1e-9)


def _recommendation(work: Workbench, snapshot: BrandSnapshot) -> str:
    """What follows from the findings, each part only where its figure is on the bench."""
    insight, plan, advice = work.latest("insight") or {}, work.latest("budget"), []
    if plan and plan["placements"]:
        advice += _moves(plan)
    else:
        ranked = sorted((c for c in snapshot.campaigns if c.roas is not None), key=lambda c: -(c.roas or 0.0))
        if insight.get("best_campaign") and len(ranked) > 1:
            best, worst, unit = ranked[0], ranked[-1], snapshot.currency
            advice.append(
                f"Put more money into {best.name}, which returned {best.roas:.2f} per {unit} 1, and less into "
                f"{worst.name}, which returned {worst.roas:.2f}."
            )
    stage = insight.get("weakest_stage")
    if stage and stage in snapshot.conversion:
        rate = 100 * snapshot.conversion[stage]
        advice.append(f"Then look at the step after {stage}: {rate:.0f} % of those who reached it went on.")
    return " ".join(advice)


def _moves(plan: dict[str, Any]) -> list[str]:
    """The plan's changes above 2 % in words, largest first, and what they should bring."""
    unit = plan["currency"]
    moved = [placed for placed in plan["placements"] if abs(placed["proposed"] - placed["now"]) > 0.02 * placed["now"]]
    moved.sort(key=lambda placed: -abs(placed["proposed"] - placed["now"]))
    said = []
    for verb, up in (("Raise", True), ("Cut", False)):
        parts = [
            f"{placed['name']} from {placed['now']:,.0f} to {placed['proposed']:,.0f} {unit} a week"
            for placed in moved
            if (placed["proposed"] > placed["now"]) == up
        ][:MOVES_NAMED]
        if parts:
            said.append(f"{verb} {' and '.join(parts)}.")
    if not moved:
        return [f"Keep today's split of {plan['total']:,.0f} {unit} a week: no campaign stands out beyond the noise."]
    said.append(
        f"Expected are {plan['uplift']:+,.0f} {unit} of sales a week ({plan['uplift_low']:+,.0f} to "
        f"{plan['uplift_high']:+,.0f})."
    )
    return said
