"""Dates; a date of birth is told from others by the words before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crm.privacy.recognizers.found import Found, at

MONTH = (
    r"(?:jan(?:uary|uar|vier|uari)?|feb(?:ruary|ruar|ruari)?|f[ée]vr(?:ier)?|mar(?:ch|s|zo)?|m[äa]rz|maart|apr(?:il)?|avril|abril|"
    r"may|mai|mei|mayo|june?|juni|juin|junio|july?|juli|juillet|julio|aug(?:ust)?|ao[ûu]t|agosto|sep(?:t(?:ember|embre)?)?|"
    r"septiembre|o[ck]t(?:ober|obre)?|octubre|nov(?:ember|embre|iembre)?|de[cz](?:ember|embre)?|d[ée]cembre|diciembre)"
)
TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?: ?[ap]\.?m\b\.?|Z|[+-]\d{2}:?\d{2})?)?"
DATE = re.compile(
    rf"(?<![\w./-])(?:(?:1[89]|20)\d{{2}}([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01]){TIME}"
    rf"|(?:0?[1-9]|[12]\d|3[01])([-./])(?:0?[1-9]|[12]\d|3[01])\2(?:(?:1[89]|20)?\d{{2}}){TIME}"
    rf"|(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?[ -](?:of |de )?{MONTH}\.?,?(?:[ -](?:de )?(?:1[89]|20)\d{{2}})?"
    rf"|{MONTH}\.? (?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?:,? (?:1[89]|20)\d{{2}}))(?![\w-]|[./]\d)",
    re.IGNORECASE,
)
BIRTH = re.compile(
    r"(?:\bborn|\bbirth|\bd\.?o\.?b\b|\bgeb(?:oren|\.|urt)|geburtsdatum|\bnée?\b|naissance|nacid[oa]|nacimiento|"
    r"\bnat[oa] (?:il|a)|nascita|geboortedatum|nascimento|urodz|födel|syntym)[^.!?\n]{0,30}[.?]?[^.!?\n]{0,14}$",
    re.IGNORECASE,
)


def dates(text: str) -> Iterator[Found]:
    """Kind `birth_date` where the text says so; else `date`, which says nothing about a person."""
    for match in DATE.finditer(text):
        if BIRTH.search(text[max(0, match.start() - 60) : match.start()]):
            yield at("birth_date", match, 0.85)
        elif not match.group().isalpha():
            yield at("date", match, 0.6, personal=False)
