"""Rows of texts to canonical columns, and a note of every value that cannot be one. Whole columns at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import polars as pl

from crm.imports.faults import BrokenFile
from crm.imports.money import CURRENCIES, SIGNS
from crm.imports.reports.canonical import (
    COUNT_SCALE,
    COUNTS,
    DELIVERY,
    LONGEST,
    MONEY,
    MONEY_SCALE,
)  # fmt: skip
from crm.imports.reports.days import EARLIEST, days
from crm.imports.reports.mapping import ID_FIELDS, TEXT_FIELDS, Column, Mapping, Unit, Window
from crm.imports.reports.names import plain
from crm.imports.reports.numbers import Figures, figures, unwrapped, why_bad

SCALES = {**dict.fromkeys(DELIVERY, 1), **dict.fromkeys(MONEY, MONEY_SCALE), **dict.fromkeys(COUNTS, COUNT_SCALE)}
WORDS = {**dict.fromkeys(DELIVERY, "a whole number"), **dict.fromkeys(MONEY, "an amount"),
         **dict.fromkeys(COUNTS, "a number")}  # fmt: skip
RUINED = r"^\d(?:[.,]\d+)?[eE]\+?\d{1,2}$"


Repair = Callable[[Sequence[str]], dict[str, str]]  # ruined product codes -> those that are certain, put right


@dataclass(frozen=True, slots=True)
class Place:
    """A column of the file that is read: where it stands, what it is called there, and what the mapping says of it."""

    at: int
    name: str
    column: Column
    plus: tuple[tuple[int, str], ...] = ()  # further columns that are added to it

    @property
    def key(self) -> str:
        return f"c{self.at}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a mapping reads one file: which columns stand where, and what the whole file has proven about its texts.

    `windows` has the primary window first: the mapping's, or where the file has none of its columns the next of the
    mapping's list that it has. `decimal` is "." "," or "" (not proven), `order` day_first, month_first or "".
    """

    mapping: Mapping
    columns: dict[str, Place]
    breakdown: dict[str, Place]
    windows: tuple[tuple[Window, dict[str, Place]], ...]
    only: Place | None
    currency: str
    today: date
    decimal: str = ""
    order: str = ""
    filename: str = ""
    repair: Repair | None = None

    def numbers(self) -> list[tuple[str, Place]]:
        """(field, place) of every column of figures; the field of a further window is like `sales|30|click`."""
        made = [(name, self.columns[name]) for name in (*DELIVERY, "spend") if name in self.columns]
        for number, (window, places) in enumerate(self.windows):
            made += [(name if number == 0 else f"{name}|{window.key}", place) for name, place in places.items()]
        return made


def plan(
    mapping: Mapping,
    header: Sequence[str],
    *,
    currency: str,
    today: date,
    filename: str,
    repair: Repair | None = None,
) -> Plan:
    """Where the columns of `mapping` stand in a header. Raises BrokenFile for columns that are missing or ambiguous."""
    named: dict[str, list[int]] = {}
    for at, name in enumerate(header):
        named.setdefault(plain(name), []).append(at)

    def place(column: Column, field_name: str) -> Place | None:
        for name in column.names:
            found = named.get(plain(name), [])
            if len(found) > 1:
                exact = [at for at in found if header[at] == name]
                if len(exact) != 1:
                    raise BrokenFile(
                        f"{filename} has the column {header[found[0]]!r} more than once. Rename or remove one.",
                        file=filename,
                        column=header[found[0]],
                    )
                found = exact
            if found:
                return Place(found[0], header[found[0]], column)
        parts = [named.get(plain(name), []) for name in column.sum_of]
        if parts and all(len(found) == 1 for found in parts):
            first, *more = [(found[0], header[found[0]]) for found in parts]
            return Place(*first, column, tuple(more))
        if column.required:
            raise BrokenFile(
                f"{filename} lacks the column {column.names[0]!r} ({field_name}), which {mapping.title} needs.",
                file=filename,
                column=column.names[0],
            )
        return None

    columns = {name: got for name, column in mapping.columns.items() if (got := place(column, name))}
    windows = [
        (window, places)
        for window in sorted(mapping.windows, key=lambda one: not one.primary)
        if (places := {name: got for name, column in window.columns().items() if (got := place(column, name))})
    ]
    only = place(mapping.only.column, "only.column") if mapping.only else None
    made = Plan(
        mapping, columns, {name: got for name, column in mapping.breakdown.items() if (got := place(column, name))},
        tuple(windows), only, currency, today, filename=filename,
        repair=repair,
    )  # fmt: skip
    if mapping.kind == "facts":
        _complete(made, header)
    return made


