"""Whether a file and what was stored of it add up: the sums that an import kept, read back exactly.

An import keeps, by figure, what the file holds (`source`), what was stored, known already and set aside, and what a
total row of the file itself says (`said`). Pure arithmetic on them; money stays `Decimal` to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

WORDS = {
    "spend": "Spend",
    "sales": "Sales",
    "orders": "Orders",
    "units": "Units",
    "impressions": "Views",
    "clicks": "Clicks",
    "ntb_sales": "Sales, new buyers",
    "ntb_orders": "Orders, new buyers",
    "ntb_units": "Units, new buyers",
}
MONEY = frozenset({"spend", "sales", "ntb_sales"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one import. Money is in the currency of the report; counts have no unit."""

    name: str
    source: Decimal
    stored: Decimal
    unchanged: Decimal
    set_aside: Decimal
    said: Decimal | None = None

    @property
    def word(self) -> str:
        return WORDS.get(self.name, self.name.replace("_", " ").capitalize())

    @property
    def is_money(self) -> bool:
        return self.name in MONEY

    @property
    def kept(self) -> Decimal:
        """What the database holds of it: stored now, or known already."""
        return self.stored + self.unchanged

    @property
    def missing(self) -> Decimal:
        """What is in the file and can be found nowhere; 0 when it adds up."""
        return self.source - self.kept - self.set_aside

    @property
    def adds_up(self) -> bool:
        return self.missing == 0

    @property
    def off_the_total(self) -> Decimal | None:
        """How far the rows are from the file's own total row; None where it has none."""
        return None if self.said is None else self.source - self.said


def figures(reconciliation: Mapping[str, Any]) -> list[Figure]:
    """Figures in the order of WORDS, others after them by name."""
    order = list(WORDS)
    found = [
        Figure(
            name,
            source=_number(sums.get("source")) or Decimal(),
            stored=_number(sums.get("stored")) or Decimal(),
            unchanged=_number(sums.get("unchanged")) or Decimal(),
            set_aside=_number(sums.get("set_aside")) or Decimal(),
            said=_number(sums.get("said")),
        )
        for name, sums in reconciliation.items()
    ]
    return sorted(found, key=lambda one: (order.index(one.name) if one.name in order else len(order), one.name))


def spend(reconciliation: Mapping[str, Any]) -> Figure | None:
    """The figure that the list of imports shows; None where the report holds no spend."""
    return next((one for one in figures(reconciliation) if one.name == "spend"), None)


def added(several: Iterable[Figure]) -> Figure | None:
    """The sum of one figure over several imports of one currency; None for none."""
    given = list(several)
    if not given:
        return None
    return Figure(
        given[0].name,
        sum((one.source for one in given), Decimal()),
        sum((one.stored for one in given), Decimal()),
        sum((one.unchanged for one in given), Decimal()),
        sum((one.set_aside for one in given), Decimal()),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of a fact that a later report restated; None: the report did not say."""

    name: str
    before: Decimal | None
    after: Decimal | None

    @property
    def word(self) -> str:
        return WORDS.get(self.name, self.name.replace("_", " ").capitalize())

    @property
    def is_money(self) -> bool:
        return self.name in MONEY


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Figures that differ, in the order of WORDS; where the row stood in its file is not one of them."""
    return [
        Change(name, _number(before.get(name)), _number(after.get(name)))
        for name in WORDS
        if (name in before or name in after) and _number(before.get(name)) != _number(after.get(name))
    ]


def _number(value: Any) -> Decimal | None:
    return None if value is None or value == "" else Decimal(str(value))


# What a person can do about a row that was set aside, by a word of its reason; the first that fits is said.
_HELP = (
    ("more clicks than", "Ask the retailer to check its report"),
    ("future", "Correct the year in the file"),
    ("date", "Check how days are written in the mapping"),
    ("currency", "Bring in one file for each currency"),
    ("campaign", "Name the campaign in the file"),
    ("barcode", "Correct the code, or add the product"),
    ("product", "Match the code to a product"),
    ("twice", "Keep one of the two rows"),
    ("same", "Keep one of the rows"),
    ("negative", "Ask the retailer what it stands for"),
    ("number", "Check how numbers are written in the mapping"),
    ("amount", "Write it as a plain number"),
)


def what_helps(reason: str) -> str:
    plain = reason.lower()
    return next((help_ for word, help_ in _HELP if word in plain), "Put it right in the file and bring it in again")
