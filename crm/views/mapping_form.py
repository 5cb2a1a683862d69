"""The mapping of a report as a form: a line for each column of the file, and back to what its YAML file would say.

No database and no file is touched here. A choice is written as `columns.spend`, `breakdown`, or for figures that are
attributed `window:14|click:sales`; the empty choice leaves the column out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from crm.imports.reports.canonical import ATTRIBUTED, MONEY
from crm.imports.reports.mapping import ATTRIBUTIONS, BadMapping
from crm.imports.reports.names import plain

SURE = 0.8  # below it a person has to look
USUAL_DAYS = (1, 7, 14, 28, 30)
LEFT_OUT = "Left out by the person who confirmed the mapping"
SPLIT = "breakdown"

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("When", (
        ("columns.measured_on", "Date"), ("columns.range_start", "First day of a range"),
        ("columns.range_end", "Last day of a range"), ("columns.hour", "Hour of the day"),
    )),
    ("Campaign", (
        ("columns.campaign_name", "Campaign"), ("columns.campaign_id", "Campaign number"),
        ("columns.ad_group_name", "Ad group"), ("columns.ad_group", "Ad group number"), ("columns.ad", "Ad"),
    )),
    ("Delivery", (
        ("columns.impressions", "Views"), ("columns.clicks", "Clicks"), ("columns.spend", "Spend"),
        ("columns.currency", "Currency"),
    )),
    ("Aimed at", (
        ("columns.target", "Keyword or target"), ("columns.match_type", "Match type"), ("columns.audience", "Audience"),
    )),
    ("Product", (("columns.item", "Product code"), ("columns.item_name", "Product name"))),
    ("Other", ((SPLIT, "A split, such as device or region"), ("", "Leave out"))),
)  # fmt: skip
ATTRIBUTED_WORDS = {
    "sales": "Sales", "orders": "Orders", "units": "Units", "ntb_sales": "New buyers’ sales",
    "ntb_orders": "New buyers’ orders", "ntb_units": "New buyers’ units",
}  # fmt: skip
ATTRIBUTION_WORDS = {
    "click": "after a click", "click_view": "after a click or a view", "view": "after a view",
    "linear": "shared among touches", "modelled": "modelled by the network", "exposure": "bought after being reached",
    "unknown": "the report does not say",
}  # fmt: skip
GRAINS = (
    ("campaign", "A campaign"), ("ad_group", "An ad group"), ("ad", "An ad"), ("product", "A product"),
    ("target", "A keyword or target"), ("search_term", "A search term"), ("breakdown", "A region, device or placement"),
    ("account", "The whole account"),
)  # fmt: skip
UNITS = (("", "as written"), ("currency", "whole, 12.50"), ("cents", "cents, 1250"), ("micros", "millionths"))
ORDERS = (("auto", "The file proves it"), ("day_first", "Day first, 31/12"), ("month_first", "Month first, 12/31"))
DECIMALS = (("auto", "The file proves it"), (".", "Point, 1,234.50"), (",", "Comma, 1.234,50"))


@dataclass(slots=True)
class Line:
    """One column of the file: what it goes to, how sure that is, some of its values."""

    number: int
    column: str
    choice: str
    unit: str
    confidence: float
    samples: list[str]
    reason: str
    right: bool

    @property
    def unsure(self) -> bool:
        return self.confidence < SURE

    @property
    def percent(self) -> int:
        return round(100 * self.confidence)

    @property
    def is_money(self) -> bool:
        return self.choice.rpartition(":")[2] in MONEY or self.choice == "columns.spend"


@dataclass(slots=True)
class Entered:
    """The form as it stands: from the proposal, or as a person left it."""

    lines: list[Line]
    name: str
    title: str
    grain: str
    order: str
    formats: str
    decimal: str
    windows: dict[str, str] = field(default_factory=dict)  # key of the window -> attribution
    primary: str = ""

    @property
    def unticked(self) -> list[str]:
        """Columns that nobody has called right."""
        return [line.column for line in self.lines if not line.right]

    @property
    def shown_windows(self) -> list[tuple[str, str, str]]:
        """(key, words, attribution) of the windows that columns go to."""
        return [(key, days_in_words(key), attribution) for key, attribution in self.windows.items()]


def days_in_words(key: str) -> str:
    days = key.partition("|")[0]
    if not days:
        return "Window not said"
    return "Within 1 day" if days == "1" else f"Within {days} days"


def groups(windows: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Everything a column may go to, in plain words and groups; `windows` are offered besides the usual ones."""
    given = list(windows)
    days = {key.partition("|")[0] for key in given}
    keys = [*given, *(f"{day}|click" for day in USUAL_DAYS if str(day) not in days)]
    if "" not in days:
        keys.append("|unknown")
    sold = [
        (_window_title(key, given), [(f"window:{key}:{name}", f"{word}, {_short(key)}") for name, word in
                                     ATTRIBUTED_WORDS.items()])
        for key in sorted(keys, key=_by_days)
    ]  # fmt: skip
    fixed = [(title, list(options)) for title, options in GROUPS]
    return [*fixed[:3], *sold, *fixed[3:]]


