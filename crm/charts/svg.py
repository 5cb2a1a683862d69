"""SVG elements as safe strings: the one place of the charts that knows Django.

Numbers are written with one decimal, which is a tenth of a pixel; a number that is not finite is refused here, so that
no chart can print ``NaN`` into a page.
"""

from collections.abc import Iterable
from math import isfinite

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

Attribute = str | int | float | None


def number(value: float) -> str:
    """A coordinate in px with at most one decimal. Raises ``ValueError`` when it is not finite."""
    if not isfinite(value):
        raise ValueError(f"A coordinate must be finite, not {value!r}.")
    written = f"{value:.1f}"
    return written[:-2] if written.endswith(".0") else written


def element(tag: str, *children: str, **attributes: Attribute) -> SafeString:
    """One SVG element. ``class_`` becomes ``class``, an underscore a hyphen; attributes that are None are left out."""
    written = "".join(
        f' {_attribute_name(name)}="{conditional_escape(value) if isinstance(value, str) else number(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = f">{group(children)}</{tag}>" if children else "/>"
    return mark_safe(f"<{tag}{written}{inside}")  # noqa: S308  values and children were escaped just now


def group(parts: Iterable[str]) -> SafeString:
    """Parts one after the other; plain strings among them are escaped."""
    return mark_safe("".join(conditional_escape(part) for part in parts))  # noqa: S308  every part was escaped just now


def drawing(kind: str, width: float, height: float, finding: str, parts: Iterable[str]) -> SafeString:
    """A whole chart at its real size in px, so that its text keeps 11 to 12 px, named by its finding."""
    return element(
        "svg",
        *parts,
        class_=kind,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=finding,
    )


def polyline(points: Iterable[tuple[float, float]]) -> str:
    """Path data through points in px, in their order."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def _attribute_name(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
