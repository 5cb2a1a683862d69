"""Amounts as people write them, read only where there is one way to read them.

`1,234.50`, `1.234,50 €`, `$99`, `USD 12`, `1'234.50`, `1 234,50` are clear. `1,234` and `1.234` are not (a thousand,
or one and a bit?) and are refused; so are negative amounts, three decimals and signs shared by several currencies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from crm.imports.faults import Fault

# ISO 4217, active codes with money in circulation.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
    MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN
    PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY
    TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - one code a line would be 150 lines
)
# What a sign can stand for. One entry: the sign decides. Several: the currency column or the brand's currency decides,
# and a bare $ is the US dollar, as ISO readers expect; ¥ and kr have no such default and are refused.
SIGNS: dict[str, tuple[str, ...]] = {
    "€": ("EUR",),
    "£": ("GBP",),
    "₹": ("INR",),
    "₽": ("RUB",),
    "₺": ("TRY",),
    "₩": ("KRW",),
    "zł": ("PLN",),
    "R$": ("BRL",),
    "US$": ("USD",),
    "C$": ("CAD",),
    "CA$": ("CAD",),
    "A$": ("AUD",),
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP"),
    "¥": ("JPY", "CNY"),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
SIGN_DEFAULT = {"$": "USD"}
LARGEST = Decimal("999999999999.99")  # fits the column: 14 digits, 2 of them decimals

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009]+")
_TOKEN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True)) + "|[A-Za-z]{3}"
_SHAPE = re.compile(rf"^(?P<front>{_TOKEN})?\s?(?P<number>[-+−(]?[\d.,'’ ]*\d[\d.,'’ ]*[)-]?)\s?(?P<back>{_TOKEN})?$")
_THOUSANDS = {sep: re.compile(rf"^\d{{1,3}}(?:{re.escape(sep)}\d{{3}})+$") for sep in (",", ".", "'", " ")}


@dataclass(frozen=True, slots=True)
class Money:
    """A non-negative amount with two decimals; `currency` is None when neither sign nor column named one."""

    amount: Decimal
    currency: str | None


def parse_amount(value: Any, *, field: str, currency: str | None, home: str) -> Money:
    """Read an amount. `currency` is the row's currency column, `home` the brand's currency (settles what `$` means).

    Raises Fault when the amount can be read in more than one way, is negative or does not fit.
    """
    sign: str | None = None
    if isinstance(value, bool):
        raise Fault(field, value, "is true or false, not an amount")
    if isinstance(value, (int, Decimal)):
        number = Decimal(value)
    elif isinstance(value, str):
        sign, number = _split(value, field)
    else:
        raise Fault(field, value, "is not an amount")
    if number < 0:
        raise Fault(field, value, "is negative; import refunds separately, they are not sales")
    if number > LARGEST:
        raise Fault(field, value, f"is larger than {LARGEST:,}")
    rounded = number.quantize(Decimal("0.01"))
    if rounded != number:
        raise Fault(field, value, "has more than two decimals; round it in the source")
    return Money(rounded, _currency_of(sign, currency, home, field, value))


def parse_currency(value: Any, *, field: str) -> str | None:
    """An ISO 4217 code in capitals, or None for a blank; a unique sign (€) counts as its code."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    text = str(value).strip()
    if text.upper() in CURRENCIES:
        return text.upper()
    if len(SIGNS.get(text, ())) == 1:
        return SIGNS[text][0]
    raise Fault(field, value, "is not a currency code of ISO 4217, for example EUR")


def _split(text: str, field: str) -> tuple[str | None, Decimal]:
    plain = _SPACES.sub(" ", text).strip()
    match = _SHAPE.match(plain)
    if not match:
        raise Fault(field, text, "is not an amount")
    if match["front"] and match["back"]:
        raise Fault(field, text, "names a currency twice")
    body = match["number"].strip().replace("’", "'").replace("−", "-")
    negative = body[0] in "-(" or body[-1] in "-)"
    if (body[0] == "(") != (body[-1] == ")"):
        raise Fault(field, text, "is not an amount")
    number = _number(body.strip("+-()").strip(), field, text)
    return match["front"] or match["back"], -number if negative else number


def _number(body: str, field: str, text: str) -> Decimal:
    """Digits with separators to a number; the decimal mark is the last separator, and only where nothing else fits."""
    marks = [char for char in body if char in ".,"]
    whole, decimals = body, ""
    if marks:
        last = marks[-1]
        head, tail = body.rsplit(last, 1)
        if last in head:  # 1,234,567: it comes twice, so it groups thousands
            whole = body
        elif len(tail) == 3 and 1 <= len(head) <= 3 and head.isdigit() and head != "0":
            meant = f"{head}{tail} or {head}.{tail}"
            raise Fault(field, text, f"could mean {meant}; write it with two decimals")
        else:
            whole, decimals = head, tail
    if decimals and not decimals.isdigit():
        raise Fault(field, text, "is not an amount")
    groups = {char for char in whole if not char.isdigit()}
    if groups:
        separator = groups.pop()
        if groups or separator not in _THOUSANDS or not _THOUSANDS[separator].match(whole):
            raise Fault(field, text, "has its thousands grouped in a way that cannot be read")
        whole = whole.replace(separator, "")
    if not whole.isascii() or not (whole + decimals).isdigit():
        raise Fault(field, text, "is not an amount")
    return Decimal(f"{whole}.{decimals}" if decimals else whole)


def _currency_of(sign: str | None, column: str | None, home: str, field: str, value: Any) -> str | None:
    if sign is None:
        return column
    if sign in SIGNS:
        meanings = SIGNS[sign]
    elif sign.upper() in CURRENCIES:
        meanings = (sign.upper(),)
    else:
        raise Fault(field, value, f"{sign!r} is not a currency of ISO 4217")
    if column is not None:
        if column not in meanings:
            raise Fault(field, value, f"says {sign}, but the currency column says {column}")
        return column
    if len(meanings) == 1:
        return meanings[0]
    if home in meanings:
        return home
    if sign in SIGN_DEFAULT:
        return SIGN_DEFAULT[sign]
    raise Fault(field, value, f"{sign} can mean {' or '.join(meanings)}; add a currency column")
