"""`audiences/{id}/members`: the people of an audience, read page by page, added and removed by external id."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.inputs import Strict
from crm.api.references import Names, Reference, learn_all
from crm.api.repeats import ChangingView
from crm.models import AudienceSegment, Lead, SegmentMember

MOST = 10_000


class MemberOutput(serializers.ModelSerializer[SegmentMember]):
    """A lead of the audience."""

    lead = serializers.CharField(source="lead.external_id")
    name = serializers.CharField(source="lead.name")
    funnel_stage = serializers.CharField(source="lead.funnel_stage")

    class Meta:
        model = SegmentMember
        fields = ("lead", "name", "funnel_stage")
        read_only_fields = fields


class MembersInput(Strict):
    """External ids of leads. Who is a member already stays one; who is none is not missed."""

    add = serializers.ListField(child=Reference(Lead), required=False, max_length=MOST)
    remove = serializers.ListField(child=Reference(Lead), required=False, max_length=MOST)


class MembersChanged(serializers.Serializer[Any]):
    """What became of it."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    members = serializers.IntegerField()


class Members(ChangingView):
    """The people of one audience."""

    serializer_class = MemberOutput

    def get_queryset(self) -> Any:
        if self.only_described:
            return SegmentMember.objects.none()
        rows = SegmentMember.objects.for_brand(self.brand).filter(segment=self.found())
        return rows.select_related("lead").order_by("lead__external_id", "pk")

    def found(self) -> AudienceSegment:
        audience = AudienceSegment.objects.for_brand(self.brand).filter(pk=self.kwargs["id"]).first()
        if audience is None:
            raise Http404(f"{self.brand} has no such audience.")
        assert isinstance(audience, AudienceSegment)
        return audience

    @extend_schema(
        operation_id="audiences_members", summary="The people of an audience", tags=["audiences"],
        responses=MemberOutput(many=True),
    )  # fmt: skip
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.get_paginated_response(MemberOutput(self.paginate_queryset(self.get_queryset()), many=True).data)

    @extend_schema(
        operation_id="audiences_members_change", summary="Add and remove people", tags=["audiences"],
        request=MembersInput, responses={200: OpenApiResponse(MembersChanged, "What became of it")},
    )  # fmt: skip
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def change(self, request: Request, **kwargs: Any) -> Response:
        audience = self.found()
        given = MembersInput(data=request.data, context={"names": Names(self.brand)})
        learn_all(given, [request.data])
        given.is_valid(raise_exception=True)
        rows = SegmentMember.objects.for_brand(self.brand).filter(segment=audience)
        removed, _ = rows.filter(lead__in=[lead.pk for lead in given.validated_data.get("remove", ())]).delete()
        before = rows.count()
        wanted = {lead.pk: lead for lead in given.validated_data.get("add", ())}
        rows.bulk_create(
            [SegmentMember(segment=audience, lead=lead) for lead in wanted.values()],
            batch_size=500,
            ignore_conflicts=True,
        )
        members = rows.count()
        return Response({"added": members - before, "removed": removed, "members": members})
