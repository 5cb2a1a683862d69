"""The page Feedback: what people said, how far they agree, which version they prefer, what there is to learn from."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from crm.views.brand import BrandRequest
from rlhf.feedback import disputes, flags
from rlhf.feedback.files import files
from rlhf.feedback.statistics.agreeing import NEEDED
from rlhf.feedback.stats import statistics
from rlhf.views import feedback_charts as charts
from rlhf.views.feedback_door import requires_insight
from rlhf.views.feedback_filter import SPLITS, VERSIONS, Filter, read

DISPUTES_SHOWN = FLAGS_SHOWN = 3


@require_safe
@requires_insight
def feedback(request: BrandRequest) -> HttpResponse:
    """Everything chosen is in the address; a filter changes the part below the head."""
    chosen = read(request.GET, brand=request.brand, membership=request.membership)
    found = statistics(
        request.brand, since=chosen.since, kind=chosen.kind, rater=chosen.rater, source=chosen.source
    )  # fmt: skip
    context = _page(request, chosen, found)
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "rlhf/feedback_part.html" if part else "rlhf/feedback.html", context)


@require_safe
@requires_insight
def feedback_files(request: BrandRequest) -> HttpResponse:
    """What the files to train with would hold; it is counted line by line, so the page asks for it on its own."""
    chosen = read(request.GET, brand=request.brand, membership=request.membership)
    context = {
        "place": "feedback",
        "chosen": chosen,
        "files": files(request.brand, kind=chosen.kind, simulated=chosen.source == "panel"),
        "file_query": _file_query(request, chosen),
    }
    part = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "rlhf/feedback_files.html" if part else "rlhf/feedback_files_page.html", context)


def _page(request: BrandRequest, chosen: Filter, found: Any) -> dict[str, Any]:
    chart, layers = charts.over_time(found, chosen.by)
    answers, to_resolve = charts.answers(found), found.queue.to_resolve
    waiting = disputes.waiting(request.brand, kind=chosen.kind)[:DISPUTES_SHOWN] if to_resolve else []
    shown = disputes.look(waiting)
    flagged = flags.waiting(request.brand, kind=chosen.kind)
    flags_shown = list(flagged[: FLAGS_SHOWN + 1])
    splits = SPLITS if request.membership.may_plan else {name: SPLITS[name] for name in ("kind", "task")}
    return {
        "place": "feedback",
        "chosen": chosen,
        "found": found,
        "needed": NEEDED,
        "chart": chart,
        "layers": layers,
        "tabs": _tabs(chosen, "by", splits, chosen.by),
        "agreement_chart": charts.agreement_over_time(found),
        "moved": charts.moved(found),
        "answers": answers,
        "answer_facings": 12 // max(1, len(answers)),
        "scales": charts.scale_rows(found),
        "task_rows": charts.task_rows(found),
        "versions": found.versions[chosen.version],
        "version_rows": charts.version_rows(found, chosen.version),
        "version_tabs": _tabs(chosen, "version", VERSIONS, chosen.version),
        "to_resolve": to_resolve,
        "disputes": shown,
        "dispute_facings": 12 // max(1, len(shown)),
        "flags_waiting": flagged.count() if len(flags_shown) > FLAGS_SHOWN else len(flags_shown),
        "flags": flags_shown[:FLAGS_SHOWN],
        "flag_facings": 12 // max(1, min(FLAGS_SHOWN, len(flags_shown))),
        "files_address": f"{reverse('feedback_files')}{chosen.address()}",
        "csv": chosen.export(request.brand, "csv"),
        "jsonl": chosen.export(request.brand, "jsonl"),
    }


def _tabs(chosen: Filter, name: str, words: dict[str, str], now: str) -> list[dict[str, Any]]:
    return [
        {"label": label, "address": chosen.address(**{name: value}), "current": value == now}
        for value, label in words.items()
    ]


def _file_query(request: BrandRequest, chosen: Filter) -> str:
    task = f"&task={chosen.kind}" if chosen.kind else ""
    panel = "&source=panel" if chosen.source == "panel" else ""
    return f"?brand={request.brand.slug}{task}{panel}"
