"""A file and its mapping to batches of canonical rows. Pure: reads the file, writes nothing, knows no database.

The file is read once to see which rows are good and which claim to be the same row, and, only where it is large or has
repeats, a second time to give the good rows out. Memory is bounded by a few blocks and the hashes of repeats.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl

from crm.imports.faults import SetAside
from crm.imports.reports.ahead import ahead
from crm.imports.reports.canonical import SCHEMA, Batch
from crm.imports.reports.checks import impossible
from crm.imports.reports.days import order_in
from crm.imports.reports.entities import newest_entities
from crm.imports.reports.finishing import finished, totals_of
from crm.imports.reports.mapping import Mapping, note_in
from crm.imports.reports.numbers import PROOF, unwrapped
from crm.imports.reports.parsing import Parsed, Place, Plan, Reason, Repair, facts, plan
from crm.imports.reports.repeats import Repeats, Seen
from crm.imports.reports.tables import Part, Table, table

HELD = 320 * 2**20  # bytes of good rows that may wait in memory for the end of the file


@dataclass(slots=True)
class Piece:
    """What came out of one part: good rows (parsed columns), and everything else of a Batch."""

    good: pl.DataFrame
    raw: pl.DataFrame
    rest: Batch = field(default_factory=lambda: Batch(pl.DataFrame(schema=SCHEMA)))


def harmonize(
    path: Path,
    mapping: Mapping,
    *,
    currency: str,
    today: date,
    filename: str | None = None,
    limit: int | None = None,
    repair: Repair | None = None,
) -> Iterator[Batch]:
    """The rows of a report, in order, as they are to be stored, and those that cannot be.

    `currency` is the retailer's, for amounts without one; days after `today` are refused; `limit` stops after so many
    rows of the file; `repair` gives product codes back that a spreadsheet ruined (4.00638E+12), as far as that is
    certain: rows with the others are refused. Batches with an empty frame come while the file is read, so that the
    caller can show progress.
    Raises BrokenFile when the file as a whole cannot be read by this mapping.
    """
    name = filename or path.name
    found = table(path, name, mapping)
    made = plan(mapping, found.header.names, currency=currency, today=today, filename=name, repair=repair)
    if mapping.kind == "entities":
        yield from newest_entities(_limited(found, limit), made, found.header.names)
        return
    made = _proven(made, found)
    held: list[pl.DataFrame] | None = []
    size = 0
    with Seen() as seen:
        for piece in ahead(_limited(found, limit), lambda part: _piece(part, made, found)):
            yield piece.rest
            seen.add(piece.good)
            size += int(piece.good.estimated_size())
            if held is not None and size <= HELD:
                held.append(piece.good)
            else:
                held = None
        repeats = seen.repeats()
    if held is not None and not repeats:
        yield from ahead(_emptied(held), lambda frame: _whole(frame, made))
        return
    for piece in ahead(_limited(found, limit), lambda part: _piece(part, made, found)):
        yield _without_repeats(piece, repeats, made, found)


def _emptied(held: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    held.reverse()
    while held:
        yield held.pop()


def _whole(good: pl.DataFrame, made: Plan) -> Batch:
    frame = finished(good, made)
    return Batch(frame, totals=_totals(frame, made), read=frame.height)


def _limited(found: Table, limit: int | None) -> Iterator[Part]:
    left = limit
    for part in found.parts():
        if left is not None:
            part.frame = part.frame.head(left)
            left -= part.frame.height
        yield part
        if left is not None and left <= 0:
            return


def _proven(made: Plan, found: Table) -> Plan:
    """The plan with what the mapping says, or the file itself proves, about decimal signs and the order of days."""
    mapping = made.mapping
    decimal: str = "" if mapping.numbers.decimal == "auto" else mapping.numbers.decimal
    order: str = "" if mapping.dates.order == "auto" else mapping.dates.order
    if decimal and order:
        return replace(made, decimal=decimal, order=order)
    amounts = [place.key for _, place in made.numbers()]
    days = [made.columns[name].key for name in ("measured_on", "range_start", "range_end") if name in made.columns]
    signs: set[str] = set()
    day_first = month_first = False
    for part in found.parts():
        for key in amounts if not decimal else ():
            texts = part.frame[key]
            if texts.str.contains("[.,]").any():
                signs |= {sign for sign, proof in PROOF.items() if texts.str.contains(proof).any()}
        open_question = not decimal and not signs
        for key in days if not order else ():
            needs, day, month = order_in(unwrapped(part.frame[key].unique()))
            day_first, month_first = day_first or day, month_first or month
            open_question |= needs and not (day_first or month_first)
        if not open_question:
            break
    if not decimal and len(signs) == 1:
        decimal = signs.pop()
    if not order and day_first != month_first:
        order = "day_first" if day_first else "month_first"
    return replace(made, decimal=decimal, order=order)


def _piece(part: Part, made: Plan, found: Table) -> Piece:
    """One part of the table: what is good, what is refused and why, what the file says of itself."""
    raw = part.frame
    rest = Batch(pl.DataFrame(schema=SCHEMA), bytes_read=part.bytes_read)
    if made.only is not None:
        raw = _chosen(raw, made, rest)
    parsed = facts(raw, made)
    impossible(parsed, made)
    if part.misfits:
        rows = raw["row"].is_in(list(part.misfits))
        parsed.faults.insert(0, ("", None, rows.fill_null(False), "has another number of cells than the header"))
    if not parsed.faults:
        return Piece(parsed.frame, raw, rest)
    why = _first_faults(parsed)
    bad = why.is_not_null()
    below = _footer(raw.filter(bad), parsed.frame.filter(bad), made, rest) if raw.height else []
    refused = raw.with_columns(why=why).filter(bad & ~raw["row"].is_in(below))
    spent = _spend_of(parsed.frame.filter(bad))
    rest.refused = _set_aside(refused, parsed.faults, found, part.misfits, spent)
    rest.read = refused.height
    lost = parsed.frame.filter(pl.col("row").is_in(refused["row"].to_list()))
    rest.totals = {name: (0, total) for name, total in totals_of(lost).items()}
    return Piece(parsed.frame.filter(~bad), raw, rest)


def _chosen(raw: pl.DataFrame, made: Plan, rest: Batch) -> pl.DataFrame:
    """The rows that the mapping reads; the others are counted by reason."""
    only, place = made.mapping.only, made.only
    assert only is not None and place is not None
    wanted = raw[place.key].str.strip_chars().is_in(list(only.values))
    for value, count in raw.filter(~wanted)[place.key].value_counts().rows():
        reason = only.reasons.get(value.strip(), only.otherwise).replace("{value}", value.strip() or "(empty)")
        rest.left_out[reason] = rest.left_out.get(reason, 0) + count
    return raw.filter(wanted)


def _first_faults(parsed: Parsed) -> pl.Series:
    """For every row the number of its first fault, or null."""
    masks = {str(number): rows for number, (_, _, rows, _) in enumerate(parsed.faults)}
    frame = pl.DataFrame(masks)
    return frame.select(
        pl.coalesce([pl.when(pl.col(name)).then(pl.lit(int(name), dtype=pl.UInt32)) for name in masks])
    ).to_series()


def _footer(raw: pl.DataFrame, parsed: pl.DataFrame, made: Plan, rest: Batch) -> list[int]:
    """Rows that are no data but stand below it: the file's total, and notes in a single cell."""
    start = made.columns.get("measured_on") or made.columns["range_start"]
    without_day = parsed["measured_on"].is_null()
    below = []
    cells = [name for name in raw.columns if name != "row"]
    for row, *values in raw.filter(without_day).select("row", *cells).iter_rows():
        if made.mapping.footer.is_total(values):
            total = parsed.filter(pl.col("row") == row)
            rest.said = {name: sum_ for name, sum_ in totals_of(total).items() if total[name].null_count() == 0}
            below.append(row)
        elif start.at != -1 and (note := note_in(values)):
            rest.notes = (*rest.notes, note[:200])
            below.append(row)
    return below


