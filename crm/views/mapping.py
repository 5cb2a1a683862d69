"""A report that waits for a person: what would be stored, what its columns mean, and saying yes or no to it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from crm import reconciled, report_imports
from crm.errors import EndcapError
from crm.imports.reports.mapping import Mapping
from crm.imports.reports.names import plain
from crm.models import Import, ReportMapping, Retailer
from crm.report_imports import Preview
from crm.views import mapping_form
from crm.views.brand import BrandRequest, requires_brand, requires_planner
from crm.views.imports import import_of
from crm.views.mapping_form import Entered
from crm.views.mapping_preview import Shown, shown
from crm.views.mappings import written


@require_safe
@requires_brand
def import_mapping(request: BrandRequest, pk: int) -> HttpResponse:
    """What would be stored; for a report that no mapping knows, or with `?edit=1`, with the columns to settle."""
    batch = import_of(request, pk)
    if batch.state != Import.State.MAPPING:
        return redirect("import", pk=pk)
    return _page(request, batch, _proposed(batch) if _is_open(request, batch) else None)


@require_POST
@requires_brand
@requires_planner
def import_try(request: BrandRequest, pk: int) -> HttpResponse:
    """The dry run again, with the form as it stands. Stores nothing."""
    batch = import_of(request, pk)
    if batch.state != Import.State.MAPPING:
        return redirect("import", pk=pk)
    entered = _entered(request, batch)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "crm/mapping_live.html", _context(request, batch, entered))
    return _page(request, batch, entered)


@require_POST
@requires_brand
@requires_planner
def import_confirm(request: BrandRequest, pk: int) -> HttpResponse:
    """Store it. 422 with the reason where something is not settled; nothing is stored then."""
    batch = import_of(request, pk)
    if batch.state != Import.State.MAPPING:
        messages.warning(request, f"{batch.filename} is settled already.")
        return redirect("import", pk=pk)
    entered = _entered(request, batch)
    try:
        body = None
        if entered is not None:
            _refuse_unsettled(request, batch, entered)
            body = mapping_form.body_of(entered, _base(batch))
        report_imports.confirm(batch, body=body, retailer=_retailer(request, batch), by=request.user)
    except EndcapError as error:
        return _page(request, batch, entered, trouble=error.message, status=422)
    messages.info(request, f"{batch.filename} is being taken in.")
    return redirect("import", pk=pk)


@require_POST
@requires_brand
@requires_planner
def import_discard(request: BrandRequest, pk: int) -> HttpResponse:
    """The file is not kept."""
    batch = import_of(request, pk)
    try:
        report_imports.discard(batch, by=request.user)
    except EndcapError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{batch.filename} was not kept. Nothing of it was stored.")
    return redirect("data")


class NotSettled(EndcapError):
    """A person has to look at something before the report may be stored."""

    status = 422


def _refuse_unsettled(request: BrandRequest, batch: Import, entered: Entered) -> None:
    if entered.unticked:
        names = ", ".join(entered.unticked[:6]) + (" and more" if len(entered.unticked) > 6 else "")
        raise NotSettled(f"Look at {names} and tick “Right” there. Leave a column out where you are not sure.")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entered.name):
        raise NotSettled("Name the mapping in small letters, digits and hyphens, for example basketly-display.")
    if entered.name != batch.mapping and entered.name in report_imports.mappings_of(request.brand):
        raise NotSettled(f"There is a mapping called {entered.name} already. Choose another name.")


def _is_open(request: BrandRequest, batch: Import) -> bool:
    """Whether the columns are shown: nobody knows the report, or somebody wants to change how it is read."""
    return not batch.mapping or "edit" in request.GET or "edit" in request.POST


def _base(batch: Import) -> dict[str, Any]:
    if batch.mapping:
        return written(report_imports.mapping_of(batch.brand, batch.mapping))
    return dict(batch.proposal.get("body") or {})


def _proposed(batch: Import) -> Entered:
    proposal = batch.proposal
    sample = proposal.get("sample") or []
    columns = proposal.get("columns") or [
        {"column": name, "confidence": 1.0, "samples": [row[at] for row in sample if at < len(row)]}
        for at, name in enumerate(proposal.get("header") or ())
    ]
    entered = mapping_form.entered_of(_base(batch), columns)
    if not batch.mapping:
        entered.name, entered.title = _free_name(batch), Path(batch.filename).name.partition(".")[0][:120]
    return entered


def _free_name(batch: Import) -> str:
    """From the file's name without its dates, not taken yet."""
    stem = slugify(re.sub(r"\d{2,}|\(\d+\)", " ", Path(batch.filename).name.partition(".")[0]).replace("_", " "))
    shop = slugify(batch.retailer.name) if batch.retailer else ""
    parts = ["" if stem.startswith(shop) else shop, stem.strip("-")]
    name = "-".join(part for part in parts if part)[:50].strip("-") or "my-report"
    taken = set(ReportMapping.objects.for_brand(batch.brand).values_list("name", flat=True))
    taken |= set(report_imports.mappings_of(batch.brand))
    made, number = name, 2
    while made in taken:
        made, number = f"{name}-{number}", number + 1
    return made


