"""Texts to exact whole numbers, a column at a time: money to micros, orders to ten-thousandths, impressions to ones.

Plain numbers are read at once. What is left - signs of currencies, thousands, decimal commas, `="12"`, brackets for
negatives - is cleaned and read again, and only what has one reading is taken: `1,234` in a file that nowhere proves its
decimal sign is a thousand or one and a bit, so it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm.imports.money import CURRENCIES, SIGNS
from crm.imports.reports.mapping import Unit

LARGEST = 10**17  # micros of a hundred thousand million: nothing in a report is larger, and sums stay exact
PLAIN_BELOW_SCALE = 10**6  # orders and units are nearly always whole: what is not goes the longer way
PLAIN_BELOW = 10**8  # up to here a double times 10^6 rounds to the right whole number
AMBIGUOUS = r"^[^\d.,]*[1-9]\d{0,2}[.,]\d{3}[^\d.,]*$"
_EDGE, _END = r"(?:^|[^\d.,])", r"(?:[^\d.,]|$)"
PROOF = {  # a number that can only be read with this decimal sign
    ".": rf"\d,\d{{3}}\.\d|{_EDGE}\d*\.(?:\d{{1,2}}|\d{{4,}}){_END}|{_EDGE}(?:0|\d{{4,}})\.\d{{3}}{_END}",
    ",": rf"\d\.\d{{3}},\d|{_EDGE}\d*,(?:\d{{1,2}}|\d{{4,}}){_END}|{_EDGE}(?:0|\d{{4,}}),\d{{3}}{_END}",
}
_SPACES = r"[\s\u00a0\u202f\u2009]+"
_BODY = {  # by decimal sign: numbers with and without grouped thousands
    ".": r"^-?(?:\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:['’ ]\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})?(?:\.\d*)?$",
    ",": r"^-?(?:\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:['’ ]\d{3})+)?(?:,\d*)?$",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was read: `values` (Int64, null where blank or bad), `bad` (texts that are no such number), and `signs`
    (currency signs or codes beside numbers, "" where none), null where there are none at all."""

    values: pl.Series
    bad: pl.Series | None = None
    signs: pl.Series | None = None


def figures(
    texts: pl.Series, *, unit: Unit, scale: int, decimal: str, blanks: tuple[str, ...], whole_only: bool = False
) -> Figures:
    """Exact numbers of a column, times `scale`. `unit` cents and micros are divided; `decimal` is "." "," or "" (the
    file does not prove it). What is finer than the scale is rounded, or bad where `whole_only`."""
    per = {Unit.CENTS: 100, Unit.MICROS: 1_000_000}.get(unit, 1)
    empty = texts == ""
    values = _plain(texts, scale=scale, per=per, decimal=decimal)
    left = values.is_null() & ~empty
    if not left.any():
        return Figures(values)
    loose, bad, signs = _loose(texts.filter(left), scale=scale, per=per, decimal=decimal, blanks=blanks,
                              whole_only=whole_only)  # fmt: skip
    places = left.arg_true()
    values = values.scatter(places, loose)
    every = pl.repeat("", len(texts), eager=True).scatter(places, signs) if (signs != "").any() else None
    return Figures(values, _spread(bad, places, len(texts)), every)


def _spread(few: pl.Series, places: pl.Series, size: int) -> pl.Series | None:
    if not few.any():
        return None
    return pl.repeat(False, size, dtype=pl.Boolean, eager=True).scatter(places, few)


