"""Barcodes as GTIN-14, and the repair of those that a spreadsheet ruined. Knows no Django.

Source: GS1 General Specifications, release 25, sections 3.3 (GTIN as 14 digits, zeros in front), 5.2.1 (UPC-E),
7.9.1 (check digit) and 1.4 (prefixes). Check digits and UPC-E are computed by `biip`.

A GTIN-14 is a number with zeros in front, so lost zeros alone never leave a choice. What is left of a code allows at
most four readings: all digits there, the check digit cut off, UPC-E, and scientific notation. A repair needs every
digit but the zeros in front and the check digit, a check digit that holds where one is there, and exactly one product
of the catalogue among all readings; a digit that is gone is never filled in from the catalogue, because the product
may be one that the catalogue does not hold. What no reader can see: a code that was ruined into another valid one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from biip import ParseError
from biip.checksums import gs1_standard_check_digit
from biip.upc import Upc

KINDS = {8: "EAN-8", 12: "UPC-A", 13: "EAN-13", 14: "GTIN-14"}
FEWEST_DIGITS = 8  # below that, item numbers of shops agree with a catalogue by chance
FEWEST_WITHOUT_CHECK = 10  # without a check digit more digits must agree
PUT_BACK = "check digit put back"
LOOKS_ALIKE = 3  # digits: two valid codes differ in two at least
NAMED = 5  # how many possible codes a refusal names

# In-store numbers and coupons by the first digits of the GTIN-13; GTIN-8 has its own.
_RESTRICTED = re.compile(r"^(02|04|2)")
_COUPON = re.compile(r"^(05|98[1-4]|99)")
_RESTRICTED_8 = re.compile(r"^[02]")

_SCIENTIFIC = re.compile(r"^(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})$")
_DECIMALS = re.compile(r"^(\d+)[.,]0{1,6}$")
_THOUSANDS = re.compile(r"^(\d{1,3}([.,'’])\d{3}(?:\2\d{3})+)([.,]0{1,2})?$")
_SPACES = re.compile(r"[\s\u00a0\u202f\u2007\u2009-]+")
_GROUPED = re.compile(r"^\d{1,3}(?:[\s\u00a0\u202f\u2009]\d{3})+$")
_APPLICATION = re.compile(r"^\(01\)(?=\d{14}$)")


class Done(StrEnum):
    """What became of a code."""

    AS_GIVEN = "as given"
    NORMALISED = "normalised"
    REPAIRED = "repaired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Normalised:
    """One code: `gtin` has 14 digits, or is "" where it was refused.

    `kind` is the bar code it was read as, `steps` what was done in order, `could_be` the GTIN-14s a refused code may
    have been (those of the catalogue first), `known` whether the catalogue has it (None without one), `restricted`
    whether the number means something in one shop only (in-store numbers, coupons) and must not be matched elsewhere.
    """

    given: str
    done: Done
    gtin: str = ""
    kind: str = ""
    steps: tuple[str, ...] = ()
    reason: str = ""
    could_be: tuple[str, ...] = ()
    known: bool | None = None
    restricted: bool = False

    def __bool__(self) -> bool:
        return bool(self.gtin)

    def told(self) -> str:
        """One line for a person."""
        if self.done is Done.REFUSED:
            return f"{self.given!r} {self.reason}"
        how = f": {', '.join(self.steps)}" if self.steps else ""
        return f"{self.given!r} is {self.gtin} ({self.kind}, {self.done}{how})"


class Catalogue:
    """GTIN-14s of products that are known. A GTIN that two products share settles nothing and is remembered so."""

    def __init__(self, gtins: Iterable[str]) -> None:
        seen: dict[str, int] = {}
        for gtin in gtins:
            seen[gtin] = seen.get(gtin, 0) + 1
        self.shared = frozenset(gtin for gtin, times in seen.items() if times > 1)
        self._all = frozenset(seen)
        self._sorted = sorted(self._all)

    def __contains__(self, gtin: object) -> bool:
        return gtin in self._all

    def __len__(self) -> int:
        return len(self._all)

    def has_company(self, gtin: str) -> bool:
        """Whether a code here begins like this one as far as a company prefix commonly goes (7 digits of a GTIN-13)."""
        low = bisect_left(self._sorted, gtin[:9])
        return low < len(self._sorted) and self._sorted[low].startswith(gtin[:9])

    def between(self, low: int, high: int) -> list[str]:
        """Codes whose number lies in [low, high], at most ten thousand of them."""
        first = bisect_left(self._sorted, f"{max(low, 0):014d}")
        return self._sorted[first : min(bisect_right(self._sorted, f"{high:014d}"), first + 10_000)]


@dataclass(frozen=True, slots=True)
class _Digits:
    """What is left after the wrapping was taken off. `ruined`: a program read the code as a number."""

    digits: str
    steps: tuple[str, ...] = ()
    ruined: bool = False


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read digits. `plain`: nothing had to be put back."""

    gtin: str
    kind: str
    plain: bool
    steps: tuple[str, ...] = field(default=())


