"""Groups side by side, each a mark with its interval: one figure of a clean room's answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale, decimals, finite, ticks
from crm.charts.svg import drawing, element, number
from crm.charts.words import figure, span

ROW = 26
MOST = 30  # groups drawn; the table has all


@dataclass(frozen=True)
class Group:
    """A group with its figure and interval, all None where it is not shown."""

    name: str
    value: float | None
    low: float | None
    high: float | None


def groups(shown: Sequence[Group], *, what: str, places: int = 0) -> Drawing:
    """`what` names the figure: People, Sales amount (EUR). `places` are decimals. The axis starts at zero."""
    known = [one for one in shown if one.value is not None][:MOST]
    finding = _finding(known, what, places)
    left_out = len([one for one in shown if one.value is not None]) - len(known)
    note = "The bar ends at the figure; the line is where the true one lies, 95 times in 100, as far as noise goes."
    if left_out:
        note += f" The {MOST} largest are drawn; the table has all."
    rows = [[one.name, figure(one.value, places) or "not shown", span(one.low, one.high, places)] for one in shown]
    return Drawing(
        wide=_drawn(known, finding, kind="chart-wide", width=640, names=190, places=places),
        phone=_drawn(known, finding, kind="chart-phone", width=318, names=0, places=places),
        table=Table([Column("Group", num=False), Column(what), Column("95 % interval")], rows),
        finding=finding,
        note=note,
    )


def _drawn(known: Sequence[Group], finding: str, *, kind: str, width: int, names: int, places: int) -> SafeString:
    """On a phone (`names` is 0) the name stands above its bar."""
    step = ROW if names else ROW + 14
    ends = finite([one.high for one in known]) + finite([one.value for one in known])
    low = min([0.0, *finite([one.low for one in known])])
    axis = ticks(low, max([*ends, 0.0]) or 1.0)
    across = Scale(axis[0], axis[-1], names + 8, width - 44)
    foot = step * len(known) + 4
    parts: list[str] = []
    for tick in axis:
        parts.append(element("path", class_="grid", d=f"M{number(across(tick))} 0V{foot}"))
        text = figure(tick, max(decimals(axis[1] - axis[0]), 0))
        parts.append(element("text", text, class_="tick tick-x", x=across(tick), y=foot + 14))
    for index, one in enumerate(known):
        assert one.value is not None
        middle = index * step + step - ROW / 2
        if names:
            parts.append(element("text", _short(one.name, 28), class_="name", x=0, y=middle + 4))
        else:
            parts.append(element("text", _short(one.name, 44), class_="name", x=across(axis[0]), y=middle - 12))
        start, end = sorted((across(0), across(one.value)))
        parts.append(element("rect", class_="group-bar", x=start, y=middle - 5, width=max(end - start, 1), height=10))
        if one.low is not None and one.high is not None:
            left, right = number(across(one.low)), number(across(one.high))
            at = number(middle)
            parts.append(element("path", class_="reach", d=f"M{left} {at}H{right}"))
            parts.append(
                element("path", class_="ends", d=f"M{left} {number(middle - 4)}v8M{right} {number(middle - 4)}v8")
            )
    return drawing(f"chart groups {kind}", width, foot + 20, finding, parts)


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _finding(known: Sequence[Group], what: str, places: int) -> str:
    if not known:
        return f"{what}: no group is large enough to be shown."
    first = max(known, key=lambda one: one.value or 0)
    said = f"{what}: {first.name}, {figure(first.value, places)}"
    said += f" ({span(first.low, first.high, places)})" if first.low is not None else ""
    return said + (f", is the largest of {len(known)} groups." if len(known) > 1 else ".")
