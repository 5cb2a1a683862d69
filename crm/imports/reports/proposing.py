"""What the columns of an unknown report probably mean, with a confidence for each, for a person to confirm.

Names decide, values can only take back: a column called `spend` that holds texts is not proposed. Where two meanings
are likely, or the name says too little, the column is left out and the reason is given. A proposal stores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm.imports.reports.canonical import COUNTS, DELIVERY, MONEY, Grain
from crm.imports.reports.mapping import Mapping
from crm.imports.reports.names import plain
from crm.imports.reports.shapes import Shape, shape_of
from crm.imports.reports.wording import Meaning, meaning_of

SURE = 0.9  # a person may trust it at a glance
LEAST = 0.5  # below this a column is left out
SHOWN = 3
_ANYTHING = frozenset({"id", "name", "value", "index", "type", "status"})


@dataclass(frozen=True, slots=True)
class Proposed:
    """One column: `goes_to` is a canonical field, `sales|14|click`, `breakdown.device`, or "" (left out)."""

    column: str
    goes_to: str
    confidence: float
    samples: tuple[str, ...]
    reason: str
    unit: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "column": self.column,
            "goes_to": self.goes_to,
            "confidence": self.confidence,
            "samples": list(self.samples),
            "reason": self.reason,
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class Proposal:
    """All columns in the file's order, what is missing for a report, and the mapping as its YAML file would say it."""

    columns: tuple[Proposed, ...]
    missing: tuple[str, ...]
    body: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"columns": [one.as_json() for one in self.columns], "missing": list(self.missing), "body": self.body}


def propose(
    header: Sequence[str],
    sample: Sequence[Sequence[str]],
    *,
    mappings: Iterable[Mapping] = (),
    past: Iterable[Mapping] = (),
    name: str = "my-report",
    title: str = "",
) -> Proposal:
    """What an unknown table means. `past` are mappings that people of the brand confirmed: they go first."""
    known = _known(past, 0.99, "as confirmed in")
    for key, meanings in _known(mappings, 0.95, "as in").items():
        known.setdefault(key, meanings)
    proposed = [_one(column, [row[at] for row in sample if at < len(row)], known) for at, column in enumerate(header)]
    proposed = _one_each(proposed)
    missing = _missing(proposed)
    return Proposal(tuple(proposed), tuple(missing), _body(proposed, name, title))


def _known(mappings: Iterable[Mapping], confidence: float, words: str) -> dict[str, list[Meaning]]:
    """Plain name -> what mappings read it as."""
    found: dict[str, list[Meaning]] = {}
    for mapping in mappings:
        if mapping.kind != "facts":
            continue
        for place, column in mapping.every_column():
            if place.startswith("only"):
                continue
            kind, _, rest = place.partition(".")
            goes_to = rest
            if kind == "windows":
                number, _, figure = rest.partition(".")
                goes_to = f"{figure}|{mapping.windows[int(number)].key}"
            elif kind == "breakdown":
                goes_to = place
            unit = str(column.unit or "")
            for name in column.names:
                meanings = found.setdefault(plain(name), [])
                reason = f"{words} {mapping.title}"
                if all(known.goes_to != goes_to for known in meanings):
                    meanings.append(Meaning(goes_to, confidence, reason, unit))
    return found


def _one(column: str, values: Sequence[str], known: dict[str, list[Meaning]]) -> Proposed:
    shape = shape_of(values)
    samples = tuple(dict.fromkeys(value.strip()[:60] for value in values if value.strip()))[:SHOWN]
    found = meaning_of(column)
    told = known.get(plain(column), [])
    if told:
        found = _reconciled(plain(column), told, found)
    if found is None:
        if shape.day >= 0.95 and shape.filled >= 3 and "date" in plain(column):
            found = Meaning("measured_on", 0.7, "holds days")
        else:
            return Proposed(
                column, "", 0.0, samples, f"its name says nothing that a report needs; it holds {shape.word}"
            )
    confidence, reason = _fits(found, shape)
    if not found.goes_to or confidence < LEAST:
        return Proposed(column, "", confidence if found.goes_to else found.confidence, samples, reason)
    return Proposed(column, found.goes_to, round(confidence, 2), samples, reason, _unit(found, column, shape))


def _reconciled(name: str, told: list[Meaning], read: Meaning | None) -> Meaning:
    """One meaning of a name that mappings know: certain where all of them, or the name itself, agree."""
    if name in _ANYTHING:
        return Meaning(told[0].goes_to, 0.55, f"{told[0].reason}, but the name alone says little", told[0].unit)
    if len(told) == 1:
        agrees = read is None or read.goes_to == told[0].goes_to
        if agrees or not read or not read.goes_to:
            return told[0]
        return Meaning(
            told[0].goes_to, 0.75, f"{told[0].reason}, though its name reads like {read.goes_to}", told[0].unit
        )
    if read is not None and any(one.goes_to == read.goes_to for one in told):
        return read
    return Meaning(
        told[0].goes_to, 0.55, f"{told[0].reason}; other reports use the name for something else", told[0].unit
    )


