"""Plan against actual: the plan a grey band, what was spent a solid line, where it is going dashed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale, apart, ticks
from crm.charts.spend import Frame, amount, day_name, day_ticks, grid
from crm.charts.svg import drawing, element, number, polyline
from crm.charts.words import share

#: Spend within this share of the plan is on plan: the width of the band to either side.
TOLERANCE = 0.1
WIDE = Frame(732, 272, 52, 596, 12, 244, "chart money plan chart-wide", 74)
PHONE = Frame(318, 224, 44, 226, 12, 198, "chart money plan chart-phone", 66)


@dataclass(frozen=True)
class Reached:
    """Money put together up to the end of a day; for a day to come with the range that holds 8 times in 10."""

    day: date
    amount: float
    low: float | None = None
    high: float | None = None


def plan_against_actual(
    plan: Sequence[Reached], actual: Sequence[Reached], ahead: Sequence[Reached], *, currency: str
) -> Drawing:
    """Cumulative money by day, each list in order of days. `plan` is not empty; the others may be."""
    finding = _finding(plan, actual, ahead, currency)
    note = f"Grey: the plan, {share(TOLERANCE, 1)} either side. Solid: spent."
    if ahead:
        note += " Dashed: if it goes on like the last 14 days; the thin band holds 8 times in 10."
    return Drawing(
        wide=_draw(plan, actual, ahead, WIDE, finding, currency),
        phone=_draw(plan, actual, ahead, PHONE, finding, currency),
        table=_table(plan, actual, ahead, currency),
        finding=finding,
        note=note,
    )


def _draw(
    plan: Sequence[Reached],
    actual: Sequence[Reached],
    ahead: Sequence[Reached],
    frame: Frame,
    finding: str,
    currency: str,
) -> SafeString:
    days = sorted({one.day for one in (*plan, *actual, *ahead)})
    most = max(
        [plan[-1].amount * (1 + TOLERANCE), *(one.amount for one in actual), *(one.high or one.amount for one in ahead)]
    )
    levels = ticks(0.0, max(most, 1.0), 4)
    up = Scale(0.0, levels[-1], frame.bottom - 4, frame.top + 8)
    across = Scale(days[0].toordinal(), days[-1].toordinal(), frame.left, frame.right)

    def place(one: Reached, value: float) -> tuple[float, float]:
        return across(one.day.toordinal()), up(value)

    top = [place(one, one.amount * (1 + TOLERANCE)) for one in plan]
    foot = [place(one, one.amount * (1 - TOLERANCE)) for one in reversed(plan)]
    parts: list[str] = [*grid(levels, up, frame, currency), *day_ticks(days, across, frame)]
    parts.append(element("path", class_="plan-band", d=polyline(top + foot) + "Z"))
    if ahead:
        range_top = [place(one, one.high or one.amount) for one in ahead]
        range_foot = [place(one, one.low or one.amount) for one in reversed(ahead)]
        start = [place(actual[-1], actual[-1].amount)] if actual else []
        parts.append(element("path", class_="ahead-band", d=polyline(start + range_top + range_foot) + "Z"))
        parts.append(
            element("path", class_="ahead-line", d=polyline(start + [place(one, one.amount) for one in ahead]))
        )
    if len(actual) > 1:
        parts.append(element("path", class_="line money-spend", d=polyline([place(one, one.amount) for one in actual])))
    if actual:
        x, y = place(actual[-1], actual[-1].amount)
        parts.append(element("circle", class_="end money-spend", cx=x, cy=y, r=3.5))
        if ahead:
            parts.append(element("path", class_="now-line", d=f"M{number(x)} {frame.top}V{frame.bottom}"))
    parts += _ends(plan, actual, ahead, up, frame, currency)
    return drawing(frame.kind, frame.width, frame.height, finding, parts)


def _ends(
    plan: Sequence[Reached], actual: Sequence[Reached], ahead: Sequence[Reached], up: Scale, frame: Frame, currency: str
) -> list[SafeString]:
    named = [("Plan", "plan", plan[-1])]
    if ahead:
        named.append(("Likely", "ahead", ahead[-1]))
    elif actual:
        named.append(("Spent", "spend", actual[-1]))
    places = apart([up(one.amount) + 4 for _, _, one in named], 15, frame.top + 10, frame.bottom)
    return [
        element(
            "text", f"{word} ", element("tspan", amount(one.amount, currency), class_="value"),
            class_=f"direct money-{tone}", x=frame.right + 8, y=at,
        )
        for (word, tone, one), at in zip(named, places, strict=True)
    ]  # fmt: skip


def _finding(plan: Sequence[Reached], actual: Sequence[Reached], ahead: Sequence[Reached], currency: str) -> str:
    days = [one.day for one in (*plan, *actual, *ahead)]
    end = f"{amount(plan[-1].amount, currency)} planned by {day_name(plan[-1].day, days)}"
    if not actual:
        return f"Nothing spent yet; {end}."
    last = actual[-1]
    due = next((one.amount for one in reversed(plan) if one.day <= last.day), 0.0)
    spent = f"{amount(last.amount, currency)} spent up to {day_name(last.day, days)}"
    if due:
        spent += f", {share(last.amount, due)} of the plan to that day"
    if not ahead:
        return f"{spent}; {end}."
    likely = (
        f"{amount(ahead[-1].amount, currency)} by {day_name(ahead[-1].day, days)} if it goes on like the last 14 days"
    )
    return f"{spent}; {end}; {likely}."


def _table(plan: Sequence[Reached], actual: Sequence[Reached], ahead: Sequence[Reached], currency: str) -> Table:
    days = sorted({one.day for one in (*plan, *actual, *ahead)})
    planned, spent, likely = ({one.day: one.amount for one in line} for line in (plan, actual, ahead))

    def cell(values: dict[date, float], day: date) -> str:
        return amount(values[day], currency, 2) if day in values else ""

    return Table(
        [Column("Up to", num=False), Column("Planned"), Column("Spent"), Column("Likely")],
        [[day_name(day, days), cell(planned, day), cell(spent, day), cell(likely, day)] for day in days],
    )
