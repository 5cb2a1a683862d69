"""Writes variants of one ad text out of a product's facts and ranks them.

Alone it writes from the product's facts in their order. After `insight` it starts from the statements that meet what
the audience looks for and writes to the limits of the retailer where the money works best; after governance it knows
the limits it broke. A later call draws more variants; earlier ones stay only where nothing better was found and
governance did not refuse them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from crm.privacy.rulebook import rules_for
from crm.snapshot import Fact, ProductFact
from orchestrator.agents.contract import AgentContext, AgentResult
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
    novelty,
    open_issues,
    ordered_facts,
    pick,
    placement_of,
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
from rlhf.judge.wording import covered, stems, words

COMPUTE_MS = 3
VARIANTS = 3
LOOSE_HEADLINE, LOOSE_BODY = 60, 180  # before anybody named the retailer's limits
WEIGHTS = {"fit": 0.35, "specificity": 0.25, "readability": 0.15, "length": 0.25}
TO_TRADE = re.compile(
    r"\b(?:retailers?|shops?|cafés?|wholesale|margins?|markup|deliver(?:y|ies)|shelf tray|display|rack|counter box|"
    r"stocked|your staff)\b",
    re.IGNORECASE,
)
TELLING = 3  # content words from which a clause can stand as a headline
PAGE_WORDS, AD_WORDS = 60.0, 24.0


class CopyVariant(BaseModel):
    headline: str
    body: str
    citations: list[str]
    claims: list[Claim]
    score: float


class CopySet(BaseModel):
    """Variants, best first, for one product at one retailer (empty: not known)."""

    sku_code: str
    retailer: str = ""
    placement: str = "ad"
    headline_max: int = LOOSE_HEADLINE
    body_max: int = LOOSE_BODY
    variants: list[CopyVariant]
    candidates: int = 0
    used_insight: bool = False
    draft: int = 1
    missing: list[str] = []


@dataclass(frozen=True)
class Creative:
    name: str = "creative"
    purpose: str = "Writes several variants of an ad text from a product's facts and ranks them."

    def run(self, context: AgentContext) -> AgentResult:
        work, earlier = context.work, context.work.all("creative")
        product = product_for(context)
        if product is None:
            empty = CopySet(sku_code="", variants=[], draft=len(earlier) + 1, missing=["product"])
            return AgentResult(
                empty, "No text: no product on file", {"coverage": 0.0}, cost_of(0), tokens_of(empty, ())
            )
        facts = _for_shoppers(ordered_facts(product, work))
        insight = work.latest("insight") or {}
        wish, retailer = str(insight.get("wish", "")), str(insight.get("retailer", ""))
        placement = placement_of(context.pack)
        head_max, body_max = _limits(context, retailer, placement)
        before = [_draft_of(variant) for old in earlier for variant in old["variants"]]
        stay = [d for d in before if len(d.title) <= head_max and len(d.text) <= body_max and may_stay(d, work)]
        ideal = PAGE_WORDS if placement == "page" else AD_WORDS
        weights = weights_with_focus(WEIGHTS, focus_of(work))
        drafts = ranked(
            lambda rng: _compose(product, facts, head_max, body_max, rng),
            lambda draft: _score(draft, product, wish, ideal, weights),
            seed=context.seed + 6007 * len(earlier),
            count=LATER if earlier else FIRST,
            earlier=stay,
        )
        missing = [] if spoken_facts(product) else ["product facts"]
        chosen = _different(drafts)
        output = CopySet(
            sku_code=product.code,
            retailer=retailer,
            placement=placement,
            headline_max=head_max,
            body_max=body_max,
            variants=[
                CopyVariant(
                    headline=d.title, body=d.text, citations=d.citations, claims=list(d.claims), score=round(d.total, 4)
                )
                for d in chosen
            ],
            candidates=len(drafts),
            used_insight=bool(insight),
            draft=len(earlier) + 1,
            missing=missing,
        )
        quality = dict(chosen[0].scores) if chosen else {}
        quality["coverage"] = len(chosen) / VARIANTS
        if chosen and before:
            quality["novelty"] = novelty(
                f"{chosen[0].title}. {chosen[0].text}", [f"{d.title}. {d.text}" for d in before]
            )
        return AgentResult(
            output, _summary(output, product), quality, cost_of(COMPUTE_MS), tokens_of(output, (f.text for f in facts))
        )


def _limits(context: AgentContext, retailer: str, placement: str) -> tuple[int, int]:
    """Characters of headline and body: the retailer's once insight named one, the default once governance objected."""
    complained = any(issue["code"] == "too_long" for issue in open_issues(context.work))
    rules = rules_for(retailer).at(placement)
    if not retailer and not complained:
        return max(LOOSE_HEADLINE, rules.headline_max), max(LOOSE_BODY, rules.body_max)
    return rules.headline_max, rules.body_max


