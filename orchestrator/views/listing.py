"""Episodes: the list with its filters, charts and exports."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.views.brand import BrandRequest, requires_brand
from orchestrator import runlogs
from orchestrator.queries.listing import overview
from orchestrator.queries.rows import rows
from orchestrator.views.filters import EpisodeFilter, chips

PER_PAGE = 20
COLUMNS = (
    ("episode", "Episode", False),
    ("pack", "Pack", False),
    ("mode", "Policy", False),
    ("steps", "Steps", False),
    ("state", "State", False),
    ("reward", "Reward", True),
    ("cost", "Cost", True),
    ("", "Outcome", False),
    ("when", "Started", True),
)


@require_safe
@requires_brand
def episodes(request: BrandRequest) -> HttpResponse:
    """The list. The whole state is in the address, so that it can be kept, shared and gone back to."""
    filters = EpisodeFilter(request.GET, brand=request.brand)
    found = overview(filters.episodes())
    page = Paginator(filters.ordered().with_names(), PER_PAGE)
    page.count = found.total  # counted already, state by state
    shown = page.get_page(request.GET.get("page"))
    used = chips(filters, request.GET)
    context = {
        "place": "episodes",
        "filters": filters,
        "chips": used,
        "overview": found,
        "rows": rows(request.brand, shown.object_list),
        "page": shown,
        "pages": page.get_elided_page_range(shown.number, on_each_side=1, on_ends=1),
        "heads": _heads(filters, request.GET),
        "address": _address(request.GET),
        "export": _address(request.GET, drop=("page",)),
        "without": _without(filters, used) if used and not found.total else [],
    }
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "orchestrator/episodes_part.html" if part else "orchestrator/episodes.html", context)


@require_safe
@requires_brand
def episodes_export(request: BrandRequest, form: str) -> HttpResponseBase:
    """What the filters leave, streamed: `csv` one row per episode, `jsonl` everything about one episode per line."""
    found = EpisodeFilter(request.GET, brand=request.brand).ordered()
    lines, kind = {
        "csv": (runlogs.csv_lines, "text/csv; charset=utf-8"),
        "jsonl": (runlogs.jsonl_lines, "application/jsonl"),
    }[form]
    response = StreamingHttpResponse(lines(found), content_type=kind)
    name = f"episodes-{request.brand.slug}-{timezone.localdate():%Y-%m-%d}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _address(query: QueryDict, *, drop: tuple[str, ...] = (), **change: str) -> str:
    changed = query.copy()
    for name in drop:
        changed.pop(name, None)
    for name, value in change.items():
        changed[name] = value
    return f"?{changed.urlencode()}"


def _heads(filters: EpisodeFilter, query: QueryDict) -> list[dict[str, Any]]:
    """Column heads with the address that sorts by them: figures fall first, a second press turns the order round."""
    sort = filters.sorting()
    heads = []
    for name, label, num in COLUMNS:
        current = sort.removeprefix("-") == name
        first = f"-{name}" if num else name
        turned = name if sort.startswith("-") else f"-{name}"
        heads.append(
            {
                "label": label,
                "num": num,
                "address": _address(query, drop=("page",), sort=turned if current else first) if name else "",
                "sorted": ("descending" if sort.startswith("-") else "ascending") if current else "",
            }
        )
    return heads


def _without(filters: EpisodeFilter, used: list[Any]) -> list[Any]:
    """For an empty list: which filter to drop, and how many episodes that would show. The most helpful first."""
    counted = [(filters.episodes(without=chip.names).count(), chip) for chip in used]
    return [{"chip": chip, "count": count} for count, chip in sorted(counted, key=lambda pair: -pair[0]) if count > 0]
