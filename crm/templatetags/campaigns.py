"""How figures of campaigns are written: what nobody says is never a nought, and a window always has its name."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import freshness
from crm.charts import words
from crm.charts.deliveries import deliveries
from crm.freshness import Fresh
from crm.models import Brand, Campaign
from crm.templatetags.figures import money, state

register = template.Library()

STATUS = {"planned": "waiting", "live": "running", "paused": "paused", "ended": "done"}
NOT_SAID = SafeString('<span class="pending">not said</span>')


@register.filter
def said(value: Decimal | int | None) -> str | SafeString:
    """A count with thousands apart and without empty decimals; `not said` where the source does not say."""
    if value is None:
        return NOT_SAID
    places = 0 if value == int(value) else 1
    return words.figure(float(value), places)


@register.filter
def said_money(value: Decimal | None, currency: str) -> str | SafeString:
    """An amount; `not said` where the source does not say."""
    return NOT_SAID if value is None else money(value, currency)


@register.filter
def cents(value: Decimal | None, currency: str) -> str | SafeString:
    """An amount to the cent, for tables that must add up."""
    if value is None:
        return NOT_SAID
    exact = Decimal(value).quantize(Decimal("0.01"))
    sign = words.MINUS if exact < 0 else ""
    return f"{sign}{money(Decimal(0), currency).removesuffix('0.00')}{abs(exact):,.2f}"


@register.filter
def said_rate(value: Decimal | None) -> str | SafeString:
    """A rate to two decimals; `not said` where one of its parts is not."""
    return NOT_SAID if value is None else words.figure(float(value), 2)


@register.filter
def roas(value: Decimal | None) -> str | SafeString:
    """`4.20`: sales for each unit of money spent."""
    return SafeString('<span class="pending">–</span>') if value is None else words.figure(float(value), 2)


@register.filter
def on_day(value: date | None) -> str:
    """`18 Sep 2026`; nothing where there is none."""
    return "" if value is None else f"{value.day} {value:%b %Y}"


@register.simple_tag
def campaign_state(campaign: Campaign) -> SafeString:
    return state(STATUS[campaign.status], campaign.get_status_display())


@register.simple_tag
def pace_mark(share: float | None) -> SafeString:
    """`92 %`, with a word for more than a tenth away from the plan."""
    if share is None:
        return SafeString('<span class="pending">no plan</span>')
    written = words.share(share, 1.0) or f"0{words.NO_BREAK}%"
    kind = "" if 0.9 <= share <= 1.1 else "pace-over" if share > 1.1 else "pace-under"
    said_as = "over plan" if kind == "pace-over" else "under plan" if kind else "on plan"
    return format_html('<span class="pace {}">{}<small>{}</small></span>', kind, written, said_as)


@register.inclusion_tag("crm/feeds.html")
def feeds(brand: Brand) -> dict[str, Any]:
    """Freshness of each retailer for the side bar, by one query."""
    return {"feeds": freshness.feeds(brand)}


@register.inclusion_tag("crm/feed_state.html")
def feed_state(one: Fresh) -> dict[str, Any]:
    """`06:10`, `1 day late`, `never`, with its mark."""
    return {"one": one, "last": local(one.last_at, one), "late": late_by(one)}


def local(value: datetime | None, one: Fresh) -> str:
    """A moment in the retailer's own time: `06:10` today, `06:10 CET` where that is not the page's time, `18 Sep` this
    year, `18 Sep 2025` before."""
    if value is None or one.zone is None:
        return ""
    then, now = value.astimezone(one.zone), timezone.now().astimezone(one.zone)
    if then.date() == now.date():
        elsewhere = then.utcoffset() != timezone.localtime(value).utcoffset()
        return f"{then:%H:%M %Z}" if elsewhere else f"{then:%H:%M}"
    return f"{then.day} {then:%b}" if then.year == now.year else f"{then.day} {then:%b %Y}"


@register.filter
def due(one: Fresh) -> str:
    """When the next one is expected, in the retailer's own time: `19 Sep, 07:00`."""
    if one.expected_at is None or one.zone is None:
        return ""
    then = one.expected_at.astimezone(one.zone)
    if one.retailer.delivers_by is None:
        day = then - timedelta(days=1)  # by the end of it
        return f"{day.day} {day:%b}"
    return f"{then.day} {then:%b, %H:%M}"


def late_by(one: Fresh) -> str:
    return f"{one.late_days} day{'' if one.late_days == 1 else 's'} late"


@register.simple_tag
def delivery_bars(one: Fresh) -> SafeString:
    """One bar per expected delivery: tall on time, short and amber late, outlined never came."""
    return deliveries(one.bars)


@register.filter
def rhythm(one: Fresh) -> str:
    """`Every day by 07:00`, `Every 7 days`."""
    every = one.retailer.delivers_every_days
    if every is None:
        return "Whenever somebody brings one"
    often = "Every day" if every == 1 else f"Every {every} days"
    return f"{often} by {one.retailer.delivers_by:%H:%M}" if one.retailer.delivers_by else often
