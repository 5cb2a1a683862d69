"""One experience with everything that was said of it: verdicts, people, rewards in parts, and its history."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from crm.views.brand import BrandRequest, requires_brand
from rlhf.feedback.human import human_score
from rlhf.judging import verdict_of
from rlhf.models import Evaluation, Experience, Feedback, PreferencePair, Reward, Signal
from rlhf.queries.judges import KINDS
from rlhf.showing import shown

SHOWN = 50


@require_safe
@requires_brand
def experience(request: BrandRequest, public_id: UUID) -> HttpResponse:
    """The page. People who may still be asked to rate it see what it is, and nothing that was said of it."""
    rows = Experience.objects.for_brand(request.brand).select_related("pack")
    one = get_object_or_404(rows, public_id=public_id)
    pairs = PreferencePair.objects.for_brand(request.brand)
    context = {
        "place": "feedback",
        "one": one,
        "kind_name": KINDS.get(one.kind, one.kind),
        "made": shown(one),
        "blind": request.membership.role == request.membership.Role.RATER,
        "counts": verdict_of(one),
        "people": human_score(one),
        "evaluations": Evaluation.objects.for_brand(request.brand).filter(experience=one)[:SHOWN],
        "words": Feedback.objects.for_brand(request.brand).filter(experience=one).select_related("rater")[:SHOWN],
        "pairs": (pairs.filter(a=one) | pairs.filter(b=one)).select_related("a", "b", "rater")[:SHOWN],
        "rewards": Reward.objects.for_brand(request.brand).filter(experience=one).select_related("config")[:SHOWN],
        "signals": Signal.objects.for_brand(request.brand)
        .filter(experience=one)
        .order_by("-created_at", "-pk")[:SHOWN],
    }
    return render(request, "rlhf/experience.html", context)