def _complete(made: Plan, header: Sequence[str]) -> None:
    """Raises BrokenFile where a file of facts names no day, no figure, or not what makes a row itself."""
    mapping, filename = made.mapping, made.filename
    needed = [("measured_on|range_start", "a day"), *((name, name.replace("|", " or ")) for name in mapping.identity)]
    for alternatives, what in needed:
        possible = alternatives.split("|")
        if "breakdown" in possible and made.breakdown:
            continue
        if not any(name in made.columns for name in possible):
            names = [name for one in possible if one in mapping.columns for name in mapping.columns[one].names]
            raise BrokenFile(
                f"{filename} has no column for {what}, which {mapping.title} needs: "
                f"{', '.join(names[:6])}. It has {', '.join(header)[:300]}.",
                file=filename,
                column=names[0] if names else what,
            )
    if not made.numbers():
        raise BrokenFile(
            f"{filename} has none of the figures of {mapping.title}. It has {', '.join(header)[:300]}.", file=filename
        )
    if mapping.only and made.only is None:
        wanted = mapping.only.column.names[0]
        raise BrokenFile(f"{filename} has no column {wanted}, by which rows are chosen.", file=filename)


Reason = str | Callable[[str], str]


@dataclass(slots=True)
class Parsed:
    """Rows of one part as canonical columns (figures of further windows as `sales|30|click`), and what is wrong.

    `faults`: (field, place of the column in the file or None, which rows, why; a function gets the text).
    """

    frame: pl.DataFrame
    faults: list[tuple[str, Place | None, pl.Series, Reason]] = field(default_factory=list)

    def add(self, name: str, place: Place | None, rows: pl.Series | None, why: Reason) -> None:
        if rows is not None:
            rows = rows.fill_null(False)
            if rows.any():
                self.faults.append((name, place, rows, why))


def facts(raw: pl.DataFrame, made: Plan) -> Parsed:
    """Canonical columns of `raw` (`row`, `c0`, ...), as far as they are not the same for every row."""
    parsed = Parsed(raw.select("row"))
    columns: dict[str, pl.Series] = {"row": raw["row"]}
    columns |= _days(raw, made, parsed)
    columns |= _texts(raw, made, parsed)
    signs: list[tuple[str, Place, pl.Series]] = []
    for name, place in made.numbers():
        kind = name.split("|")[0]
        found = _figures(raw[place.key], place, kind, made)
        for at, header_name in place.plus:
            part = Place(at, header_name, place.column)
            more = _figures(raw[part.key], part, kind, made)
            parsed.add(name, part, more.bad, partial(why_bad, what=WORDS[kind], decimal=made.decimal))
            found = replace(found, values=_added(found.values, more.values))
        columns[name] = found.values
        parsed.add(name, place, found.bad, partial(why_bad, what=WORDS[kind], decimal=made.decimal))
        if found.signs is not None:
            if kind in MONEY:
                signs.append((name, place, found.signs))
            else:
                parsed.add(name, place, found.signs != "", "has a sign of a currency, but is no amount")
    parsed.frame = pl.DataFrame(columns)
    _currencies(made, parsed, signs)
    return parsed


