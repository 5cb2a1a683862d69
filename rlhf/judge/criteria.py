"""The six criteria of the rubric judge, each a number in [0, 1] with notes on why; None where nothing can be said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

from crm.privacy import BLOCKING, check_copy, check_email, find_personal_data, rules_for
from crm.privacy.adcopy import check_text
from crm.privacy.email_law import without_footer
from rlhf.judge.evidence import Evidence, Piece, plan_errors
from rlhf.judge.shapes import ContextShape, OutputShape, RubricShape
from rlhf.judge.wording import covered, figures, likeness, overlap, reading_ease, sentences, stems, words

Check = Callable[
    [OutputShape, ContextShape, str, list[Piece], Evidence, RubricShape, "Notes"],
    float | None,
]
LONG_SENTENCE = 22
MOVEMENT = re.compile(r"% a week|(?:above|below) the mean")
TWICE = 0.7  # likeness from which two sentences say the same


@dataclass
class Notes:
    """What was seen on the way, for people."""

    strengths: list[str] = field(default_factory=list)
    issues: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    by_name: dict[str, list[str]] = field(default_factory=dict)
    blocked: bool = False

    def issue(self, criterion: str, text: str, suggestion: str = "") -> None:
        if text not in self.issues:
            self.issues.append(text)
        self.by_name.setdefault(criterion, []).append(text)
        if suggestion and suggestion not in self.suggestions:
            self.suggestions.append(suggestion)


def accuracy(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Figures and citations that hold; for an allocation the arithmetic, done again."""
    for wrong in evidence.wrong[:3]:
        notes.issue("accuracy", f"{wrong} stands in no fact", "leave out figures that no fact holds")
    for lost in evidence.lost[:3]:
        notes.issue("accuracy", f"the citation {lost} leads nowhere", "cite facts that exist")
    if evidence.uncited:
        notes.issue("accuracy", f"{evidence.uncited} figures lack their citation", "cite the fact behind each figure")
    if evidence.backed and not evidence.wrong:
        notes.strengths.append(f"all {evidence.backed + evidence.uncited} figures stand in facts")
    held = evidence.accuracy
    if output.allocation:
        errors = plan_errors(output, context)
        for error in errors:
            notes.issue("accuracy", error)
        sums = max(0.0, 1 - len(errors) / 3)
        return sums if held is None else (sums + held) / 2
    if held is None:
        notes.issue("accuracy", "it states nothing that could be checked", "state facts and cite them")
    return held


