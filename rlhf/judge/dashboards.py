"""The rubric judge of dashboards: what can be computed of widgets, and how J of a dashboard is refined. Pure.

Types, sizes and limits are those of the catalogue that asks build from: 12 columns, width x rows. Without an intent
only sizes, limits and doubles can be judged; whether a widget fits the question is then left out, never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from rlhf.judge.shapes import IntentShape, OutputShape, WidgetShape

COLUMNS, MOST_ROWS, MOST_WIDGETS = 12, 12, 8
SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "kpi": ((3, 1), (2, 1), (4, 1)),
    "kpi_row": ((12, 1),),
    "trend": ((8, 3), (6, 3), (12, 3)),
    "multi_trend": ((8, 3), (12, 3)),
    "pacing": ((6, 3), (8, 3)),
    "bullet": ((6, 3), (6, 4)),
    "bar_rank": ((6, 3), (4, 3), (6, 4)),
    "bar_group": ((6, 3), (8, 3)),
    "stacked": ((6, 3), (8, 3)),
    "share": ((4, 3), (3, 3)),
    "heatmap": ((6, 3), (8, 4)),
    "scatter": ((6, 4), (8, 4)),
    "waterfall": ((8, 3),),
    "table": ((12, 4), (6, 4)),
    "alerts": ((4, 3), (12, 2)),
    "text": ((4, 2), (12, 1)),
}
MOST_MARKS = {"bar_rank": 15, "share": 6, "multi_trend": 6}
#: Types that answer an action, the best first. `SUPPORT` goes with any of them.
FITS: dict[str, tuple[str, ...]] = {
    "monitor": ("kpi_row", "kpi", "trend", "pacing", "alerts"),
    "trend": ("trend", "multi_trend"),
    "rank": ("bar_rank", "table"),
    "compare": ("bar_group", "bullet", "multi_trend", "waterfall"),
    "compose": ("share", "stacked"),
    "diagnose": ("waterfall", "bullet", "bar_rank", "pacing", "table"),
    "explain": ("text", "waterfall", "bar_rank"),
    "pattern": ("heatmap", "scatter"),
    "alert": ("alerts", "table"),
    "forecast": ("trend", "pacing"),
    "lookup": ("kpi", "table", "text"),
}
SUPPORT = ("kpi", "kpi_row", "text", "table")
LEADS, SUPPORTS, ASIDE = 1.0, 0.7, 0.3
MANY_MISSING = 3  # from here on the term for missing widgets is full
REFINED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class WidgetVerdict:
    """One widget: `appropriateness_score` in [0, 1], None where nothing was known to hold it against."""

    widget_index: int
    widget_type: str
    appropriateness_score: float | None
    size_appropriate: bool
    issues: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()


@dataclass
class _Seen:
    issues: list[str] = field(default_factory=list)
    strengths: list[str] = field(default_factory=list)


def refined(
    base: float, *, confidence: float, up: bool, appropriateness: Sequence[float], missing: int, sizes: Sequence[bool]
) -> float:
    """J of a dashboard: half the weighted dimensions, half what is said of its widgets.

        R = 0.2·c + 0.4·mean(appropriateness) − 0.3·min(missing / 3, 1) + 0.2·share(size appropriate)
        J = 0.5·base + 0.5·(R + 0.3) / 1.1

    R lies in [−0.3, 0.8], so the second half lies in [0, 1] (ARCHITECTURE.md, Reward: confidence 0.2, widgets 0.4,
    missing −0.3, size 0.2). c is the confidence that the dashboard is good: `confidence` where the rating is up, 1 −
    `confidence` where it is down, so that a sure "no" never lifts the score. Without widgets the terms for
    appropriateness and size are 0.
    """
    sure = confidence if up else 1 - confidence
    fit = math.fsum(appropriateness) / len(appropriateness) if appropriateness else 0.0
    sized = sum(sizes) / len(sizes) if sizes else 0.0
    gathered = 0.2 * sure + 0.4 * fit - 0.3 * min(missing / MANY_MISSING, 1.0) + 0.2 * sized
    return (1 - REFINED_SHARE) * base + REFINED_SHARE * (gathered + 0.3) / 1.1


def widget_verdicts(output: OutputShape, intent: IntentShape) -> tuple[WidgetVerdict, ...]:
    """Each widget in its order: does the type suit the action, is it about what was asked, is its size in the list."""
    return tuple(_widget(index, widget, output, intent) for index, widget in enumerate(output.widgets))


def _widget(index: int, widget: WidgetShape, output: OutputShape, intent: IntentShape) -> WidgetVerdict:
    seen = _Seen()
    parts: list[float] = []
    fit = type_fit(widget.type, intent.action)
    if fit is not None:
        parts.append(fit)
        if fit == ASIDE:
            seen.issues.append(f"a {widget.type} does little to {intent.action}")
        elif fit == LEADS:
            seen.strengths.append(f"a {widget.type} suits {intent.action}")
    about = _about(widget, intent)
    if about is not None:
        parts.append(about)
        if about < 0.5:
            seen.issues.append("it is not about what was asked")
    if widget.rows_count == 0:
        parts.append(0.0)
        seen.issues.append("it shows no data")
    most = MOST_MARKS.get(widget.type)
    if most is not None and widget.rows_count is not None and widget.rows_count > most:
        parts.append(most / widget.rows_count)
        seen.issues.append(f"{widget.rows_count} marks where {most} can be read")
    if any(_same(widget, other) for other in output.widgets[:index]):
        parts.append(0.0)
        seen.issues.append("another widget shows the same")
    sized = (widget.width, widget.rows) in SIZES.get(widget.type, ())
    if widget.type not in SIZES:
        parts.append(0.0)
        seen.issues.append(f"{widget.type} is no widget of the catalogue")
    elif not sized:
        wide, high = SIZES[widget.type][0]
        seen.issues.append(f"{widget.width} x {widget.rows} is no size of a {widget.type}; {wide} x {high} is usual")
    score = round(math.fsum(parts) / len(parts), 4) if parts else None
    return WidgetVerdict(index, widget.type, score, sized, tuple(seen.issues), tuple(seen.strengths))


def type_fit(kind: str, action: str) -> float | None:
    """1 for a type that answers the action, 0.7 for one that goes with any answer, 0.3 else; None without an action."""
    if action not in FITS:
        return None
    return LEADS if kind in FITS[action] else SUPPORTS if kind in SUPPORT else ASIDE


def _about(widget: WidgetShape, intent: IntentShape) -> float | None:
    """Share of the widget's metrics and dimensions that were asked for; None where it or the intent names none."""
    shares = []
    if widget.metrics and intent.metrics:
        shares.append(len(set(widget.metrics) & set(intent.metrics)) / len(set(widget.metrics)))
    if widget.dimensions and intent.dimensions:
        shares.append(len(set(widget.dimensions) & set(intent.dimensions)) / len(set(widget.dimensions)))
    return math.fsum(shares) / len(shares) if shares else None


