"""Data: what came in, whether it adds up, what was set aside and why; files are taken in here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm import arrivals, freshness, queries
from crm.models import Import
from crm.products import crosswalk
from crm.templatetags.figures import times
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from crm.views.data_forms import KIND_WORDS, ImportFilter, UploadForm

PER_PAGE = 15
UNDER_WAY = (Import.State.QUEUED, Import.State.RUNNING)


@require_safe
@requires_brand
def data(request: BrandRequest) -> HttpResponse:
    """The page. HTMX gets the list of imports and, out of band, the newest one beside the file well."""
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        return render(request, "crm/data_live.html", _imports(request))
    return _page(request, UploadForm(brand=request.brand))


@require_POST
@requires_brand
@requires_planner
def upload(request: BrandRequest) -> HttpResponse:
    """Take files in. A wrong form comes back with the reason beside the field (422); nothing is stored then."""
    form = UploadForm(request.POST, request.FILES, brand=request.brand)
    if not form.is_valid():
        return _refused(request, form)
    retailer = form.the_retailer()
    arrived = arrivals.take_in(
        brand=request.brand,
        files=form.cleaned_data["file"],
        kind=form.cleaned_data["kind"],
        retailer=retailer,
        by=request.user,
    )
    batches = arrived.batches
    if not batches:
        if retailer and form.cleaned_data["new_retailer"]:
            retailer.delete()
        for error in arrived.refused:
            form.add_error("file", error.message)
        return _refused(request, form)
    for error in arrived.refused:
        messages.error(request, error.message)
    for batch in batches:
        _tell(request, batch)
    address = f"{reverse('data')}#imports-title"
    if len(batches) == 1 and batches[0].kind == arrivals.REPORT:
        address = where(batches[0])
    if request.htmx:  # type: ignore[attr-defined]
        # a browser that is on the page would only jump to its fragment
        return HttpResponse(headers={"HX-Redirect": address.partition("#")[0]})
    return redirect(address)


def where(batch: Import) -> str:
    """Where one import is looked at: its mapping while that waits for a person, else its own page."""
    name = "import_mapping" if batch.state == Import.State.MAPPING else "import"
    return reverse(name, args=[batch.pk])


def _tell(request: BrandRequest, batch: Import) -> None:
    if batch.state == Import.State.FAILED:
        messages.error(request, f"{batch.filename} could not be taken in. {batch.error}")
    elif batch.state == Import.State.MAPPING:
        messages.info(request, f"{batch.filename} was read. Nothing is stored before you have confirmed it.")
    elif batch.state in UNDER_WAY:
        messages.info(request, f"{batch.filename} is being taken in.")
    else:
        messages.success(request, f"{batch.filename}: {_told(batch)}.")


def _told(batch: Import) -> str:
    parts = [f"{times(batch.rows_stored, 'row')} stored"]
    if batch.rows_unchanged:
        parts.append(f"{batch.rows_unchanged:,} known already")
    if batch.rows_set_aside:
        parts.append(f"{batch.rows_set_aside:,} set aside")
    return ", ".join(parts)


def _refused(request: BrandRequest, form: UploadForm) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "crm/data_upload.html", _well(form), status=422)
    return _page(request, form, status=422)


def _page(request: BrandRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    brand = request.brand
    context = {
        "place": "data",
        **_well(form),
        **_imports(request),
        "fresh": freshness.retailers(brand),
        "codes": crosswalk.summary(brand),
        "waiting": queries.waiting(brand),
        "troubles": queries.troubles(brand),
        "holdings": queries.holdings(brand),
    }
    return render(request, "crm/data.html", context, status=status)


def _well(form: UploadForm) -> dict[str, Any]:
    return {"form": form, "at_most": settings.IMPORT_MAX_BYTES, "megabytes": settings.IMPORT_MAX_BYTES // 2**20}


def _imports(request: BrandRequest) -> dict[str, Any]:
    """One page of the list as the filters leave it, and the newest import of all."""
    filters = ImportFilter(request.GET, brand=request.brand)
    page = Paginator(filters.imports(), PER_PAGE).get_page(request.GET.get("page"))
    newest = Import.objects.for_brand(request.brand).select_related("by", "retailer").first()
    rows = queries.rows(page.object_list, brand=request.brand)
    return {
        "filters": filters,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "rows": rows,
        "sums": queries.sums(rows),
        "newest": queries.row(newest, brand=request.brand) if newest else None,
        "under_way": any(one.batch.state in UNDER_WAY for one in rows),
        "kinds": KIND_WORDS,
    }
