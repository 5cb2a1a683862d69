"""The OpenAPI document, the page to explore it, and the answer for addresses that do not exist."""

from __future__ import annotations

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import Http404, HttpResponseRedirect
from django.urls import resolve
from django.utils.decorators import method_decorator
from django.utils.encoding import escape_uri_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView


class Document(SpectacularAPIView):  # type: ignore[misc]
    """OpenAPI 3.1 of everything below `/api/`. Open to everybody: it describes the product, no brand's data."""

    permission_classes = [AllowAny]


@method_decorator(csp_update({"style-src": [SELF, UNSAFE_INLINE]}), name="dispatch")
class Explorer(SpectacularSwaggerSplitView):  # type: ignore[misc]
    """Swagger UI from our own static files. It sets style attributes, so only this page allows inline styles."""

    permission_classes = [AllowAny]
    authentication_classes = [SessionAuthentication]
    url_name = "api-schema"


class SamePlace(HttpResponseRedirect):
    """Permanent, and the method and body stay."""

    status_code = 308


@extend_schema(exclude=True)
class Elsewhere(APIView):
    """An address with one slash too many or too few leads to the right one; any other is a problem, not a page."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    http_method_names: list[str] = []

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        path = request.path
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if resolve(other).url_name != "api-elsewhere":
            query = request.META.get("QUERY_STRING", "")
            right = escape_uri_path(other)
            return SamePlace(f"{right}?{query}" if query else right)
        return super().dispatch(request, *args, **kwargs)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise Http404("There is nothing at this address. GET /api/schema/ lists what there is.")


elsewhere = Elsewhere.as_view()
