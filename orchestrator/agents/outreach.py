"""Drafts one e-mail to one prospect out of facts, each stating sentence with the id of the fact behind it.

What it can say depends on the bench: alone it has the product's facts; after `insight` it knows what the prospect looks
for, which statements meet that and what is sold; a later draft avoids what governance refused, writes the legal footer
that governance asked for, and leans on the dimension that `reflect` found weakest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from crm.privacy.email_law import footer, without_footer
from crm.snapshot import Fact, ProductFact, ProspectBrief
from orchestrator.agents.contract import AgentContext, AgentResult
from orchestrator.agents.findings import bought_before, wish_of
from orchestrator.agents.grammar import (
    FIRST,
    LATER,
    Claim,
    Draft,
    clause,
    focus_of,
    inner,
    length_fit,
    may_stay,
    open_issues,
    ordered_facts,
    pick,
    product_for,
    ranked,
    readability,
    scored,
    sentence,
    specificity,
    spoken_facts,
    weights_with_focus,
)
from orchestrator.agents.pricing import cost_of, tokens_of
from rlhf.judge.wording import covered, words

COMPUTE_MS = 4
IDEAL_WORDS, SPREAD = 75.0, 0.6
SUBJECT_MAX = 60
WEIGHTS = {"fit": 0.35, "specificity": 0.2, "readability": 0.2, "evidence": 0.15, "length": 0.1}
# Ways to bring a statement; the name of the product stands in the opening already.
LEADS = ("{F}", "{F}", "Another thing to know: {f}", "Also: {f}")
LEGAL = ("address_missing", "opt_out_missing", "advertising_unmarked")
FORMAL = re.compile(r"formal|expert|precise|profession|serious|sober", re.IGNORECASE)

# What is asked of someone at this stage of the funnel; {product} and {who} are filled in.
ASKS: dict[str, tuple[str, ...]] = {
    "prospect": ("Would {product} be worth a closer look for {who}?", "May I send {who} a sample of {product}?"),
    "engaged": ("Shall we go through what {product} would do for {who}?", "Which day suits a short call on {product}?"),
    "qualified": ("May I send {who} an offer for {product}?", "What would an order of {product} have to include?"),
    "proposal": (
        "Which point of our offer for {product} should we change?",
        "What is still open before {who} decides?",
    ),
    "purchased": ("How has {product} worked for {who} so far?", "When does {who} need {product} again?"),
    "lost": ("Would a second look at {product} make sense for {who}?", "What kept {who} from {product}?"),
}


class EmailAlternative(BaseModel):
    subject: str
    body: str
    score: float


class EmailDraft(BaseModel):
    """The best candidate and the two behind it. `body` has a legal footer only where `has_footer`."""

    prospect_key: str
    sku_code: str = ""
    subject: str
    body: str
    citations: list[str]
    claims: list[Claim]
    alternatives: list[EmailAlternative] = []
    candidates: int = 0
    used_insight: bool = False
    has_footer: bool = False
    draft: int = 1
    missing: list[str] = []


@dataclass(frozen=True)
class Material:
    """What this draft may use."""

    prospect: ProspectBrief
    product: ProductFact
    facts: tuple[Fact, ...]
    wish: str
    about: tuple[Claim, ...]
    counted: tuple[Claim, ...]
    greeting: str
    closing: str
    brand: str

    @property
    def who(self) -> str:
        return self.prospect.company or "you"


@dataclass(frozen=True)
class Outreach:
    name: str = "outreach"
    purpose: str = "Drafts an e-mail to one prospect; every statement in it cites a fact."

    def run(self, context: AgentContext) -> AgentResult:
        earlier = context.work.all("outreach")
        material, missing = _material(context)
        if material is None:
            empty = EmailDraft(
                prospect_key="", subject="", body="", citations=[], claims=[], draft=len(earlier) + 1, missing=missing
            )
            lack = f"No draft: {', '.join(missing)} missing"
            return AgentResult(empty, lack, {"coverage": 0.0}, cost_of(0), tokens_of(empty, ()))
        weights = weights_with_focus(WEIGHTS, focus_of(context.work))
        drafts = ranked(
            lambda rng: _compose(material, rng),
            lambda draft: _score(draft, material, weights),
            seed=context.seed + 7919 * len(earlier),  # another draw even where the seed stays
            count=LATER if earlier else FIRST,
            earlier=[draft for draft in map(_draft_of, earlier) if may_stay(draft, context.work)],
        )
        if not drafts:  # few facts: everything that can be said was said
            drafts = [_score(_compose(material, np.random.default_rng(context.seed)), material, weights)]
        return _result(context, material, drafts, missing, len(earlier) + 1)


def _material(context: AgentContext) -> tuple[Material | None, list[str]]:
    """What can be written with, and the names of what is missing."""
    snapshot, work = context.snapshot, context.work
    product, prospect = product_for(context), snapshot.prospect
    missing = []
    if prospect is None:
        missing.append("prospect")
    if product is None:
        missing.append("product")
    if prospect is None or product is None:
        return None, missing
    if not spoken_facts(product):
        missing.append("product facts")
    insight = work.latest("insight")
    wish = wish_of(prospect) if insight else ""
    if insight and not wish:
        missing.append("need of the prospect")
    formal = bool(FORMAL.search(snapshot.voice))
    # A name with digits is a number in somebody's list, not what a person is called.
    named = bool(prospect.name.strip()) and not any(sign.isdigit() for sign in prospect.name)
    first = f" {prospect.name.split()[0]}" if named else ""
    counted: list[Claim] = []
    if insight and snapshot.recent_sales.count:
        text = f"{snapshot.recent_sales.count:,} orders came in over the last twelve months."
        counted.append(Claim(sentence=text, citation="sales#year"))
    about = _known_about(prospect, wish) if insight else ()
    material = Material(
        prospect=prospect,
        product=product,
        facts=tuple(ordered_facts(product, work)),
        wish=wish,
        about=about,
        counted=tuple(counted),
        greeting=f"{'Dear' if formal and first else 'Hello'}{first},",
        closing="Kind regards," if formal else "Warm regards,",
        brand=snapshot.brand_name,
    )
    return material, missing


def _draft_of(output: dict[str, Any]) -> Draft:
    """An earlier draft as a candidate again, without its footer."""
    claims = tuple(Claim(**claim) for claim in output["claims"])
    return Draft(output["subject"], without_footer(output["body"]), claims)


def _known_about(prospect: ProspectBrief, wish: str) -> tuple[Claim, ...]:
    """What may be said to prospects about themselves: what they look for and bought, nothing that we watched."""
    made = [
        Claim(sentence=sentence(f"You look for {inner(wish)}"), citation=fact.id)
        for fact in prospect.facts
        if fact.kind == "need" and wish
    ]
    made += [
        Claim(sentence=sentence(f"You {inner(fact.text)}"), citation=fact.id)
        for fact in prospect.facts
        if fact.kind == "history" and fact.text.startswith("Bought")
    ]
    made += [
        Claim(sentence=sentence(f"You bought {inner(bought)} before"), citation=fact.id)
        for fact, bought in bought_before(prospect)
    ]
    return tuple(made)


def _compose(material: Material, rng: np.random.Generator) -> Draft:
    """One candidate: greeting, why I write, two or three statements, what is sold, one question, sender."""
    name = material.product.name
    claims: list[Claim] = []
    for_whom = f" for {material.prospect.company}" if material.prospect.company else ""
    opening = f"I am writing from {material.brand} about {name}{for_whom}."
    if material.about:
        claims.append(pick(rng, material.about))
    pool = list(material.facts)
    wanted = min(len(pool), 1 + int(rng.integers(1, 3)))
    head = pool[: max(wanted + 1, 3)]  # the ones that meet the need stand first
    for index in sorted(int(i) for i in rng.permutation(len(head))[:wanted]):
        fact = head[index]
        opens = not any(claim.citation.startswith("sku:") for claim in claims)
        said = fact.text if opens else pick(rng, LEADS).format(F=fact.text, f=inner(fact.text))
        claims.append(Claim(sentence=sentence(said), citation=fact.id))
    if material.counted and rng.random() < 0.6:
        claims.append(pick(rng, material.counted))
    ask = pick(rng, ASKS.get(material.prospect.stage, ASKS["prospect"])).format(product=name, who=material.who)
    known_part = [claim.sentence for claim in claims if claim.citation.startswith("prospect:")]
    stated = [claim.sentence for claim in claims if not claim.citation.startswith("prospect:")]
    lines = [material.greeting, " ".join([*known_part, opening]), " ".join(stated), ask]
    body = "\n\n".join(line for line in lines if line) + f"\n\n{material.closing}\n{material.brand}"
    return Draft(_subject(material, claims, rng), body, tuple(claims))


def _subject(material: Material, claims: list[Claim], rng: np.random.Generator) -> str:
    name, who = material.product.name, material.prospect.company
    options = [f"{name} for {who}" if who else f"About {name}"]
    if material.wish:
        short = clause(inner(material.wish), SUBJECT_MAX - len(name) - 2)
        options += [f"{name}: {short}"] if short else []
    stated = [fact for fact in material.facts if any(claim.citation == fact.id for claim in claims)]
    for fact in stated[:1]:
        short = clause(inner(fact.text), SUBJECT_MAX)
        options += [sentence(short).rstrip(".")] if short else []
    fitting = [option for option in options if len(option) <= SUBJECT_MAX]
    return pick(rng, fitting or [clause(name, SUBJECT_MAX) or name[:SUBJECT_MAX].rstrip()])


def _score(draft: Draft, material: Material, weights: dict[str, float]) -> Draft:
    kinds = {claim.citation.partition(":")[0].partition("#")[0] for claim in draft.claims}
    stating = [claim for claim in draft.claims if not claim.citation.startswith("prospect:")]
    scores = {
        "specificity": specificity(f"{draft.title}\n{draft.text}".replace(material.product.name, "")),
        "readability": readability(draft.text),
        "evidence": min(1.0, len(draft.claims) / 4) * (0.5 + min(len(kinds), 2) / 4),
        "length": length_fit(len(words(draft.text)), IDEAL_WORDS, SPREAD),
    }
    if material.wish:
        said = " ".join(claim.sentence for claim in stating)
        scores["fit"] = 0.3 * covered(material.wish, draft.title) + 0.7 * covered(material.wish, said)
    return scored(draft, scores, weights)


def _result(
    context: AgentContext, material: Material, drafts: list[Draft], missing: list[str], number: int
) -> AgentResult:
    best, snapshot = drafts[0], context.snapshot
    asked = any(issue["code"] in LEGAL for issue in open_issues(context.work)) and snapshot.postal_address
    under = footer(snapshot.brand_name, snapshot.postal_address) if asked else ""
    output = EmailDraft(
        prospect_key=material.prospect.key,
        sku_code=material.product.code,
        subject=best.title,
        body=best.text + under,
        citations=best.citations,
        claims=list(best.claims),
        alternatives=[EmailAlternative(subject=d.title, body=d.text, score=round(d.total, 4)) for d in drafts[1:3]],
        candidates=len(drafts),
        used_insight=bool(material.wish or material.about or material.counted),
        has_footer=bool(under),
        draft=number,
        missing=missing,
    )
    earlier = context.work.all("outreach")
    lack = f"; missing {', '.join(missing)}" if missing else ""
    kept = any(_draft_of(old).title == best.title and _draft_of(old).text == best.text for old in earlier)
    summary = (
        f"{'Kept ' if kept else ''}“{best.title}” to {material.prospect.name or material.prospect.key}, "
        f"{len(words(best.text))} words, {len(output.citations)} facts cited, best of {len(drafts)} candidates{lack}"
    )
    read = [fact.text for fact in (*material.facts, *material.prospect.facts)]
    return AgentResult(output, summary[:300], best.scores, cost_of(COMPUTE_MS), tokens_of(output, read))
