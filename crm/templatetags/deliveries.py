"""How amounts of an import are written: to the cent, because they have to add up."""

from __future__ import annotations

from decimal import Decimal

from django import template

from crm.charts import words
from crm.templatetags.figures import SYMBOLS

register = template.Library()
_ROWS = {"PerformanceMetric": "Figures by day", "Campaign": "New campaigns", "AdEntity": "Names", "SKU": "Products"}


@register.filter
def to_the_cent(value: Decimal | None, currency: str = "") -> str:
    """`€10,412.36`, with more decimals where there are any below a cent; `–` where the source does not say."""
    if value is None:
        return "–"
    amount = Decimal(value)
    symbol = SYMBOLS.get(currency, f"{currency}{words.NO_BREAK}" if currency else "")
    decimals = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{words.MINUS if amount < 0 else ''}{symbol}{abs(amount):,.{decimals}f}"


@register.filter
def exact(value: Decimal | int | float | None) -> str:
    """A count without a zero tail: `4,812`, `3.25`; `–` where the source does not say."""
    if value is None or value == "":
        return "–"
    number = Decimal(str(value))
    decimals = max(0, -int(number.normalize().as_tuple().exponent))
    return f"{words.MINUS if number < 0 else ''}{abs(number):,.{decimals}f}"


@register.filter
def rows_called(model: str) -> str:
    """What rows of a model are called on the page."""
    return _ROWS.get(model, model)


@register.filter
def as_bytes(value: int) -> str:
    """`812 bytes`, `4.1 kB`, `38 MB`."""
    if value < 1000:
        return f"{value} bytes"
    return f"{value / 1e3:.1f} kB" if value < 1e6 else f"{value / 1e6:.1f} MB"