def check_digit(payload: str) -> int:
    """Check digit of the digits before it (GS1 General Specifications 7.9.1)."""
    return gs1_standard_check_digit(payload)


def holds(code: str) -> bool:
    """Whether the last digit of `code` is its check digit."""
    return len(code) > 1 and code.isascii() and code.isdigit() and check_digit(code[:-1]) == int(code[-1])


def restricted(gtin: str) -> str:
    """Why a GTIN-14 means nothing outside one shop, or ""."""
    if gtin.startswith("000000"):
        return "is a number of one shop only" if _RESTRICTED_8.match(gtin[6:]) else ""
    if _RESTRICTED.match(gtin[1:]):
        return "is a number of one shop only"
    return "is the code of a coupon" if _COUPON.match(gtin[1:]) else ""


def normalise(text: object, catalogue: Catalogue | None = None) -> Normalised:
    """A code as GTIN-14. Without a catalogue nothing is repaired.

    Whole numbers and texts are read; anything that is not certain comes back as refused, with the reason and what it
    could have been. Never raises.
    """
    given = "" if text is None else str(text)
    return _decide(given, catalogue)


def looks_like_one(text: str) -> bool:
    """Whether a shop's code is as long as a bar code, whole or ruined (11 to 14 digits); its own are shorter."""
    bare, _ = _unwrapped(text)
    science = _SCIENTIFIC.match(bare)
    if science:
        return 10 <= int(science[3]) <= 13
    found = _digits(bare)
    return found is not None and 11 <= len(found.digits.lstrip("0")) <= 14


def _decide(given: str, catalogue: Catalogue | None) -> Normalised:
    bare, wrapped = _unwrapped(given)
    if not bare:
        return Normalised(given, Done.REFUSED, reason="is empty")
    science = _SCIENTIFIC.match(bare)
    if science:
        exact = _exact(science)
        if exact is None:
            return _lost_digits(given, science, catalogue)
        found: _Digits | None = _Digits(exact, ("read from scientific notation, all digits were there",), ruined=True)
    else:
        found = _digits(bare)
    if found is None:
        return Normalised(given, Done.REFUSED, reason="is not a bar code: it has other signs than digits")
    found = _Digits(found.digits, (*wrapped, *found.steps), found.ruined)
    if not found.digits.strip("0"):
        return Normalised(given, Done.REFUSED, reason="has no digit other than 0")
    if len(found.digits.lstrip("0")) > 14:
        return Normalised(given, Done.REFUSED, reason=f"has {len(found.digits)} digits; a bar code has at most 14")
    return _choose(given, found, _readings(found), catalogue)


def _unwrapped(given: str) -> tuple[str, tuple[str, ...]]:
    """The text without `="..."`, quotes, an apostrophe in front or `(01)`: signs that keep every digit."""
    bare = given.strip().strip("\ufeff\u200b\u200e\u200f")
    before = bare
    bare = bare.removeprefix("=").strip()
    for mark in ('"', "'", "“", "”", "’", "`"):
        bare = bare.removeprefix(mark).removesuffix(mark)
    steps: tuple[str, ...] = ("text marks taken off",) if bare != before else ()
    without = _APPLICATION.sub("", bare)
    if without != bare:
        steps = (*steps, "application identifier (01) taken off")
    return without.strip(), steps


def _digits(bare: str) -> _Digits | None:
    """Digits of a code as text, or of a number that a spreadsheet wrote."""
    if bare.isascii() and bare.isdigit():
        return _Digits(bare)
    thousands = _THOUSANDS.match(bare)
    if thousands:
        steps = ("thousands separators taken out", *(("decimals taken off",) if thousands[3] else ()))
        return _Digits(re.sub(r"\D", "", thousands[1]), steps, ruined=True)
    decimals = _DECIMALS.match(bare)
    if decimals:
        return _Digits(decimals[1], ("decimals taken off",), ruined=True)
    if _GROUPED.match(bare):
        return _Digits(re.sub(r"\D", "", bare), ("thousands separators taken out",), ruined=True)
    closed = _SPACES.sub("", bare)
    if closed.isascii() and closed.isdigit():
        return _Digits(closed, ("spaces and hyphens taken out",))
    return None


