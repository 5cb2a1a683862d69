"""One text of a pair that was chosen from a moment ago: write one's own version of it, or flag it."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from crm.errors import EndcapError
from crm.views.brand import BrandRequest
from rlhf.models import Assignment, Experience, Feedback
from rlhf.rating import beside, holding
from rlhf.rating.diff import changes
from rlhf.showing import shown
from rlhf.views.rating_desk import CORRECTABLE
from rlhf.views.rating_door import requires_rater, typed

KINDS = {"version": Feedback.Kind.CORRECTION, "flag": Feedback.Kind.FLAG}


@require_http_methods(["GET", "HEAD", "POST"])
@requires_rater
def rate_beside(request: BrandRequest, item: UUID, letter: str) -> HttpResponseBase:
    """The text with an editor; a POST keeps a version or a flag, takes one back, or compares."""
    assignment = holding.held(brand=request.brand, rater=request.user, public_id=item)
    experience = beside.text_beside(assignment, letter)
    if request.method != "POST":
        return _page(request, assignment, experience, letter)
    posted, key = request.POST, request.POST.get("key", "")
    corrected = typed(request, "corrected")[: holding.LONGEST_DRAFT]
    if request.htmx or "compare" in posted:  # type: ignore[attr-defined]
        beside.keep_draft(assignment, letter, corrected, by=request.user)
        if request.htmx:  # type: ignore[attr-defined]
            difference = changes(shown(experience).text, corrected)
            return render(request, "rlhf/rate_diff.html", {"difference": difference})
        return _page(request, assignment, experience, letter, corrected=corrected)
    try:
        if posted.get("undo") in KINDS:
            beside.take_back(experience, KINDS[posted["undo"]], by=request.user)
            messages.success(request, "Taken back.")
            return redirect("rate_beside", item, letter)
        if posted.get("flag"):
            beside.flag(experience, by=request.user, key=key)
            messages.success(request, f"{letter.upper()} is flagged. Owners see it under Feedback.")
        else:
            beside.own_version(experience, corrected, by=request.user, key=key)
            beside.drop_draft(assignment, letter)
            messages.success(request, f"Your version of {letter.upper()} is kept.")
    except EndcapError as refused:
        return _page(request, assignment, experience, letter, corrected=corrected, trouble=refused.message)
    return redirect(f"{reverse('rate_task', args=[assignment.item.task.slug])}?after={assignment.public_id}")


def _page(
    request: BrandRequest,
    assignment: Assignment,
    experience: Experience,
    letter: str,
    *,
    corrected: str | None = None,
    trouble: str = "",
) -> HttpResponse:
    text = shown(experience)
    version = beside.standing(experience, Feedback.Kind.CORRECTION, by=request.user)
    mine = corrected or beside.draft_of(assignment, letter) or (version.corrected if version else text.text)
    context: dict[str, Any] = {
        "place": "rate",
        "assignment": assignment,
        "task": assignment.item.task,
        "letter": letter,
        "letters": [(one, one.upper()) for one in beside.LETTERS],
        "shown": text,
        "experience": experience,
        "correctable": any(block.form in CORRECTABLE for block in text.blocks),
        "corrected": mine,
        "difference": changes(text.text, mine) if mine.strip() != text.text.strip() else None,
        "version": version,
        "flagged": beside.standing(experience, Feedback.Kind.FLAG, by=request.user),
        "key": uuid.uuid4().hex,
        "trouble": trouble,
    }
    return render(request, "rlhf/rate_beside.html", context, status=422 if trouble else 200)
