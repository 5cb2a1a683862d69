"""Looks at the newest texts first: personal data, limits of ad copy, claims, what the law asks of an e-mail, and
whether its reader may be written to at all.

Where a repair is mechanical it makes it and checks the result again; what is left is listed with its span. It also
holds a budget against its own bounds. It never writes: a sentence that is wrong needs a new draft.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from crm.privacy import BLOCKING, Issue, check_copy, check_email, rules_for
from crm.privacy.email_law import footer, without_footer
from crm.privacy.issues import repaired
from crm.snapshot import BrandSnapshot
from orchestrator.agents.contract import AgentContext, AgentResult
from orchestrator.agents.findings import products_of
from orchestrator.agents.pricing import cost_of, tokens_of

COMPUTE_MS = 2
FOOTER_CODES = ("address_missing", "opt_out_missing", "advertising_unmarked")


class FoundIssue(BaseModel):
    """`text` is what stands at the span; `repaired` whether the checked text no longer has it."""

    code: str
    message: str
    severity: str
    where: str
    field: str
    start: int
    end: int
    text: str
    repaired: bool


class CheckedEmail(BaseModel):
    prospect_key: str
    sku_code: str = ""
    subject: str
    body: str
    citations: list[str]
    blocked_by: list[str] = []


class CheckedCopy(BaseModel):
    sku_code: str
    headline: str
    body: str
    citations: list[str]
    blocked_by: list[str] = []


class Review(BaseModel):
    """`reviewed` counts the drafts on the bench when governance looked: a newer draft is unchecked again."""

    emails: list[CheckedEmail] = []
    copies: list[CheckedCopy] = []
    issues: list[FoundIssue] = []
    reviewed: dict[str, int] = {}
    repairs: int = 0
    blocking: int = 0
    checked_texts: int = 0


@dataclass(frozen=True)
class Governance:
    name: str = "governance"
    purpose: str = "Checks texts for personal data, ad limits and e-mail law, and repairs what can be repaired."

    def run(self, context: AgentContext) -> AgentResult:
        work = context.work
        output = Review(reviewed={name: len(work.all(name)) for name in ("outreach", "creative", "budget")})
        email, copies, plan = work.latest("outreach"), work.latest("creative"), work.latest("budget")
        if email and email["subject"]:
            _review_email(output, email, context.snapshot)
        for position, variant in enumerate((copies or {}).get("variants", ()), start=1):
            _review_copy(output, variant, position, copies or {}, context.snapshot)
        if plan:
            _review_plan(output, plan)
        left = [issue for issue in output.issues if not issue.repaired]
        output.blocking = sum(issue.severity == BLOCKING for issue in left)
        output.repairs = len(output.issues) - len(left)
        quality: dict[str, float] = {}
        if output.checked_texts:
            weight = sum(1.0 if issue.severity == BLOCKING else 0.25 for issue in left)
            quality["compliance"] = max(0.0, 1 - weight / output.checked_texts)
        read = [text for checked in output.emails for text in (checked.subject, checked.body)]
        read += [text for checked in output.copies for text in (checked.headline, checked.body)]
        return AgentResult(output, _summary(output, left), quality, cost_of(COMPUTE_MS), tokens_of(output, read))


def _review_email(output: Review, email: dict[str, Any], snapshot: BrandSnapshot) -> None:
    subject, body = email["subject"], email["body"]
    proofs, names = _proofs(snapshot, email["citations"]), _names(snapshot)

    def check(title: str, text: str) -> tuple[Issue, ...]:
        return barred_issues(email["prospect_key"], snapshot) + check_email(
            title,
            text,
            brand_name=snapshot.brand_name,
            postal_address=snapshot.postal_address,
            proofs=proofs,
            names=names,
        )

    before = check(subject, body)
    subject = repaired(subject, before, "subject")
    under = body[len(without_footer(body)) :]
    body = repaired(without_footer(body), before, "body") + under
    if any(issue.code in FOOTER_CODES for issue in before) and snapshot.postal_address:
        body = without_footer(body) + footer(snapshot.brand_name, snapshot.postal_address)
    after = check(subject, body)
    _note(output, before, after, {"subject": email["subject"], "body": email["body"]}, "e-mail")
    output.emails.append(
        CheckedEmail(
            prospect_key=email["prospect_key"],
            sku_code=email.get("sku_code", ""),
            subject=subject,
            body=body,
            citations=email["citations"],
            blocked_by=_blocking(after),
        )
    )


def barred_issues(prospect_key: str, snapshot: BrandSnapshot) -> tuple[Issue, ...]:
    """That this person must not be written to: no new draft repairs it."""
    prospect = snapshot.prospect
    if prospect is None or prospect.key != prospect_key or not prospect.barred:
        return ()
    return (Issue("not_allowed", prospect.barred, BLOCKING, "body"),)


def _review_copy(
    output: Review, variant: dict[str, Any], position: int, whole: dict[str, Any], snapshot: BrandSnapshot
) -> None:
    rules = rules_for(whole.get("retailer", "")).at(whole.get("placement", "ad"))
    proofs, names = _proofs(snapshot, variant["citations"]), _names(snapshot)
    headline, body = variant["headline"], variant["body"]
    before = check_copy(headline, body, rules, proofs=proofs, names=names)
    headline, body = repaired(headline, before, "headline"), repaired(body, before, "body")
    after = check_copy(headline, body, rules, proofs=proofs, names=names)
    _note(output, before, after, variant, f"variant {position}")
    output.copies.append(
        CheckedCopy(
            sku_code=whole["sku_code"],
            headline=headline,
            body=body,
            citations=variant["citations"],
            blocked_by=_blocking(after),
        )
    )


def _review_plan(output: Review, plan: dict[str, Any]) -> None:
    """A plan keeps its bounds and its total; a campaign that loses more than half is named for a person."""
    output.checked_texts += 1
    for placed in plan["placements"]:
        where = placed["external_id"]
        if not placed["at_least"] - 0.01 <= placed["proposed"] <= placed["at_most"] + 0.01:
            message = f"{placed['name']} is placed at {placed['proposed']:,.0f}, outside its bounds"
            output.issues.append(_plain("bound_broken", message, BLOCKING, where))
        elif placed["proposed"] < 0.5 * placed["now"]:
            message = f"{placed['name']} loses more than half of its {placed['now']:,.0f} a week"
            output.issues.append(_plain("deep_cut", message, "warning", where))
    if plan["placements"] and abs(sum(plan["allocation"].values()) - plan["total"]) > 0.05:
        output.issues.append(_plain("total_broken", "the parts do not add up to the total", BLOCKING, "total"))


def _plain(code: str, message: str, severity: str, where: str) -> FoundIssue:
    return FoundIssue(
        code=code, message=message, severity=severity, where=where, field="", start=0, end=0, text="", repaired=False
    )


def _note(
    output: Review, before: tuple[Issue, ...], after: tuple[Issue, ...], texts: dict[str, Any], where: str
) -> None:
    """Issues of the draft, each marked repaired where the checked text has none of its kind left in that field."""
    output.checked_texts += 1
    left = {(issue.code, issue.field, issue.message) for issue in after}
    fresh = [issue for issue in after if (issue.code, issue.field, issue.message) not in {_key(i) for i in before}]
    for issue in (*before, *fresh):
        output.issues.append(
            FoundIssue(
                code=issue.code,
                message=issue.message,
                severity=issue.severity,
                where=where,
                field=issue.field,
                start=issue.start,
                end=issue.end,
                text=str(texts[issue.field])[issue.start : issue.end] if issue in before else "",
                repaired=_key(issue) not in left,
            )
        )


def _key(issue: Issue) -> tuple[str, str, str]:
    return (issue.code, issue.field, issue.message)


def _blocking(issues: tuple[Issue, ...]) -> list[str]:
    return list(dict.fromkeys(issue.message for issue in issues if issue.severity == BLOCKING))


def _proofs(snapshot: BrandSnapshot, citations: list[str]) -> tuple[str, ...]:
    found = [snapshot.fact(fact_id) for fact_id in citations]
    return tuple(fact.text for fact in found if fact is not None and fact.kind == "proof")


def _names(snapshot: BrandSnapshot) -> tuple[str, ...]:
    return (snapshot.brand_name, *(sku.name for sku in products_of(snapshot)))


def _summary(output: Review, left: list[FoundIssue]) -> str:
    if not output.checked_texts:
        return "Nothing to check yet: no text and no plan on the bench"
    head = f"{output.checked_texts} checked, {len(output.issues)} issues, {output.repairs} repaired"
    blocking = [issue for issue in left if issue.severity == BLOCKING]
    return f"{head}; blocked: {blocking[0].where}, {blocking[0].message}"[:300] if blocking else f"{head}, none blocks"
