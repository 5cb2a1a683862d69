"""Holds the figures and citations of an output against the facts of its context. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from crm.privacy.email_law import without_footer
from rlhf.judge.shapes import ContextShape, OutputShape
from rlhf.judge.wording import figure_is_among, figures

UNCITED = 0.5  # worth of a figure that a fact holds which the text does not cite


@dataclass(frozen=True)
class Piece:
    """A text with what it cites. `where` says which one it is, for people."""

    where: str
    text: str
    citations: tuple[str, ...]


@dataclass
class Evidence:
    """Counts of one output: figures by how well they are backed, citations by whether they lead anywhere."""

    backed: int = 0
    uncited: int = 0
    wrong: list[str] = field(default_factory=list)
    cited: int = 0
    lost: list[str] = field(default_factory=list)

    @property
    def checked(self) -> int:
        return self.backed + self.uncited + len(self.wrong) + self.cited + len(self.lost)

    @property
    def accuracy(self) -> float | None:
        """0.7 for figures, 0.3 for citations, in [0, 1]; None where there is neither."""
        numbers = self.backed + self.uncited + len(self.wrong)
        sources = self.cited + len(self.lost)
        shares: list[tuple[float, float]] = []
        if numbers:
            shares.append((0.7, (self.backed + UNCITED * self.uncited) / numbers))
        if sources:
            shares.append((0.3, self.cited / sources))
        return sum(weight * share for weight, share in shares) / sum(w for w, _ in shares) if shares else None


def pieces_of(output: OutputShape) -> list[Piece]:
    """Every text of the output; the legal footer of an e-mail states nothing and is left out."""
    made = [
        Piece(f"e-mail to {mail.prospect_key}", f"{mail.subject}.\n{without_footer(mail.body)}", tuple(mail.citations))
        for mail in output.emails
    ]
    made += [
        Piece(f"variant {number}", f"{copy.headline}.\n{copy.body}", tuple(copy.citations))
        for number, copy in enumerate(output.copies, start=1)
    ]
    if output.report is not None:
        made += [
            Piece(f"finding {number}", finding.text, (finding.citation,) if finding.citation else ())
            for number, finding in enumerate(output.report.findings, start=1)
        ]
        if output.report.recommendation:
            made.append(Piece("recommendation", output.report.recommendation, ()))
    if output.answer.strip():
        made.append(Piece("answer", output.answer, ()))
    made += [
        Piece(f"text of widget {number}", widget.text, ())
        for number, widget in enumerate(output.widgets)
        if widget.text.strip()
    ]
    return made


def check(output: OutputShape, context: ContextShape, pieces: Iterable[Piece]) -> Evidence:
    """Every figure and every citation of the pieces, looked up again."""
    evidence = Evidence()
    everywhere = [number for text in context.facts.values() for number in figures(text)]
    everywhere += [number for numbers in context.values.values() for number in numbers]
    names = sorted(_names(context), key=len, reverse=True)
    planned = _plan_figures(output)
    for piece in pieces:
        known = [number for citation in piece.citations for number in _figures_of(citation, context)]
        text = piece.text
        for name in names:
            text = text.replace(name, " ")
        # A derived finding stands beside the fact it cites; the recommendation speaks for the plan and all findings.
        whole = piece.where in ("recommendation", "answer") or piece.where.startswith(("finding", "text of widget"))
        if output.kind == "dashboard" and not everywhere:
            continue  # nothing was handed over to hold its figures against
        for number in figures(text):
            if figure_is_among(number, known) or (whole and figure_is_among(number, [*planned, *everywhere])):
                evidence.backed += 1
            elif figure_is_among(number, everywhere):
                evidence.uncited += 1
            else:
                evidence.wrong.append(f"{number:g} in {piece.where}")
        for citation in piece.citations:
            if citation in context.facts:
                evidence.cited += 1
            else:
                evidence.lost.append(citation)
    _check_values(output, context, evidence)
    return evidence


def _check_values(output: OutputShape, context: ContextShape, evidence: Evidence) -> None:
    """A finding's own value must be a figure of its text, its fact, or of what is derived from the same source."""
    for number, finding in enumerate(output.report.findings if output.report else [], start=1):
        if finding.value is None:
            continue
        source = finding.citation.partition("#")[0]
        related = [value for key, values in context.values.items() if key.startswith(source) for value in values]
        known = [*figures(finding.text), *_figures_of(finding.citation, context), *related]
        if figure_is_among(finding.value, known):
            evidence.backed += 1
        elif finding.citation:
            evidence.wrong.append(f"value {finding.value:g} of finding {number}")


def _figures_of(citation: str, context: ContextShape) -> list[float]:
    return [*figures(context.facts.get(citation, "")), *context.values.get(citation, ())]


def _names(context: ContextShape) -> set[str]:
    """Words that may hold digits without stating anything."""
    found = {*context.products.values(), *context.products, context.brand}
    found |= {word for campaign in context.campaigns for word in (campaign.name, campaign.external_id)}
    if context.prospect:
        found |= {str(context.prospect.get(name) or "") for name in ("name", "company", "key")}
    return {name for name in found if name}


def _plan_figures(output: OutputShape) -> list[float]:
    plan = output.plan
    if plan is None:
        return []
    found = [plan.total, plan.uplift, plan.uplift_low, plan.uplift_high, plan.expected, plan.expected_now]
    found.append(plan.next_one_brings)
    for placed in plan.placements:
        found += [placed.now, placed.proposed, placed.proposed - placed.now]
    return found


def plan_errors(output: OutputShape, context: ContextShape) -> list[str]:
    """Arithmetic of an allocation done again: total, today's spend, uplift, campaigns that exist."""
    wrong: list[str] = []
    known = {campaign.external_id: campaign for campaign in context.campaigns}
    strange = [key for key in output.allocation if key not in known]
    if strange:
        wrong.append(f"{strange[0]} is not a campaign of the brand")
    if any(money < 0 for money in output.allocation.values()):
        wrong.append("an amount is below 0")
    plan = output.plan
    if plan is None:
        return wrong
    if abs(sum(output.allocation.values()) - plan.total) > 0.01 * max(plan.total, 1.0):
        wrong.append(f"the parts are {sum(output.allocation.values()):,.0f}, the total says {plan.total:,.0f}")
    if abs(plan.expected - plan.expected_now - plan.uplift) > 0.02 * max(abs(plan.uplift), 1.0):
        wrong.append("the uplift is not the difference of the expected sales")
    for placed in plan.placements:
        campaign = known.get(placed.external_id)
        if campaign and abs(placed.now - campaign.spend_per_week) > 0.01 * max(campaign.spend_per_week, 1.0):
            wrong.append(f"{placed.name} spends {campaign.spend_per_week:,.0f} a week, the plan says {placed.now:,.0f}")
    return wrong
