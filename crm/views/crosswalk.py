"""Products and the crosswalk: what the brand sells, under which codes, and the review of codes that look like ours."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm.errors import EndcapError
from crm.imports.quarantine import harmless
from crm.models import SKU, RetailerItem
from crm.products import crosswalk
from crm.products.gtin import normalise
from crm.templatetags.figures import times
from crm.views.brand import BrandRequest, requires_brand, requires_planner

PER_PAGE = 25
QUEUE = 8
FOUND = 8
SHOWN = (
    ("", "All"),
    ("matched", "With codes of shops"),
    ("unmatched", "Without codes of shops"),
    ("no-gtin", "Without a bar code"),
)
COLUMNS = ("code", "name", "brand", "size", "category", "gtin", "price", "retailer", "scheme", "retailer_code", "state")


@require_safe
@requires_brand
def products(request: BrandRequest) -> HttpResponse:
    """The list of products; `q` searches, `show` filters."""
    counted = _products(request).annotate(codes=Count("items", filter=Q(items__state="matched")))
    page = Paginator(counted.order_by("code"), PER_PAGE).get_page(request.GET.get("page"))
    codes: dict[int, list[RetailerItem]] = {}
    matched = RetailerItem.objects.for_brand(request.brand).filter(state="matched", sku__in=[one.pk for one in page])
    for item in matched.select_related("retailer").order_by("sku", "retailer__name", "code"):
        codes.setdefault(item.sku_id, []).append(item)
    context = {
        "place": "data",
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "listed": [(sku, codes.get(sku.pk, [])) for sku in page],
        "choices": SHOWN,
        "q": request.GET.get("q", ""),
        "shown": request.GET.get("show", ""),
        "any": SKU.objects.for_brand(request.brand).exists(),
        "summary": crosswalk.summary(request.brand),
        "target": "#products",
    }
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "crm/crosswalk_products_part.html" if part else "crm/crosswalk_products.html", context)


@require_safe
@requires_brand
def products_export(request: BrandRequest) -> HttpResponseBase:
    """The filtered list as CSV, one line for each code of a shop; products without any have one line, too."""
    response = StreamingHttpResponse(_lines(_products(request)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="products-{request.brand.slug}.csv"'
    return response


@require_safe
@requires_brand
def review(request: BrandRequest) -> HttpResponse:
    """One code beside the product it looks like; `item` says which, `q` searches for another product."""
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    name = "crm/crosswalk_review_part.html" if part else "crm/crosswalk_review.html"
    return render(request, name, _review(request, request.GET.get("item", ""), moved=bool(part)))


@require_POST
@requires_brand
@requires_planner
def accept(request: BrandRequest, pk: int) -> HttpResponse:
    """The code is the proposed product, or the one in `sku`."""
    item = get_object_or_404(RetailerItem.objects.for_brand(request.brand), pk=pk)
    chosen = request.POST.get("sku", "")
    sku = None
    if chosen:
        own = SKU.objects.for_brand(request.brand)
        sku = get_object_or_404(own, pk=int(chosen) if chosen.isdecimal() and len(chosen) < 19 else 0)
    return _decided(request, item, lambda: crosswalk.accept(item, sku, by=request.user))


@require_POST
@requires_brand
@requires_planner
def reject(request: BrandRequest, pk: int) -> HttpResponse:
    """The code is none of ours."""
    item = get_object_or_404(RetailerItem.objects.for_brand(request.brand), pk=pk)
    return _decided(request, item, lambda: crosswalk.reject(item, by=request.user))


@require_POST
@requires_brand
@requires_planner
def undo(request: BrandRequest) -> HttpResponse:
    """Take back the person's own last decision, or the one in `item`."""
    mine = crosswalk.last_decisions(request.brand, by=request.user)
    asked = request.POST.get("item", "")
    if asked.isdecimal() and len(asked) < 19:
        item = get_object_or_404(RetailerItem.objects.for_brand(request.brand), pk=int(asked))
    elif mine:
        item = mine[0]
    else:
        return _answer(request, "", trouble="There is nothing of yours to undo.", status=409)
    try:
        effect = crosswalk.undo(item, by=request.user)
    except EndcapError as error:
        return _answer(request, "", trouble=error.message, status=error.status)
    rows = f" {times(effect.rows, 'row')} wait with it." if effect.rows else ""
    return _answer(request, str(item.pk), told=f"{item.code} waits again.{rows}")