def _exact(science: re.Match[str]) -> str | None:
    """All digits of `4.006381333931E+12`; None where the mantissa has fewer digits than the number."""
    mantissa, exponent = science[1] + (science[2] or ""), int(science[3])
    whole, rest = mantissa[: exponent + 1], mantissa[exponent + 1 :]
    return whole if len(whole) == exponent + 1 and not rest.strip("0") else None


def _lost_digits(given: str, science: re.Match[str], catalogue: Catalogue | None) -> Normalised:
    """Scientific notation that dropped digits: never repaired, but the products it could have been are named."""
    mantissa, exponent = science[1] + (science[2] or ""), int(science[3])
    gone = exponent + 1 - len(mantissa)
    if gone <= 0:
        return Normalised(given, Done.REFUSED, reason="is not a whole number, so it is no bar code")
    if exponent > 13:
        return Normalised(given, Done.REFUSED, reason=f"has {exponent + 1} digits; a bar code has at most 14")
    value, half = Decimal(mantissa).scaleb(gone), Decimal(5).scaleb(gone - 1)
    low = int((value - half).to_integral_value(ROUND_CEILING))
    high = int((value + half).to_integral_value(ROUND_FLOOR))
    reason = f"lost its last {gone} digits to scientific notation; export the column as text"
    possible = catalogue.between(low, high) if catalogue is not None else []
    if possible:
        count = f"{len(possible)} products" if len(possible) > 1 else "1 product"
        reason += f". {count} of the catalogue and any other between {low} and {high} could be meant"
    return Normalised(given, Done.REFUSED, reason=reason, could_be=tuple(possible[:NAMED]))


def _readings(found: _Digits) -> list[_Reading]:
    """All valid readings of the digits: as they stand, as UPC-E, with the check digit cut off."""
    digits, significant = found.digits, len(found.digits.lstrip("0"))
    made = []
    standard = len(digits) in KINDS
    if significant <= 14 and significant > 1 and holds(digits.zfill(14)[-14:]):
        gtin = digits.zfill(14)[-14:]
        steps: tuple[str, ...] = ()
        if not standard:
            steps = ("zeros in front put back",) if len(digits) < 14 else ("surplus zeros in front taken off",)
        made.append(
            _Reading(gtin, KINDS[len(digits)] if standard else _kind(gtin), standard and not found.ruined, steps)
        )
    if len(digits) in (6, 7, 8):
        made += _upc_e(digits, found)
    if significant <= 13 and len(digits) <= 14:
        payload = digits.zfill(13)[-13:]
        gtin = payload + str(check_digit(payload))
        made.append(_Reading(gtin, _kind(gtin), False, (PUT_BACK,)))
    return list({reading.gtin: reading for reading in reversed(made)}.values())[::-1]


def _upc_e(digits: str, found: _Digits) -> list[_Reading]:
    """UPC-E with its check digit (8 digits, or 7 whose zero in front was lost). Shorter forms prove nothing.

    Number system 1 is hardly ever printed, and half of all EAN-8 that begin with 1 hold as one (the weights of both
    check digits agree): it is believed only where the catalogue has it.
    """
    made = []
    for code, steps in ((digits, ()), (f"0{digits}", ("zero in front put back",))):
        if len(code) != 8:
            continue
        try:
            upc = Upc.parse(code)
        except ParseError:
            continue
        plain = not steps and not found.ruined and code[0] == "0"
        made.append(_Reading(upc.as_gtin_14(), "UPC-E", plain, (*steps, "UPC-E written out")))
    return made


