"""Personal data in a text, with spans: the one detector of the product.

Recognizers find candidates; where two overlap the more certain one stays (checksum, then pattern, then words around).
Names of people are left out: without a language model they cannot be told from names of places and products.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from crm.privacy.recognizers.addresses import addresses
from crm.privacy.recognizers.dates import dates
from crm.privacy.recognizers.found import Found
from crm.privacy.recognizers.online import emails, ip_addresses, links
from crm.privacy.recognizers.own import Recognizer, numbers
from crm.privacy.recognizers.payment import cards, ibans
from crm.privacy.recognizers.phones import phones

#: Every kind the shipped recognizers know, with the word people read.
KINDS = {
    "email": "e-mail address",
    "phone": "phone number",
    "card": "payment card",
    "iban": "bank account",
    "ssn": "social security number",
    "national_id": "national id",
    "driver_license": "driving licence",
    "customer_id": "customer number",
    "ip": "IP address",
    "url": "link",
    "address": "postal address",
    "birth_date": "date of birth",
    "date": "date",
}
LONGEST = 20_000  # characters looked at in one go; longer texts go in overlapping pieces
OVERLAP = 400
DIGITS = re.compile(r"\d")
SIX_DIGITS = re.compile(r"\d(?:[^\d\n]{0,3}\d){5}")
LINK = re.compile(r"://|www\.|[a-z0-9]\.[a-z]{2}", re.IGNORECASE)
COLONS = re.compile(r"[0-9a-f:]:[0-9a-f:]*:|\d\.\d{1,3}\.\d{1,3}\.\d", re.IGNORECASE)


class Span(NamedTuple):
    """`text[start:end]` is `value`; `score` in [0, 1]. `personal` is False for a plain link and for a date that is
    nobody's birthday. `what` says it more closely (`DE Steuer-ID`)."""

    kind: str
    start: int
    end: int
    value: str
    score: float
    personal: bool = True
    what: str = ""


def detect(text: str, own: Sequence[Recognizer] = ()) -> tuple[Span, ...]:
    """Every find by position, none overlapping another. `own` are recognizers of a brand; they go first."""
    if len(text) <= LONGEST:
        return _detect(text, own)
    found: list[Span] = []
    start = 0
    while start < len(text):
        piece = text[start : start + LONGEST]
        last = start + LONGEST >= len(text)
        for span in _detect(piece, own):
            # what begins in the overlap is whole in the next piece
            if (last or span.start < LONGEST - OVERLAP) and start + span.start >= (found[-1].end if found else 0):
                found.append(span._replace(start=start + span.start, end=start + span.end))
        start += LONGEST - OVERLAP
    return tuple(found)


def _detect(text: str, own: Sequence[Recognizer]) -> tuple[Span, ...]:
    taken: list[Found] = []
    for found in _candidates(text, own):
        if all(found.end <= other.start or found.start >= other.end for other in taken):
            taken.append(found)
    taken.sort(key=lambda one: one.start)
    return tuple(
        Span(one.kind, one.start, one.end, text[one.start : one.end], one.score, one.personal, one.what)
        for one in taken
    )


def _candidates(text: str, own: Sequence[Recognizer]) -> Iterator[Found]:
    """From the most certain kind to the least; a look at the signs of the text decides who has to run at all."""
    for one in own:
        yield from one.find(text)
    if "@" in text:
        yield from _outside_links(text)
    if LINK.search(text):
        yield from links(text)
    if not DIGITS.search(text):
        return
    if SIX_DIGITS.search(text):
        for look in FOR_DIGITS:
            yield from look(text)
    if COLONS.search(text):
        yield from ip_addresses(text)
    yield from numbers(text)
    if SIX_DIGITS.search(text):
        yield from phones(text)
    yield from dates(text)
    yield from addresses(text)


def _outside_links(text: str) -> Iterator[Found]:
    """E-mail addresses; one inside a link belongs to the link."""
    inside = list(links(text)) if "://" in text else []
    for found in emails(text):
        if not any(link.start < found.start and found.end <= link.end for link in inside):
            yield found


FOR_DIGITS: tuple[Callable[[str], Iterator[Found]], ...] = (ibans, cards)
