"""`feedback/`: say what you think of one experience, read what was said, take your word back."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import left
from crm.api.inputs import NothingInput
from crm.api.repeats import ChangingView
from rlhf.api.door import RatesForBrand, RatingView, experience_of, refuse_another, refuse_names, sees_everything
from rlhf.api.filters import FeedbackFilters
from rlhf.api.inputs import FeedbackInput, RichFeedbackInput
from rlhf.api.outputs import FeedbackOutput, PairOutput
from rlhf.feedback import rich
from rlhf.feedback.giving import BadFeedback, rate
from rlhf.models import Experience, Feedback, PreferencePair, Source
from rlhf.rating.answering import take_word_back

ANSWERS = {
    201: OpenApiResponse(FeedbackOutput, "Stored"),
    200: OpenApiResponse(FeedbackOutput, "Stored before: the same Idempotency-Key came already"),
}


class FeedbackList(RatingView):
    """What was said about single experiences, and a new word."""

    serializer_class = FeedbackOutput

    def get_queryset(self) -> Any:
        if self.only_described:
            return Feedback.objects.none()
        rows = Feedback.objects.for_brand(self.brand).select_related("rater", "experience")
        return rows if sees_everything(self.membership) else rows.filter(rater=self.request.user)

    @extend_schema(
        operation_id="feedback_list",
        summary="What was said about single experiences, filtered and sorted",
        description="Raters see their own words only: they judge blind.",
        tags=["feedback"],
        parameters=FeedbackFilters.parameters(),
        responses=FeedbackOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        refuse_names(self.membership, request.query_params.get("rater"))
        page = self.paginate_queryset(left(FeedbackFilters, self.get_queryset(), request.query_params))
        return self.get_paginated_response(FeedbackOutput(page, many=True, context=self.names()).data)

    @extend_schema(
        operation_id="feedback_create",
        summary="Rate one experience",
        description="Exactly one of `thumb`, `stars`, `corrected` and `flag`. With `Idempotency-Key` a repeated call "
        "stores nothing and gets the row again, for good. Owners, planners and raters may rate.",
        tags=["feedback"],
        request=FeedbackInput,
        responses=ANSWERS,
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        given = FeedbackInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        return said_about(self, request, experience_of(self.brand, values.pop("experience")), values)


class RichFeedback(RatingView):
    """A rating with the six fields of an evaluation."""

    @extend_schema(
        operation_id="layer2_feedback",
        summary="Rate one experience the way a judge does",
        description="A thumb or stars, with any of the six fields of a judge's evaluation. `per_widget_feedback` is "
        "kept with the word; to rate a widget by itself send `widget` to `POST /api/feedback/`.",
        tags=["feedback"],
        request=RichFeedbackInput,
        responses=ANSWERS,
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        given = RichFeedbackInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        experience = experience_of(self.brand, values.pop("experience"))
        told = {name: values.pop(name) for name in rich.FIELDS if name in values}
        if not any(value not in (None, "", []) for value in told.values()) and not {"thumb", "stars"} & set(values):
            raise BadFeedback("Say something: a thumb, stars or one of the six fields.", field="rating")
        return said_about(self, request, experience, {**values, "rich": told})


def said_about(view: RatingView, request: Request, experience: Experience, values: dict[str, Any]) -> Response:
    """Store the word and answer with it."""
    said, new = rate(experience=experience, rater=request.user, source=Source.API, key=view.key(request), **values)
    if not new:
        refuse_another(said, experience_id=experience.pk, **_meant(values))
    return view.answered(FeedbackOutput(said).data, new=new)


def _meant(values: dict[str, Any]) -> dict[str, Any]:
    """What a row stored by this call would say; texts are left out, the privacy policy may have changed them."""
    stars, thumb = values.get("stars"), values.get("thumb")
    value = float(thumb) if thumb is not None else (stars - 1) / 4 if stars is not None else None
    return {"stars": stars, "value": value, "widget": values.get("widget")}


class Undo(ChangingView):
    """Take one's own word back."""

    permission_classes = [*ChangingView.permission_classes[:-1], RatesForBrand]

    @extend_schema(
        operation_id="feedback_undo",
        summary="Take your own rating or choice back",
        description="It stays in the history and counts nowhere. An item of a rating page is in your hands again. A "
        "409 once it was exported for training.",
        tags=["feedback"],
        request=NothingInput,
        responses={200: OpenApiResponse(FeedbackOutput, "As it stands now; a choice has the fields of a choice")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        NothingInput(data=request.data or {}).is_valid(raise_exception=True)
        said = self._found(kwargs["id"])
        shown = FeedbackOutput if isinstance(said, Feedback) else PairOutput
        return Response(shown(take_word_back(said, by=request.user, now=timezone.now())).data)

    def _found(self, public_id: Any) -> Feedback | PreferencePair:
        for model in (Feedback, PreferencePair):
            rows = model.objects.for_brand(self.brand)
            if not sees_everything(self.membership):
                rows = rows.filter(rater=self.request.user)
            said: Feedback | PreferencePair | None = rows.filter(public_id=public_id).first()
            if said is not None:
                return said
        raise Http404("There is no such rating.")
