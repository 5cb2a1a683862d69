"""`GET schema/rmis/` and `schema/rmis/{name}`: the interchange schema, open to everybody like the API's document."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm import rmis

FREE = {"type": "object", "additionalProperties": True}


class SchemaRenderer(JSONRenderer):
    """Lets a caller ask for application/schema+json."""

    media_type = "application/schema+json"
    format = "schema"


class SchemaIndex(APIView):
    """Which shapes RMIS has."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    also_answers = ("406",)

    @extend_schema(operation_id="rmis_list", summary="Shapes of RMIS", tags=["rmis"], responses={200: FREE})
    def get(self, request: Request) -> Response:
        return Response(rmis.index())


class SchemaOne(APIView):
    """The JSON Schema (2020-12) of one shape."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer, SchemaRenderer]

    @extend_schema(
        operation_id="rmis_read",
        summary="JSON Schema of a shape",
        tags=["rmis"],
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH, enum=list(rmis.SHAPES))],
        responses={200: FREE},
    )
    def get(self, request: Request, name: str) -> Response:
        if name not in rmis.SHAPES:
            raise Http404(f"RMIS has no shape of this name. It has: {', '.join(rmis.SHAPES)}.")
        return Response(rmis.document(name))
