"""Telephone numbers: what looks dialled, confirmed by the plans of libphonenumber or by the words around it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from crm.privacy.checksums import gtin_holds
from crm.privacy.recognizers.found import Found

NUMBER = re.compile(
    r"(?<![\w/+-])(?<!\d[.,:])(?:\+|00)?[(\[]?\d(?:[ \u00a0()./-]{0,2}\d){5,16}"
    r"(?:[ ,]{0,2}(?:x|ext\.?|extension|Durchwahl|poste)[ .:]{0,2}\d{1,6})?(?!\w|-\d|[.,:]\d)",
    re.IGNORECASE,
)
EXTENSION = re.compile(r"[ ,]{0,2}(?:x|ext|durchwahl|poste)[a-z. :]*\d{1,6}$", re.IGNORECASE)
WORD_BEFORE = re.compile(
    r"(?:\btel|phone|\bcall|\bmobile|\bcell|\bfax\b|whatsapp|\bring\b|\btext\b|\bsms\b|\bdial|hotline|\breach\b|"
    r"\bmessages? to\b|\banswer(?:ing)? at\b|\bcontact (?:me|us|number)\b|\bregistered\b|\bdesk\b|\boffice\b|\bring me|"
    r"telefon|handy|mobil|rufnummer|anrufen|ruf\w* |téléphone|\btél|portable|appel|teléfono|móvil|celular|llam|"
    r"telefono|cellulare|chiama|telefoon|\bbel\b|\bpuhelin)[^\d\n]{0,30}\n?[^\d\n]{0,4}$",
    re.IGNORECASE,
)
WORD_AFTER = re.compile(r"\W{0,3}(?:office|fax|mobile|cell|home|work|desk|tel|phone|mobil|büro)\b", re.IGNORECASE)
OTHER_NUMBER = re.compile(
    r"(?:\bcards?|\bean|\bupc|\bgtin|\bsku|\basin|\bitem|\border|\binvoice|\bref(?:erence)?|\biban|\baccount|\bacct|"
    r"\bzip|\bcampaign|\bid|licen[cs]e|\bssn|social security|\bversion|\bpassport|\barticle|\bbarcode|\btax|\bvat)"
    r"\W{0,3}(?:no\b|numbers?|num\b|nr\b|ids?\b|codes?)?\W{0,3}(?:is|was|:)?\W{0,3}$",
    re.IGNORECASE,
)
DATE = re.compile(
    r"^(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}(?: \d{1,2})?|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{2}(?:\d{2})?(?: \d{1,2})?|"
    r"\d{4} ?[-/] ?\d{4}|\d{6,8}-\d{6,8}|(?:19|20)\d{2}-\d{2}.*)$"
)
THOUSANDS = re.compile(r"^\d{1,3}(?:[ .\u00a0]\d{3})+$")
AMERICAN = re.compile(r"^(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}([ .-]))[2-9]\d{2}[ .-]\d{4}$")
AREA = re.compile(r"^\(0?\d{1,5}\)[ -]?\d[\d .-]{4,}$")
GROUPED = re.compile(r"\d[ \u00a0()./-]+\d")


def phones(text: str) -> Iterator[Found]:
    """Numbers of 6 to 15 digits (ITU-T E.164) that were written to be dialled."""
    for match in NUMBER.finditer(text):
        score = _score(
            match.group(), text[max(0, match.start() - 60) : match.start()], text[match.end() : match.end() + 14]
        )
        if score:
            end = match.end()
            if match.group().endswith(")") is False and match.group().count("(") < match.group().count(")"):
                continue
            yield Found("phone", match.start(), end, score)


def _score(candidate: str, before: str, after: str) -> float:
    extension = EXTENSION.search(candidate)
    plain = candidate[: extension.start()] if extension else candidate
    digits = re.sub(r"\D", "", plain)
    if not 6 <= len(digits) <= 16 or DATE.match(plain) or len(set(digits)) < 2 or OTHER_NUMBER.search(before):
        return 0
    named = bool(WORD_BEFORE.search(before) or WORD_AFTER.match(after))
    grouped = bool(GROUPED.search(plain))
    if plain.startswith(("+", "00")) and len(digits) >= 8:
        if plain.startswith("00") and not grouped and gtin_holds(digits) and not named:
            return 0
        return _international(plain, digits, named=named, grouped=grouped)
    if named and (len(digits) >= 7 or grouped):
        return 0.85
    if len(digits) > 13 or (not grouped and not extension) or THOUSANDS.match(plain):
        return 0
    if AMERICAN.match(plain) or (AREA.match(plain) and len(digits) >= 7) or (extension and len(digits) >= 7):
        return 0.7
    return 0.6 if plain.startswith(("0", "(0")) and 9 <= len(digits) <= 12 else 0


def _international(plain: str, digits: str, *, named: bool, grouped: bool) -> float:
    sign = "+" + (digits if plain.startswith("+") else digits[2:])
    try:
        valid = phonenumbers.is_valid_number(phonenumbers.parse(sign))
    except phonenumbers.NumberParseException:
        valid = False
    if valid:
        return 0.95
    if named or grouped:
        return 0.7
    return 0.6 if plain.startswith("+") and len(digits) >= 10 else 0