def _decided(request: BrandRequest, item: RetailerItem, decide: Any) -> HttpResponse:
    """Carry a decision out and go on to the next code of the queue."""
    queue = _queue(request)
    at = queue.index(item.pk) if item.pk in queue else -1
    onward = queue[(at + 1) % len(queue)] if at >= 0 and len(queue) > 1 else ""
    try:
        effect = decide()
    except EndcapError as error:
        return _answer(request, str(item.pk), trouble=error.message, status=error.status)
    row = effect.item
    if row.state == RetailerItem.State.REJECTED:
        told = f"{row.code} is marked as not ours."
    else:
        told = f"{row.code} is {row.sku} now."
        told += f" {times(effect.rows, 'row')} of figures got it." if effect.rows else ""
    return _answer(request, str(onward), told=told)


def _answer(request: BrandRequest, item: str, *, told: str = "", trouble: str = "", status: int = 200) -> HttpResponse:
    """The part for htmx; a redirect with the message otherwise, or the page with what was wrong."""
    if request.htmx:  # type: ignore[attr-defined]
        context = _review(request, item, told=told, trouble=trouble, moved=True)
        return render(request, "crm/crosswalk_review_part.html", context, status=status)
    if trouble:
        return render(request, "crm/crosswalk_review.html", _review(request, item, trouble=trouble), status=status)
    messages.success(request, told)
    return redirect(reverse("crosswalk_review") + (f"?item={item}" if item else ""))


def _queue(request: BrandRequest) -> list[int]:
    return list(crosswalk.waiting(request.brand).values_list("pk", flat=True))


def _review(
    request: BrandRequest, asked: str, *, told: str = "", trouble: str = "", moved: bool = False
) -> dict[str, Any]:
    """What the review shows. `moved`: the part was swapped, so focus goes to its heading."""
    queue = _queue(request)
    at = queue.index(int(asked)) if asked.isdecimal() and int(asked) in queue else 0
    first = at // QUEUE * QUEUE
    listed = {one.pk: one for one in crosswalk.waiting(request.brand).filter(pk__in=queue[first : first + QUEUE])}
    window = [listed[pk] for pk in queue[first : first + QUEUE] if pk in listed]
    item = listed.get(queue[at]) if queue else None
    counts = crosswalk.rows_by_item(window)
    rows, spend = crosswalk.reach(item) if item else (0, None)
    q = request.GET.get("q", "") if request.method == "GET" else ""
    return {
        "place": "data",
        "item": item,
        "window": [(one, counts[one.pk]) for one in window],
        "number": at + 1,
        "total": len(queue),
        "following": queue[(at + 1) % len(queue)] if len(queue) > 1 else None,
        "rest": len(queue) - first - len(window),
        "next_window": queue[first + QUEUE] if len(queue) > first + QUEUE else None,
        "previous_window": queue[first - QUEUE] if first else None,
        "rows": rows,
        "spend": spend,
        "told": told,
        "trouble": trouble,
        "moved": moved,
        "q": q,
        "found": list(_search(SKU.objects.for_brand(request.brand), q)[:FOUND]) if q.strip() else None,
        "undoable": crosswalk.last_decisions(request.brand, by=request.user),
        "any": SKU.objects.for_brand(request.brand).exists(),
    }


def _products(request: BrandRequest) -> QuerySet[Any]:
    rows = _search(SKU.objects.for_brand(request.brand), request.GET.get("q", ""))
    shown = request.GET.get("show", "")
    if shown == "no-gtin":
        rows = rows.filter(gtin="")
    if shown in ("matched", "unmatched"):
        known = RetailerItem.objects.for_brand(request.brand).filter(state="matched").values("sku")
        rows = rows.filter(pk__in=known) if shown == "matched" else rows.exclude(pk__in=known)
    return rows


def _search(rows: QuerySet[Any], q: str) -> QuerySet[Any]:
    """Every word must stand in code, name, brand or bar code; a whole bar code is found in any of its forms."""
    for word in q.replace("\0", "").split()[:8]:
        where = Q(code__icontains=word) | Q(name__icontains=word) | Q(product_brand__icontains=word)
        where |= Q(gtin__contains=word) | Q(items__code__iexact=word, items__state="matched")
        code = normalise(word)
        if code:
            where |= Q(gtin=code.gtin)
        rows = rows.filter(where)
    return rows.distinct().order_by("code")


def _lines(rows: QuerySet[Any]) -> Iterator[str]:
    class Line:
        def write(self, line: str) -> str:
            return line

    writer: Any = csv.writer(Line())
    yield writer.writerow(COLUMNS)
    for sku in rows.prefetch_related("items__retailer").iterator(chunk_size=500):
        own = (sku.code, sku.name, sku.product_brand, sku.size, sku.category, sku.gtin, sku.price)
        for item in list(sku.items.all()) or [None]:
            theirs = ("", "", "", "") if item is None else (item.retailer or "", item.scheme, item.code, item.state)
            cells = [harmless(cell) if isinstance(cell, str) else cell for cell in (*own, *map(str, theirs))]
            yield writer.writerow(cells)
