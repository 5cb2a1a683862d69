"""What the law asks of an advertising e-mail, as far as a text can show it.

Sources: CAN-SPAM, 15 U.S.C. 7704(a)(1)-(5) (true header, true subject, opt-out, postal address, recognisable as
advertising); Directive 2002/58/EC art. 13(4) (no hidden sender, a valid address for opting out). Consent and
suppression lists are not visible in a text and are left to a later issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm.privacy.adcopy import check_text, personal_issues
from crm.privacy.issues import BLOCKING, WARNING, Issue
from crm.privacy.rulebook import Rules, rules_for

SUBJECT_MAX = 78  # RFC 5322, 2.1.1: lines should not exceed 78 characters
BODY_WORDS_MAX = 200
OPT_OUT = re.compile(
    r"\b(?:unsubscribe|opt[ -]?out|no (?:more|further) (?:e-?mails?|messages)|stop (?:these|receiving|writing))\b", re.I
)
ADVERTISING = re.compile(r"\b(?:advertis(?:ement|ing)|commercial (?:message|e-?mail)|sponsored)\b", re.I)
UNTRUE_SUBJECT = re.compile(
    r"^\s*(?:re|fwd?|aw|wg)\s*:|\b(?:urgent|final notice|act now|invoice|payment (?:due|received)|you (?:have )?won|"
    r"account (?:suspended|locked))\b",
    re.IGNORECASE,
)
FOOTER_MARK = "\n\n--\n"


def footer(brand_name: str, postal_address: str) -> str:
    """The lines under every e-mail: who wrote, that it is advertising, where they sit, how to stop it."""
    sender = postal_address if postal_address.startswith(brand_name) else f"{brand_name}, {postal_address}"
    return (
        f"{FOOTER_MARK}This is an advertising message from {sender}.\n"
        "Reply with “unsubscribe” and we will not write again."
    )


def without_footer(body: str) -> str:
    return body.split(FOOTER_MARK, 1)[0]


def hard_gate(subject: str, body: str, *, postal_address: str) -> tuple[Issue, ...]:
    """What alone stops an e-mail from being sent: no address, no way out, a subject that deceives, somebody's data."""
    return tuple(issue for issue in _legal(subject, body, postal_address) if issue.severity == BLOCKING)


def check_email(
    subject: str,
    body: str,
    *,
    brand_name: str,
    postal_address: str,
    rules: Rules | None = None,
    proofs: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
) -> tuple[Issue, ...]:
    """Every issue of one e-mail. A missing footer is repaired mechanically where the brand's address is known."""
    limits = rules or rules_for("")
    text = without_footer(body)
    found = list(_legal(subject, body, postal_address))
    known = {(issue.code, issue.field, issue.start) for issue in found}
    for field, part in (("subject", subject), ("body", text)):
        found += [
            issue
            for issue in check_text(part, field, limits, proofs=proofs, names=names)
            if (issue.code, issue.field, issue.start) not in known
        ]
    if len(subject) > SUBJECT_MAX:
        message = f"the subject has {len(subject)} characters, {SUBJECT_MAX} fit in a line"
        found.append(Issue("too_long", message, WARNING, "subject", SUBJECT_MAX, len(subject)))
    words = len(text.split())
    if words > BODY_WORDS_MAX:
        found.append(Issue("too_long", f"{words} words, {BODY_WORDS_MAX} are enough", WARNING, "body"))
    if not brand_name or brand_name.casefold() not in body.casefold():
        found.append(Issue("sender_unnamed", "the body does not name who writes", WARNING, "body"))
    return tuple(found)


def _legal(subject: str, body: str, postal_address: str) -> Iterator[Issue]:
    if not postal_address.strip():
        yield Issue("address_unknown", "the brand has no postal address on file", BLOCKING, "body")
    elif _flat(postal_address) not in _flat(body):
        yield Issue("address_missing", "the postal address is missing", BLOCKING, "body")
    if not OPT_OUT.search(body):
        yield Issue("opt_out_missing", "there is no way to opt out", BLOCKING, "body")
    if not ADVERTISING.search(body):
        yield Issue("advertising_unmarked", "nothing says that this is advertising", WARNING, "body")
    if not subject.strip():
        yield Issue("subject_missing", "the subject is empty", BLOCKING, "subject")
    for match in UNTRUE_SUBJECT.finditer(subject):
        message = f"“{match.group().strip()}” makes the subject untrue"
        yield Issue("subject_untrue", message, BLOCKING, "subject", match.start(), match.end(), "")
    yield from personal_issues(subject, "subject")
    yield from personal_issues(without_footer(body), "body")


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()
