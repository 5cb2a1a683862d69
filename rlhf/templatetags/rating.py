"""How many ratings wait, for the side bar, and small things of the rating pages."""

from __future__ import annotations

from typing import Any

from django import template

from crm.models import Brand
from rlhf.feedback.disputes import excerpt_of
from rlhf.models import Experience
from rlhf.rating.progress import waiting_by_task

register = template.Library()


@register.inclusion_tag("rlhf/rate_count.html")
def rate_count(brand: Brand, user: Any) -> dict[str, int]:
    """How many items this person could rate now, by one query."""
    return {"waiting": sum(waiting_by_task(brand, user).values())}


@register.filter
def excerpt(experience: Experience) -> str:
    """The beginning of a text."""
    return excerpt_of(experience)


@register.filter
def key_of(keys: dict[str, str], action: str) -> str:
    """The key of an action as it stands on a keyboard."""
    return keys.get(action, "")


@register.filter
def thumb_on(thumbs: dict[int, bool] | str | None, widget: int) -> bool | None:
    """What was said about a widget; None where nothing, or where a page knows of no thumbs."""
    return thumbs.get(widget) if isinstance(thumbs, dict) else None
