"""Campaigns: the list with its totals, one campaign with its plan and trend, and the forms that change them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.campaigns import changes, listing, origins, reading
from crm.campaigns.figures import currency_of
from crm.errors import EndcapError
from crm.models import Campaign, CampaignPlan
from crm.templatetags.campaigns import cents
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from crm.views.campaign_forms import CampaignFilter, CampaignForm, PlanForms
from crm.windows.alignment import Window

PER_PAGE = 20
#: Name in the address, head, whether it is a figure, whether it is attributed.
COLUMNS = (
    ("name", "Campaign", False, False),
    ("status", "Status", False, False),
    ("spend", "Spend", True, False),
    ("", "Weekly spend", False, False),
    ("", "Spent of plan", True, False),
    ("orders", "Orders", True, True),
    ("sales", "Sales", True, True),
    ("roas", "ROAS", True, True),
    ("", "In the window of", False, False),
)


@require_safe
@requires_brand
def campaigns(request: BrandRequest) -> HttpResponse:
    """The list. Everything chosen is in the address."""
    form = CampaignFilter(request.GET, brand=request.brand)
    wanted = form.wanted()
    found = listing.listing(request.brand, wanted)
    page = Paginator(found.campaigns, PER_PAGE).get_page(request.GET.get("page"))
    filtered = any([wanted.text, wanted.retailer, wanted.status, wanted.objective])
    context = {
        "place": "campaigns",
        "form": form,
        "wanted": wanted,
        "found": found,
        "filtered": filtered or wanted.window or any(request.GET.get(name) for name in ("since", "until", "days")),
        "lately": wanted.since if not any(request.GET.get(name) for name in ("since", "until")) else None,
        "rows": listing.rows(request.brand, list(page.object_list), found.figures),
        "spent": listing.by_currency(found.totals),
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "heads": _heads(found, request.GET),
        "export": _address(request.GET, drop=("page",)),
        "windows": _window_choices(found, wanted.window),
        "homeless": 0 if filtered else listing.without_campaign(request.brand),
    }
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "crm/campaigns_part.html" if part else "crm/campaigns.html", context)


@require_safe
@requires_brand
def campaigns_csv(request: BrandRequest) -> HttpResponseBase:
    """What the filters leave: one line per campaign, currency and window."""
    found = listing.listing(request.brand, CampaignFilter(request.GET, brand=request.brand).wanted())
    response = StreamingHttpResponse(listing.csv_lines(found), content_type="text/csv; charset=utf-8")
    name = f"campaigns-{request.brand.slug}-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
@requires_brand
def campaign(request: BrandRequest, pk: int) -> HttpResponse:
    """One campaign; `?by=day|week` is the trend's step, `?grain=` the report that is broken down."""
    one = _campaign(request, pk)
    by = "day" if request.GET.get("by") == "day" else "week"
    days, restated = origins.restated(one)
    grains = reading.grains(one)
    chosen = next((grain for grain in grains if grain.key == request.GET.get("grain")), grains[0] if grains else None)
    figures = reading.figures(one)
    trend = reading.trend(one, by=by, restated=days)
    context = {
        "place": "campaigns",
        "campaign": one,
        "currency": currency_of(one),
        "figures": figures,
        "spent": listing.by_currency(figures),
        "progress": reading.progress(one),
        "by": by,
        "trend": trend,
        "delivered": trend.delivered,
        "moments": [
            {"moment": moment, "by_window": [moment.attributed.get(window) for window in trend.windows]}
            for moment in reversed(trend.moments)
        ],
        "rules": _rules(one),
        "restated_days": days,
        "restated": restated,
        "grains": grains,
        "breakdown": reading.breakdown(one, chosen) if chosen else None,
        "came_from": origins.came_from(one),
        "audiences": one.audiences.order_by("name"),
        "changes": changes.changes(one),
        "seen": changes.seen(one),
    }
    return render(request, "crm/campaign.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_brand
@requires_planner
def campaign_new(request: BrandRequest) -> HttpResponse:
    """Plan a campaign: the form, and on a right one the campaign's page."""
    form = CampaignForm(request.POST if request.method == "POST" else None, brand=request.brand)
    if request.method == "POST" and form.is_valid():
        made = changes.create(
            brand=request.brand, by=request.user, facts=form.facts(), audiences=form.cleaned_data["audiences"]
        )
        messages.success(request, f"{made.name} is planned. Next: its plan, period by period.")
        return redirect("campaign_plan", made.pk)
    return _form_page(request, "crm/campaign_form.html", {"form": form, "campaign": None})


@require_http_methods(["GET", "HEAD", "POST"])
@requires_brand
@requires_planner
def campaign_change(request: BrandRequest, pk: int) -> HttpResponse:
    """Change the facts of a campaign. What somebody else changed meanwhile is not written over (409)."""
    one = _campaign(request, pk)
    data = request.POST if request.method == "POST" else None
    form = CampaignForm(data, brand=request.brand, campaign=one, seen=changes.seen(one))
    context = {"form": form, "campaign": one}
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, "crm/campaign_form.html", context)
    try:
        changed = changes.change(
            campaign=one, by=request.user, facts=form.facts(), audiences=form.cleaned_data["audiences"],
            seen_as=form.cleaned_data["seen"],
        )  # fmt: skip
    except EndcapError as error:
        return _form_page(request, "crm/campaign_form.html", {**context, "trouble": error.message}, error.status)
    _say(request, changed)
    return redirect("campaign", one.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_brand
@requires_planner
def campaign_plan(request: BrandRequest, pk: int) -> HttpResponse:
    """Change the plan, period by period; empty rows and those to take out are left out."""
    one = _campaign(request, pk)
    plans: QuerySet[Any] = CampaignPlan.objects.for_brand(request.brand).filter(campaign=one).order_by("starts_on")
    forms = PlanForms(request.POST if request.method == "POST" else None, plans=list(plans))
    context: dict[str, Any] = {"plan": forms, "campaign": one, "currency": currency_of(one), "seen": changes.seen(one)}
    if request.method != "POST":
        return render(request, "crm/campaign_plan.html", {**context, "place": "campaigns"})
    context["seen"] = request.POST.get("seen", "")
    if not forms.is_valid():
        return render(request, "crm/campaign_plan.html", {**context, "place": "campaigns"}, status=422)
    try:
        changed = changes.change_plan(campaign=one, by=request.user, periods=forms.periods(), seen_as=context["seen"])
    except EndcapError as error:
        context |= {"place": "campaigns", "trouble": error.message}
        return render(request, "crm/campaign_plan.html", context, status=error.status)
    _say(request, changed)
    return redirect("campaign", one.pk)


@require_POST
@requires_brand
@requires_planner
def campaign_undo(request: BrandRequest, pk: int) -> HttpResponse:
    """Take back the last change, if it still is the last one."""
    one = _campaign(request, pk)
    try:
        undone = changes.undo(campaign=one, by=request.user, seen_as=request.POST.get("seen", ""))
    except EndcapError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Taken back: {undone.what}.")
    return redirect("campaign", one.pk)


def _campaign(request: BrandRequest, pk: int) -> Campaign:
    rows = Campaign.objects.for_brand(request.brand).select_related("retailer", "brand")
    one: Campaign = get_object_or_404(rows, pk=pk)
    return one


def _rules(one: Campaign) -> list[tuple[str, str]]:
    """Its rules as a person reads them; names that are not ours are shown as they stand."""
    words = {"min_spend": "Spend at least", "max_spend": "Spend at most", "min_roas": "ROAS at least", "note": "Note"}
    said = []
    for name, value in one.constraints.items():
        shown = str(value)
        if name in ("min_spend", "max_spend"):
            try:
                shown = cents(Decimal(shown), currency_of(one))
            except InvalidOperation:
                shown = f"{shown} (not an amount)"
        said.append((words.get(name, name.replace("_", " ").capitalize()), shown))
    return said


def _form_page(request: BrandRequest, template: str, context: dict[str, Any], status: int = 0) -> HttpResponse:
    wrong = 422 if request.method == "POST" else 200
    return render(request, template, {"place": "campaigns", **context}, status=status or wrong)


def _say(request: BrandRequest, changed: bool) -> None:
    if changed:
        messages.success(request, "Saved. It can be taken back below, under Changes.")
    else:
        messages.info(request, "Nothing was different, so nothing was saved.")


def _window_choices(found: listing.Listing, chosen: Window | None) -> list[tuple[str, str]]:
    there = {one.window for one in found.totals if one.window.is_said} | ({chosen} if chosen else set())
    ordered = sorted(there, key=lambda window: (window.days or 0, window.attribution))
    return [("", "each network’s own"), *((window.key, window.words) for window in ordered)]


def _address(query: QueryDict, *, drop: tuple[str, ...] = (), **change: str) -> str:
    changed = query.copy()
    for name in drop:
        changed.pop(name, None)
    for name, value in change.items():
        changed[name] = value
    return f"?{changed.urlencode()}"


def _heads(found: listing.Listing, query: QueryDict) -> list[dict[str, Any]]:
    """Column heads; what is attributed sorts only where all of it stands in one window."""
    heads = []
    for name, label, num, attributed in COLUMNS:
        current = found.sort.removeprefix("-") == name
        turned = name if found.sort.startswith("-") else f"-{name}"
        sorts = name and (found.one_window or not attributed)
        order = turned if current else f"-{name}" if num else name
        heads.append(
            {
                "label": label,
                "num": num,
                "address": _address(query, drop=("page",), sort=order) if sorts else "",
                "sorted": ("descending" if found.sort.startswith("-") else "ascending") if current and name else "",
            }
        )
    return heads
