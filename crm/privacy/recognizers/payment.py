"""Payment cards and bank accounts: patterns find candidates, checksums confirm them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm.privacy.checksums import IBAN_LENGTHS, gtin_holds, iban_holds, luhn
from crm.privacy.recognizers.found import Found, at

CARD = re.compile(r"(?<![\w/+-])(?<!\d[.,])\d(?:[ -]?\d){11,18}(?![\w-]|[.,]\d)")
CARD_WORD = re.compile(
    r"card|\bcc\b|visa|mastercard|maestro|amex|american express|diners|discover|\bjcb\b|karte|carte|tarjeta|carta|"
    r"kaart|karta|cartão",
    re.IGNORECASE,
)
# Ranges of issuers and their lengths: ISO/IEC 7812 as the networks publish them.
ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)),  # Visa
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"3(?:0[0-5]|095|[689])"), (14, 15, 16, 17, 18, 19)),  # Diners Club
    (re.compile(r"6(?:011|22|4[4-9]|5)"), (16, 17, 18, 19)),  # Discover, UnionPay
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),  # JCB
    (re.compile(r"(?:2131|1800)"), (15,)),  # JCB, old
    (re.compile(r"5(?:0|[6-8])|6"), (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, UnionPay, RuPay
)
IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?!\w)")


def cards(text: str) -> Iterator[Found]:
    """Numbers with an issuer's prefix and length and a Luhn digit; beside a word for cards any prefix. Where a product
    code (GTIN) would fit as well, the text has to speak of a card."""
    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if len(set(digits)) < 2 or not luhn(digits):
            continue
        near = bool(CARD_WORD.search(text, max(0, match.start() - 60), match.end() + 60))
        issued = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in ISSUERS)
        if not issued and (not near or gtin_holds(digits)):
            continue
        if len(digits) <= 14 and not near and (len(digits) < 14 or gtin_holds(digits)):
            continue
        yield at("card", match, 0.99 if near else 0.9)


def ibans(text: str) -> Iterator[Found]:
    """The pattern may run on into the next word: the length that the country prescribes is tried."""
    for match in IBAN.finditer(text):
        wanted, seen = IBAN_LENGTHS.get(match.group()[:2].upper(), 0), 0
        for offset, sign in enumerate(match.group(), start=1):
            seen += sign not in " -"
            if seen == wanted:
                value = match.group()[:offset]
                if iban_holds(re.sub(r"[ -]", "", value).upper()):
                    yield Found("iban", match.start(), match.start() + offset, 0.99)
                break
