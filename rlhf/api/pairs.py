"""`feedback/preference-pair`: which of two is better; two experiences, or two texts that become experiences."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.filters import left
from rlhf.api.door import RatingView, experiences_of, refuse_another, refuse_names, sees_everything
from rlhf.api.filters import PairFilters
from rlhf.api.inputs import ChosenInput, TextsInput
from rlhf.api.outputs import PairOutput
from rlhf.feedback.giving import prefer
from rlhf.feedback.importing_texts import text_experiences
from rlhf.models import PreferencePair, Source

TEXT_FIELDS = frozenset({"prompt", "chosen", "rejected"})


class PairList(RatingView):
    """Choices between two experiences, and a new one."""

    serializer_class = PairOutput

    def get_queryset(self) -> Any:
        if self.only_described:
            return PreferencePair.objects.none()
        rows = PreferencePair.objects.for_brand(self.brand).select_related("rater", "a", "b")
        return rows if sees_everything(self.membership) else rows.filter(rater=self.request.user)

    @extend_schema(
        operation_id="feedback_pairs_list",
        summary="Choices between two experiences, filtered and sorted",
        description="Raters see their own choices only: they judge blind.",
        tags=["feedback"],
        parameters=PairFilters.parameters(),
        responses=PairOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        refuse_names(self.membership, request.query_params.get("rater"))
        page = self.paginate_queryset(left(PairFilters, self.get_queryset(), request.query_params))
        return self.get_paginated_response(PairOutput(page, many=True, context=self.names()).data)

    @extend_schema(
        operation_id="feedback_pairs_create",
        summary="Say which of two is better",
        description="Either `a`, `b` and `verdict`, or `prompt`, `chosen` and `rejected` as texts. Texts become two "
        "experiences of the kind given, `served_by` imported, that share a group made from the prompt; the same texts "
        "again are the same experiences. With `Idempotency-Key` a repeated call gets the row again.",
        tags=["feedback"],
        request=PolymorphicProxySerializer(
            component_name="PairInput", serializers=[ChosenInput, TextsInput], resource_type_field_name=None
        ),
        responses={
            201: OpenApiResponse(PairOutput, "Stored"),
            200: OpenApiResponse(PairOutput, "Stored before: the same Idempotency-Key came already"),
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        as_texts = isinstance(request.data, dict) and bool(TEXT_FIELDS & set(request.data))
        given = (TextsInput if as_texts else ChosenInput)(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        if as_texts:
            texts = {name: values.pop(name) for name in (*TEXT_FIELDS, "kind") if name in values}
            a, b = text_experiences(brand=self.brand, **texts)
            values["verdict"] = PreferencePair.Verdict.A
        else:
            a, b = experiences_of(self.brand, [values.pop(side) for side in ("a", "b")])
        said, new = prefer(a=a, b=b, rater=request.user, source=Source.API, key=self.key(request), **values)
        if not new:
            refuse_another(said, a_id=a.pk, b_id=b.pk, verdict=values["verdict"])
        return self.answered(PairOutput(said).data, new=new)