def _plain(texts: pl.Series, *, scale: int, per: int, decimal: str) -> pl.Series:
    """Numbers that are plainly written; null for everything else."""
    if scale < PLAIN_BELOW_SCALE or per > 1 or decimal != ".":
        whole = texts.cast(pl.Int64, strict=False)
        return _within(whole, LARGEST // scale) * (scale // per)
    number = _within(texts.cast(pl.Float64, strict=False), PLAIN_BELOW)
    if (exponent := texts.str.contains("[eE]")).any():
        number = pl.select(pl.when(~exponent).then(number)).to_series()
    # a double holds 15 digits, and these have at most 8 + 6: the nearest whole number is the number that was written
    return (number * scale).round().cast(pl.Int64)


def _within(numbers: pl.Series, limit: int) -> pl.Series:
    low, high = numbers.min(), numbers.max()
    if high is None or (low > -limit and high < limit):  # type: ignore[operator]
        return numbers
    return pl.select(pl.when(numbers.abs() < limit).then(numbers)).to_series()


def _loose(
    texts: pl.Series, *, scale: int, per: int, decimal: str, blanks: tuple[str, ...], whole_only: bool
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """(values, which are bad, currency signs) of texts that are not plain numbers."""
    cleaned = unwrapped(texts).str.replace_all(_SPACES, " ").str.replace_all("−", "-", literal=True)
    frame = (
        cleaned.rename("text")
        .to_frame()
        .with_columns(
            blank=pl.col("text").str.to_lowercase().is_in(list(blanks)) | (pl.col("text") == ""),
            bracket=pl.col("text").str.contains(r"^[^\d(]*\([^()]*\)[^\d)]*$"),
            behind=pl.col("text").str.contains(r"\d\s?-$"),
        )
    )
    frame = frame.with_columns(pl.col("text").str.replace_all(r"[()]", ""))
    frame = frame.with_columns(
        pl.when("behind").then(pl.concat_str(pl.lit("-"), pl.col("text").str.strip_suffix("-"))).otherwise("text")
        .alias("text")
    )  # fmt: skip
    frame = frame.with_columns(
        sign=pl.concat_str(
            pl.col("text").str.extract(r"^([^\d.,]*)", 1).fill_null("").str.replace_all(r"[-+\s]", ""),
            pl.col("text").str.extract(r"([^\d.,]*)$", 1).fill_null("").str.replace_all(r"[-+\s]", ""),
        ),
        minus=pl.col("text").str.contains(r"^[^\d]*-"),
        body=pl.col("text").str.extract(r"(\d.*\d|\d|[.,]\d+)[.,]?[^\d.,]*$", 1).fill_null("x"),
    )
    # the first digit may stand behind its decimal sign: `.5`
    frame = frame.with_columns(
        pl.when(pl.col("text").str.contains(r"^[^\d.,]*[.,]\d+[^\d]*$"))
        .then(pl.concat_str(pl.lit("0"), pl.col("text").str.extract(r"([.,]\d+)", 1)))
        .otherwise("body")
        .alias("body")
    )
    number = _number(frame, decimal)
    value = number.cast(pl.Decimal(38, 10), strict=False)
    value = pl.select(pl.when(value.abs() < LARGEST // scale).then(value)).to_series() * (scale // per)
    whole = value.round(0).cast(pl.Int64, strict=False)
    if whole_only:
        whole = pl.select(pl.when(value == whole).then(whole)).to_series()
    minus = frame["minus"] | frame["bracket"] | frame["behind"]
    whole = pl.select(pl.when(minus).then(-whole).otherwise(whole)).to_series()
    known = frame["sign"].str.to_uppercase().is_in([sign.upper() for sign in SIGNS] + sorted(CURRENCIES))
    sign_bad = (frame["sign"] != "") & ~known
    bad = ~frame["blank"] & (whole.is_null() | sign_bad)
    whole = pl.select(pl.when(~bad & ~frame["blank"]).then(whole)).to_series()
    signs = pl.select(pl.when(~bad & ~frame["blank"]).then(frame["sign"]).otherwise(pl.lit(""))).to_series()
    return whole, bad, signs


def _number(frame: pl.DataFrame, decimal: str) -> pl.Series:
    """The body with a point as its decimal sign and no thousands, null where it has another shape or two readings."""
    body = pl.col("body")
    with_point = pl.when(body.str.contains(_BODY["."])).then(body.str.replace_all(r"[,'’ ]", ""))
    with_comma = pl.when(body.str.contains(_BODY[","])).then(
        body.str.replace_all(r"[.'’ ]", "").str.replace(",", ".", literal=True)
    )
    if decimal == ".":
        return frame.select(with_point).to_series()
    if decimal == ",":
        return frame.select(with_comma).to_series()
    both = pl.concat_str(with_point, pl.lit("|"), with_comma)
    return (
        frame.select(point=with_point, comma=with_comma, both=both)
        .select(
            pl.when(pl.col("point") == pl.col("comma"))
            .then("point")
            .when(pl.col("both").is_not_null())
            .then(None)
            .otherwise(pl.coalesce("point", "comma"))
        )
        .to_series()
    )


def unwrapped(texts: pl.Series) -> pl.Series:
    """Without blanks around, and without what spreadsheets put around texts: `="12"`, `'12`."""
    return texts.str.strip_chars().str.replace(r'^="?(.*?)"?$', "$1").str.replace(r"^'", "").str.strip_chars()


def why_bad(text: str, what: str, decimal: str) -> str:
    """Why a text is no number of its kind, for a person who can put it right."""
    stripped = text.strip()
    if "%" in stripped:
        return f"is a share in percent, not {what}"
    if any(char.isdigit() for char in stripped) and "e" in stripped.lower().replace("eur", ""):
        return "is in scientific notation, so digits are lost; export it again without opening it in a spreadsheet"
    if decimal == "" and pl.Series([stripped]).str.contains(AMBIGUOUS).any():
        digits = "".join(char for char in stripped if char.isdigit() or char in ".,")
        head, tail = digits.replace(",", ".").split(".", 1)
        return f"could mean {head}{tail} or {head}.{tail}; the file does not say which, set numbers.decimal"
    if decimal and ("," in stripped or "." in stripped):
        other = "," if decimal == "." else "."
        if pl.Series([stripped]).str.contains(PROOF[other]).any():
            return f"has a decimal {_WORD[other]}, but the mapping or the rest of the file has a {_WORD[decimal]}"
    return f"is not {what}"


_WORD = {".": "point", ",": "comma"}
