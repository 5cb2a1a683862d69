"""Personal data in a text, with spans: e-mail, phone, payment card, IBAN, IP address, links that carry a person's id.

Patterns find candidates, checksums confirm them: Luhn (ISO/IEC 7812-1, annex B) for cards, mod 97 (ISO 13616) for
IBANs.
Names of people are left out: without a language model they cannot be told from names of places and products.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

# Length of an IBAN by country, ISO 13616 registry (the countries a European or American grocer meets).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
CARD = re.compile(r"(?<![\w.,/-])\d(?:[ -]?\d){12,18}(?![\w-])")
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
IP = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w:]|\.\d)")
URL = re.compile(r"https?://[^\s<>\"')]*[^\s<>\"').,;:!?]", re.IGNORECASE)
PERSONAL_KEY = re.compile(
    r"[?&#;](?:e?mail|user(?:_?id)?|uid|customer(?:_?id)?|client_?id|contact(?:_?id)?|phone|ssn|token|session(?:_?id)?|"
    r"recipient|subscriber(?:_?id)?|member(?:_?id)?|fbclid|gclid|mc_eid|_hsenc)=[^&#\s]+",
    re.IGNORECASE,
)
PHONE = re.compile(r"(?<![\w.,/+-])(?:\+|00)?\(?\d(?:[ ()./-]{0,2}\d){6,14}(?![\w-]|[.,]\d)")
PHONE_WORD = re.compile(r"(?:tel|phone|call|mobile|cell|fax|whatsapp|ring|text)\W{0,12}$", re.IGNORECASE)
DATE = re.compile(r"^(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{4} ?- ?\d{4})$")


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One find: `text[start:end]` of the searched text is `value`. `kind`: email, card, iban, ip, url, phone."""

    kind: str
    start: int
    end: int
    value: str


def luhn(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of those before it. `digits` holds digits only."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = int(digit)
        if position % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def iban_holds(compact: str) -> bool:
    """Length of the country and mod 97 of an IBAN without spaces."""
    if len(compact) != IBAN_LENGTHS.get(compact[:2], -1):
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def find_personal_data(text: str) -> tuple[PersonalData, ...]:
    """Every find, by position; where two overlap the more certain kind (a checksum, then a pattern) stays."""
    taken: list[PersonalData] = []
    for found in _candidates(text):
        if all(found.end <= other.start or found.start >= other.end for other in taken):
            taken.append(found)
    return tuple(sorted(taken, key=lambda found: found.start))


def mask(text: str) -> str:
    """`text` with each find replaced by its kind in brackets."""
    for found in reversed(find_personal_data(text)):
        text = f"{text[: found.start]}[{found.kind}]{text[found.end :]}"
    return text


def _candidates(text: str) -> Iterator[PersonalData]:
    """From the most certain kind to the least, so that an earlier one keeps its span."""
    for match in URL.finditer(text):
        link = unquote(match.group())
        if PERSONAL_KEY.search(link) or EMAIL.search(link):
            yield _found("url", match)
    for match in EMAIL.finditer(text):
        yield _found("email", match)
    for match in IBAN.finditer(text):
        yield from _longest_iban(match)
    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits):
            yield _found("card", match)
    for match in IP.finditer(text):
        if _is_address(match.group()):
            yield _found("ip", match)
    for match in PHONE.finditer(text):
        if _is_phone(match.group(), text[max(0, match.start() - 24) : match.start()]):
            yield _found("phone", match)


def _found(kind: str, match: re.Match[str]) -> PersonalData:
    return PersonalData(kind, match.start(), match.end(), match.group())


def _longest_iban(match: re.Match[str]) -> Iterator[PersonalData]:
    """The pattern may run on into the next capital word: try the length that the country prescribes."""
    wanted, seen = IBAN_LENGTHS.get(match.group()[:2], 0), 0
    for offset, sign in enumerate(match.group(), start=1):
        seen += sign != " "
        if seen == wanted:
            value = match.group()[:offset]
            if iban_holds(value.replace(" ", "")):
                yield PersonalData("iban", match.start(), match.start() + offset, value)
            return


def _is_address(candidate: str) -> bool:
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)


def _is_phone(candidate: str, before: str) -> bool:
    """7 to 15 digits (ITU-T E.164) that look dialled: an international prefix, a leading 0, or the word before."""
    digits = re.sub(r"\D", "", candidate)
    if not 7 <= len(digits) <= 15 or DATE.match(candidate.strip()):
        return False
    if candidate.startswith(("+", "00")) or PHONE_WORD.search(before):
        return True
    national = candidate.startswith(("0", "(0")) and len(digits) >= 9
    american = re.fullmatch(r"\(?[2-9]\d{2}\)?[ .-][2-9]\d{2}[ .-]\d{4}", candidate.strip()) is not None
    return national or american
