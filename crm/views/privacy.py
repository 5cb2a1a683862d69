"""Privacy: the policy in force, a text to try, who must not be addressed, consent, and what was erased.

Owners and planners see it; only owners change anything. Addresses are sent by POST, so that none stands in an address
line or a log of the web server.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.models import Erasure, Suppression
from crm.privacy import consent
from crm.privacy.detection import KINDS, detect
from crm.privacy.policies import body_of, policy_for, set_policy
from crm.privacy.policy import PLACES, Policy
from crm.privacy.redaction import Blocked, redact
from crm.views.brand import BrandRequest, requires_brand, requires_planner

PER_PAGE = 20
LONGEST_TRY = 5000  # characters
LARGEST_LIST = 5 * 2**20
EXAMPLE = "Write to jo.miller@example.com or call +49 30 1234567. Card 4111 1111 1111 1111."


class TryForm(forms.Form):
    """A text to see through the policy's eyes."""

    text = forms.CharField(max_length=LONGEST_TRY, strip=False, widget=forms.Textarea)


class AddressForm(forms.Form):
    """Somebody by address or id."""

    address = forms.CharField(min_length=3, max_length=254, error_messages={"required": "Write an address or an id."})


class ListForm(forms.Form):
    """A file of addresses."""

    file = forms.FileField(error_messages={"required": "Choose a file first.", "empty": "The file is empty."})
    reason = forms.ChoiceField(
        choices=[choice for choice in Suppression.Reason.choices if choice[0] != Suppression.Reason.ERASED]
    )


def requires_owner(
    view: Callable[[BrandRequest], HttpResponse],
) -> Callable[[BrandRequest], HttpResponse]:
    """Owners only; stands below `requires_brand`."""

    @wraps(view)
    def checked(request: BrandRequest) -> HttpResponse:
        if request.membership.role != request.membership.Role.OWNER:
            raise PermissionDenied("Only owners may change privacy settings. Ask an owner of the brand.")
        return view(request)

    return checked


@require_safe
@requires_brand
@requires_planner
def privacy(request: BrandRequest) -> HttpResponse:
    """The page."""
    return _page(request)


@sensitive_post_parameters("text")
@require_POST
@requires_brand
@requires_planner
def try_text(request: BrandRequest) -> HttpResponse:
    """What the policy makes of a text, in every place. Nothing is stored."""
    form = TryForm(request.POST)
    tried = seen_by(policy_for(request.brand), form.cleaned_data["text"]) if form.is_valid() else None
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "crm/privacy_tried.html", {"tried": tried, "try_form": form})
    return _page(request, tried=tried, try_form=form, status=200 if tried else 422)


@require_POST
@requires_brand
@requires_owner
def change_policy(request: BrandRequest) -> HttpResponse:
    """Keep the brand's own policy. A wrong one comes back with what is wrong (422) and is not kept."""
    body = request.POST.get("body", "").replace("\r\n", "\n")
    version = request.POST.get("version", "")
    try:
        set_policy(
            brand=request.brand, body=body, by=request.user, seen_version=int(version) if version.isdecimal() else None
        )
    except EndcapError as error:
        return _page(request, body=body, trouble=error.message, status=409 if error.status == 409 else 422)
    messages.success(request, "The policy is in force.")
    return redirect(f"{reverse('privacy')}#policy-title")


@sensitive_post_parameters("address")
@require_POST
@requires_brand
@requires_planner
def find_suppressed(request: BrandRequest) -> HttpResponse:
    """Whether somebody may be addressed, and since when not."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, address_form=form, status=422)
    address = form.cleaned_data["address"]
    found = {
        "address": address,
        "allowance": consent.may_address(request.brand, address),
        "row": consent.suppressed(request.brand, address=address).first(),
    }
    return _page(request, address_form=form, found=found)


@sensitive_post_parameters("address")
@require_POST
@requires_brand
@requires_owner
def add_suppressed(request: BrandRequest) -> HttpResponse:
    """Put somebody on the list by hand."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, address_form=form, status=422)
    new = consent.suppress(
        brand=request.brand,
        address=form.cleaned_data["address"],
        reason=Suppression.Reason.MANUAL,
        source="Privacy page",
    )
    messages.success(request, "Added to the list." if new else "Was on the list already.")
    return redirect(f"{reverse('privacy')}#suppressed-title")


@require_POST
@requires_brand
@requires_owner
def remove_suppressed(request: BrandRequest) -> HttpResponse:
    """Take one row off the list; whoever was erased stays."""
    number = request.POST.get("row", "")
    try:
        done = number.isdecimal() and consent.take_off_row(brand=request.brand, pk=int(number))
    except consent.StaysSuppressed as error:
        messages.error(request, error.message)
    else:
        if done:
            messages.success(request, "Taken off the list.")
        else:
            messages.info(request, "That row is not on the list any more.")
    return redirect(f"{reverse('privacy')}#suppressed-title")


@require_POST
@requires_brand
@requires_owner
def import_suppressed(request: BrandRequest) -> HttpResponse:
    """Take in a CSV of addresses; only their hashes are kept."""
    form = ListForm(request.POST, request.FILES)
    if form.is_valid() and form.cleaned_data["file"].size > LARGEST_LIST:
        form.add_error("file", f"More than {LARGEST_LIST // 2**20} MB. Split the file.")
    if not form.is_valid():
        return _page(request, list_form=form, status=422)
    file = form.cleaned_data["file"]
    try:
        done = consent.import_list(
            brand=request.brand, file=io.TextIOWrapper(file, encoding="utf-8-sig", newline=""),
            reason=form.cleaned_data["reason"], source=f"File {file.name}",
        )  # fmt: skip
    except EndcapError as error:
        form.add_error("file", error.message)
        return _page(request, list_form=form, status=422)
    messages.success(
        request,
        f"{done['added']:,} added, {done['known']:,} known already, {done['skipped']:,} lines without an address.",
    )
    return redirect(f"{reverse('privacy')}#suppressed-title")


def seen_by(policy: Policy, text: str) -> dict[str, Any]:
    """A text's finds, and what each place makes of it."""
    places = []
    for place in PLACES:
        try:
            places.append({"place": place, "text": redact(text, policy, place), "blocked": False})
        except Blocked as error:
            places.append({"place": place, "text": error.message, "blocked": True})
    spans = [{"said": KINDS.get(span.kind, span.kind), "span": span} for span in detect(text, policy.own)]
    return {"text": text, "spans": spans, "places": places}


def _page(request: BrandRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    brand = request.brand
    row = body_of(brand)
    context: dict[str, Any] = {
        "place": "privacy",
        "may_change": request.membership.role == request.membership.Role.OWNER,
        "row": row,
        "body": row.body if row else "",
        "version": row.version if row else 0,
        "table": _table(policy_for(brand)),
        "places": PLACES,
        "try_form": TryForm(initial={"text": EXAMPLE}),
        "list_form": ListForm(initial={"reason": Suppression.Reason.UNSUBSCRIBED}),
        "page": Paginator(consent.suppressed(brand), PER_PAGE).get_page(request.GET.get("page")),
        "consents": consent.counts(brand),
        "erasures": Erasure.objects.for_brand(brand).select_related("asked_by")[:PER_PAGE],
    }
    return render(request, "crm/privacy.html", {**context, **more}, status=status)


def _table(policy: Policy) -> list[dict[str, Any]]:
    kinds = {**KINDS, **{one.kind: one.name for one in policy.own}}
    return [
        {"said": said, "actions": [{"place": place, "action": policy.action(place, kind)} for place in PLACES]}
        for kind, said in kinds.items()
    ]
