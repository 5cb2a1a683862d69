"""One import: how far it is, whether it adds up, what it set aside and restated, and undoing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from crm import arrivals, imports, queries, reconciled, report_imports
from crm.errors import EndcapError
from crm.models import Import, Membership, QuarantinedRow
from crm.templatetags.figures import times
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from crm.views.data import UNDER_WAY
from crm.views.data_forms import KIND_WORDS

RESTATED_PER_PAGE = 20


def import_of(request: BrandRequest, pk: int) -> Import:
    """The import, or 404 where it is another brand's."""
    found: Import = get_object_or_404(
        Import.objects.for_brand(request.brand).select_related("by", "retailer", "undone_by"), pk=pk
    )
    return found


@require_safe
@requires_brand
def one_import(request: BrandRequest, pk: int) -> HttpResponse:
    """The page. While a worker is at it, HTMX asks for the part below the title until it is done."""
    batch = import_of(request, pk)
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "crm/import_part.html" if part else "crm/import.html", _context(request, batch))


@require_safe
@requires_brand
def quarantine_download(request: BrandRequest) -> HttpResponseBase:
    """Rows set aside as CSV, of every import or of `?import=`: put them right and bring them in again."""
    rows = (
        QuarantinedRow.objects.for_brand(request.brand).select_related("batch").order_by("batch", "file", "row", "pk")
    )
    number = request.GET.get("import", "")
    if number.isdecimal():
        rows = rows.filter(batch=import_of(request, int(number)))
    response = StreamingHttpResponse(
        imports.rows_as_csv(rows.iterator(chunk_size=500)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="set-aside-{request.brand.slug}.csv"'
    return response


@require_safe
@requires_brand
def file_download(request: BrandRequest, pk: int) -> HttpResponseBase:
    """The file as it came, for owners: always sent as an attachment of no known type, so that no browser opens it."""
    _owner(request, "Only owners may take home a file as it came. Ask an owner of the brand.")
    batch = import_of(request, pk)
    root = Path(settings.UPLOADS_ROOT).resolve()
    kept = (root / batch.kept_as).resolve()
    if not batch.kept_as or root not in kept.parents or not kept.is_file():
        raise Http404("The file is not kept any more.")
    response = FileResponse(kept.open("rb"), as_attachment=True, filename=Path(batch.filename).name)
    response["Content-Type"] = "application/octet-stream"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_POST
@requires_brand
@requires_planner
def import_undo(request: BrandRequest, pk: int) -> HttpResponse:
    """Take the import back; why it cannot be taken back is said where it was asked for (409)."""
    batch = import_of(request, pk)
    effect = queries.undoing(batch, brand=request.brand)
    try:
        report_imports.undo(batch, by=request.user)
    except EndcapError as error:
        messages.error(request, error.message)
        return render(request, "crm/import.html", _context(request, batch), status=error.status)
    back = f", {times(effect.put_back, 'row')} put back as before" if effect.put_back else ""
    messages.success(request, f"{batch.filename} is undone: {times(effect.removed, 'row')} removed{back}.")
    return redirect("import", pk=pk)


def _owner(request: BrandRequest, otherwise: str) -> None:
    if request.membership.role != Membership.Role.OWNER:
        raise PermissionDenied(otherwise)


def _context(request: BrandRequest, batch: Import) -> dict[str, Any]:
    restated = Paginator(
        batch.restatements.select_related("campaign", "retailer").order_by("measured_on", "pk"), RESTATED_PER_PAGE
    ).get_page(request.GET.get("page"))
    undoable = (
        batch.kind == arrivals.REPORT
        and batch.state in (Import.State.STORED, Import.State.PARTIAL)
        and request.membership.may_import
    )
    row = queries.row(batch, brand=request.brand)
    return {
        "place": "data",
        "one": batch,
        "kind": KIND_WORDS.get(batch.kind, batch.kind),
        "row": row,
        "figures": reconciled.figures(batch.reconciliation),
        "under_way": batch.state in UNDER_WAY,
        "took": batch.finished_at - batch.started_at if batch.finished_at else None,
        "troubles": queries.troubles(request.brand, batch=batch),
        "changes": queries.restated(restated.object_list),
        "page": restated,
        "pages": restated.paginator.get_elided_page_range(restated.number, on_each_side=1, on_ends=1),
        "can_undo": undoable,
        "effect": queries.undoing(batch, brand=request.brand) if undoable else None,
        "owner": request.membership.role == Membership.Role.OWNER,
    }
