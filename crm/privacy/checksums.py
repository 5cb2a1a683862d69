"""Check digits that tell a real number from a row of digits.

Luhn: ISO/IEC 7812-1, annex B. IBAN: ISO 13616, mod 97 by ISO 7064. GTIN: GS1 General Specifications, 7.9. National
numbers: the modules of python-stdnum, by name (`de.idnr`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from crm.errors import EndcapError

# Length of an IBAN by country: ISO 13616 registry.
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip

Check = Callable[[str], bool]


class UnknownChecksum(EndcapError):
    """A recognizer asks for a checksum that is not there."""


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
    """Length of the country and mod 97 of an IBAN without spaces, in capitals."""
    if len(compact) != IBAN_LENGTHS.get(compact[:2], -1):
        return False
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def gtin_holds(digits: str) -> bool:
    """Whether a row of 8, 12, 13 or 14 digits ends in the check digit of GS1: then it is likely a product's code."""
    if len(digits) not in (8, 12, 13, 14):
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits))) % 10 == 0


@cache
def check_of(name: str) -> Check:
    """The check called `luhn`, `mod97`, or one of python-stdnum's modules. Raises UnknownChecksum."""
    if name == "luhn":
        return lambda value: luhn("".join(sign for sign in value if sign.isdigit()))
    if name == "mod97":
        return lambda value: iban_holds("".join(value.split()).upper())
    parts = name.split(".")
    if len(parts) == 2 and all(part.replace("_", "").isalnum() and part.islower() for part in parts):
        try:
            module = import_module(f"stdnum.{name}")
        except ModuleNotFoundError:
            module = None
        if module is not None and callable(getattr(module, "is_valid", None)):
            valid: Check = module.is_valid
            return valid
    raise UnknownChecksum(
        f"checksum: “{name}” is not known. Use luhn, mod97 or a module of python-stdnum such as de.idnr.", checksum=name
    )