def _set_aside(
    refused: pl.DataFrame,
    faults: list[tuple[str, Place | None, pl.Series, Reason]],
    found: Table,
    misfits: dict[int, int],
    spent: dict[int, int | None],
) -> list[SetAside]:
    """A SetAside for every refused row (with the number of its first fault in `why`); `spent` by row, in micros."""
    made = []
    names = found.header.names
    keys = [f"c{at}" for at in range(found.width)]
    for row in refused.iter_rows(named=True):
        field_name, place, _, reason = faults[row["why"]]
        raw = {names[at] or f"column {at + 1}": row[key] for at, key in enumerate(keys)}
        value = row[place.key] if place is not None else ""
        column = place.name if place is not None else field_name
        why = reason if isinstance(reason, str) else reason(value)
        if place is None and row["row"] in misfits:
            cells = misfits[row["row"]]
            why = f"has {cells} cells, the header has {found.width}" if cells >= 0 else "has a field that others lack"
        made.append(SetAside(found.filename, row["row"], column, value[:300], why, raw, spent.get(row["row"])))
    return made


def _spend_of(parsed: pl.DataFrame) -> dict[int, int | None]:
    """Micros by row; empty where the report has no spend."""
    return dict(parsed.select("row", "spend").iter_rows()) if "spend" in parsed.columns else {}


def _totals(frame: pl.DataFrame, made: Plan) -> dict[str, tuple[int, int]]:
    said = {name.split("|")[0] for name, _ in made.numbers()}
    return {name: (total, 0) for name, total in totals_of(frame).items() if name in said}


def _without_repeats(piece: Piece, repeats: Repeats, made: Plan, found: Table) -> Batch:
    """The good rows of a part that are given out; repeats are set aside."""
    wrong = list(repeats.same) + list(repeats.contradicting)
    mask = piece.good["row"].is_in(wrong)
    frame = finished(piece.good.filter(~mask), made)
    batch = Batch(frame, totals=_totals(frame, made), read=piece.good.height)
    again = piece.good.filter(mask)
    if not again.height:
        return batch
    lost = totals_of(again)
    batch.totals = {name: (good, lost.get(name, 0)) for name, (good, _) in batch.totals.items()}
    raws = piece.raw.filter(pl.col("row").is_in(again["row"].to_list()))
    keys = [f"c{at}" for at in range(found.width)]
    spent = _spend_of(again)
    for row, *values in raws.select("row", *keys).iter_rows():
        raw = dict(zip(found.header.names, values, strict=True))
        if row in repeats.same:
            batch.duplicates += 1
            why = f"says the same as row {repeats.same[row]}: it is counted once"
        else:
            why = (
                f"contradicts row {repeats.contradicting[row]}: both name the same day and place with other figures; "
                "keep the right one"
            )
        batch.refused.append(SetAside(found.filename, row, "row", str(row), why, raw, spent.get(row)))
    return batch
