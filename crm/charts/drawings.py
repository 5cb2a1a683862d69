"""What a page needs of one chart: the drawing for a wide place, the one for a phone, and the table behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString


@dataclass(frozen=True)
class Column:
    """A heading of the table; ``num`` aligns right."""

    name: str
    num: bool = True


@dataclass(frozen=True)
class Table:
    """The figures behind a chart. The first cell of each row heads it."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Drawing:
    """One chart, twice drawn. ``finding`` is the sentence a screen reader hears; ``note`` says how to read it."""

    wide: SafeString
    phone: SafeString
    table: Table
    finding: str
    note: str = ""
