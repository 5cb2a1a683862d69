"""Reward weights: the version in force, another one replayed over the past, and every version before."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.views.brand import BrandRequest, requires_brand
from rlhf.models import RewardConfig
from rlhf.reward import RewardWeights
from rlhf.rewards import BadWeights, current_config, new_config, weights_of
from rlhf.reweighing import replay_policies

NAMES: dict[str, tuple[str, str]] = {
    "w_judge": ("Judge", "of its score, 0 to 1"),
    "w_human": ("People", "of their score, 0 to 1"),
    "w_online": ("Opened, replied, booked", "of that score, 0 to 1"),
    "crm_sale_bonus": ("Each sale", "added for every sale that counts"),
    "max_sales": ("Sales that count", "at most"),
    "crm_pipeline_bonus": ("Stage reached", "times 1 for engaged, 2 for qualified, 3 from proposal on"),
    "step_cost": ("Cost of a step", "taken off"),
    "token_cost": ("Cost of a token", "taken off"),
}


@require_safe
@requires_brand
def weights(request: BrandRequest) -> HttpResponse:
    """The page; with weights in the address, what they would have changed."""
    given = {name: request.GET[name] for name in NAMES if name in request.GET}
    return _page(request, given)


@require_POST
@requires_brand
def weights_adopt(request: BrandRequest) -> HttpResponse:
    """Put these weights in force as a new version. What was computed before keeps its own weights."""
    if request.membership.role != request.membership.Role.OWNER:
        raise PermissionDenied("Only owners change reward weights. Ask an owner of the brand.")
    given = {name: request.POST[name] for name in NAMES if name in request.POST}
    try:
        read = _read(given)
        if request.POST.get("seen") != str(current_config(request.brand).version):
            raise BadWeights("Somebody changed the weights meanwhile. Look at the replay again.")
        made = new_config(request.brand, by=request.user, note=request.POST.get("note", ""), **read)
    except EndcapError as error:
        return _page(request, given, trouble=error.message, status=422)
    messages.success(request, f"Version {made.version} is in force. Open rewards are computed again with it.")
    return redirect("weights")


@require_POST
@requires_brand
def weights_put_back(request: BrandRequest, version: int) -> HttpResponse:
    """The weights of an older version again, as a new one."""
    if request.membership.role != request.membership.Role.OWNER:
        raise PermissionDenied("Only owners change reward weights. Ask an owner of the brand.")
    old = get_object_or_404(RewardConfig.objects.for_brand(request.brand), version=version)
    made = new_config(request.brand, by=request.user, note=f"Version {version} put back", **weights_of(old).as_dict())
    messages.success(request, f"Version {made.version} has the weights of version {version}.")
    return redirect("weights")


def _read(given: dict[str, str]) -> dict[str, Any]:
    """Numbers from what was typed; a decimal comma is understood. Raises BadWeights naming the field."""
    read: dict[str, Any] = {}
    for name, text in given.items():
        try:
            number = float(text.strip().replace(",", "."))
        except ValueError as error:
            raise BadWeights(
                f"{NAMES[name][0]}: “{text[:20]}” is not a number.", field=name, value=text[:20]
            ) from error
        read[name] = int(number) if name == "max_sales" and number == int(number) else number
    return read


def _page(request: BrandRequest, given: dict[str, str], *, trouble: str = "", status: int = 200) -> HttpResponse:
    config = current_config(request.brand)
    now = weights_of(config)
    replayed = None
    try:
        changed = now.changed(**_read(given))
        replayed = replay_policies(request.brand, changed) if given and changed != now else None
    except (EndcapError, ValueError) as error:
        trouble, status = trouble or str(error), 422
    context = {
        "place": "judge",
        "config": config,
        "lines": [
            (name, label, hint, getattr(now, name), given.get(name, _written(getattr(now, name))))
            for name, (label, hint) in NAMES.items()
        ],
        "replay": replayed,
        "given": given,
        "asked": bool(given),
        "trouble": trouble,
        "history": RewardConfig.objects.for_brand(request.brand).select_related("created_by")[:30],
        "owner": request.membership.role == request.membership.Role.OWNER,
    }
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "rlhf/weights_part.html" if part else "rlhf/weights.html", context, status=status)


def _written(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


assert set(NAMES) == {item.name for item in fields(RewardWeights)} - {"stage_multipliers"}