def _entered(request: BrandRequest, batch: Import) -> Entered | None:
    return mapping_form.entered_by(request.POST, _proposed(batch)) if _is_open(request, batch) else None


def _retailers(request: BrandRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = Retailer.objects.for_brand(request.brand)
    return rows


def _retailer(request: BrandRequest, batch: Import) -> Retailer | None:
    """The one that was chosen on the page, else the import's own; another brand's is none."""
    chosen = request.POST.get("retailer", "")
    if chosen.isascii() and chosen.isdecimal() and len(chosen) < 19:
        found: Retailer | None = _retailers(request).filter(pk=int(chosen)).first()
        return found
    return batch.retailer


def _dry_run(request: BrandRequest, batch: Import, entered: Entered | None) -> tuple[Preview | None, str]:
    """(the preview, or None and why there is none)."""
    try:
        body = None if entered is None else mapping_form.body_of(entered, _base(batch))
        return report_imports.preview(batch, body=body, retailer=_retailer(request, batch)), ""
    except EndcapError as error:
        return None, error.message


def _context(request: BrandRequest, batch: Import, entered: Entered | None, trouble: str = "") -> dict[str, Any]:
    preview, why_not = _dry_run(request, batch, entered)
    retailer = _retailer(request, batch)
    known = report_imports.mappings_of(request.brand).get(batch.mapping)
    run: Shown | None = shown(preview) if preview else None
    return {
        "place": "data",
        "one": batch,
        "entered": entered,
        "groups": mapping_form.groups(entered.windows) if entered else [],
        "grains": mapping_form.GRAINS,
        "units": mapping_form.UNITS,
        "orders": mapping_form.ORDERS,
        "decimals": mapping_form.DECIMALS,
        "attributions": mapping_form.ATTRIBUTION_WORDS.items(),
        "retailer": retailer,
        "retailers": _retailers(request),
        "currency": (retailer.currency if retailer else "") or request.brand.currency,
        "run": run,
        "spend": reconciled.spend(preview.result.reconciliation) if preview else None,
        "why_not": why_not,
        "trouble": trouble,
        "title": known.title if known else batch.mapping,
        "unread": _unread(batch, known) if known and entered is None else [],
        "windows_changed": request.headers.get("HX-Trigger-Name", "").startswith("goes-"),
    }


def _unread(batch: Import, known: Mapping) -> list[str]:
    """Columns of the file that the mapping neither reads nor leaves out on purpose."""
    names = known.known_names()
    return [name for name in batch.proposal.get("header") or () if plain(name) and plain(name) not in names]


def _page(
    request: BrandRequest, batch: Import, entered: Entered | None, *, trouble: str = "", status: int = 200
) -> HttpResponse:
    context = _context(request, batch, entered, trouble)
    return render(request, "crm/mapping_page.html", context, status=status)