def _same(one: WidgetShape, other: WidgetShape) -> bool:
    return (one.type, sorted(one.metrics), sorted(one.dimensions), one.text) == (
        other.type, sorted(other.metrics), sorted(other.dimensions), other.text,
    )  # fmt: skip


def missing_widgets(output: OutputShape, intent: IntentShape) -> tuple[str, ...] | None:
    """What an answer to this intent would show and this one does not, in words; None without an intent."""
    if not intent.says_something:
        return None
    metrics = {metric for widget in output.widgets for metric in widget.metrics}
    dimensions = {dimension for widget in output.widgets for dimension in widget.dimensions}
    leads = FITS.get(intent.action, ("kpi",))
    missing = [f"{leads[0]} of {metric}" for metric in intent.metrics if metric not in metrics]
    missing += [f"bar_rank by {dimension}" for dimension in intent.dimensions if dimension not in dimensions]
    if intent.action in FITS and not any(widget.type in leads for widget in output.widgets):
        wanted = f"{leads[0]} to {intent.action}"
        if not any(one.startswith(leads[0]) for one in missing):
            missing.append(wanted)
    return tuple(missing)


def layout_faults(output: OutputShape) -> list[str]:
    """Where the page breaks the hard limits: too many widgets, too many rows, doubles, titles that are missing."""
    widgets, faults = output.widgets, []
    if len(widgets) > MOST_WIDGETS:
        faults.append(f"{len(widgets)} widgets where {MOST_WIDGETS} can be taken in")
    height = math.ceil(sum(widget.width * widget.rows for widget in widgets) / COLUMNS)
    if height > MOST_ROWS:
        faults.append(f"it is {height} rows high, {MOST_ROWS} are the most")
    if any(_same(one, other) for number, one in enumerate(widgets) for other in widgets[:number]):
        faults.append("two widgets show the same")
    titles = [widget.title.strip().casefold() for widget in widgets if widget.type != "text"]
    if "" in titles:
        faults.append("a widget has no title")
    elif len(set(titles)) < len(titles):
        faults.append("two widgets have the same title")
    return faults
