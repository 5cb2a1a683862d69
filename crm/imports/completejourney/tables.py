"""The eight files of the data set as typed frames; rows that cannot be read are set aside. Knows no database.

Numbers of seven digits and more are partly written as `9e+05` (R's shortest form); they are exact and read as such.
Timestamps carry no zone (the store's own time) and are kept as they are, as if UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from crm.imports.faults import BrokenFile, Fault
from crm.imports.reading import RawRow
from crm.imports.tally import Tally

# Column, how it is read (i integer, m money or quantity, d day, t instant, s text), required unless marked with ?.
SHAPES: dict[str, dict[str, str]] = {
    "campaign_descriptions": {"campaign_id": "i", "campaign_type": "s", "start_date": "d", "end_date": "d"},
    "campaigns": {"campaign_id": "i", "household_id": "i"},
    "coupon_redemptions": {"household_id": "i", "coupon_upc": "i", "campaign_id": "i", "redemption_date": "d"},
    "coupons": {"coupon_upc": "i", "product_id": "i", "campaign_id": "i"},
    "demographics": {"household_id": "i", "age": "s?", "income": "s?", "home_ownership": "s?", "marital_status": "s?",
                     "household_size": "s?", "household_comp": "s?", "kids_count": "s?"},
    "products": {"product_id": "i", "department": "s?", "brand": "s?", "product_category": "s?", "product_type": "s?",
                 "package_size": "s?"},
    "promotions": {"product_id": "i", "store_id": "i", "display_location": "s", "mailer_location": "s", "week": "i"},
    "transactions": {"household_id": "i", "store_id": "i", "basket_id": "i", "product_id": "i", "quantity": "m",
                     "sales_value": "m", "coupon_disc": "m", "coupon_match_disc": "m", "week": "i",
                     "transaction_timestamp": "t"},
}  # fmt: skip
MONEY = ("sales_value", "coupon_disc", "coupon_match_disc")


@dataclass
class Tables:
    """Frames by name (`row` is the row's number in its file) and the books, with the rows already set aside."""

    frames: dict[str, pl.DataFrame]
    tallies: dict[str, Tally]
    rows: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self.frames[name]


def find(folder: Path) -> dict[str, Path]:
    """Path of each table. Raises BrokenFile naming the first that is missing."""
    found = {}
    for name in SHAPES:
        candidates = [folder / f"{name}{part}.csv{end}" for part in ("", "_sample") for end in ("", ".gz")]
        present = [path for path in candidates if path.is_file()]
        if not present:
            raise BrokenFile(f"{folder.name} has no {name}.csv (also looked for _sample and .gz).", folder=folder.name)
        found[name] = present[0]
    return found


def read(paths: dict[str, Path]) -> Tables:
    """All tables. Raises BrokenFile when a file is no CSV or lacks a column."""
    frames, tallies, rows = {}, {}, {}
    for name, path in paths.items():
        frames[name], tallies[name], rows[name] = _read_one(name, path)
    return Tables(frames, tallies, rows)


def _read_one(name: str, path: Path) -> tuple[pl.DataFrame, Tally, int]:
    try:
        raw = pl.read_csv(path, infer_schema_length=0, null_values=["", "NA"], row_index_name="row", row_index_offset=1)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BrokenFile(f"{path.name} cannot be read as CSV: {reason}", file=path.name) from error
    shape = SHAPES[name]
    missing = [column for column in shape if column not in raw.columns]
    if missing:
        raise BrokenFile(f"{path.name} lacks the column {missing[0]}.", file=path.name)
    typed = raw.select("row", *(_typed(column, kind) for column, kind in shape.items()))
    required = [column for column, kind in shape.items() if not kind.endswith("?")]
    bad = typed.filter(pl.any_horizontal(pl.col(column).is_null() for column in required))
    tally = Tally(path.name)
    if len(bad):
        originals = raw.filter(pl.col("row").is_in(bad["row"].implode())).to_dicts()
        for original, values in zip(originals, bad.to_dicts(), strict=True):
            column = next(column for column in required if values[column] is None)
            number = int(original.pop("row"))
            tally.refuse(RawRow(number, original), Fault(column, original[column], _REASONS[shape[column]]))
    good = typed.filter(pl.all_horizontal(pl.col(column).is_not_null() for column in required))
    if name == "campaign_descriptions" and good["campaign_id"].is_duplicated().any():
        raise BrokenFile(f"{path.name} describes a campaign twice; keep one row for each campaign_id.", file=path.name)
    return good, tally, len(raw)


_REASONS = {
    "i": "is missing or no whole number",
    "m": "is missing, negative or no number",
    "d": "is missing or no day (YYYY-MM-DD)",
    "t": "is missing or no time (YYYY-MM-DD HH:MM:SS)",
    "s": "is missing",
}


def _typed(column: str, kind: str) -> pl.Expr:
    value = pl.col(column).str.strip_chars()
    number = value.cast(pl.Float64, strict=False)
    match kind.removesuffix("?"):
        case "i":
            whole = pl.when(number.is_finite() & (number == number.round()) & (number.abs() < 2**53)).then(number)
            return whole.cast(pl.Int64, strict=False).alias(column)
        case "m" if column in MONEY:
            cents = pl.when(number.is_finite() & (number >= 0)).then((number * 100).round())
            return cents.cast(pl.Int64, strict=False).alias(column)
        case "m":
            return pl.when(number.is_finite() & (number >= 0)).then(number).alias(column)
        case "d":
            return value.str.to_date("%Y-%m-%d", strict=False).alias(column)
        case "t":
            return value.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).alias(column)
        case _:
            return value.alias(column)