def _days(raw: pl.DataFrame, made: Plan, parsed: Parsed) -> dict[str, pl.Series]:
    dates = made.mapping.dates
    start = made.columns.get("measured_on") or made.columns["range_start"]
    read = days(raw[start.key], dates, made.order)
    day = read["first"]
    parsed.add("measured_on", start, raw[start.key].str.strip_chars() == "", "is empty: every figure belongs to a day")
    if (read["why"].is_not_null()).any():
        why = dict(zip(raw[start.key].to_list(), read["why"].to_list(), strict=True))
        parsed.add("measured_on", start, read["why"].is_not_null(), lambda text: str(why[text]))
    _range(raw, start, read["first"], read["last"], parsed)
    if "measured_on" not in made.columns and "range_end" in made.columns:
        end = made.columns["range_end"]
        last = days(raw[end.key], dates, made.order)
        parsed.add("range_end", end, last["why"].is_not_null(), "is not a day that can be read")
        parsed.add("range_end", end, last["last"].is_null() & last["why"].is_null(), "is empty: when does it end?")
        _range(raw, end, day, last["last"], parsed)
    parsed.add("measured_on", start, day > made.today, f"lies in the future (today is {made.today})")
    parsed.add("measured_on", start, day < EARLIEST, f"lies before {EARLIEST.year}")
    columns = {"measured_on": day}
    if "hour" in made.columns:
        place = made.columns["hour"]
        texts = unwrapped(raw[place.key])
        hour = texts.cast(pl.UInt8, strict=False)
        written = texts.str.extract(r"[T ](\d{1,2}):\d{2}", 1).cast(pl.UInt8, strict=False)
        hour = hour.fill_null(written)
        parsed.add("hour", place, ((hour > 23) | hour.is_null()) & (texts != ""), "is not an hour from 0 to 23")
        columns["hour"] = hour
    return columns


def _range(raw: pl.DataFrame, place: Place, first: pl.Series, last: pl.Series, parsed: Parsed) -> None:
    """Only a range of one day is a fact of a day."""
    if (first != last).any():
        length = dict(zip(raw[place.key].to_list(), (last - first).dt.total_days().to_list(), strict=True))

        def why(text: str) -> str:
            days_more = length[text]
            if days_more is not None and days_more < 0:
                return "ends before it begins"
            return (
                "covers several days, and a figure of several days cannot be shared among them; export the report "
                "by day (time unit: daily)"
            )

        parsed.add("range_end", place, first != last, why)


def _texts(raw: pl.DataFrame, made: Plan, parsed: Parsed) -> dict[str, pl.Series]:
    columns = {}
    for name in TEXT_FIELDS:
        if (place := made.columns.get(name)) is None:
            continue
        columns[name] = _text(raw, name, place, parsed, made)
    if made.breakdown:
        parts = []
        for label, place in made.breakdown.items():
            text = _tidy(raw[place.key]).str.replace_all("[;=]", " ")
            parts.append(pl.select(pl.when(text != "").then(pl.concat_str(pl.lit(f"{label}="), text))).to_series())
        frame = pl.DataFrame({str(at): part for at, part in enumerate(parts)})
        columns["breakdown"] = frame.select(pl.concat_str(pl.all(), separator=";", ignore_nulls=True)).to_series()
        first = next(iter(made.breakdown.values()))
        parsed.add("breakdown", first, _too_long(columns["breakdown"], "breakdown"), "is longer than 200 characters")
    for alternatives in made.mapping.identity:
        have = [name for name in alternatives.split("|") if name in columns]
        if not have:
            continue
        missing = columns[have[0]] == ""
        for name in have[1:]:
            missing = missing & (columns[name] == "")
        parsed.add(
            have[0], made.columns.get(have[0]), missing, f"is empty: the row does not say of what ({alternatives})"
        )
    return columns