def _for_shoppers(facts: list[Fact]) -> list[Fact]:
    """Statements for those who buy to use; what speaks to shops stays out as long as there is something else."""
    return [fact for fact in facts if not TO_TRADE.search(fact.text)] or facts


def _draft_of(variant: dict[str, Any]) -> Draft:
    return Draft(variant["headline"], variant["body"], tuple(Claim(**claim) for claim in variant["claims"]))


def _compose(
    product: ProductFact, facts: list[Fact], head_max: int, body_max: int, rng: np.random.Generator
) -> Draft | None:
    """A headline from one statement or the name, a body from one or two others."""
    if not facts:
        line = f"{product.name}, {product.category.lower()}" if product.category else product.name
        return Draft(clause(product.name, head_max) or product.name[:head_max].rstrip(), sentence(line), ())
    head = facts[: max(3, len(facts) // 2 + 1)]
    lead = head[int(rng.integers(len(head)))]
    title = _headline(product, lead, head_max, rng)
    if not title:
        return None
    order = [facts[int(i)] for i in rng.permutation(len(facts))]
    most = int(rng.integers(2, 4 if body_max < 300 else 6))
    plain = product.name.startswith(title)  # the name alone states nothing
    body, claims = "", [] if plain else [Claim(sentence=title, citation=lead.id)]
    for fact in (f for f in order if plain or f.id != lead.id or len(facts) == 1):
        named = product.name in f"{title} {body}"
        said = sentence(fact.text if named or rng.random() < 0.5 else f"{product.name}: {inner(fact.text)}")
        if len(body) + len(said) + 1 > body_max:
            continue
        body = f"{body} {said}".strip()
        claims.append(Claim(sentence=said, citation=fact.id))
        if len(claims) > most:
            break
    return Draft(title, body, tuple(claims)) if body else None


def _headline(product: ProductFact, fact: Fact, limit: int, rng: np.random.Generator) -> str:
    short = clause(fact.text, limit)
    options = [sentence(short).rstrip(".")] if len(stems(short)) >= TELLING and short != product.name else []
    room = limit - len(product.name) - 2
    short = clause(inner(fact.text), room) if room > 8 else ""
    options += [f"{product.name}: {short}"] if short and not stems(short) <= stems(product.name) else []
    return pick(rng, options) if options else clause(product.name, limit) or product.name[:limit].rstrip()


def _score(draft: Draft, product: ProductFact, wish: str, ideal: float, weights: dict[str, float]) -> Draft:
    whole = f"{draft.title}. {draft.text}"
    scores = {
        "specificity": specificity(whole.replace(product.name, "")),
        "readability": readability(whole),
        "length": length_fit(len(words(whole)), ideal, 0.6),
    }
    if wish:
        scores["fit"] = covered(wish, whole)
    return scored(draft, scores, weights)


def _different(drafts: list[Draft]) -> list[Draft]:
    """The best ones with different headlines."""
    chosen: dict[str, Draft] = {}
    for draft in drafts:
        chosen.setdefault(draft.title, draft)
    return list(chosen.values())[:VARIANTS]


def _summary(output: CopySet, product: ProductFact) -> str:
    if not output.variants:
        return f"No new variant for {product.name}: its {output.candidates} candidates were used or did not fit"
    best = output.variants[0]
    place = f" for {output.retailer}" if output.retailer else ""
    return (
        f"{len(output.variants)} variants for {product.name}{place}, best of {output.candidates}: “{best.headline}” "
        f"({len(best.headline)} of {output.headline_max} characters)"
    )[:300]
