"""Packs: start a run, watch it, see the last twenty; train the policy from what was logged."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.models import Pack
from crm.templatetags.figures import moment
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from orchestrator import episodes, learning, training_orders
from orchestrator.models import PolicyMode
from orchestrator.queries import packs as queries

SESSION_KEY = "pack_modes"
# What one can wait for: some seconds. The command line and the API take every run.
NEWEST_RUNS = 1_000
STANDINGS = ("running", "failed", "ready")


class RunForm(forms.Form):
    """How to run a pack."""

    mode = forms.ChoiceField(choices=PolicyMode.choices, initial=PolicyMode.RULE)
    max_steps = forms.IntegerField(min_value=1, max_value=100, initial=20)


@require_safe
@requires_brand
def packs(request: BrandRequest) -> HttpResponse:
    """Every pack of the brand. `?mode=` preselects a policy for all, `?show=` narrows to running, failed or ready."""
    cards = queries.cards(request.brand, chosen=_chosen(request))
    counts = {standing: sum(card.standing == standing for card in cards) for standing in STANDINGS}
    shown = request.GET.get("show", "")
    return render(
        request,
        "orchestrator/packs.html",
        {
            "place": "packs",
            "cards": [card for card in cards if shown not in STANDINGS or card.standing == shown],
            "counts": counts,
            "total": len(cards),
            "shown": shown,
            "training": queries.training(request.brand),
            "modes": PolicyMode.choices,
        },
    )


@require_safe
@requires_brand
def pack_card(request: BrandRequest, slug: str) -> HttpResponse:
    """One card alone: what a running pack asks for every two seconds."""
    return _card(request, get_object_or_404(Pack.objects.for_brand(request.brand), slug=slug))


@require_POST
@requires_brand
@requires_planner
def pack_run(request: BrandRequest, slug: str) -> HttpResponse:
    """Start a run and show the card with it. The policy chosen is remembered for this pack."""
    pack = get_object_or_404(Pack.objects.for_brand(request.brand), slug=slug)
    form = RunForm(request.POST)
    if not form.is_valid():
        return _refused(request, pack, form=form, status=422)
    mode, max_steps = form.cleaned_data["mode"], form.cleaned_data["max_steps"]
    request.session[SESSION_KEY] = {**request.session.get(SESSION_KEY, {}), slug: mode}
    try:
        episodes.start(brand=request.brand, pack=pack, mode=mode, max_steps=max_steps, by=request.user)
    except EndcapError as error:
        return _refused(request, pack, words=error.message, status=error.status)
    if request.htmx:  # type: ignore[attr-defined]
        return _card(request, pack)
    return redirect(f"{reverse('packs')}#pack-{slug}")


@require_POST
@requires_brand
@requires_planner
def train(request: BrandRequest) -> HttpResponse:
    """Train the policy from the logs and say what came of it: at once from few runs, by a worker from many.

    Without runs nothing is written, and that is said.
    """
    under_way = queries.training_under_way(request.brand)
    if under_way is not None:
        return _not_trained(request, f"A training is under way since {moment(under_way.created_at)}.", status=409)
    try:
        if queries.many_runs(request.brand):
            training_orders.order(brand=request.brand, max_runs=NEWEST_RUNS, by=request.user)
            return _training_result(request) if request.htmx else redirect("packs")  # type: ignore[attr-defined]
        summary = learning.train(brand=request.brand, max_runs=NEWEST_RUNS, by=request.user).as_dict()
    except EndcapError as error:
        return _not_trained(request, error.message, status=error.status)
    learned = summary["version"] is not None
    if request.htmx:  # type: ignore[attr-defined]
        return _training_result(request, fresh=learned, nothing=None if learned else summary)
    if not learned:
        messages.warning(request, "Nothing to learn from: no rewarded run could be used, so nothing was changed.")
    return redirect(f"{reverse('packs')}{'?trained=1' if learned else ''}#training-result")


def _not_trained(request: BrandRequest, words: str, *, status: int) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "orchestrator/training_trouble.html", {"words": words}, status=status)
    messages.error(request, words)
    return redirect("packs")


@require_safe
@requires_brand
def training_part(request: BrandRequest) -> HttpResponse:
    """The box of the newest training alone, for a page that waits for one (`?run=`): its end is news."""
    return _training_result(request, awaited=request.GET.get("run", ""))


def _training_result(request: BrandRequest, *, awaited: str = "", **more: Any) -> HttpResponse:
    training = queries.training(request.brand)
    ended = training.run is not None and str(training.run.pk) == awaited
    context = {"training": training, "swapped": True, "fresh": ended, **more}
    return render(request, "orchestrator/training_result.html", context)


def _chosen(request: BrandRequest) -> dict[str, str]:
    """Policy mode by pack: what the address asks for, else what this person chose last."""
    asked = request.GET.get("mode", "")
    if asked in PolicyMode.values:
        return {pack.slug: asked for pack in Pack.objects.for_brand(request.brand)}
    return dict(request.session.get(SESSION_KEY, {}))


def _card(request: BrandRequest, pack: Pack, *, status: int = 200, **more: Any) -> HttpResponse:
    (card,) = queries.cards(request.brand, chosen=_chosen(request), packs=[pack])
    context = {"card": card, "modes": PolicyMode.choices, **more}
    return render(request, "orchestrator/pack_card.html", context, status=status)


def _refused(
    request: BrandRequest, pack: Pack, *, form: RunForm | None = None, words: str = "", status: int
) -> HttpResponse:
    """What was wrong, beside its field or in the card; without script the whole page with a message."""
    if request.htmx:  # type: ignore[attr-defined]
        return _card(request, pack, status=status, form=form, words=words)
    for name, errors in form.errors.items() if form else ():
        words += f"{name.replace('_', ' ').capitalize()}: {' '.join(map(str, errors))} "
    messages.error(request, f"{pack.name} was not started. {words.strip()}")
    return redirect(f"{reverse('packs')}#pack-{pack.slug}")
