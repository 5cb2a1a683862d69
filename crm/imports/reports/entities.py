"""Tables that carry no figures: names, states, budgets and days of campaigns, ad groups, ads and keywords.

History tables hold several versions of one thing: the newest is given out, the older ones are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from crm.imports.faults import SetAside
from crm.imports.reports.canonical import ENTITIES, LONGEST, MONEY_SCALE, Batch
from crm.imports.reports.days import days
from crm.imports.reports.mapping import ID_FIELDS, Unit
from crm.imports.reports.numbers import figures, unwrapped, why_bad
from crm.imports.reports.parsing import RUINED, Parsed, Plan
from crm.imports.reports.tables import Part

ENDLESS_FROM = 2036  # networks write "no end" as a day in 2037


def newest_entities(parts: Iterable[Part], made: Plan, header: Sequence[str]) -> Iterator[Batch]:
    """Batches with ENTITIES frames; the last one holds the newest version of everything."""
    kept: list[pl.DataFrame] = []
    for part in parts:
        parsed = _parsed(part.frame, made)
        batch = Batch(pl.DataFrame(schema=ENTITIES), bytes_read=part.bytes_read)
        bad = pl.repeat(False, part.frame.height, dtype=pl.Boolean, eager=True)
        for _, place, rows, reason in parsed.faults:
            new = rows & ~bad
            for row in part.frame.filter(new).iter_rows(named=True):
                field, value = (place.name, row[place.key]) if place else ("row", "")
                raw = {name: row[f"c{at}"] for at, name in enumerate(header)}
                why = reason if isinstance(reason, str) else reason(value)
                batch.refused.append(SetAside(made.filename, row["row"], field, value, why, raw))
            bad = bad | rows
        batch.read = len(batch.refused)
        yield batch
        kept.append(parsed.frame.filter(~bad))
    if not kept:
        return
    every = pl.concat(kept)
    newest = every.sort("changed_at", "row").unique("external_id", keep="last", maintain_order=True).sort("row")
    older = every.height - newest.height
    said = {f"an older version of the same {made.mapping.entity.replace('_', ' ')}": older} if older else {}
    yield Batch(newest, read=newest.height, left_out=said)


def _parsed(raw: pl.DataFrame, made: Plan) -> Parsed:
    parsed = Parsed(raw.select("row"))
    columns: dict[str, pl.Series] = {"row": raw["row"]}
    for name, dtype in ENTITIES.items():
        place = made.columns.get(name)
        if name in ("row", "entity") or place is None:
            continue
        text = unwrapped(raw[place.key])
        if dtype == pl.Date():
            read = days(raw[place.key], made.mapping.dates, "")
            parsed.add(name, place, read["why"].is_not_null(), "is not a day that can be read")
            day = read["first"]
            columns[name] = pl.select(pl.when(day.dt.year() < ENDLESS_FROM).then(day)).to_series()
        elif dtype == pl.Int64():
            found = figures(
                raw[place.key], unit=place.column.unit or Unit.CURRENCY, scale=MONEY_SCALE, decimal=".",
                blanks=made.mapping.numbers.blanks,
            )  # fmt: skip
            columns[name] = found.values
            parsed.add(name, place, found.bad, lambda value: why_bad(value, "an amount", "."))
        else:
            columns[name] = text
            longest = LONGEST.get(name, 60)
            parsed.add(name, place, text.str.len_chars() > longest, f"is longer than {longest} characters")
            if name in ID_FIELDS:
                parsed.add(name, place, text.str.contains(RUINED), "was shortened by a spreadsheet; export it again")
    if "external_id" in made.columns:
        parsed.add("external_id", made.columns["external_id"], columns["external_id"] == "", "is empty")
    frame = pl.DataFrame(columns)
    constant = {"entity": made.mapping.entity}
    parsed.frame = frame.select(
        pl.col(name).cast(dtype) if name in frame.columns
        else pl.lit(constant.get(name, "" if dtype == pl.String() else None), dtype=dtype).alias(name)
        for name, dtype in ENTITIES.items()
    )  # fmt: skip
    return parsed
