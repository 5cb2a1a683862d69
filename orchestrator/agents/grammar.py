"""Small grammar of the composer: facts become clauses and sentences, choices are drawn by seed, candidates are ranked.

Nothing is said that no fact says. The ranking is a documented heuristic; the learned scorer of a later issue takes its
place behind the same `ranked`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel

from crm.snapshot import Fact, ProductFact
from orchestrator.agents.contract import AgentContext, PackBrief
from orchestrator.agents.findings import SPOKEN, products_of
from orchestrator.agents.workbench import Workbench
from rlhf.judge.wording import covered, figures, likeness, reading_ease, stems

Drawn = TypeVar("Drawn")
Item = TypeVar("Item")

# Where a statement may be cut; never inside a list of numbers, where a part would say something else.
CLAUSE = re.compile(r"\s*(?:[;:(]|, (?!\d)| – | — | and (?!\d)| with )\s*")
ABOUT_FORM = ("too_long", "capital_share")
FIRST, LATER = 24, 40  # candidates of the first draft and of every later one


class Claim(BaseModel):
    """One sentence that states something, with the id of the fact behind it."""

    sentence: str
    citation: str


@dataclass(frozen=True)
class Draft:
    """A candidate. `scores` are dimensions in [0, 1], `total` their weighted mean."""

    title: str
    text: str
    claims: tuple[Claim, ...]
    scores: dict[str, float] = field(default_factory=dict)
    total: float = 0.0

    @property
    def citations(self) -> list[str]:
        return list(dict.fromkeys(claim.citation for claim in self.claims))


def pick(rng: np.random.Generator, options: Sequence[Drawn]) -> Drawn:
    return options[int(rng.integers(len(options)))]


def sentence(text: str) -> str:
    """The statement with a capital at its start and a full stop at its end."""
    plain = " ".join(text.split()).rstrip(" .;,")
    return f"{plain[:1].upper()}{plain[1:]}{'' if plain.endswith(('?', '!')) else '.'}"


def inner(text: str) -> str:
    """The statement as it stands inside a sentence: small first letter unless the word is a name or an abbreviation."""
    plain = " ".join(text.split()).rstrip(" .;,!")
    first = plain.split(" ", 1)[0]
    ordinary = first[:1].isupper() and first[1:].islower() and len(first) > 1
    return f"{plain[:1].lower()}{plain[1:]}" if ordinary else plain


def clause(text: str, limit: int) -> str:
    """The first part of a statement that stands alone, at most `limit` characters; empty where none fits."""
    whole = " ".join(text.split()).rstrip(" .;,!")
    if len(whole) <= limit:
        return whole
    for match in reversed(list(CLAUSE.finditer(whole))):
        if len(whole[3 : match.start()]) > 5 and match.start() <= limit:
            return whole[: match.start()].rstrip(" ,")
    return ""


def spoken_facts(product: ProductFact) -> list[Fact]:
    """What may be said about a product to a buyer: features, proofs, uses, offers, in the source's order."""
    return [fact for fact in product.facts if fact.kind in SPOKEN and fact.text.strip()]


def named_product(context: AgentContext) -> ProductFact | None:
    """The product that the episode is about, or whose whole name the request, the pack's name or its goal has."""
    if context.snapshot.product is not None:
        return context.snapshot.product
    asked = f"{context.request} {context.pack.name} {context.pack.goal}"
    named = [sku for sku in context.snapshot.skus if stems(sku.name) and covered(sku.name, asked) == 1.0]
    return max(named, key=lambda sku: len(sku.name)) if named else None


def product_for(context: AgentContext) -> ProductFact | None:
    """The named product; else the one insight found to meet the need; else the one closest to the pack's goal."""
    named, products = named_product(context), products_of(context.snapshot)
    if named is not None or not products:
        return named
    advised = (context.work.latest("insight") or {}).get("best_product")
    chosen = next((sku for sku in products if sku.code == advised), None)

    def closeness(sku: ProductFact) -> float:
        return covered(f"{context.request} {context.pack.goal}", " ".join([sku.name, *(f.text for f in sku.facts)]))

    return chosen or max(products, key=closeness)