def entered_of(body: Mapping[str, Any], columns: Iterable[Mapping[str, Any]]) -> Entered:
    """The form for a mapping and the columns of a file ({column, confidence, samples, reason})."""
    places = _places(body)
    lines = []
    for number, given in enumerate(columns):
        choice, unit = places.get(plain(str(given["column"])), ("", ""))
        confidence = float(given.get("confidence") or 0.0)
        lines.append(
            Line(
                number, str(given["column"]), choice, unit, confidence,
                [str(sample) for sample in given.get("samples") or []][:3], str(given.get("reason") or ""),
                right=confidence >= SURE,
            )
        )  # fmt: skip
    windows = {_key(window): str(window.get("attribution") or "unknown") for window in body.get("windows") or ()}
    return Entered(
        lines=lines,
        name=str(body.get("name") or ""),
        title=str(body.get("title") or ""),
        grain=str(body.get("grain") or "campaign"),
        order=str((body.get("dates") or {}).get("order") or "auto"),
        formats=", ".join((body.get("dates") or {}).get("formats") or ()),
        decimal=str((body.get("numbers") or {}).get("decimal") or "auto"),
        windows=windows,
        primary=next((_key(window) for window in body.get("windows") or () if window.get("primary")), ""),
    )


def entered_by(post: Mapping[str, str], proposed: Entered) -> Entered:
    """The form as a person sent it. Columns, samples and confidence are those of the proposal, never of the post."""
    allowed = {"", SPLIT, *(value for _, options in GROUPS for value, _ in options)}
    lines = []
    for line in proposed.lines:
        choice = post.get(f"goes-{line.number}", line.choice)
        if choice not in allowed and not _is_window(choice):
            choice = line.choice
        unit = post.get(f"unit-{line.number}", line.unit)
        lines.append(
            Line(
                line.number, line.column, choice, unit if unit in dict(UNITS) else "", line.confidence, line.samples,
                line.reason, right=post.get(f"right-{line.number}") == "on",
            )
        )  # fmt: skip
    used = dict.fromkeys(line.choice.split(":")[1] for line in lines if line.choice.startswith("window:"))
    windows = {key: post.get(f"attribution-{key}", proposed.windows.get(key, key.partition("|")[2])) for key in used}
    primary = post.get("primary", proposed.primary)
    return Entered(
        lines=lines,
        name=post.get("name", proposed.name).strip(),
        title=post.get("title", proposed.title).strip(),
        grain=post.get("grain", proposed.grain),
        order=post.get("order", proposed.order),
        formats=post.get("formats", proposed.formats),
        decimal=post.get("decimal", proposed.decimal),
        windows={key: value if value in ATTRIBUTIONS else "unknown" for key, value in windows.items()},
        primary=primary if primary in used else next(iter(used), ""),
    )


