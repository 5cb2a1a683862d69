"""The pages where people say how good the work is: what there is to rate, and one item after another."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.views.brand import BrandRequest, requires_brand
from rlhf.models import RaterSettings, RatingTask
from rlhf.rating import keys, progress
from rlhf.rating.choosing import kinds_for
from rlhf.rating.holding import MOST_AT_ONCE
from rlhf.rating.tasks import ensure_tasks
from rlhf.views import rating_desk as desk
from rlhf.views.rating_door import MAY_RATE, requires_rater


@require_safe
@requires_brand
def rate(request: BrandRequest) -> HttpResponse:
    """Every kind of work with what waits for this person, their own consistency, and what their ratings changed."""
    kinds = kinds_for(request.brand, request.user, now=timezone.now())
    may = request.membership.may_rate
    context = {
        "place": "rate",
        "kinds": kinds,
        "waiting": sum(kind.waiting for kind in kinds) if may else 0,
        "may_rate": may,
        "why_not": MAY_RATE,
        "settings": keys.settings_of(request.user),
        "consistency": progress.consistency_of(request.brand, request.user) if may else None,
        "changed": progress.changed_by(request.brand, request.user) if may else None,
    }
    return render(request, "rlhf/rate.html", context)


@require_safe
@requires_brand
def rate_task(request: BrandRequest, slug: str) -> HttpResponse:
    """The next item of this task; `after` names the one that was answered a moment ago."""
    task = task_of(request, slug)
    if not request.membership.may_rate:
        return render(request, "rlhf/rate_task.html", {"place": "rate", "task": task, "why_not": MAY_RATE})
    now = timezone.now()
    card = desk.first_card(desk.cards(task, request.user, count=1, now=now)) if task.is_open else None
    return render(request, "rlhf/rate_task.html", task_context(request, task, card))


@require_safe
@requires_rater
def rate_items(request: BrandRequest, slug: str) -> HttpResponseBase:
    """The next items for a script that keeps them, so that the next one is there before it is asked for."""
    task = task_of(request, slug)
    asked = request.GET.get("count", "")
    count = min(int(asked), MOST_AT_ONCE) if asked.isdecimal() and len(asked) < 4 else 1
    now = timezone.now()
    settings = keys.settings_of(request.user)
    cards = desk.cards(task, request.user, count=count, now=now) if task.is_open else []
    items = [desk.fragment(request, card, settings) for card in cards]
    return JsonResponse({"items": items, "progress": desk.progress_json(task, request.user, now=now)})


def task_of(request: BrandRequest, slug: str) -> RatingTask:
    """The brand's task; 404 for what is none of theirs."""
    task: RatingTask = get_object_or_404(ensure_tasks(request.brand), slug=slug)
    return task


def task_context(request: BrandRequest, task: RatingTask, card: desk.Card | None) -> dict[str, Any]:
    """Everything the page of one task needs."""
    settings = keys.settings_of(request.user)
    now = timezone.now()
    return {
        **desk.item_context(card, settings),
        "place": "rate",
        "task": task,
        "settings": settings,
        "progress": progress.progress_of(task, request.user, now=now),
        "at": f"{now.timestamp():.3f}",
        "last": desk.last_of(request, request.GET.get("after", "")),
        "keymap": json.dumps(keys.keymap_of(settings) if settings.keys_on else {}),
        **key_form(settings),
    }


def key_form(
    settings: RaterSettings, posted: dict[str, str] | None = None, wrong: dict[str, str] | None = None
) -> dict[str, Any]:
    """Fields of the form of keys: (action, what stands in its field, what is wrong with it)."""
    now = keys.shown_keymap(keys.keymap_of(settings))
    said, faults = posted or {}, wrong or {}
    rows = [
        (action, said.get(f"key-{action.name}", now[action.name]), faults.get(action.name, ""))
        for action in keys.ACTIONS
    ]
    return {"key_rows": rows, "settings": settings, "wrong": faults}
