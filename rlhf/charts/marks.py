"""An interval inside a table, against a dashed upright: what is needed, or half."""

from __future__ import annotations

from django.utils.safestring import SafeString

from crm.charts.scales import Scale, finite
from crm.charts.svg import drawing, element, number


def against(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    at: float,
    axis: tuple[float, float],
    said: str,
    clear: bool = True,
    width: int = 120,
) -> SafeString:
    """`value` with its ends on `axis`, the dashed upright `at` a level; `said` is what a screen reader hears.

    `clear` False marks one whose interval spans the level. Only the upright where there is no value.
    """
    across = Scale(axis[0], axis[1], 6, width - 6)
    parts: list[str] = [element("path", class_="zero", d=f"M{number(across.clamped(at))} 1V17")]
    if value is not None:
        if low is not None and high is not None and len(finite([low, high])) == 2:
            left, right = number(across.clamped(low)), number(across.clamped(high))
            parts.append(element("path", class_="reach", d=f"M{left} 9H{right}"))
            parts.append(element("path", class_="ends", d=f"M{left} 5.5v7M{right} 5.5v7"))
        parts.append(element("circle", cx=across.clamped(value), cy=9, r=3.5))
    return drawing("interval" if clear else "interval unclear", width, 18, said, parts)
