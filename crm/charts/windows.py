"""Sales of several networks by week in one attribution window, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from crm.charts.drawings import Drawing
from crm.charts.spend import Series, money_trend


@dataclass(frozen=True)
class Line:
    """One network's sales in the order of the weeks; None: no row of that week gives the window."""

    name: str
    values: Sequence[float | None]


def window_chart(weeks: Sequence[date], lines: Sequence[Line], *, currency: str, window: str) -> Drawing:
    """A line for each network, told apart by its name at the end and by its dashes."""
    series = [Series(line.name, f"network-{place % 4}", line.values) for place, line in enumerate(lines)]
    drawn = money_trend(weeks, series, currency=currency, stretch="Week from")
    return replace(drawn, note=f"Sales {window}. A gap: no row of that week gives this window.")
