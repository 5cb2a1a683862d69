"""Bring rows of several networks to one attribution window, and say of every other row why it cannot be: pure.

Left out on purpose: any conversion between windows. A ratio between 7 and 30 days differs by product and season, so a
figure made that way would be a guess that looks like a count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

FIGURES = ("orders", "units", "sales")
WORDS = {
    "click": "after a click",
    "click_view": "after a click or a view",
    "view": "after a view",
    "linear": "shared among touches",
    "modelled": "modelled by the network",
    "exposure": "bought after being reached",
}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Window:
    """Days after the touch and what counts as one; `days` None or attribution `unknown`: the source does not say."""

    days: int | None
    attribution: str

    @classmethod
    def parse(cls, key: str) -> Window | None:
        """The window that `14|click` names; None for a key that names none."""
        days, _, attribution = key.partition("|")
        if attribution not in WORDS or not days.isascii() or not days.isdecimal() or len(days) > 4:
            return None
        return cls(int(days), attribution)

    @property
    def key(self) -> str:
        """How `other_windows` names it: `14|click`."""
        return f"{'' if self.days is None else self.days}|{self.attribution}"

    @property
    def is_said(self) -> bool:
        """Whether it can be compared at all. Two windows that nobody names are not the same window."""
        return self.days is not None and self.attribution in WORDS

    @property
    def words(self) -> str:
        """`14 days after a click`; `window not said`."""
        if self.days is None:
            return WORDS.get(self.attribution, "window not said")
        span = "the same day" if self.days == 0 else "1 day" if self.days == 1 else f"{self.days} days"
        return f"{span} {WORDS.get(self.attribution, 'after a touch not said')}"


def in_order(windows: Iterable[Window]) -> list[Window]:
    """Short ones first, those not said last."""
    kinds = [*WORDS, UNKNOWN]
    return sorted(
        windows, key=lambda one: (not one.is_said, 10_000 if one.days is None else one.days,
                                  kinds.index(one.attribution) if one.attribution in kinds else len(kinds)),
    )  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One row of a report as far as windows matter. `others` is its `other_windows`; None: nothing is said."""

    network: str
    campaign: str
    measured_on: date
    currency: str
    window: Window
    spend: Decimal | None = None
    figures: Mapping[str, Decimal | None] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """Rows of one network that give the same windows. `unread`: keys that name no window."""

    network: str
    currency: str
    window: Window
    others: frozenset[Window]
    unread: tuple[str, ...]
    rows: int
    spend: Decimal | None
    first_on: date
    last_on: date

    def gives(self, window: Window) -> bool:
        return window == self.window or window in self.others

    @property
    def windows(self) -> list[Window]:
        return in_order({self.window, *self.others})

    def why_not(self, window: Window) -> str:
        """Why these rows cannot be brought to the window; empty when they can."""
        if self.gives(window):
            return ""
        said = [one for one in self.windows if one.is_said]
        if self.unread:
            return f"Names a window in a way that is not known: {', '.join(self.unread)}."
        if not said:
            return "Does not say which window its figures are of."
        same_days = [one for one in said if one.days == window.days]
        if same_days:
            return f"Gives {window.days} days only {_listed([WORDS[one.attribution] for one in same_days])}."
        return f"Gives only {_listed([one.words for one in said])}."


@dataclass(frozen=True)
class Sums:
    """What some rows say in the chosen window. A figure is None when none of them says it."""

    rows: int
    spend: Decimal | None
    orders: Decimal | None
    units: Decimal | None
    sales: Decimal | None


@dataclass(frozen=True)
class Alignment:
    """`sums` by (network, campaign, Monday of the week, currency); `left_out` with a reason each."""

    offers: Sequence[Offer]
    window: Window | None
    sums: Mapping[tuple[str, str, date, str], Sums]
    left_out: Sequence[tuple[Offer, str]]


def offers_of(facts: Iterable[Fact]) -> list[Offer]:
    """Rows put together that come from one network and give the same windows."""
    found: dict[Any, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.network, fact.currency, fact.window, frozenset(fact.others)].append(fact)
    return [
        offer(network, currency, window, keys, rows=len(rows), spend=total(row.spend for row in rows),
              first_on=min(row.measured_on for row in rows), last_on=max(row.measured_on for row in rows))
        for (network, currency, window, keys), rows in found.items()
    ]  # fmt: skip


def offer(
    network: str, currency: str, window: Window, keys: Iterable[str], *, rows: int, spend: Decimal | None,
    first_on: date, last_on: date,
) -> Offer:  # fmt: skip
    """An offer from the keys of `other_windows`."""
    read = {key: Window.parse(key) for key in keys}
    others = frozenset(one for one in read.values() if one is not None)
    unread = tuple(sorted(key for key, one in read.items() if one is None))
    return Offer(network, currency, window, others, unread, rows, spend, first_on, last_on)


def offered_by(offers: Iterable[Offer]) -> dict[str, dict[Window, int]]:
    """Rows by network and window that is said; a network that says none has an empty entry."""
    found: dict[str, dict[Window, int]] = {}
    for one in offers:
        mine = found.setdefault(one.network, {})
        for window in one.windows:
            if window.is_said:
                mine[window] = mine.get(window, 0) + one.rows
    return found


def common(offers: Iterable[Offer]) -> list[Window]:
    """Windows that every network gives on at least one row; short ones first."""
    each = [set(windows) for windows in offered_by(offers).values()]
    return in_order(set.intersection(*each)) if each else []


def best(offers: Sequence[Offer]) -> Window | None:
    """The window in which most can be compared: given by most networks, then on most rows, then the shortest."""
    by_network = offered_by(offers)
    windows = in_order({window for mine in by_network.values() for window in mine})
    if not windows:
        return None
    return max(
        windows,
        key=lambda window: (
            sum(window in mine for mine in by_network.values()),
            sum(mine.get(window, 0) for mine in by_network.values()),
            -windows.index(window),
        ),
    )


def left_out(offers: Iterable[Offer], window: Window) -> list[tuple[Offer, str]]:
    """Rows that do not give the window, most rows first, each with the reason."""
    found = [(one, one.why_not(window)) for one in offers]
    return sorted(((one, why) for one, why in found if why), key=lambda pair: -pair[0].rows)


def align(facts: Iterable[Fact], window: Window | None = None) -> Alignment:
    """Everything in one window: the one given, else the best one. Figures are read where the row gives that window
    and from nowhere else; the same row's spend goes with them."""
    rows = list(facts)
    offers = offers_of(rows)
    chosen = window or best(offers)
    if chosen is None:
        return Alignment(offers, None, {}, [(one, "Does not say which window its figures are of.") for one in offers])
    kept: dict[tuple[str, str, date, str], list[tuple[Fact, Mapping[str, Any]]]] = defaultdict(list)
    for row in rows:
        figures = row.figures if row.window == chosen else row.others.get(chosen.key)
        if figures is not None:
            week = date.fromordinal(row.measured_on.toordinal() - row.measured_on.weekday())
            kept[row.network, row.campaign, week, row.currency].append((row, figures))
    sums = {
        key: Sums(
            len(pairs),
            total(row.spend for row, _ in pairs),
            *(total(_decimal(figures.get(name)) for _, figures in pairs) for name in FIGURES),
        )
        for key, pairs in kept.items()
    }
    return Alignment(offers, chosen, sums, left_out(offers, chosen))


def total(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of what is said; None when nothing is."""
    said = [value for value in values if value is not None]
    return sum(said, Decimal(0)) if said else None


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
