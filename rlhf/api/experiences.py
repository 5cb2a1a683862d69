"""`experiences/`: what was asked and made, and everything that was said about it. Read only."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import left
from crm.api.tenancy import BrandView
from rlhf.api.door import experience_of, names_for, sees_everything
from rlhf.api.filters import ExperienceFilters
from rlhf.api.outputs import (
    ExperienceDetail,
    ExperienceOutput,
    FeedbackOutput,
    PairOutput,
    RewardRowOutput,
    SignalOutput,
    VerdictOutput,
)
from rlhf.models import Evaluation, Experience, Feedback, PreferencePair, Reward, Signal
from rlhf.showing import text_of

MOST_TOLD = 200
LISTS: dict[str, Any] = {
    "evaluations": VerdictOutput,
    "feedback": FeedbackOutput,
    "pairs": PairOutput,
    "rewards": RewardRowOutput,
    "signals": SignalOutput,
}


class ExperienceList(BrandView):
    """The brand's experiences."""

    serializer_class = ExperienceOutput

    def get_queryset(self) -> Any:
        if self.only_described:
            return Experience.objects.none()
        return Experience.objects.for_brand(self.brand).select_related("pack").defer("context", "output", "intent")

    @extend_schema(
        operation_id="experiences_list",
        summary="Experiences, filtered and sorted",
        tags=["experiences"],
        parameters=ExperienceFilters.parameters(),
        responses=ExperienceOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(left(ExperienceFilters, self.get_queryset(), request.query_params))
        return self.get_paginated_response(ExperienceOutput(page, many=True).data)


class ExperienceOne(BrandView):
    """One experience."""

    @extend_schema(
        operation_id="experiences_read",
        summary="One experience with verdicts, feedback, rewards and history",
        description=f"Of each list the newest {MOST_TOLD}. Raters judge blind: until they have rated it they see "
        "neither the judge nor what others said.",
        tags=["experiences"],
        responses=ExperienceDetail,
    )
    def get(self, request: Request, id: Any) -> Response:
        experience = experience_of(self.brand, id, whole=True)
        mine = _words(experience)
        blind = not sees_everything(self.membership) and not any(
            rows.filter(rater=request.user, undone_at__isnull=True).exists() for rows in mine
        )
        told = dict.fromkeys(LISTS, ()) if blind else _told(experience, mine)
        names = names_for(self.membership, request)
        whole = {name: getattr(experience, name) for name in ("intent", "context", "output", "versions")}
        return Response(
            {
                **ExperienceOutput(experience).data,
                "text": text_of(experience),
                "blind": blind,
                **whole,
                **{name: shape(told[name], many=True, context=names).data for name, shape in LISTS.items()},
            }
        )


def _words(experience: Experience) -> tuple[Any, Any]:
    brand = experience.brand_id
    return (
        Feedback.objects.for_brand(brand).filter(experience=experience).select_related("rater", "experience"),
        PreferencePair.objects.for_brand(brand)
        .filter(Q(a=experience) | Q(b=experience))
        .select_related("rater", "a", "b"),
    )


def _told(experience: Experience, words: tuple[Any, Any]) -> dict[str, Any]:
    brand = experience.brand_id
    verdicts = Evaluation.objects.for_brand(brand).filter(experience=experience).select_related("opponent")
    rewards = Reward.objects.for_brand(brand).filter(experience=experience).select_related("config")
    signals = Signal.objects.for_brand(brand).filter(experience=experience).order_by("-created_at", "-pk")
    rows = (verdicts, *words, rewards, signals)
    return {name: list(found[:MOST_TOLD]) for name, found in zip(LISTS, rows, strict=True)}
