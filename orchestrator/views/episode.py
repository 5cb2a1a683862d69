"""One episode: its page, the part that keeps itself fresh, and what a person may do with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from orchestrator import episodes as service
from orchestrator.models import Episode
from orchestrator.queries import episode as queries


@require_safe
@requires_brand
def episode(request: BrandRequest, pk: int) -> HttpResponse:
    """The page; `?show=raw` lists the raw events instead of the readable ones."""
    return render(request, "orchestrator/episode.html", {"place": "episodes", **_context(request, pk)})


@require_safe
@requires_brand
def episode_by_id(request: BrandRequest, public_id: UUID) -> HttpResponse:
    """The page, for what knows an episode by its public id only, such as an experience."""
    return redirect("episode", pk=get_object_or_404(Episode.objects.for_brand(request.brand), public_id=public_id).pk)


@require_safe
@requires_brand
def episode_part(request: BrandRequest, pk: int) -> HttpResponse:
    """The live part alone, which asks for itself again while work goes on."""
    return render(request, "orchestrator/episode_part.html", _context(request, pk))


@require_POST
@requires_brand
@requires_planner
def episode_pause(request: BrandRequest, pk: int) -> HttpResponse:
    return _act(request, pk, service.pause, "It stops before its next step.")


@require_POST
@requires_brand
@requires_planner
def episode_resume(request: BrandRequest, pk: int) -> HttpResponse:
    return _act(request, pk, service.resume, "It goes on from its last finished step.")


@require_POST
@requires_brand
@requires_planner
def episode_cancel(request: BrandRequest, pk: int) -> HttpResponse:
    """Asks first: what was sent stays sent. Only a post that says `sure` cancels."""
    if request.POST.get("sure") != "1":
        return render(request, "orchestrator/cancel.html", {"place": "episodes", "episode": _found(request, pk)})
    return _act(request, pk, service.cancel, "It ends before its next step. What was sent stays sent.")


@require_POST
@requires_brand
@requires_planner
def episode_retry(request: BrandRequest, pk: int) -> HttpResponse:
    return _act(request, pk, service.retry, "It goes on from its last finished step.")


@require_POST
@requires_brand
@requires_planner
def episode_fork(request: BrandRequest, pk: int) -> HttpResponse:
    """A new episode that takes over the first `after_step` steps and then goes its own way."""
    after = request.POST.get("after_step", "")
    if not after.isdecimal():
        return HttpResponseBadRequest("after_step is the number of steps to take over.")
    try:
        fork = service.fork(episode=_found(request, pk), after_step=int(after), by=request.user)
    except EndcapError as error:
        messages.error(request, error.message)
        return redirect("episode", pk=pk)
    messages.success(request, f"{fork.number} took over {after} steps of EP-{pk} and goes its own way from there.")
    return redirect("episode", pk=fork.pk)


def _act(request: BrandRequest, pk: int, act: Callable[..., Any], done: str) -> HttpResponse:
    """Ask the service, say what will happen or why not, and go back to where the person was."""
    found = _found(request, pk)
    try:
        act(episode=found, by=request.user)
    except EndcapError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{found.number}: {done}")
    if request.POST.get("back") == "packs":
        return redirect("packs")
    return redirect("episode", pk=pk)


def _found(request: BrandRequest, pk: int) -> Episode:
    wanted = Episode.objects.for_brand(request.brand).with_names().select_related("created_by", "forked_from")
    found: Episode = get_object_or_404(wanted, pk=pk)
    return found


def _context(request: BrandRequest, pk: int) -> dict[str, Any]:
    found = _found(request, pk)
    return {
        "view": queries.view(request.brand, found),
        "episode": found,
        "live": queries.is_live(found),
        "raw": request.GET.get("show") == "raw",
    }
