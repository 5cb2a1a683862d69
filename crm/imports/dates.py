"""Instants as people and programs write them. Pure; `now` comes from the caller.

Read: ISO 8601 (also `2026-03-01 10:00` and `2026/3/1`), seconds or milliseconds since 1970, `18 Sep 2026`,
`Sep 18, 2026`, RFC 2822. A time without a zone is taken as UTC. `03/04/2026` can be March or April: it is read only if
another value of the same column in the same file proves the order (a number above 12 where only a day can stand, and no
proof of the contrary).
Two-digit years, impossible days and, unless asked for, instants after `now` are refused.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from crm.imports.faults import Fault

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Order(StrEnum):
    """Which number comes first in `03/04/2026`."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
            "sep sept september", "oct october", "nov november", "dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = (
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s?(?P<half>[AaPp][Mm])?)?"
)
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_ISO = re.compile(rf"^(?P<year>\d{{4}})(?P<sep>[-/])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}}){_TIME}{_ZONE}$")
_COMPACT = re.compile(r"^(?P<year>(?:19|20)\d{2})(?P<month>\d{2})(?P<day>\d{2})$")
_NUMBERS = re.compile(
    rf"^(?P<first>\d{{1,2}})(?P<sep>[/.-])(?P<second_>\d{{1,2}})(?P=sep)(?P<year>\d{{4}}|\d{{2}}){_TIME}{_ZONE}$"
)
_DAY_WORD = re.compile(
    rf"^(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ -](?P<word>[A-Za-z]{{3,9}})\.?,?[ -](?P<year>\d{{4}}){_TIME}{_ZONE}$"
)
_WORD_DAY = re.compile(
    rf"^(?P<word>[A-Za-z]{{3,9}})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}}){_TIME}{_ZONE}$"
)
_RFC2822 = re.compile(
    r"^(?:(?P<weekday>[A-Za-z]{3}), )?\d{1,2} [A-Za-z]{3} \d{4} \d{2}:\d{2}(?::\d{2})? (?:[+-]\d{4}|GMT|UT)$"
)


def order_of(values: Iterable[Any]) -> Order | None:
    """The order that the values of one column prove, or None when they prove neither or contradict each other."""
    day_first = month_first = False
    for value in values:
        match = _NUMBERS.match(value.strip()) if isinstance(value, str) else None
        if match:
            day_first |= int(match["first"]) > 12 >= int(match["second_"])
            month_first |= int(match["second_"]) > 12 >= int(match["first"])
    if day_first == month_first:
        return None
    return Order.DAY_FIRST if day_first else Order.MONTH_FIRST


def parse_instant(
    value: Any, *, field: str, now: datetime, order: Order | None = None, future_allowed: bool = False
) -> datetime:
    """An aware instant in UTC. Raises Fault when the value has two readings, is impossible or lies after `now`."""
    instant = _read(value, field, order)
    if instant < EARLIEST:
        raise Fault(field, value, "lies before 1970")
    if instant > now and not future_allowed:
        raise Fault(field, value, "lies in the future")
    return instant


def _read(value: Any, field: str, order: Order | None) -> datetime:
    if isinstance(value, bool):
        raise Fault(field, value, "is true or false, not a date")
    if isinstance(value, (int, Decimal)):
        return _epoch(Decimal(value), field, value)
    if not isinstance(value, str):
        raise Fault(field, value, "is not a date")
    text = " ".join(value.split())
    try:
        if match := _ISO.match(text) or _COMPACT.match(text):
            return _build(match.groupdict(), int(match["month"]), int(match["day"]))
        if re.fullmatch(r"\d{10}(?:\.\d+)?|\d{13}", text):
            return _epoch(Decimal(text), field, value)
        if match := _NUMBERS.match(text):
            return _from_numbers(match, field, value, order)
        if match := _RFC2822.match(text):
            return _from_mail(text, match["weekday"], field, value)
        if match := _DAY_WORD.match(text) or _WORD_DAY.match(text):
            month = _MONTHS.get(match["word"].lower())
            if month is None:
                raise Fault(field, value, f"{match['word']!r} is not a month")
            return _build(match.groupdict(), month, int(match["day"]))
    except (ValueError, OverflowError) as error:
        raise Fault(field, value, f"is not a day of the calendar ({error})") from error
    raise Fault(field, value, "is not a date that can be read; write it as 2026-03-01 or 2026-03-01T10:00:00Z")


def _build(parts: dict[str, str | None], month: int, day: int) -> datetime:
    hour, minute = int(parts.get("hour") or 0), int(parts.get("minute") or 0)
    half = (parts.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("hour must be in 1..12 with am or pm")
        hour = hour % 12 + (12 if half == "pm" else 0)
    micro = int((parts.get("fraction") or "0").ljust(6, "0")[:6])
    year, second = int(parts["year"] or 0), int(parts.get("second") or 0)
    zone = parts.get("zone")
    naive = datetime(year, month, day, hour, minute, second, micro)
    if zone is None or zone in ("Z", "UTC", "GMT"):
        return naive.replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{naive.isoformat()}{zone}").astimezone(UTC)


def _from_numbers(match: re.Match[str], field: str, value: Any, order: Order | None) -> datetime:
    first, second = int(match["first"]), int(match["second_"])
    if len(match["year"]) == 2:
        raise Fault(field, value, "has a year of two digits; write four")
    if first > 12 or second > 12 or first == second:
        day, month = (second, first) if second > 12 else (first, second)
    elif order is None:
        raise Fault(field, value, "could be day/month or month/day; write it as YYYY-MM-DD")
    else:
        day, month = (first, second) if order is Order.DAY_FIRST else (second, first)
    return _build(match.groupdict(), month, day)


def _from_mail(text: str, weekday: str | None, field: str, value: Any) -> datetime:
    instant = email.utils.parsedate_to_datetime(text)
    if weekday and _WEEKDAYS[instant.weekday()] != weekday.lower():
        raise Fault(field, value, f"says {weekday}, but that day was a {instant:%A}")
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)


def _epoch(number: Decimal, field: str, value: Any) -> datetime:
    """Ten digits are seconds (2001 to 2286), thirteen are milliseconds; anything else is refused."""
    digits = number.adjusted() + 1
    if number < 0 or digits not in (10, 13):
        raise Fault(field, value, "is a number that is neither seconds nor milliseconds since 1970")
    return datetime.fromtimestamp(float(number) / (1000 if digits == 13 else 1), tz=UTC)