def _text(raw: pl.DataFrame, name: str, place: Place, parsed: Parsed, made: Plan) -> pl.Series:
    texts = raw[place.key]
    different = texts.unique()  # a campaign's name stands in thousands of rows
    text = _tidy(different)
    if name in ID_FIELDS:
        text = text.str.replace(r"^(\d+)\.0$", "$1")  # an id that went through a table of numbers
    elif name == "currency":
        text = text.str.to_uppercase()
    if name == "item" and made.repair and (ruined := text.filter(text.str.contains(RUINED)).to_list()):
        text = text.replace(made.repair(ruined))
    if not (text == different).all():
        texts = texts.replace_strict(different, text)
    if name in ID_FIELDS:
        _wrong(
            parsed, name, place, texts, text.filter(text.str.contains(RUINED)),
            "was shortened by a spreadsheet (scientific notation), its last digits are lost; export it again and "
            "do not open it there",
        )  # fmt: skip
    if place.column.required and name != "currency":
        _wrong(parsed, name, place, texts, text.filter(text == ""), "is empty, but every row must have it")
    longest = LONGEST.get(name, 3)
    long = text.filter(text.str.len_chars() > longest)
    _wrong(parsed, name, place, texts, long, f"is longer than {longest} characters")
    return texts


def _wrong(parsed: Parsed, name: str, place: Place, texts: pl.Series, wrong: pl.Series, why: Reason) -> None:
    if len(wrong):
        parsed.add(name, place, texts.is_in(wrong.to_list()), why)


def _tidy(texts: pl.Series) -> pl.Series:
    """Trimmed; spreadsheets' wrapping is taken off where the column has any."""
    if texts.str.contains("[\"']").any():
        texts = unwrapped(texts)
    return texts.str.strip_chars()


def _too_long(text: pl.Series, name: str) -> pl.Series:
    longest = LONGEST.get(name, 3)
    return text.str.len_chars() > longest


def _figures(texts: pl.Series, place: Place, kind: str, made: Plan) -> Figures:
    return figures(
        texts, unit=place.column.unit or Unit.COUNT, scale=SCALES[kind], decimal=made.decimal,
        blanks=made.mapping.numbers.blanks, whole_only=kind in DELIVERY and place.column.fractions == "refuse",
    )  # fmt: skip


def _added(first: pl.Series, second: pl.Series) -> pl.Series:
    """The sum, where at least one says something."""
    both = pl.DataFrame({"first": first, "second": second})
    nothing = pl.col("first").is_null() & pl.col("second").is_null()
    return both.select(pl.when(~nothing).then(pl.sum_horizontal("first", "second"))).to_series()


def _currencies(made: Plan, parsed: Parsed, signs: list[tuple[str, Place, pl.Series]]) -> None:
    """The currency of every row, and what contradicts it."""
    home = made.mapping.currency.fixed or made.currency
    place = made.columns.get("currency")
    frame = parsed.frame
    if place is None:
        codes = pl.repeat(home, frame.height, eager=True)
    else:
        codes = pl.select(pl.when(frame["currency"] == "").then(pl.lit(home)).otherwise(frame["currency"])).to_series()
        parsed.add(
            "currency", place, ~codes.is_in(sorted(CURRENCIES)), "is not a currency of ISO 4217, for example EUR"
        )
        if made.mapping.currency.mixed == "refuse":
            parsed.add("currency", place, codes != home, f"is another currency than {home}, that of the rest")
        parsed.frame = frame.with_columns(codes.alias("currency"))
    for name, at, found in signs:
        different = found.unique().drop_nulls().to_list()
        meant = [(sign, code) for sign in different if sign for code in _meanings(sign)]
        pairs = pl.DataFrame({"sign": found, "code": codes})
        allowed = pl.DataFrame(meant, schema={"sign": pl.String, "code": pl.String}, orient="row").with_columns(ok=True)
        joined = pairs.join(allowed, on=["sign", "code"], how="left", maintain_order="left")
        wrong = (found != "") & joined["ok"].is_null()
        parsed.add(name, at, wrong, f"is in another currency than the row ({home or 'its currency column'}); "
                   "add a currency column, or import it by itself")  # fmt: skip


def _meanings(sign: str) -> Sequence[str]:
    folded = {known.upper(): codes for known, codes in SIGNS.items()}
    return folded.get(sign.upper(), (sign.upper(),))
