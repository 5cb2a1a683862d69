"""Watched folders and buckets: what is new there is taken in by itself. Members see them, owners set them up."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.models import Membership, WatchedSource
from crm.report_imports import mappings_of
from crm.views.brand import BrandRequest, requires_brand
from crm.views.data_forms import WatchedForm


@require_safe
@requires_brand
def watched(request: BrandRequest) -> HttpResponse:
    """The list; owners see the form below it."""
    return _page(request, _form(request))


@require_POST
@requires_brand
def watch(request: BrandRequest) -> HttpResponse:
    """Watch one more place."""
    return _save(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_brand
def watched_change(request: BrandRequest, pk: int) -> HttpResponse:
    """Change one; its form is shown on GET."""
    source = get_object_or_404(WatchedSource.objects.for_brand(request.brand), pk=pk)
    if request.method == "POST":
        return _save(request, source)
    _owner(request)
    return _page(request, _form(request, instance=source), source=source)


@require_POST
@requires_brand
def watched_remove(request: BrandRequest, pk: int) -> HttpResponse:
    """Stop watching it; what came from there stays."""
    _owner(request)
    source = get_object_or_404(WatchedSource.objects.for_brand(request.brand), pk=pk)
    source.delete()
    messages.success(request, f"{source.place} is not watched any more. What came from there stays.")
    return redirect("watched")


def _owner(request: BrandRequest) -> None:
    if request.membership.role != Membership.Role.OWNER:
        raise PermissionDenied("Only owners may set up watched folders. Ask an owner of the brand.")


def _save(request: BrandRequest, source: WatchedSource | None) -> HttpResponse:
    _owner(request)
    form = _form(request, request.POST, instance=source or WatchedSource(brand=request.brand))
    if form.is_valid():
        try:
            with transaction.atomic():
                saved = form.save()
        except IntegrityError:
            form.add_error("place", "This place is watched already with the same pattern.")
        else:
            messages.success(request, f"{saved.place} is looked into every {saved.every_minutes} minutes.")
            return redirect("watched")
    return _page(request, form, source=source, status=422)


def _form(request: BrandRequest, *args: Any, **kwargs: Any) -> WatchedForm:
    mappings = sorted((name, one.title) for name, one in mappings_of(request.brand).items())
    return WatchedForm(*args, brand=request.brand, mappings=mappings, **kwargs)


def _page(
    request: BrandRequest, form: WatchedForm, *, source: WatchedSource | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "place": "data",
        "sources": WatchedSource.objects.for_brand(request.brand).select_related("retailer"),
        "form": form,
        "source": source,
        "owner": request.membership.role == Membership.Role.OWNER,
    }
    return render(request, "crm/data_watched.html", context, status=status)
