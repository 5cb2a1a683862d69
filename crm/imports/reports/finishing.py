"""Parsed rows to the canonical frame: what is the same for all of them, and further windows as JSON."""

from __future__ import annotations

import polars as pl

from crm.imports.reports.canonical import ATTRIBUTED, FIGURES, SCHEMA
from crm.imports.reports.parsing import SCALES, Plan

_PARTS = pl.Series([f".{part:04}".rstrip("0").removesuffix(".") for part in range(10_000)])  # what follows the point


def finished(frame: pl.DataFrame, made: Plan) -> pl.DataFrame:
    """SCHEMA's columns from the parsed ones: what is the same for all rows, and other windows as JSON."""
    window = made.windows[0][0] if made.windows else None
    constant = {
        "window_days": window.days if window else None,
        "attribution": window.attribution if window else "unknown",
        "currency": made.mapping.currency.fixed or made.currency,
    }
    others = other_windows(frame, made)
    columns = []
    for name, dtype in SCHEMA.items():
        if name == "other_windows":
            columns.append(others.alias(name))
        elif name in frame.columns:
            columns.append(frame[name].cast(dtype))
        else:
            value = constant.get(name, "" if dtype == pl.String() else None)
            columns.append(pl.repeat(value, frame.height, dtype=dtype, eager=True).alias(name))
    return pl.DataFrame(columns)


def other_windows(frame: pl.DataFrame, made: Plan) -> pl.Series:
    """`{"30|click":{"orders":2,"sales":9.8}}` of the further windows; null where a row has none of them."""
    further = [
        (window.key, [(name, f"{name}|{window.key}") for name in ATTRIBUTED if name in places])
        for window, places in made.windows[1:]
    ]
    columns = [column for _, named in further for _, column in named]
    if not columns:
        return pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    given = frame.select(columns)
    texts = pl.DataFrame([_decimal_text(given[name], SCALES[name.split("|")[0]]).alias(name) for name in columns])
    if given.null_count().sum_horizontal()[0] == 0:
        parts: list[pl.Expr] = []
        before = "{"
        for key, named in further:
            before += f'"{key}":{{'
            for name, column in named:
                parts += [pl.lit(f'{before}"{name}":'), pl.col(column)]
                before = ","
            before = "},"
        return texts.select(pl.concat_str([*parts, pl.lit("}}")])).to_series()
    windows = []
    for key, named in further:
        figures_of = [pl.concat_str(pl.lit(f'"{name}":'), pl.col(column)) for name, column in named]
        inside = pl.concat_str(figures_of, separator=",", ignore_nulls=True)
        windows.append(pl.when(inside != "").then(pl.concat_str(pl.lit(f'"{key}":{{'), inside, pl.lit("}"))))
    every = pl.concat_str(windows, separator=",", ignore_nulls=True)
    return texts.select(pl.when(every != "").then(pl.concat_str(pl.lit("{"), every, pl.lit("}")))).to_series()


def _decimal_text(values: pl.Series, scale: int) -> pl.Series:
    """Plain decimal numbers, exact: 12500000 micros become `12.5`. For numbers that are not negative."""
    whole = (values // scale).cast(pl.String)
    part = values % scale
    if (part == 0).all():
        return whole
    if (part % (scale // len(_PARTS)) == 0).all():
        return whole + _PARTS.gather(part // (scale // len(_PARTS)))
    places = len(str(scale)) - 1
    return whole + ("." + part.cast(pl.String).str.zfill(places)).str.strip_chars_end("0").str.strip_suffix(".")


def totals_of(frame: pl.DataFrame) -> dict[str, int]:
    """Sum of every figure of the primary window that the frame has."""
    return {name: int(frame[name].cast(pl.Int128).sum()) for name in FIGURES if name in frame.columns}
