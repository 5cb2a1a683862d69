"""How figures, moments, money and marks are written on every page, so that the same thing looks the same everywhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.charts import words
from crm.charts.drawings import Drawing

register = template.Library()

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
STATES = ("done", "running", "waiting", "queued", "held", "paused", "failed", "cancelled")


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the sprite in `icons.html`; the word beside it says what it means."""
    prefix = "s" if name in STATES else "i"
    return format_html('<svg class="icon" aria-hidden="true"><use href="#{}-{}"/></svg>', prefix, name)


@register.simple_tag
def state(kind: str, word: str) -> SafeString:
    """A state: an icon of its own shape, plus a word."""
    return format_html('<span class="state state-{}">{}{}</span>', kind, icon(kind), word)


@register.simple_tag
def mode(name: str, version: object = "") -> SafeString:
    """A policy mode with the line it has in the charts, and its version where one is known."""
    line = '<svg viewBox="0 0 18 6" width="18" height="6" aria-hidden="true"><path class="line" d="M0 3H18"/></svg>'
    label = f"{words.mode_name(name)} {version}" if version else words.mode_name(name)
    return format_html('<span class="mode is-{}">{}{}</span>', name, SafeString(line), label)


@register.inclusion_tag("crm/chart.html")
def chart(drawing: Drawing) -> dict[str, Drawing]:
    """Both drawings of a chart, how to read it, and the table behind it."""
    return {"drawing": drawing}


@register.filter
def reward(value: float | None) -> str:
    """A reward to three decimals, a dash where there is none yet."""
    return words.figure(value, 3) or "–"


@register.filter
def figure(value: float | None, decimals: int = 2) -> str:
    return words.figure(value, decimals)


@register.filter
def signed(value: float | None, decimals: int = 2) -> str:
    return words.signed(value, decimals)


@register.filter
def percent(value: float | None) -> str:
    """A share in [0, 1] as a percentage."""
    return "" if value is None else words.share(value, 1.0) or f"0{words.NO_BREAK}%"


@register.filter
def worded(name: str) -> str:
    """`brand_fit` as a person reads it: Brand fit."""
    return str(name).replace("_", " ").capitalize()


@register.filter
def money(value: Decimal | float | None, currency: str = "EUR") -> str:
    """An amount with its sign: whole from a thousand on, in cents below, finer below a cent; never 0.00 for a cost."""
    if value is None:
        return ""
    amount = Decimal(value)
    symbol = SYMBOLS.get(currency, f"{currency}{words.NO_BREAK}")
    if 0 < amount < Decimal("0.001"):
        return f"under {symbol}0.001"
    decimals = 0 if abs(amount) >= 1000 else 3 if 0 < abs(amount) < Decimal("0.01") else 2
    written = f"{abs(amount):,.{decimals}f}"
    return f"{words.MINUS if amount < 0 else ''}{symbol}{written}"


@register.filter
def moment(value: datetime | None) -> str:
    """`09:30` today, `18 Sep, 09:30` this year, `18 Sep 2025` before."""
    if value is None:
        return ""
    local, now = timezone.localtime(value), timezone.localtime()
    if local.date() == now.date():
        return f"{local:%H:%M}"
    if local.year == now.year:
        return f"{local.day} {local:%b, %H:%M}"
    return f"{local.day} {local:%b %Y}"


@register.filter
def day(value: datetime | None) -> str:
    """`18 September`, with the year when it is another one."""
    if value is None:
        return ""
    local = timezone.localtime(value)
    year = "" if local.year == timezone.localtime().year else f" {local.year}"
    return f"{local.day} {local:%B}{year}"


@register.filter
def lasting(value: timedelta | int | None) -> str:
    """How long something took, from milliseconds or a timedelta: `240 ms`, `14 s`, `1 min 50 s`, `6 d 1 h`."""
    if value is None:
        return ""
    milliseconds = round(value.total_seconds() * 1000) if isinstance(value, timedelta) else value
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    seconds = round(milliseconds / 1000)
    for size, name, rest, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            left = seconds % size // rest
            return f"{seconds // size} {name} {left} {small}" if left else f"{seconds // size} {name}"
    return f"{seconds} s"


@register.filter
def times(count: int, noun: str) -> str:
    """`1 row`, `2 rows`; a plural of its own after a comma: `"company,companies"`."""
    one, _, many = noun.partition(",")
    return f"{count:,} {one if count == 1 else many or one + 's'}"
