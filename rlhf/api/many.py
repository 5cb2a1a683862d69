"""`POST feedback/bulk`: up to 500 ratings and choices of one person in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.bulk import RefusedRow, refusal
from crm.api.problems import harmless
from crm.errors import EndcapError
from crm.models import Brand
from crm.upserts import Refusal
from rlhf.api.door import LARGE, RatingView
from rlhf.api.inputs import ChosenInput, FeedbackInput, Text
from rlhf.feedback.giving import chosen, rated
from rlhf.feedback.many import store_many
from rlhf.models import Experience, Feedback, PreferencePair, Source

MOST = 500
SIDES = ("experience", "a", "b")


class KeyedRating(FeedbackInput):
    """One rating, with the caller's key."""

    key = Text(max_length=80, required=False, help_text="The same key twice is one rating")


class KeyedChoice(ChosenInput):
    """One choice, with the caller's key."""

    key = Text(max_length=80, required=False, help_text="The same key twice is one choice")


class ManyInput(serializers.Serializer[Any]):
    """Ratings and choices, 500 at most."""

    ratings = KeyedRating(many=True, required=False)
    choices = KeyedChoice(many=True, required=False)


class ManyOutput(serializers.Serializer[Any]):
    """What became of them. Refused ones have their place in `ratings`, or in `choices` after all ratings."""

    received = serializers.IntegerField()
    stored = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Stored before under the same key")
    refused = RefusedRow(many=True)


class Many(RatingView):
    """Stores what is right and names what is not."""

    @extend_schema(
        operation_id="feedback_bulk",
        summary="Send many ratings and choices at once",
        description="Up to 500. Each may carry a `key`; the same key again stores nothing. What cannot be stored is "
        "named with field, value and reason, the rest is kept.",
        tags=["feedback"],
        request=ManyInput,
        responses={200: OpenApiResponse(ManyOutput, "What became of them")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        sent = _sent(request.data)
        refused: list[Refusal] = []
        read = _read(sent, refused)
        experiences = _experiences(self.brand, [values for _, _, values in read])
        words: list[Feedback | PreferencePair] = []
        for place, is_choice, values in read:
            try:
                words.append(_word(values, experiences, is_choice=is_choice, rater=request.user))
            except EndcapError as error:
                field = str(error.detail.get("field", ""))
                refused.append(Refusal(place, field, error.detail.get("value"), error.message))
            except KeyError as error:
                side = next(name for name in SIDES if values.get(name) == error.args[0])
                refused.append(Refusal(place, side, str(error.args[0]), f"{self.brand} has no such experience."))
        done = store_many(brand=self.brand, rater=request.user, words=words)
        told = [
            {"index": one.index, "field": one.field, "value": harmless(one.field, one.value), "reason": one.reason}
            for one in sorted(refused, key=lambda one: one.index)
        ]
        counts = {"received": len(sent), "stored": done.new, "known": len(words) - done.new, "refused": told}
        return Response(counts)


def _sent(data: Any) -> list[tuple[bool, Any]]:
    """Every row with whether it is a choice. Raises ParseError."""
    if not isinstance(data, Mapping) or set(data) - {"ratings", "choices"}:
        raise ParseError("Send an object with the lists `ratings` and `choices`, or one of them.")
    lists = [(name == "choices", data.get(name, [])) for name in ("ratings", "choices")]
    if not all(isinstance(rows, list) for _, rows in lists):
        raise ParseError("`ratings` and `choices` are lists.")
    sent = [(is_choice, row) for is_choice, rows in lists for row in rows]
    if not 1 <= len(sent) <= MOST:
        raise ParseError(f"Send 1 to {MOST} at once; these are {len(sent):,}.")
    return sent


def _read(sent: Sequence[tuple[bool, Any]], refused: list[Refusal]) -> list[tuple[int, bool, dict[str, Any]]]:
    forms = {False: KeyedRating(), True: KeyedChoice()}
    read = []
    for place, (is_choice, row) in enumerate(sent):
        try:
            read.append((place, is_choice, dict(forms[is_choice].run_validation(row))))
        except ValidationError as error:
            refused.append(refusal(place, row, error.detail))
    return read


def _experiences(brand: Brand, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, Experience]:
    """What the rows are about, in one query."""
    wanted = {row[side] for row in rows for side in SIDES if side in row}
    found = {}
    for one in Experience.objects.for_brand(brand).filter(public_id__in=wanted).defer(*LARGE):
        one.brand = brand
        found[one.public_id] = one
    return found


def _word(
    values: dict[str, Any], experiences: Mapping[UUID, Experience], *, is_choice: bool, rater: Any
) -> Feedback | PreferencePair:
    """Raises KeyError with the id of an experience that is not the brand's, BadFeedback, Blocked."""
    common = {"rater": rater, "source": Source.API}
    rest = {name: value for name, value in values.items() if name not in SIDES}
    if is_choice:
        return chosen(a=experiences[values["a"]], b=experiences[values["b"]], **rest, **common)
    return rated(experience=experiences[values["experience"]], **rest, **common)
