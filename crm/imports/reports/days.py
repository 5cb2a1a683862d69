"""Texts to days, a column at a time. `03/04/2026` is read only where the mapping or the whole column says the order."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import polars as pl

from crm.imports.dates import _MONTHS as MONTHS
from crm.imports.reports.mapping import Dates
from crm.imports.reports.numbers import unwrapped

EARLIEST = date(2000, 1, 1)
_EXCEL_DAY_ZERO = date(1899, 12, 30)  # with the day that Excel believes 1900 had
_TIME = r"(?:[T ]+(\d{1,2}):\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?([AaPp][Mm]))?(?:\s*(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?)?"
_ISO = re.compile(rf"^(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}$")
_COMPACT = re.compile(r"^((?:19|20)\d{2})(\d{2})(\d{2})$")
_NUMBERS = re.compile(rf"^(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}$")
_DAY_WORD = re.compile(
    rf"^(?:[A-Za-z]{{3,9}},? )?(\d{{1,2}})(?:st|nd|rd|th|\.)?[ -]([A-Za-z]{{3,9}})\.?,?[ -](\d{{4}}){_TIME}$"
)
_WORD_DAY = re.compile(rf"^(?:[A-Za-z]{{3,9}}, )?([A-Za-z]{{3,9}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){_TIME}$")
_SERIAL = re.compile(r"^\d{5}(?:\.\d+)?$")
_RANGE = re.compile(r"^(.{8,}?)\s*(?:–|—|~| to | - | bis )\s*(.{8,})$")
OPEN = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}"  # texts that need an order


class NoDay(Exception):
    """A text is no day; the message says why."""


def day_of(text: str, dates: Dates, order: str) -> tuple[date, int | None]:
    """(day as it is written, hour or None). `order` is day_first, month_first or "" (unknown). Raises NoDay."""
    text = " ".join(text.split())
    for form in dates.formats:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        return found.date(), found.hour if "%H" in form or "%I" in form else None
    try:
        if match := _ISO.match(text):
            return date(int(match[1]), int(match[3]), int(match[4])), _hour(match[5], match[6])
        if match := _COMPACT.match(text):
            return date(int(match[1]), int(match[2]), int(match[3])), None
        if match := _NUMBERS.match(text):
            return _numbers(match, order), _hour(match[5], match[6])
        if (match := _DAY_WORD.match(text)) and match[2].lower() in MONTHS:
            return date(int(match[3]), MONTHS[match[2].lower()], int(match[1])), _hour(match[4], match[5])
        if (match := _WORD_DAY.match(text)) and match[1].lower() in MONTHS:
            return date(int(match[3]), MONTHS[match[1].lower()], int(match[2])), _hour(match[4], match[5])
        if _SERIAL.match(text):
            if dates.excel_serial:
                return _EXCEL_DAY_ZERO + timedelta(days=int(float(text))), None
            raise NoDay(
                "is a number, perhaps the serial number of a day in Excel; set dates.excel_serial in the mapping"
            )
    except (ValueError, OverflowError) as error:
        raise NoDay(f"is not a day of the calendar ({error})") from error
    raise NoDay("is not a day that can be read; write it as 2026-03-01, or name its format in the mapping")


def _numbers(match: re.Match[str], order: str) -> date:
    first, second = int(match[1]), int(match[3])
    if len(match[4]) == 2:
        raise NoDay("has a year of two digits; name its format in the mapping, for example %m/%d/%y")
    if first == second or order == "day_first":
        return date(int(match[4]), second, first)
    if order == "month_first":
        return date(int(match[4]), first, second)
    if first > 12 or second > 12:
        return date(int(match[4]), *((second, first) if first > 12 else (first, second)))
    raise NoDay("could be day/month or month/day, and no row of the file proves which; set dates.order in the mapping")


def _hour(hour: str | None, half: str | None) -> int | None:
    if hour is None:
        return None
    return int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)


def order_in(texts: pl.Series) -> tuple[bool, bool, bool]:
    """Whether a column (holds days that need an order, proves day first, proves month first)."""
    numbers = texts.unique().str.strip_chars().str.extract_groups(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}")
    first = numbers.struct.field("1").cast(pl.Int32, strict=False)
    second = numbers.struct.field("2").cast(pl.Int32, strict=False)
    return (
        bool(first.is_not_null().any()),
        bool(((first > 12) & (second <= 12)).any()),
        bool(((second > 12) & (first <= 12)).any()),
    )


def days(texts: pl.Series, dates: Dates, order: str) -> pl.DataFrame:
    """`first`, `last` (Date; they differ for a range such as `1 Jan 2026 - 7 Jan 2026`), `hour`, `why` (null where the
    text is read or blank)."""
    schema = {"text": pl.String, "first": pl.Date, "last": pl.Date, "hour": pl.UInt8, "why": pl.String}
    iso = texts.str.to_date("%Y-%m-%d", strict=False) if not dates.formats else None
    if iso is not None and not (iso.is_null() & (texts != "")).any():
        none = pl.lit(None)
        return pl.DataFrame({"first": iso, "last": iso}).with_columns(
            hour=none.cast(pl.UInt8), why=none.cast(pl.String)
        )
    different = texts.unique()
    rows = [(raw, *_read(text, dates, order)) for raw, text in zip(different, unwrapped(different), strict=True)]
    known = pl.DataFrame(rows, schema=schema, orient="row")
    found = texts.rename("text").to_frame().join(known, on="text", how="left", maintain_order="left")
    return found.drop("text")


def _read(text: str, dates: Dates, order: str) -> tuple[date | None, date | None, int | None, str | None]:
    if not text:
        return None, None, None, None
    try:
        day, hour = day_of(text, dates, order)
        return day, day, hour, None
    except NoDay as error:
        if not (match := _RANGE.match(text)):
            return None, None, None, str(error)
    try:
        return day_of(match[1], dates, order)[0], day_of(match[2], dates, order)[0], None, None
    except NoDay as error:
        return None, None, None, str(error)