def _choose(given: str, found: _Digits, readings: list[_Reading], catalogue: Catalogue | None) -> Normalised:
    """The only reading that is certain, or a refusal that names all of them."""
    plain = [reading for reading in readings if reading.plain]
    known = [reading for reading in readings if catalogue is not None and reading.gtin in catalogue]
    near = [] if catalogue is None or _with_check_digit(readings) else _near(found.digits, catalogue)
    names = tuple(dict.fromkeys([reading.gtin for reading in known] + near + [one.gtin for one in readings]))[:NAMED]

    def refused(reason: str) -> Normalised:
        return Normalised(
            given, Done.REFUSED, reason=reason, could_be=names, known=None if catalogue is None else bool(known)
        )

    if len(known) > 1:
        return refused(f"could be {len(known)} products of the catalogue: {_listed(known)}")
    if len(plain) == 1 and not [reading for reading in known if reading != plain[0]]:
        reading = plain[0]
        steps = (*found.steps, *reading.steps, *_padding(reading.gtin, found.digits))
        done = Done.NORMALISED if steps else Done.AS_GIVEN
        return _made(given, done, reading, steps, None if catalogue is None else bool(known))
    if len(plain) > 1 and known and known[0] in plain:
        return _made(given, Done.NORMALISED, known[0], (*found.steps, *known[0].steps), True)
    if plain:
        others = [reading for reading in readings if reading in plain or reading in known]
        return refused(f"can be read in {len(others)} ways: {_listed(others)}")
    if not known:
        return refused(_why_not(found, readings, catalogue))
    reading = known[0]
    if catalogue is None or reading.gtin in catalogue.shared:
        return refused(f"would be {reading.gtin}, which two products of the catalogue share")
    rival = _rival(reading, readings, catalogue)
    if rival is not None:
        return refused(f"can be {_listed([reading, rival])}, and a product of either may be meant")
    significant = len(found.digits.lstrip("0"))
    fewest = FEWEST_WITHOUT_CHECK if PUT_BACK in reading.steps else FEWEST_DIGITS
    if significant < fewest:
        return refused(f"is too short to be sure that it is {reading.gtin}: {significant} digits, {fewest} are needed")
    if why := restricted(reading.gtin):
        return refused(f"would be {reading.gtin}, which {why}")
    return _made(given, Done.REPAIRED, reading, (*found.steps, *reading.steps), True)


def _rival(reading: _Reading, readings: list[_Reading], catalogue: Catalogue) -> _Reading | None:
    """Another reading that a product outside the catalogue may have, so that the catalogue's one proves nothing.

    Where the digits hold a check digit as they stand, that is believed before a cut one. A cut one and UPC-E are
    believed where the company of that code sells here, or where both codes look alike.
    """
    for other in readings:
        if other == reading:
            continue
        alike = sum(ours != theirs for ours, theirs in zip(reading.gtin, other.gtin, strict=True)) <= LOOKS_ALIKE
        whole = PUT_BACK not in other.steps and other.kind != "UPC-E"
        if whole or alike or catalogue.has_company(other.gtin):
            return other
    return None


def _made(given: str, done: Done, reading: _Reading, steps: tuple[str, ...], known: bool | None) -> Normalised:
    return Normalised(
        given, done, gtin=reading.gtin, kind=reading.kind, steps=steps, known=known,
        restricted=bool(restricted(reading.gtin)),
    )  # fmt: skip


def _padding(gtin: str, digits: str) -> tuple[str, ...]:
    return ("filled to 14 digits",) if gtin == digits.zfill(14) and len(digits) < 14 else ()


def _why_not(found: _Digits, readings: list[_Reading], catalogue: Catalogue | None) -> str:
    """Reason for a code that no product of the catalogue proves."""
    whole = _with_check_digit(readings)
    missing = "there is no catalogue to prove it" if catalogue is None else "no product of the catalogue has that code"
    if whole:
        return f"would be {_listed(whole)} once repaired, but {missing}"
    length = len(found.digits)
    if length in KINDS:
        expected = check_digit(found.digits[:-1])
        return f"has a wrong check digit: the last digit should be {expected}, not {found.digits[-1]}"
    return f"has {length} digits and no check digit that holds; bar codes have 8, 12, 13 or 14"


def _with_check_digit(readings: list[_Reading]) -> list[_Reading]:
    return [reading for reading in readings if PUT_BACK not in reading.steps]


def _near(digits: str, catalogue: Catalogue) -> list[str]:
    """Codes of the catalogue that differ in one digit or in two neighbours changing places. Only ever named."""
    code = digits.lstrip("0").zfill(14)
    if len(code) > 14 or len(digits) not in KINDS:
        return []
    swapped = [code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(13)]
    changed = [code[:at] + digit + code[at + 1 :] for at in range(14) for digit in "0123456789"]
    return sorted({other for other in [*swapped, *changed] if other in catalogue and other != code})


def _kind(gtin: str) -> str:
    """The shortest bar code that holds the number."""
    significant = len(gtin.lstrip("0"))
    return next(kind for length, kind in KINDS.items() if significant <= length)


def _listed(readings: list[_Reading]) -> str:
    return " or ".join(dict.fromkeys(reading.gtin for reading in readings))