def body_of(entered: Entered, base: Mapping[str, Any]) -> dict[str, Any]:
    """What the YAML file of the form would say; what the form does not show stays as in `base`.

    Raises BadMapping where two columns go to one place: one of them would be read and the other one lost.
    """
    body = deepcopy(dict(base))
    before = _specs(base)
    columns: dict[str, Any] = {}
    breakdown: dict[str, Any] = {}
    windows = {key: _window(key, attribution, key == entered.primary) for key, attribution in entered.windows.items()}
    left: dict[str, str] = {}
    for line in entered.lines:
        spec = _spec(line, before)
        if not line.choice:
            left[line.column] = (base.get("leave_out") or {}).get(line.column, LEFT_OUT)
        elif line.choice == SPLIT:
            breakdown[_free(plain(line.column)[:40] or "split", breakdown)] = spec
        elif line.choice.startswith("window:"):
            _, key, name = line.choice.split(":")
            _put(windows[key], name, spec)
        else:
            _put(columns, line.choice.removeprefix("columns."), spec)
    body |= {
        "name": entered.name, "title": entered.title, "grain": entered.grain, "columns": columns,
        "breakdown": breakdown, "windows": list(windows.values()), "leave_out": left,
        "dates": {**(base.get("dates") or {}), "order": entered.order,
                  "formats": [one.strip() for one in entered.formats.split(",") if one.strip()]},
        "numbers": {**(base.get("numbers") or {}), "decimal": entered.decimal},
    }  # fmt: skip
    body["identity"] = [one for one in base.get("identity") or () if _is_named(str(one), columns, breakdown)]
    return body


def _is_window(choice: str) -> bool:
    parts = choice.split(":")
    if len(parts) != 3 or parts[0] != "window" or parts[2] not in ATTRIBUTED:
        return False
    days, _, attribution = parts[1].partition("|")
    return attribution in ATTRIBUTIONS and (not days or (days.isascii() and days.isdecimal() and 1 <= int(days) <= 365))


def _put(into: dict[str, Any], name: str, spec: dict[str, Any]) -> None:
    if name in into:
        one, other = into[name]["names"][0], spec["names"][0]
        raise BadMapping(f"{one} and {other} go to the same figure or name. Leave one of them out.", column=other)
    into[name] = spec


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number = 2
    while name in taken:
        name, number = f"{name.rstrip('0123456789')}{number}", number + 1
    return name


def _spec(line: Line, before: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    known = before.get(plain(line.column), {})
    spec = {key: value for key, value in known.items() if key == "fractions"}
    spec["names"] = [line.column]
    if line.is_money and line.unit:
        spec["unit"] = line.unit
    return spec


def _window(key: str, attribution: str, primary: bool) -> dict[str, Any]:
    days = key.partition("|")[0]
    return {"days": int(days) if days else None, "attribution": attribution, "primary": primary}


def _key(window: Mapping[str, Any]) -> str:
    days = window.get("days")
    return f"{'' if days is None else days}|{window.get('attribution') or 'unknown'}"


def _short(key: str) -> str:
    return days_in_words(key).lower()


def _window_title(key: str, given: list[str]) -> str:
    title = f"Sold {_short(key)}"
    return f"{title}, {ATTRIBUTION_WORDS[key.partition('|')[2]]}" if key in given else title


def _by_days(key: str) -> tuple[int, str]:
    days = key.partition("|")[0]
    return (int(days) if days else 999, key)


def _names(spec: Any) -> list[str]:
    if isinstance(spec, str):
        return [spec]
    return list(spec) if isinstance(spec, list | tuple) else list(spec.get("names") or ())


def _every(body: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    yield from ((f"columns.{name}", spec) for name, spec in (body.get("columns") or {}).items())
    yield from ((SPLIT, spec) for spec in (body.get("breakdown") or {}).values())
    for window in body.get("windows") or ():
        yield from ((f"window:{_key(window)}:{name}", window[name]) for name in ATTRIBUTED if window.get(name))


def _places(body: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Plain name of a column -> (choice, unit)."""
    found: dict[str, tuple[str, str]] = {}
    for choice, spec in _every(body):
        unit = str((spec.get("unit") if isinstance(spec, dict) else "") or "")
        for name in _names(spec):
            found.setdefault(plain(name), (choice, unit))
    return found


def _specs(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {plain(name): spec for _, spec in _every(body) if isinstance(spec, dict) for name in _names(spec)}


def _is_named(alternatives: str, columns: Mapping[str, Any], breakdown: Mapping[str, Any]) -> bool:
    """Whether a row can still be told by it: `campaign_id|campaign_name` is either of both."""
    return any(name in columns or (name == "breakdown" and breakdown) for name in alternatives.split("|"))
