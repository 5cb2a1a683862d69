"""Data: what came in, what each import stored, what was set aside and why; files are taken in here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm import imports, queries
from crm.errors import EndcapError
from crm.models import Import, QuarantinedRow
from crm.templatetags.figures import times
from crm.views.brand import BrandRequest, requires_brand, requires_planner

PER_PAGE = 15
KINDS = (
    ("auto", "Find out by itself"),
    ("sales", "Sales"),
    ("leads", "Leads"),
    ("deals", "Deals with stages"),
)


class SeveralFiles(forms.ClearableFileInput):
    """A file input that takes more than one."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Cleans to a list of uploaded files, each checked as FileField does."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(one, initial) for one in (given or [None])]


class UploadForm(forms.Form):
    """Files to take in."""

    file = FilesField(error_messages={"required": "Choose a file first.", "empty": "The file is empty."})
    kind = forms.ChoiceField(choices=KINDS, initial="auto")

    def clean_file(self) -> Any:
        files = self.cleaned_data["file"]
        if sum(file.size for file in files) > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(f"That is more than {settings.IMPORT_MAX_BYTES // 2**20} MB.")
        return files


@require_safe
@requires_brand
def data(request: BrandRequest) -> HttpResponse:
    """The page; `?import=` shows what one import set aside."""
    return render(request, "crm/data.html", _context(request, UploadForm()))


@require_POST
@requires_brand
@requires_planner
def upload(request: BrandRequest) -> HttpResponse:
    """Take files in. A wrong form comes back with the reason beside the field (422); nothing is stored then."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "crm/data.html", _context(request, form), status=422)
    try:
        batches = imports.take_in(
            brand=request.brand, files=form.cleaned_data["file"], kind=form.cleaned_data["kind"], by=request.user
        )
    except EndcapError as error:
        form.add_error("file", error.message)
        return render(request, "crm/data.html", _context(request, form), status=422)
    for batch in batches:
        if batch.state == Import.State.FAILED:
            messages.error(request, f"{batch.filename} could not be taken in. {batch.error}")
        else:
            messages.success(request, f"{batch.filename}: {_told(batch)}.")
    return redirect(f"{reverse('data')}#imports-title")


@require_safe
@requires_brand
def quarantine_download(request: BrandRequest) -> HttpResponseBase:
    """Rows set aside as CSV, of every import or of `?import=`: put them right and bring them in again."""
    rows = (
        QuarantinedRow.objects.for_brand(request.brand).select_related("batch").order_by("batch", "file", "row", "pk")
    )
    batch = _asked_for(request)
    if batch is not None:
        rows = rows.filter(batch=batch)
    response = StreamingHttpResponse(
        imports.rows_as_csv(rows.iterator(chunk_size=500)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="set-aside-{request.brand.slug}.csv"'
    return response


def _told(batch: Import) -> str:
    parts = [f"{times(batch.rows_stored, 'row')} stored"]
    if batch.rows_unchanged:
        parts.append(f"{batch.rows_unchanged:,} known already")
    if batch.rows_set_aside:
        parts.append(f"{batch.rows_set_aside:,} set aside")
    return ", ".join(parts)


def _asked_for(request: BrandRequest) -> Import | None:
    number = request.GET.get("import", "")
    if not number.isdecimal():
        return None
    batch: Import = get_object_or_404(Import.objects.for_brand(request.brand), pk=int(number))
    return batch


def _context(request: BrandRequest, form: UploadForm) -> dict[str, Any]:
    brand = request.brand
    batch = _asked_for(request)
    listed = Import.objects.for_brand(brand).select_related("by").order_by("-started_at", "-pk")
    page = Paginator(listed, PER_PAGE).get_page(request.GET.get("page"))
    return {
        "place": "data",
        "form": form,
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "newest": batch or (page.object_list[0] if page.number == 1 and page.object_list else None),
        "batch": batch,
        "totals": queries.totals(brand),
        "troubles": queries.troubles(brand, batch=batch),
        "holdings": queries.holdings(brand),
    }
