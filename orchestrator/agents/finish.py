"""Puts the final answer together: what leaves the house, in words, with its citations and what holds it back."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from crm.market.produced import Produced
from orchestrator.agents.contract import AgentContext, AgentResult
from orchestrator.agents.outputs import produced_by
from orchestrator.agents.pricing import cost_of, tokens_of

COMPUTE_MS = 1


class FinalAnswer(BaseModel):
    """`empty` says that nothing was made; `gate_issues` that something was made and must not be sent."""

    kind: str
    title: str
    text: str
    citations: list[str]
    gate_issues: list[str]
    empty: bool


@dataclass(frozen=True)
class Finish:
    name: str = "finish"
    purpose: str = "Ends the episode and hands over what was made."

    def run(self, context: AgentContext) -> AgentResult:
        produced = produced_by(context.work, pack=context.pack, snapshot=context.snapshot)
        title, text, citations = _told(produced, context.snapshot.currency)
        output = FinalAnswer(
            kind=produced.kind,
            title=title,
            text=text,
            citations=citations,
            gate_issues=list(produced.gate_issues),
            empty=not text,
        )
        held = f"; held back: {produced.gate_issues[0]}" if produced.gate_issues else ""
        return AgentResult(
            output, f"{title}{held}"[:300], _quality(output), cost_of(COMPUTE_MS), tokens_of(output, [text])
        )


def _quality(output: FinalAnswer) -> dict[str, float]:
    return {"completeness": 0.0 if output.empty else 0.5 if output.gate_issues else 1.0}


def _told(produced: Produced, currency: str) -> tuple[str, str, list[str]]:
    """Title, text and citations of what was produced, whatever its kind."""
    if produced.emails and produced.kind == "outreach":
        mail = produced.emails[0]
        reach = f" and {len(produced.audience) - 1} like them" if len(produced.audience) > 1 else ""
        return f"E-mail “{mail.subject}” to {mail.prospect_key}{reach}", mail.body, list(mail.citations)
    if produced.copies:
        text = "\n\n".join(f"{copy.headline}\n{copy.body}" for copy in produced.copies)
        cited = dict.fromkeys(citation for copy in produced.copies for citation in copy.citations)
        return f"{len(produced.copies)} ad texts for {produced.copies[0].sku_code}", text, list(cited)
    if produced.report is not None and produced.report.findings:
        lines = [f"{finding.text}." for finding in produced.report.findings]
        if produced.report.recommendation:
            lines.append(produced.report.recommendation)
        cited = dict.fromkeys(finding.citation for finding in produced.report.findings if finding.citation)
        return produced.report.title, "\n".join(lines), list(cited)
    if produced.allocation:
        lines = [f"{key}: {money:,.2f} {currency} a week" for key, money in sorted(produced.allocation.items())]
        cited_spend = [f"campaign:{key}#spend" for key in sorted(produced.allocation)]
        total = sum(produced.allocation.values())
        return (
            f"{total:,.0f} {currency} a week over {len(produced.allocation)} campaigns",
            "\n".join(lines),
            cited_spend,
        )
    return "Nothing was made", "", []