def _fits(found: Meaning, shape: Shape) -> tuple[float, str]:
    """(confidence, reason) after a look at the values."""
    kind = found.goes_to.split("|")[0]
    if not found.goes_to:
        return found.confidence, found.reason
    if not shape.filled:
        return found.confidence * 0.8, f"{found.reason}; no value to check it by"
    wrong = ""
    if kind in ("measured_on", "range_start", "range_end") and shape.day < 0.9:
        wrong = "does not hold days"
    elif kind in (*DELIVERY, *COUNTS, *MONEY):
        if shape.percent > 0.5:
            wrong = "holds shares in percent"
        elif max(shape.number, shape.money) < 0.9:
            wrong = "does not hold numbers"
        elif kind in DELIVERY and shape.whole < 0.9 and shape.money < 0.5 and shape.number >= 0.9 and _fractions(shape):
            return found.confidence * 0.8, f"{found.reason}; some values are no whole numbers"
    elif kind == "currency" and shape.currency < 0.9:
        wrong = "does not hold currency codes"
    if wrong:
        return 0.2, f"its name says {kind}, but it {wrong}"
    if kind == "item" and (shape.gtin >= 0.9 or shape.asin >= 0.9):
        return min(0.99, found.confidence + 0.04), f"{found.reason}; holds {shape.word}"
    return found.confidence, f"{found.reason}; holds {shape.word}"


def _fractions(shape: Shape) -> bool:
    return shape.number > shape.whole


def _unit(found: Meaning, column: str, shape: Shape) -> str:
    kind = found.goes_to.split("|")[0]
    if kind not in MONEY:
        return ""
    if found.unit and found.unit != "currency":
        return found.unit
    return "micros" if "micro" in plain(column) else "currency"


def _one_each(proposed: list[Proposed]) -> list[Proposed]:
    """No two columns for one field: the surest keeps it, and of two that are equally sure neither is certain."""
    by_field: dict[str, list[int]] = {}
    for at, one in enumerate(proposed):
        if one.goes_to:
            by_field.setdefault(one.goes_to, []).append(at)
    made = list(proposed)
    for goes_to, places in by_field.items():
        if len(places) < 2:
            continue
        ordered = sorted(places, key=lambda at: -proposed[at].confidence)
        first, second = proposed[ordered[0]], proposed[ordered[1]]
        if first.confidence - second.confidence < 0.05:
            made[ordered[0]] = _changed(
                first, goes_to, min(first.confidence, 0.7), f"{first.reason}; {second.column} could be it, too"
            )
        for at in ordered[1:]:
            made[at] = _changed(proposed[at], "", 0.4, f"could be {goes_to}, which {first.column} is already")
    return made


def _changed(one: Proposed, goes_to: str, confidence: float, reason: str) -> Proposed:
    return Proposed(one.column, goes_to, round(confidence, 2), one.samples, reason, one.unit if goes_to else "")


def _missing(proposed: Sequence[Proposed]) -> list[str]:
    fields = {one.goes_to.split("|")[0] for one in proposed}
    missing = []
    if not {"measured_on", "range_start"} & fields:
        missing.append("a day: which column says on which day it happened?")
    if not {"impressions", "clicks", "spend", *COUNTS, "sales", "ntb_sales"} & fields:
        missing.append("a figure: which column holds impressions, clicks, spend or sales?")
    if not {"campaign_id", "campaign_name"} & fields:
        missing.append("a campaign: without one the rows belong to the whole account")
    if any(one.goes_to.startswith(f"{kind}||") for one in proposed for kind in (*COUNTS, "sales", "ntb_sales")):
        missing.append("the attribution window: how many days after a click or view are orders counted?")
    if "currency" not in fields:
        missing.append("a currency: the retailer's is taken")
    return missing


def _body(proposed: Sequence[Proposed], name: str, title: str) -> dict[str, Any]:
    """The mapping of what is proposed; a person may change every part of it."""
    columns: dict[str, Any] = {}
    breakdown: dict[str, Any] = {}
    windows: dict[str, dict[str, Any]] = {}
    for one in proposed:
        if not one.goes_to:
            continue
        entry: dict[str, Any] = {"names": [one.column]}
        if one.unit:
            entry["unit"] = one.unit
        field_name, _, window = one.goes_to.partition("|")
        if "|" in one.goes_to:
            days, _, attribution = window.partition("|")
            made = windows.setdefault(window, {"days": int(days) if days else None, "attribution": attribution})
            made[field_name] = entry
        elif field_name.startswith("breakdown."):
            breakdown[field_name.removeprefix("breakdown.")] = entry
        else:
            columns[field_name] = entry
    order = sorted(windows.values(), key=lambda one: (one["days"] != 14, -len(one), -(one["days"] or 0)))
    for number, made in enumerate(order):
        made["primary"] = number == 0
    identity = ["|".join(pair) for pair in (("campaign_id", "campaign_name"),) if set(pair) & set(columns)]
    return {
        "name": name,
        "title": (title or name)[:120],
        "kind": "facts",
        "grain": _grain(columns, breakdown),
        "columns": columns,
        "breakdown": breakdown,
        "windows": order,
        "identity": identity,
    }


def _grain(columns: dict[str, Any], breakdown: dict[str, Any]) -> str:
    term = any(re.search(r"search.?term|query", name, re.I) for name in columns.get("target", {}).get("names", []))
    if "target" in columns:
        return (Grain.SEARCH_TERM if term else Grain.TARGET).name.lower()
    for fields, grain in (
        (("item",), Grain.PRODUCT),
        (("ad",), Grain.AD),
        (("ad_group", "ad_group_name"), Grain.AD_GROUP),
    ):
        if set(fields) & set(columns):
            return grain.name.lower()
    if breakdown:
        return Grain.BREAKDOWN.name.lower()
    return (
        Grain.CAMPAIGN.name.lower() if {"campaign_id", "campaign_name"} & set(columns) else Grain.ACCOUNT.name.lower()
    )


__all__ = ["LEAST", "SURE", "Proposal", "Proposed", "propose"]