def completeness(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Share of the parts that this kind of output has to have."""
    parts = PARTS[output.kind](output, context, rubric.wants)
    for name, there in parts.items():
        if there < 1:
            notes.issue("completeness", f"{name} {'is missing' if there == 0 else 'falls short'}", f"add {name}")
    if all(there == 1 for there in parts.values()):
        notes.strengths.append("nothing is missing")
    return sum(parts.values()) / len(parts)


def _email_parts(output: OutputShape, context: ContextShape, wants: dict[str, int]) -> dict[str, float]:
    mail = output.emails[0] if output.emails else None
    if mail is None:
        return {"an e-mail": 0.0}
    text = without_footer(mail.body)
    first = str((context.prospect or {}).get("name") or "").split(" ")[0]
    return {
        "a greeting by name": float(bool(first) and first in text.split("\n", 1)[0]),
        "cited facts": min(1.0, len(set(mail.citations)) / wants.get("claims", 3)),
        "a second source": min(1.0, len({_source(c) for c in mail.citations}) / wants.get("sources", 2)),
        "one question": 1.0 if text.count("?") == 1 else 0.5 if text.count("?") == 2 else 0.0,
        "the sender": float(bool(context.brand) and context.brand in text),
        "a subject": float(bool(mail.subject.strip())),
    }


def _copy_parts(output: OutputShape, context: ContextShape, wants: dict[str, int]) -> dict[str, float]:
    copies = output.copies
    if not copies:
        return {"a text": 0.0}
    cited = [min(1.0, len(set(copy.citations)) / wants.get("claims", 2)) for copy in copies]
    return {
        "enough variants": min(1.0, len(copies) / wants.get("variants", 3)),
        "headline and body": sum(bool(c.headline.strip() and c.body.strip()) for c in copies) / len(copies),
        "cited facts": sum(cited) / len(cited),
    }


def _report_parts(output: OutputShape, context: ContextShape, wants: dict[str, int]) -> dict[str, float]:
    report = output.report
    if report is None:
        return {"findings": 0.0, "a recommendation": 0.0}
    sources = {_source(finding.citation) for finding in report.findings if finding.citation}
    return {
        "findings": min(1.0, len(report.findings) / wants.get("findings", 5)),
        "different sources": min(1.0, len(sources) / wants.get("sources", 3)),
        "intervals": float(any("interval" in finding.text or " to " in finding.text for finding in report.findings)),
        "movements": float(any(MOVEMENT.search(finding.text) for finding in report.findings)),
        "a recommendation": float(bool(report.recommendation.strip())),
    }


def _source(citation: str) -> str:
    """What kind of thing is cited: sku, campaign, prospect, sales, funnel, audience."""
    return citation.partition(":")[0].partition("#")[0]


def _plan_parts(output: OutputShape, context: ContextShape, wants: dict[str, int]) -> dict[str, float]:
    spending = [campaign.external_id for campaign in context.campaigns if campaign.spend_per_week > 0]
    placed = sum(key in output.allocation for key in spending)
    plan = output.plan
    return {
        "an amount for every campaign": placed / len(spending) if spending else float(bool(output.allocation)),
        "an expected uplift with interval": float(plan is not None and plan.uplift_high > plan.uplift_low),
        "an uplift that is surely above 0": float(plan is not None and plan.uplift_low > 0),
        "marginal returns": float(plan is not None and bool(plan.placements)),
    }


def _budget_parts(output: OutputShape, context: ContextShape, wants: dict[str, int]) -> dict[str, float]:
    found = len(output.report.findings) if output.report else 0
    return {**_plan_parts(output, context, wants), "reasons": min(1.0, found / wants.get("findings", 3))}


def _planning_parts(output: OutputShape, context: ContextShape, wants: dict[str, int]) -> dict[str, float]:
    return {
        **_report_parts(output, context, wants),
        "an allocation": float(bool(output.allocation)),
        "whom to reach": float(bool(output.audience)),
        "a first message": float(bool(output.emails or output.copies)),
    }


PARTS: dict[str, Callable[[OutputShape, ContextShape, dict[str, int]], dict[str, float]]] = {
    "outreach": _email_parts,
    "creative": _copy_parts,
    "measurement": _report_parts,
    "planning": _planning_parts,
    "budget": _budget_parts,
}


def coherence(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """No repetition (0.4), a fitting length (0.3), sentences that can be read once (0.3); money moves the right way."""
    if not pieces:
        return _direction(output, notes)
    grouped = [pieces] if output.report is not None else [[piece] for piece in pieces]
    fresh, lengths, eases = [], [], []
    for group in grouped:
        text = "\n".join(piece.text for piece in group)
        said = sentences(text)
        pairs = list(combinations(said, 2))
        repeated = sum(same_thing(one, other) for one, other in pairs)
        fresh.append(1 - min(1.0, repeated / max(len(said) - 1, 1)))
        ideal = rubric.words.get(context.placement, rubric.words["ideal"])
        log = math.log(max(len(words(text)), 1) / ideal) / rubric.words["spread"]
        lengths.append(math.exp(-(log**2) / 2))
        eases.append(reading_ease(text))
    values = [sum(part) / len(part) for part in (fresh, lengths, eases)]
    if values[0] < 0.8:
        notes.issue("coherence", "it says the same thing twice", "say each thing once")
    if values[1] < 0.6:
        many = round(sum(len(words(piece.text)) for piece in pieces) / len(grouped))
        notes.issue("coherence", f"{many} words where {ideal:.0f} are usual", "come closer to that length")
    if output.copies and len(output.copies) > 1:
        alike = max(likeness(one.headline, other.headline) for one, other in combinations(output.copies, 2))
        values[0] = min(values[0], 1 - max(0.0, alike - 0.5))
    base = 0.4 * values[0] + 0.3 * values[1] + 0.3 * values[2]
    direction = _direction(output, notes)
    return base if direction is None else (base + direction) / 2


def same_thing(one: str, other: str) -> bool:
    """Word for word the same, or nearly the same words with the same figures."""
    if one.casefold() == other.casefold():
        return True
    return len(stems(one)) > 2 and likeness(one, other) >= TWICE and figures(one) == figures(other)


def _direction(output: OutputShape, notes: Notes) -> float | None:
    """Share of moved money that goes from lower to higher marginal returns."""
    plan = output.plan
    moved = [placed for placed in plan.placements if abs(placed.proposed - placed.now) > 0.5] if plan else []
    if len(moved) < 2:
        return None
    up = [placed for placed in moved if placed.proposed > placed.now]
    down = [placed for placed in moved if placed.proposed <= placed.now]
    if not up or not down:
        return None
    right = sum(gains.marginal_now >= loses.marginal_now for gains in up for loses in down) / (len(up) * len(down))
    if right < 1:
        notes.issue("coherence", "money goes to a campaign where the next unit brings less", "follow marginal returns")
    else:
        notes.strengths.append("money moves towards higher marginal returns")
    return right


def relevance(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """Whether it is about what was asked: the prospect's need, the product, the campaigns that take the money."""
    text = "\n".join(piece.text for piece in pieces)
    shares: list[float] = []
    if output.emails and context.prospect and output.kind == "outreach":
        need, company = str(context.prospect.get("need") or ""), str(context.prospect.get("company") or "")
        if need:
            shares.append(min(1.0, 1.25 * covered(need, text)))
            if shares[-1] < 0.5:
                notes.issue("relevance", f"it does not speak to the need “{need}”", "start from what they look for")
            else:
                notes.strengths.append(f"it speaks to the need “{need}”")
        if company:
            shares.append(float(company in text))
    if output.copies:
        wanted = context.product or output.copies[0].sku_code
        name = context.products.get(wanted, "")
        own = [fact for key, fact in context.facts.items() if key.startswith(f"sku:{wanted}#")]
        about = [
            max(
                [covered(name, f"{copy.headline} {copy.body}"), *(overlap(fact, copy.body) for fact in own)],
                default=0.0,
            )
            for copy in output.copies
        ]
        shares.append(sum(about) / len(about))
        wish = context.facts.get("shoppers#need", "").partition(" look for ")[2]
        if wish:
            shares.append(max(covered(wish, f"{copy.headline} {copy.body}") for copy in output.copies))
            if shares[-1] < 0.5:
                notes.issue("relevance", f"it leaves out what most look for, {wish}", "start from what people look for")
    if output.report is not None or output.allocation:
        shares.append(_money_covered(output, context, text))
        if shares[-1] < 0.5:
            notes.issue("relevance", "it leaves out the campaigns that take most of the money", "deal with those first")
    if stems(request) and pieces and request.strip() != context.goal.strip():  # a pack's goal is nobody's question
        shares.append(min(1.0, 2 * overlap(request, text)))
    return sum(shares) / len(shares) if shares else None


def _money_covered(output: OutputShape, context: ContextShape, text: str) -> float:
    total = sum(campaign.spend_per_week for campaign in context.campaigns)
    if total <= 0:
        return 0.5
    spoken = [c for c in context.campaigns if c.name in text or c.external_id in output.allocation]
    return sum(campaign.spend_per_week for campaign in spoken) / total


def brand_fit(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """No hype (0.5), sentences of at most 22 words (0.3), the brand named where it writes to somebody (0.2)."""
    if not pieces:
        return None
    text = "\n".join(piece.text for piece in pieces)
    names = tuple(context.products.values())
    loud = [
        issue
        for issue in check_text(text, "text", rules_for(""), names=names)
        if issue.code in ("superlative", "capitals", "exclamation", "forbidden_claim")
    ]
    said = sentences(text)
    long = sum(len(words(one)) > LONG_SENTENCE for one in said) / max(len(said), 1)
    named = float(not output.emails or (bool(context.brand) and context.brand in text))
    if loud:
        notes.issue("brand_fit", loud[0].message, "use plain words")
    return 0.5 * max(0.0, 1 - len(loud) / 3) + 0.3 * (1 - long) + 0.2 * named


def compliance(
    output: OutputShape,
    context: ContextShape,
    request: str,
    pieces: list[Piece],
    evidence: Evidence,
    rubric: RubricShape,
    notes: Notes,
) -> float | None:
    """1 − 0.5 per blocking and 0.1 per other issue of a text, mean over texts; a blocked e-mail blocks the whole."""
    names = (context.brand, *context.products.values())
    values: list[float] = []
    for mail in output.emails:
        proofs = tuple(context.facts.get(citation, "") for citation in mail.citations)
        found = check_email(
            mail.subject,
            mail.body,
            brand_name=context.brand,
            postal_address=context.postal_address,
            proofs=proofs,
            names=names,
        )
        stops = [issue for issue in found if issue.severity == BLOCKING]
        notes.blocked = notes.blocked or bool(stops)
        values.append(1 - 0.5 * len(stops) - 0.1 * (len(found) - len(stops)))
        for issue in [*stops, *(one for one in found if one.severity != BLOCKING)]:
            notes.issue("compliance", issue.message, "let governance look at the text before it goes out")
    for copy in output.copies:
        proofs = tuple(context.facts.get(citation, "") for citation in copy.citations)
        found = check_copy(copy.headline, copy.body, rules_for("").at(context.placement), proofs=proofs, names=names)
        stops = [issue for issue in found if issue.severity == BLOCKING]
        values.append(1 - 0.5 * len(stops) - 0.1 * (len(found) - len(stops)))
        for issue in found[:2]:
            notes.issue("compliance", issue.message, "keep to the limits of the retailer")
    for piece in pieces if not values else ():
        leaks = find_personal_data(piece.text)
        values.append(1.0 - 0.5 * len(leaks))
        if leaks:
            notes.blocked = True
            notes.issue("compliance", f"{leaks[0].kind} of a person in {piece.where}", "leave personal data out")
    for gate in output.gate_issues:
        if gate not in notes.issues:
            notes.issue("compliance", gate)
        values.append(0.0)
    if output.plan is not None:
        loose = [p for p in output.plan.placements if not p.at_least - 0.02 <= p.proposed <= p.at_most + 0.02]
        values.append(float(not loose))
        if loose:
            notes.issue("compliance", f"{loose[0].name} is placed outside its bounds")
    if values and min(values) >= 1:
        notes.strengths.append("no rule is broken")
    return sum(max(value, 0.0) for value in values) / len(values) if values else None


CHECKS: dict[str, Check] = {
    "accuracy": accuracy,
    "completeness": completeness,
    "coherence": coherence,
    "relevance": relevance,
    "brand_fit": brand_fit,
    "compliance": compliance,
}