def ordered_facts(product: ProductFact, work: Workbench) -> list[Fact]:
    """Statements to choose from: what insight found to meet the need first, what governance refused never."""
    refused = refused_phrases(work)
    facts = [fact for fact in spoken_facts(product) if not any(phrase in fact.text.casefold() for phrase in refused)]
    hooks: list[str] = (work.latest("insight") or {}).get("hooks", [])
    return sorted(facts, key=lambda fact: hooks.index(fact.id) if fact.id in hooks else len(hooks))


def placement_of(pack: PackBrief) -> str:
    """`page` where the pack's name or goal speaks of a page, `ad` elsewhere."""
    return "page" if "page" in f"{pack.name} {pack.goal}".lower() else "ad"


def may_stay(draft: Draft, work: Workbench) -> bool:
    """Whether an earlier draft has nothing in it that governance refused and could not repair."""
    whole = f"{draft.title}\n{draft.text}".casefold()
    return not any(phrase in whole for phrase in refused_phrases(work))


def refused_phrases(work: Workbench) -> list[str]:
    """Words that governance objected to and could not repair; lengths and capitals are no words."""
    return [
        str(issue["text"]).casefold()
        for issue in open_issues(work)
        if issue["text"] and not issue["repaired"] and issue["code"] not in ABOUT_FORM
    ]


def open_issues(work: Workbench) -> list[dict[str, Any]]:
    """Every issue that governance has raised in this episode."""
    return [issue for review in work.all("governance") for issue in review.get("issues", ())]


def focus_of(work: Workbench) -> str:
    """The dimension that reflect found weakest; empty before it looked."""
    return str((work.latest("reflect") or {}).get("weakest", ""))


def weights_with_focus(weights: dict[str, float], focus: str) -> dict[str, float]:
    """The weights with the focused dimension counted twice."""
    return {name: weight * (2 if name == focus else 1) for name, weight in weights.items()}


def specificity(text: str) -> float:
    """1 − exp(−n/2) of n distinct figures."""
    return 1 - math.exp(-len(set(figures(text))) / 2)


def length_fit(count: int, ideal: float, spread: float) -> float:
    """A bell around the ideal length on the log scale."""
    return math.exp(-((math.log(max(count, 1) / ideal) / spread) ** 2) / 2)


def novelty(text: str, earlier: Iterable[str]) -> float:
    """1 − the largest likeness to an earlier text."""
    return 1 - max((likeness(text, other) for other in earlier), default=0.0)


def readability(text: str) -> float:
    return reading_ease(text)


def scored(draft: Draft, scores: dict[str, float], weights: dict[str, float]) -> Draft:
    """The draft with its weighted mean over the dimensions it has."""
    present = {name: weights[name] for name in scores if name in weights}
    total = sum(scores[name] * weight for name, weight in present.items()) / max(sum(present.values()), 1e-9)
    return Draft(draft.title, draft.text, draft.claims, scores, total)


def ranked(
    compose: Callable[[np.random.Generator], Draft | None],
    score: Callable[[Draft], Draft],
    *,
    seed: int,
    count: int,
    earlier: Iterable[Draft] = (),
) -> list[Draft]:
    """Up to `count` different candidates and the `earlier` drafts that may stay, best first. The seed repeats it."""
    rng = np.random.default_rng(seed)
    found = [score(draft) for draft in earlier]
    seen = {f"{draft.title}\n{draft.text}" for draft in found}
    for _ in range(count):
        draft = compose(rng)
        if draft is None or f"{draft.title}\n{draft.text}" in seen:
            continue
        seen.add(f"{draft.title}\n{draft.text}")
        found.append(score(draft))
    return sorted(found, key=lambda draft: (-draft.total, draft.title, draft.text))
