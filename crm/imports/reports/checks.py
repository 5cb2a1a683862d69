"""What no report can rightly say of one row: negatives, clicks without impressions, more new buyers than buyers."""

from __future__ import annotations

import polars as pl

from crm.imports.reports.canonical import ATTRIBUTED
from crm.imports.reports.parsing import Parsed, Plan


def impossible(parsed: Parsed, made: Plan) -> None:
    """Adds a fault for every row that contradicts itself. Figures that a row does not say contradict nothing."""
    frame = parsed.frame
    places = dict(made.numbers())
    for name, place in places.items():
        parsed.add(name, place, frame[name] < 0, "is negative; a report of what was delivered cannot be")
    if "clicks" in places and "impressions" in places:
        nobody = (frame["clicks"] > 0) & (frame["impressions"] == 0)
        parsed.add("clicks", places["clicks"], nobody, "clicks without a single impression")
    for number, (window, _) in enumerate(made.windows):
        at = {name: name if number == 0 else f"{name}|{window.key}" for name in ATTRIBUTED}
        for name in ("orders", "units", "sales"):
            part, whole = at[f"ntb_{name}"], at[name]
            if part in places and whole in places:
                parsed.add(part, places[part], frame[part] > frame[whole], f"is more than all {name} of the row")
        if at["orders"] in places and at["sales"] in places:
            parsed.add(at["sales"], places[at["sales"]], _without(frame, at["sales"], at["orders"]),
                       "sales without a single order")  # fmt: skip
        if at["orders"] in places and at["units"] in places:
            parsed.add(at["units"], places[at["units"]], _without(frame, at["units"], at["orders"]),
                       "units without a single order")  # fmt: skip
    if places:
        empty = pl.select(pl.all_horizontal(*(frame[name].is_null() for name in places))).to_series()
        first = next(iter(places.values()))
        read = [rows for field, _, rows, _ in parsed.faults if field in places]
        for rows in read:
            empty = empty & ~rows
        parsed.add(next(iter(places)), first, empty, "is empty, like all other figures of the row")


def _without(frame: pl.DataFrame, gain: str, orders: str) -> pl.Series:
    return (frame[gain] > 0) & (frame[orders] == 0)
