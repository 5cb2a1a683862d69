"""How many stars, thumbs or sides were given: one bar for each answer, from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crm.charts.drawings import Column, Drawing, Table
from crm.charts.scales import Scale
from crm.charts.svg import drawing, element
from crm.charts.words import figure, share

ROW = 24


@dataclass(frozen=True)
class Answer:
    """One answer and how often it was given."""

    name: str
    n: int


def given(answers: Sequence[Answer], *, what: str) -> Drawing:
    """`what` names the question: Stars. Nothing given is an empty row."""
    total = sum(one.n for one in answers)
    finding = _finding(answers, total, what)
    rows = [[one.name, figure(one.n, 0), share(one.n, total)] for one in answers]
    return Drawing(
        wide=_draw(answers, total, finding, kind="chart given chart-wide", width=330),
        phone=_draw(answers, total, finding, kind="chart given chart-phone", width=318),
        table=Table([Column(what, num=False), Column("Given"), Column("Share")], rows),
        finding=finding,
    )


def _draw(answers: Sequence[Answer], total: int, finding: str, *, kind: str, width: int) -> SafeString:
    names = 104
    across = Scale(0, max([*(one.n for one in answers), 1]), names, width - 84)
    parts: list[str] = []
    for place, one in enumerate(answers):
        middle = place * ROW + ROW / 2
        parts.append(element("text", one.name, class_="name", x=0, y=middle + 4))
        parts.append(
            element("rect", class_="stack kind-stars", x=names, y=middle - 7, width=across(one.n) - names, height=14)
        )
        said = figure(one.n, 0) + (f", {share(one.n, total)}" if one.n else "")
        parts.append(element("text", said, class_="tick", x=across(one.n) + 8, y=middle + 4))
    return drawing(kind, width, ROW * len(answers) + 4, finding, parts)


def _finding(answers: Sequence[Answer], total: int, what: str) -> str:
    if not total:
        return f"{what}: none given in this time."
    most = max(answers, key=lambda one: one.n)
    return f"{what}: {most.name} was given most, {figure(most.n, 0)} of {figure(total, 0)}."
