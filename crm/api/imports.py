"""`POST imports/` takes a report in, `imports/{id}/confirm`, `discard` and `undo` decide about it."""

from __future__ import annotations

from typing import Any, cast

from django.http import Http404, QueryDict
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from crm import report_imports
from crm.api.filters import left
from crm.api.inputs import NothingInput, Strict
from crm.api.references import Names, PlainObject, Reference
from crm.api.repeats import ChangingView
from crm.api.resources.imports import ImportFilters, ImportOutput, Imports
from crm.api.tenancy import BrandView
from crm.models import Import, Retailer


class ReportInput(Strict):
    """A report of a retailer. Without `mapping` it is recognised; what is unknown waits for a person (`mapping`)."""

    file = serializers.FileField(help_text="CSV, TSV, JSON or Excel; also packed as gz or zip")
    retailer = Reference(Retailer, "slug", required=False)
    mapping = serializers.CharField(required=False, max_length=60, default="", allow_blank=True)
    confirm = serializers.BooleanField(default=False, help_text="true: waits for a person even when it is recognised")


class ConfirmInput(Strict):
    """What a report that waits means: the name of a mapping, or a mapping."""

    mapping = serializers.CharField(required=False, max_length=60, default="", allow_blank=True)
    body = PlainObject(required=False, help_text="A mapping as its YAML file would say it")
    retailer = Reference(Retailer, "slug", required=False)
    keep = serializers.BooleanField(default=True, help_text="Use the mapping for the next report of its kind, too")


class ImportList(BrandView):
    """The brand's imports, and a new one."""

    serializer_class = ImportOutput
    parser_classes = [MultiPartParser]

    def get_queryset(self) -> Any:
        return Import.objects.none() if self.only_described else Imports.rows(self.brand)

    @extend_schema(
        operation_id="imports_list", summary="Imports, filtered and sorted", tags=["imports"],
        parameters=ImportFilters.parameters(), responses=ImportOutput(many=True),
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(left(ImportFilters, self.get_queryset(), request.query_params))
        return self.get_paginated_response(ImportOutput(page, many=True).data)

    @extend_schema(
        operation_id="imports_create", summary="Take a report in", tags=["imports"],
        description="Answers 202: a worker carries it out. `Location` says where to look how far it is.",
        request={"multipart/form-data": ReportInput},
        responses={202: OpenApiResponse(ImportOutput, "Queued, or waiting for a person")},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        given = ReportInput(data=dict(cast("QueryDict", request.data).items()), context={"names": Names(self.brand)})
        given.is_valid(raise_exception=True)
        values = given.validated_data
        batch = report_imports.receive(
            brand=self.brand, retailer=values.get("retailer"), file=values["file"], filename=values["file"].name,
            mapping=values["mapping"], by=request.user, confirm=values["confirm"],
        )  # fmt: skip
        address = reverse("api-imports-one", kwargs={"id": batch.pk}, request=request)
        return Response(ImportOutput(batch).data, status=202, headers={"Location": address})


class Decision(ChangingView):
    """A wish about one import."""

    parser_classes = [JSONParser]
    given: type[Strict] = NothingInput

    def change(self, request: Request, **kwargs: Any) -> Response:
        batch = Imports.rows(self.brand).filter(pk=kwargs["id"]).first()
        if batch is None:
            raise Http404(f"{self.brand} has no such import.")
        given = self.given(data=request.data or {}, context={"names": Names(self.brand)})
        given.is_valid(raise_exception=True)
        self.decide(batch, given.validated_data)
        return Response(ImportOutput(Imports.rows(self.brand).get(pk=batch.pk)).data)

    def decide(self, batch: Import, values: dict[str, Any]) -> None:
        raise NotImplementedError


def _said(name: str, summary: str, given: type[Strict]) -> Any:
    return extend_schema(
        operation_id=f"imports_{name}", summary=summary, tags=["imports"], request=given,
        responses={200: OpenApiResponse(ImportOutput, "How it stands now")},
    )  # fmt: skip


class Confirm(Decision):
    """Say what a report that waits means; a worker then carries it out."""

    given = ConfirmInput

    @_said("confirm", "Confirm what a report means", ConfirmInput)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def decide(self, batch: Import, values: dict[str, Any]) -> None:
        if batch.proposal.get("mapping", "") == "" and not (values["mapping"] or values.get("body")):
            raise ValidationError({"mapping": "Nobody knows this report yet. Name a mapping, or send a body."})
        report_imports.confirm(
            batch, mapping=values["mapping"], body=values.get("body"), retailer=values.get("retailer"),
            by=self.request.user, keep=values["keep"],
        )  # fmt: skip


class Discard(Decision):
    """A report that waits is not wanted."""

    @_said("discard", "Do not keep a report that waits", NothingInput)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def decide(self, batch: Import, values: dict[str, Any]) -> None:
        report_imports.discard(batch, by=self.request.user)


class Undo(Decision):
    """Take back what a stored report changed."""

    @_said("undo", "Undo an import", NothingInput)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return super().post(request, **kwargs)

    def decide(self, batch: Import, values: dict[str, Any]) -> None:
        report_imports.undo(batch, by=self.request.user)
