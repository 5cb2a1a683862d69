"""Home: what waits for this person, then how the loop is going."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.models import Import, Pack
from crm.views.brand import BrandRequest, requires_brand
from orchestrator.models import Episode, EpisodeState
from orchestrator.queries import home as queries
from orchestrator.queries.packs import training
from orchestrator.queries.rows import rows
from orchestrator.queries.trends import trend
from orchestrator.views.filters import EpisodeFilter

TABS = (("", "All"), (EpisodeState.RUNNING, "Running"), ("person", "Needs a person"), (EpisodeState.FAILED, "Failed"))
RECENT = 8


@require_safe
@requires_brand
def home(request: BrandRequest) -> HttpResponse:
    """The first screen. A brand that has run nothing yet gets its first steps instead of empty charts."""
    brand = request.brand
    states = queries.states(brand)
    recent = _recent(request, states)
    if not recent["recent"] and not Episode.objects.for_brand(brand).exists():
        return render(request, "orchestrator/first_home.html", {"place": "home", **_first_steps(request)})
    learned = training(brand, with_shares=False)
    return render(
        request,
        "orchestrator/home.html",
        {
            "place": "home",
            "greeting": _greeting(),
            "today": timezone.localtime(),
            "waiting": queries.waiting_for(brand, request.membership, states=states, training=learned),
            "loop": queries.loop(brand),
            "selling": queries.selling(brand),
            "trend": trend(brand),
            "training": learned,
            **recent,
        },
    )


@require_safe
@requires_brand
def recent_episodes(request: BrandRequest) -> HttpResponse:
    """The table of recent episodes alone, for its tabs."""
    return render(request, "orchestrator/recent.html", _recent(request, queries.states(request.brand)))


def _recent(request: BrandRequest, states: dict[str, int]) -> dict[str, object]:
    shown = request.GET.get("state", "")
    filters = EpisodeFilter({"state": shown}, brand=request.brand)
    newest = filters.episodes().with_names().order_by("-created_at", "-pk")[:RECENT]
    counts = {
        EpisodeState.RUNNING: states.get(EpisodeState.RUNNING, 0),
        "person": states.get(EpisodeState.STUCK, 0) + states.get(EpisodeState.PAUSED, 0),
        EpisodeState.FAILED: states.get(EpisodeState.FAILED, 0),
    }
    tabs = [(value, label, counts.get(value)) for value, label in TABS]
    return {"recent": rows(request.brand, newest), "tabs": tabs, "shown": shown}


def _first_steps(request: BrandRequest) -> dict[str, object]:
    """What a brand that joined today has done of its first four steps."""
    brand = request.brand
    return {
        "packs": list(Pack.objects.for_brand(brand).order_by("name")[:6]),
        "imported": Import.objects.for_brand(brand).exclude(state=Import.State.FAILED).order_by("-started_at").first(),
    }


def _greeting() -> str:
    hour = timezone.localtime().hour
    return "Good morning" if hour < 12 else "Good afternoon" if hour < 18 else "Good evening"
