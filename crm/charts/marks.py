"""The small marks that stand inside a line of text or a table: sparklines, bars, an interval."""

from collections.abc import Sequence
from math import isfinite

from django.utils.safestring import SafeString

from crm.charts.scales import Scale, finite
from crm.charts.svg import drawing, element, number, polyline
from crm.charts.words import figure, span

LOW_QUALITY = 0.5


def sparkline(rewards: Sequence[float | None]) -> SafeString:
    """The rewards of the last runs, oldest first, with a dashed line at their mean; 168 by 40 px."""
    values = finite(rewards)
    if not values:
        return drawing("spark", 168, 40, "No rewards yet", [])
    mean = sum(values) / len(values)
    finding = f"Reward of the last {len(values)} runs, now {figure(values[-1], 3)}, mean {figure(mean, 3)}"
    if len(values) == 1:
        finding = f"Reward of the only run, {figure(values[0], 3)}"
    low, high = min(*values, mean), max(*values, mean)
    # A floor under the range, so that differences in the third decimal do not look like a landslide.
    middle, half = (low + high) / 2, max((high - low) / 2, 0.05)
    up = Scale(middle - half, middle + half, 36, 4)
    across = Scale(0, max(len(values) - 1, 1), 4, 164)
    points = [(across(index), up(value)) for index, value in enumerate(values)]
    if len(values) == 1:
        points = [(164.0, up(values[0]))]
    parts: list[str] = [element("path", class_="mean", d=f"M4 {number(up(mean))}H164")]
    if len(points) > 1:
        parts.append(element("path", class_="spark-line", d=polyline(points)))
    parts.append(element("circle", cx=points[-1][0], cy=points[-1][1], r=2.5))
    return drawing("spark", 168, 40, finding, parts)


def steps_spark(qualities: Sequence[float | None], *, running: bool = False) -> SafeString:
    """One bar per step, as high as its quality in [0, 1]; low ones are marked, a step under way is an outline.

    Decoration: the number of steps stands beside it in words.
    """
    shown = list(qualities)[-20:]
    bars: list[str] = []
    for index, quality in enumerate(shown):
        known = quality is not None and isfinite(quality)
        value = min(max(quality, 0.0), 1.0) if known and quality is not None else 0.0
        height = max(15.5 * value, 1.5)
        kind = "low" if known and value < LOW_QUALITY else None
        bars.append(element("rect", class_=kind, x=7 * index, y=16 - height, width=5, height=height))
    if running:
        bars.append(element("rect", class_="now", x=7 * len(shown) + 0.5, y=2.5, width=4, height=13))
    width = max(7 * len(bars), 7)
    return element(
        "svg", *bars, class_="steps-spark", viewBox=f"0 0 {width} 16", width=width, height=16, aria_hidden="true"
    )


def bar(value: float | None, *, top: float = 1.0, kind: str = "bar") -> SafeString:
    """A bar on a rail, ``value`` of ``top``; nothing is filled below zero, nothing goes over the rail.

    Decoration: the value stands beside it.
    """
    known = value if value is not None and isfinite(value) else 0.0
    width = 100 * min(max(known / top, 0.0), 1.0) if top > 0 else 0.0
    return element(
        "svg",
        element("rect", class_="rail", width=100, height=6),
        element("rect", class_="fill", width=width, height=6),
        class_=kind,
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def reward_bar(reward: float | None, *, top: float = 1.0) -> SafeString:
    """The bar beside a reward in a table; ``top`` is the longest of that table, so that lengths compare."""
    return bar(reward, top=max(top, 1.0), kind="bar reward")


def share_bar(part: float, most: float, mode: str) -> SafeString:
    """How much of all runs a policy mode had, against the mode that had most."""
    width = 100 * part / most if most > 0 else 0.0
    fill = element("rect", width=min(max(width, 0.0), 100.0), height=8)
    return element(
        "svg", fill, class_=f"share is-{mode}", viewBox="0 0 100 8", preserveAspectRatio="none", aria_hidden="true"
    )


def interval_mark(
    mean: float | None, low: float | None, high: float | None, *, axis: tuple[float, float]
) -> SafeString:
    """A mean with its interval on ``axis`` (lowest, highest); 132 by 18 px. Empty where the mean is not known."""
    if mean is None or not isfinite(mean):
        return drawing("interval", 132, 18, "not known", [])
    across = Scale(axis[0], axis[1], 6, 126)
    parts: list[str] = []
    finding = figure(mean, 3)
    if low is not None and high is not None and len(finite([low, high])) == 2:
        finding = span(low, high, 3)
        left, right = number(across.clamped(low)), number(across.clamped(high))
        parts.append(element("path", class_="reach", d=f"M{left} 9H{right}"))
        parts.append(element("path", class_="ends", d=f"M{left} 5.5v7M{right} 5.5v7"))
    parts.append(element("circle", cx=across.clamped(mean), cy=9, r=3.5))
    return drawing("interval", 132, 18, finding, parts)


def confidence_bullet(confidence: float, threshold: float) -> SafeString:
    """Confidence in [0, 1] as a bar with an upright at the threshold."""
    across = Scale(0.0, 1.0, 0, 96)
    return drawing(
        "bullet low" if confidence < threshold else "bullet",
        96,
        14,
        f"Confidence {figure(confidence)}, threshold {figure(threshold)}",
        [
            element("rect", class_="rail", y=4, width=96, height=6),
            element("rect", class_="fill", y=4, width=across.clamped(confidence), height=6),
            element("path", class_="mark", d=f"M{number(across.clamped(threshold))} 0v14"),
        ],
    )
