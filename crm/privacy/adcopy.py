"""Checks of one ad text against a retailer's limits: length, signs, capitals, claims, prices, personal data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from crm.privacy.issues import BLOCKING, WARNING, Issue
from crm.privacy.personal import find_personal_data
from crm.privacy.rulebook import Rules

EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf\U0001f1e6-\U0001f1ff]")
PRICE = re.compile(r"(?:[€$£]\s?\d[\d.,]*|\b\d[\d.,]*\s?(?:€|EUR|USD|GBP)\b|\b\d{1,2}\s?% off\b)", re.IGNORECASE)
CAPITAL_WORD = re.compile(r"\b[A-Z]{4,}\b")


def check_copy(
    headline: str, body: str, rules: Rules, *, proofs: tuple[str, ...] = (), names: tuple[str, ...] = ()
) -> tuple[Issue, ...]:
    """Issues of one variant. `proofs` are texts of cited proof facts, `names` brand and product names (kept)."""
    found: list[Issue] = []
    for field, text, limit in (("headline", headline, rules.headline_max), ("body", body, rules.body_max)):
        found += check_text(text, field, rules, proofs=proofs, names=names)
        if len(text) > limit:
            found.append(_too_long(text, field, limit, rules))
        if not rules.prices_in_copy:
            found += [_price(text, field, match, rules) for match in PRICE.finditer(text)]
    if not headline.strip():
        found.append(Issue("empty", "the headline is empty", BLOCKING, "headline"))
    return tuple(found)


def check_text(
    text: str, field: str, rules: Rules, *, proofs: tuple[str, ...] = (), names: tuple[str, ...] = ()
) -> Iterator[Issue]:
    """What holds for every text, e-mails too: personal data, superlatives, claims, signs, capitals."""
    kept = [
        match.span()
        for name in (*names, *rules.idioms)
        if name
        for match in re.finditer(re.escape(name), text, re.IGNORECASE)
    ]
    yield from personal_issues(text, field)
    for word, instead in rules.superlatives.items():
        for match in _word(word).finditer(text):
            if not _inside(match, kept):
                yield _at("superlative", f"“{match.group()}” cannot be proved", BLOCKING, field, match, instead)
    for word in rules.forbidden_claims:
        for match in _word(word).finditer(text):
            yield _at("forbidden_claim", f"“{match.group()}” is never allowed", BLOCKING, field, match, "")
    evidence = " ".join(proofs)
    for word in rules.claims_needing_proof:
        for match in _word(word).finditer(text):
            if not _word(word).search(evidence) and not _inside(match, kept):
                yield _at(
                    "unsupported_claim", f"“{match.group()}” has no proof behind it", BLOCKING, field, match, None
                )
    for term in rules.retailer_terms:
        for match in _word(term).finditer(text):
            yield _at("retailer_term", f"“{match.group()}” belongs to the retailer", BLOCKING, field, match, "")
    marks = list(re.finditer("!", text))
    for match in marks[rules.exclamations_max :]:
        yield _at("exclamation", "one exclamation mark too many", WARNING, field, match, ".")
    for sign in rules.forbidden_signs:
        for match in re.finditer(re.escape(sign), text):
            yield _at("sign", f"“{sign}” is not accepted", WARNING, field, match, "")
    if not rules.emoji:
        for match in EMOJI.finditer(text):
            yield _at("emoji", "a picture sign is not accepted", WARNING, field, match, "")
    yield from _capitals(text, field, rules, kept)


def personal_issues(text: str, field: str) -> Iterator[Issue]:
    """Somebody's data in the text; the repair masks it."""
    for find in find_personal_data(text):
        message = f"{find.kind} of a person in the {field}"
        yield Issue("personal_data", message, BLOCKING, field, find.start, find.end, f"[{find.kind}]")


def _capitals(text: str, field: str, rules: Rules, kept: list[tuple[int, int]]) -> Iterator[Issue]:
    shouted = [match for match in CAPITAL_WORD.finditer(text) if not _inside(match, kept)]
    for match in shouted[rules.capital_words_max :]:
        yield _at("capitals", f"“{match.group()}” shouts", WARNING, field, match, match.group().capitalize())
    letters = [sign for sign in text if sign.isalpha()]
    if len(text) >= rules.capital_share_from and letters:
        share = sum(sign.isupper() for sign in letters) / len(letters)
        if share > rules.capital_share_max:
            message = f"{100 * share:.0f} % capitals in the {field}, {100 * rules.capital_share_max:.0f} % allowed"
            yield Issue("capital_share", message, WARNING, field, 0, len(text), text.capitalize())


def _price(text: str, field: str, match: re.Match[str], rules: Rules) -> Issue:
    """A price cannot be cut out of its sentence; where a body has others, the whole sentence goes."""
    message = f"the price “{match.group()}” in the {field}; {rules.name} shows its own"
    for said in re.finditer(r"[^.?]+(?:\.\d+[^.?]*)*[.?]", text):
        if said.start() <= match.start() < said.end() and said.group().strip() != text.strip() and field == "body":
            return Issue("price", message, BLOCKING, field, said.start(), said.end(), "")
    return _at("price", message, BLOCKING, field, match, None)


def _too_long(text: str, field: str, limit: int, rules: Rules) -> Issue:
    """A body can lose its last sentences; a headline cannot be shortened without a writer."""
    message = f"the {field} has {len(text)} characters, {rules.name} takes {limit}"
    whole = [match.end() for match in re.finditer(r"[.?](?=\s|$)", text) if match.end() <= limit]
    if field == "body" and whole:
        return Issue("too_long", message, BLOCKING, field, whole[-1], len(text), "")
    return Issue("too_long", message, BLOCKING, field, limit, len(text))


@lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)


def _inside(match: re.Match[str], kept: list[tuple[int, int]]) -> bool:
    return any(start <= match.start() and match.end() <= end for start, end in kept)


def _at(code: str, message: str, severity: str, field: str, match: re.Match[str], instead: str | None) -> Issue:
    return Issue(code, message, severity, field, match.start(), match.end(), instead)
