"""Asking for an erasure on the Privacy page: what it would reach first, then the erasure itself. Owners only."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from crm.errors import EndcapError
from crm.views.brand import BrandRequest, requires_brand
from crm.views.privacy import requires_owner
from orchestrator import erasure


@sensitive_post_parameters("who")
@require_POST
@requires_brand
@requires_owner
def erase_person(request: BrandRequest) -> HttpResponse:
    """Without `sure` a page with what would be reached; with it the erasure."""
    who = request.POST.get("who", "").strip()
    try:
        if not request.POST.get("sure"):
            reach = erasure.preview(request.brand, who)
            return render(request, "orchestrator/erase.html", {"place": "privacy", "who": who, "reach": reach})
        row = erasure.erase(brand=request.brand, who=who, by=request.user)
    except EndcapError as error:
        messages.error(request, error.message)
        return redirect(f"{reverse('privacy')}#erasures-title")
    rows = sum(row.report["models"].values())
    messages.success(request, f"Erased: {rows:,} rows. The report is below." if rows else "Nobody is known under this.")
    return redirect(f"{reverse('privacy')}#erasures-title")
