"""Statistics as drawings and rows of the page Feedback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from crm.charts.drawings import Drawing
from crm.charts.words import figure, share, span
from rlhf.agreement import Estimate
from rlhf.charts.agreeing import Moment, agreeing
from rlhf.charts.given import Answer, given
from rlhf.charts.marks import against
from rlhf.charts.stacked import Layer, stacked
from rlhf.feedback.statistics.agreeing import NEEDED, NOTHING
from rlhf.feedback.statistics.asked import TYPES, kind_name
from rlhf.feedback.statistics.counts import VERDICTS, Cell
from rlhf.feedback.statistics.queue import Queue
from rlhf.feedback.statistics.versions import HALF, Version
from rlhf.feedback.stats import Statistics

TONES = {"stars": "kind-stars", "thumb": "kind-thumbs", "pair": "kind-pair", "correction": "kind-edit",
         "flag": "kind-rest", "rich": "kind-rest"}  # fmt: skip
ALPHA_AXIS = (-0.5, 1.0)  # 0 is chance; below it people contradict each other
STEPS = 5  # tones told apart by eye; what is beyond stands in one layer
SCALE_NAMES = {"stars": "Stars", "thumb": "Thumbs", "pair": "A or B"}


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One kind of work in the table beside the chart."""

    name: str
    types: str
    ratings: int
    alpha: Estimate
    mark: SafeString | str
    to_resolve: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version in the forest."""

    version: Version
    mark: SafeString | str
    span: str
    share: str


def over_time(found: Statistics, by: str) -> tuple[Drawing, list[Layer]]:
    """The stacks, and their layers for the key under them."""
    layers = _layers(found, by)
    weeks = found.cut[0].weeks
    stretch = "Week of" if weeks == 1 else f"{weeks} weeks from"
    labels = [one.label for one in found.cut]
    return stacked(labels, layers, stretch=stretch, last_is_open=found.question.until is None), layers


def agreement_over_time(found: Statistics) -> Drawing:
    moments = [
        Moment(stretch.label, one.value, one.low, one.high, one.n)
        for stretch, one in zip(found.cut, found.agreement.over_time, strict=True)
    ]
    return agreeing(
        moments, needed=NEEDED, stretch="After the week of" if found.cut[0].weeks == 1 else "After those from"
    )


def moved(found: Statistics) -> tuple[float, str] | None:
    """How far the newest stretch moved alpha, and the day it began."""
    if len(found.cut) < 2:
        return None
    before, now = (one.value for one in found.agreement.over_time[-2:])
    return None if before is None or now is None else (now - before, found.cut[-1].label)


def answers(found: Statistics) -> list[Drawing]:
    """Distribution of stars, thumbs and choices; those nobody gave are left out."""
    counts, made = found.counts, []
    stars = [Answer("1 star" if n == 1 else f"{n} stars", count) for n, count in sorted(counts.stars().items())[::-1]]
    thumbs = [Answer(name, counts.thumbs()[key]) for key, name in (("up", "Good"), ("down", "Not good"))]
    verdicts = [Answer(name, counts.verdicts()[key]) for key, name in VERDICTS.items()]
    for what, some in (("Stars", stars), ("Thumbs", thumbs), ("A or B", verdicts)):
        if any(one.n for one in some):
            made.append(given(some, what=what))
    return made


def task_rows(found: Statistics) -> list[TaskRow]:
    """Kinds of work that were rated or have something to resolve, most ratings first."""
    counted = found.counts.by_kind()
    waiting = [kind for kind, queue in found.queues.items() if queue.to_resolve and kind not in counted]
    if found.question.kind:
        waiting = [kind for kind in waiting if kind == found.question.kind]
    rows = []
    for kind in (*counted, *sorted(waiting)):
        alpha = found.agreement.by_kind.get(kind, Estimate(value=None, why=NOTHING))
        types = ", ".join(TYPES[one] for one in found.counts.types_of(kind)[:3])
        queue = found.queues.get(kind, Queue())
        rows.append(
            TaskRow(kind_name(kind), types, counted.get(kind, 0), alpha, interval_of(alpha), queue.to_resolve)
        )  # fmt: skip
    return rows


def scale_rows(found: Statistics) -> list[dict[str, Any]]:
    """Agreement on each scale: alpha, kappa, equal answers."""
    return [
        {"name": SCALE_NAMES[one.name], "scale": one, "mark": interval_of(one.alpha)}
        for one in found.agreement.by_scale
    ]


def version_rows(found: Statistics, by: str) -> list[VersionRow]:
    return [
        VersionRow(
            row,
            _version_mark(row) if row.against else "",
            f"{figure(100 * row.rate.low, 0)} to {share(row.rate.high, 1.0)}"
            if row.against and row.rate.low is not None and row.rate.high is not None
            else "",
            share(row.rate.value, 1.0) or "0\N{NO-BREAK SPACE}%" if row.rate.value is not None else "",
        )
        for row in found.versions[by].rows
    ]


def interval_of(one: Estimate) -> SafeString | str:
    """Alpha with its interval against what is needed; nothing where it is not known."""
    if one.value is None:
        return ""
    clear = one.low is None or one.low >= NEEDED or (one.high or 1.0) < NEEDED
    ends = f", {span(one.low, one.high)}" if one.low is not None else ""
    said = f"{figure(one.value)}{ends}, {figure(NEEDED)} needed"
    return against(one.value, one.low, one.high, at=NEEDED, axis=ALPHA_AXIS, said=said, clear=clear)


def _version_mark(row: Version) -> SafeString | str:
    rate = row.rate
    if rate.value is None:
        return ""
    ends = f", {share(rate.low or 0, 1.0) or 0} to {share(rate.high or 0, 1.0)}" if rate.low is not None else ""
    said = f"{share(rate.value, 1.0) or 0}{ends}, half is 50 percent"
    return against(
        rate.value, rate.low, rate.high, at=HALF, axis=(0.0, 1.0), said=said, clear=row.verdict != "unclear", width=170
    )


def _layers(found: Statistics, by: str) -> list[Layer]:
    if by == "kind":
        groups = [(TONES[key], TYPES[key], {key}) for key in found.counts.by_type()]
        return _summed(found, groups, lambda cell: cell.type)
    if by == "task":
        names = {key: kind_name(key) for key in found.counts.by_kind()}
        return _summed(found, _stepped(names), lambda cell: cell.kind)
    names = {one.key: one.name for one in found.raters}
    return _summed(found, _stepped(names), lambda cell: cell.person)


def _stepped(names: dict[str, str]) -> list[tuple[str, str, set[str]]]:
    """A tone for each of the first; the others together where there are more."""
    keys = list(names)
    kept = keys if len(keys) <= STEPS + 1 else keys[:STEPS]
    groups = [(f"tone-{place}", names[key], {key}) for place, key in enumerate(kept[:STEPS])]
    rest = keys[STEPS:]
    if rest:
        name = names[rest[0]] if len(rest) == 1 else f"{len(rest)} others"
        groups.append(("kind-rest", name, set(rest)))
    return groups


def _summed(found: Statistics, groups: list[tuple[str, str, set[str]]], what: Callable[[Cell], str]) -> list[Layer]:
    counted = found.counts.over_time(what)
    return [
        Layer(tone, name, [sum(n for key, n in one.items() if key in keys) for one in counted])
        for tone, name, keys in groups
    ]
