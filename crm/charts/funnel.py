"""The funnel from prospect to purchase: how many reached each stage, and what share went on."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale
from crm.charts.svg import drawing, element, number
from crm.charts.words import listed, share

LEAST = 1.5  # px, so that a few of many can still be seen


@dataclass(frozen=True)
class Stage:
    """A stage and how many came at least this far."""

    name: str
    count: int


def funnel(stages: Sequence[Stage], *, what: str = "leads") -> Drawing:
    """The funnel over stages from first to last; the last is marked as won. Counts below zero are refused."""
    if any(stage.count < 0 for stage in stages):
        raise ValueError("A stage cannot hold fewer than no leads.")
    finding = _finding(stages, what)
    return Drawing(wide=_wide(stages, finding), phone=_phone(stages, finding), table=_table(stages), finding=finding)


def _gone_on(stages: Sequence[Stage], index: int) -> str:
    """How many of the stage before came on. A lead may enter half-way, so more may stand here than before."""
    if index == 0:
        return ""
    before, here = stages[index - 1].count, stages[index].count
    if not before or here > before:
        return ""
    return f"{share(here, before)} go on" if here else "none go on"


def _kind(stages: Sequence[Stage], index: int) -> str:
    return "stage won" if index == len(stages) - 1 else "stage"


def _length(scale: Scale, count: int) -> float:
    return max(scale(count), LEAST) if count else 0.0


def _wide(stages: Sequence[Stage], finding: str) -> SafeString:
    width, foot, bar = 452, 142, 44
    scale = Scale(0, max([stage.count for stage in stages] or [1]) or 1, 0, 112)
    gap = width / max(len(stages), 1)
    parts: list[str] = [element("path", class_="axis", d=f"M0 {foot}H{width}")]
    heights = [_length(scale, stage.count) for stage in stages]
    for index in range(len(stages) - 1):
        x, left, right = index * gap + bar, foot - heights[index], foot - heights[index + 1]
        middle, end = x + (gap - bar) / 2, (index + 1) * gap
        curve = f"M{number(x)} {number(left)}C{number(middle)} {number(left)} {number(middle)} {number(right)}"
        parts.append(element("path", class_="flow", d=f"{curve} {number(end)} {number(right)}V{foot}H{number(x)}Z"))
    for index, stage in enumerate(stages):
        x, top = index * gap, foot - heights[index]
        parts.append(element("rect", class_=_kind(stages, index), x=x, y=top, width=bar, height=heights[index]))
        parts.append(element("text", f"{stage.count:,}", class_="count", x=x, y=top - 8))
        parts.append(element("text", stage.name, class_="name", x=x, y=160))
        parts.append(element("text", _gone_on(stages, index), class_="tick", x=x, y=177))
    return drawing("chart funnel chart-wide", width, 186, finding, parts)


def _phone(stages: Sequence[Stage], finding: str) -> SafeString:
    scale = Scale(0, max([stage.count for stage in stages] or [1]) or 1, 0, 124)
    parts: list[str] = []
    for index, stage in enumerate(stages):
        y, length = 4 + index * 34, _length(scale, stage.count)
        parts.append(element("text", stage.name, class_="name", x=0, y=y + 12))
        parts.append(element("rect", class_=_kind(stages, index), x=76, y=y, width=length, height=16))
        parts.append(element("text", f"{stage.count:,}", class_="count", x=84 + length, y=y + 13))
        parts.append(element("text", _gone_on(stages, index), class_="tick tick-y", x=318, y=y + 12))
    return drawing("chart funnel chart-phone", 318, 34 * max(len(stages), 1) - 4, finding, parts)


def _finding(stages: Sequence[Stage], what: str) -> str:
    if not any(stage.count for stage in stages):
        return f"Funnel: no {what} yet."
    return f"Funnel of {what}: " + listed([f"{stage.count:,} {stage.name.lower()}" for stage in stages]) + "."


def _table(stages: Sequence[Stage]) -> Table:
    columns = [Column("Stage", num=False), Column("Reached"), Column("Of the stage before"), Column("Of the first")]
    rows = []
    for index, stage in enumerate(stages):
        before = stages[index - 1].count if index else 0
        rows.append([stage.name, f"{stage.count:,}", share(stage.count, before), share(stage.count, stages[0].count)])
    return Table(columns, rows)
