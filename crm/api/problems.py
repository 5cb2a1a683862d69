"""Every error of the API as an RFC 9457 problem: what happened, where and with which value; no insides."""

from __future__ import annotations

import http
import math
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error, ErrorResponse
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.errors import EndcapError

MEDIA_TYPE = "application/problem+json"
SECRET_WORDS = ("password", "token", "secret", "code", "authorization", "cookie")
LONGEST_VALUE = 120
NON_FIELD = "non_field_errors"


class QueryError(exceptions.ValidationError):
    """A parameter of the address was bad, whatever the method."""


class HeaderError(exceptions.ValidationError):
    """A header was bad."""


class Refused(exceptions.APIException):
    """A service said no (`EndcapError`): its status, its sentence, its detail."""

    def __init__(self, error: EndcapError) -> None:
        self.status_code = error.status
        self.said = {name: harmless(name, value) for name, value in error.detail.items() if name != "retry_after"}
        self.wait: float | None = error.detail.get("retry_after")
        code = "".join("_" + letter.lower() if letter.isupper() else letter for letter in type(error).__name__)
        super().__init__(error.message, code=code.strip("_"))


class TooLarge(exceptions.APIException):
    status_code = http.HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large for the API. Files go to the Data page."
    default_code = "too_large"


class ProblemRenderer(JSONRenderer):
    """JSON under its own media type, whatever the caller asked for: an error of a CSV export is a problem, too."""

    media_type = MEDIA_TYPE
    format = "problem"


class ProblemHandler(ExceptionHandler):  # type: ignore[misc]
    """Turns every exception into a problem; unknown ones are logged and answered with a plain 500."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, EndcapError):
            return Refused(exc)
        if isinstance(exc, RequestDataTooBig):
            return TooLarge()
        if isinstance(exc, Http404):
            return exceptions.NotFound(str(exc) or "There is nothing here for you.")
        return super().convert_known_exceptions(exc)  # type: ignore[no-any-return]

    def get_response(self, exc: exceptions.APIException, data: dict[str, Any]) -> Response:
        request = self.context["request"]
        if request is not None:
            request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), MEDIA_TYPE
        return Response(data, status=exc.status_code, headers=self.get_headers(exc), content_type=MEDIA_TYPE)

    def get_headers(self, exc: exceptions.APIException) -> dict[str, str]:
        headers: dict[str, str] = super().get_headers(exc)
        wait = getattr(exc, "wait", None)
        if wait is not None:
            # Rounded up: a caller who waits exactly so long is let in.
            headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return headers


class ProblemFormatter(ExceptionFormatter):  # type: ignore[misc]
    """RFC 9457 members, with `errors` for each bad field."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        status = http.HTTPStatus(self.exc.status_code)
        request: Request | None = self.context["request"]
        problem: dict[str, Any] = {
            "type": f"urn:endcap:problem:{_name(self.exc, error_response)}",
            "title": "Your request is not valid" if status == 400 else status.phrase,
            "status": int(status),
            "detail": self._detail(error_response),
            "instance": request.path if request is not None else "",
            "errors": [],
        }
        if isinstance(self.exc, exceptions.ValidationError):
            problem["errors"] = [self._named(error) for error in error_response.errors]
        elif isinstance(self.exc, Refused):
            field = self.exc.said.pop("field", None)
            if field is not None:
                error = {"field": str(field), "detail": self.exc.detail, "code": error_response.errors[0].code}
                if "value" in self.exc.said:
                    error["value"] = self.exc.said.pop("value")
                problem["errors"] = [error]
            if self.exc.said:
                problem["context"] = self.exc.said
        return problem

    def _detail(self, error_response: ErrorResponse) -> str:
        errors: list[Error] = error_response.errors
        if self.exc.status_code >= 500 and not isinstance(self.exc, Refused):
            return (
                "Something went wrong on our side. It was logged; try again, and tell your administrator if it stays."
            )
        if isinstance(self.exc, exceptions.ValidationError):
            return " ".join(f"{self._field(e)}: {e.detail}" if self._field(e) else e.detail for e in errors)
        return errors[0].detail if errors else str(self.exc.detail)

    @staticmethod
    def _field(error: Error) -> str:
        attr = error.attr or ""
        return "" if attr == NON_FIELD else attr.removesuffix(f".{NON_FIELD}")

    def _named(self, error: Error) -> dict[str, Any]:
        request: Request | None = self.context["request"]
        field = self._field(error)
        source: Any
        if isinstance(self.exc, HeaderError):
            place, source = "header", request.headers if request else {}
        elif isinstance(self.exc, QueryError) or request is None or request.method in ("GET", "HEAD"):
            place, source = "query", request.query_params if request else {}
        else:
            place, source = "body", request.data
        named: dict[str, Any] = {"field": field, "in": place, "detail": error.detail, "code": error.code}
        if place == "body":
            named["pointer"] = "#/" + field.replace(".", "/") if field else "#"
        value = _at(source, field) if field else None
        if value is not None:
            named["value"] = harmless(field, value)
        return named


def _name(exc: exceptions.APIException, error_response: ErrorResponse) -> str:
    if isinstance(exc, exceptions.ValidationError):
        return "validation-error"
    if exc.status_code >= 500 and not isinstance(exc, Refused):
        return "server-error"
    codes = exc.get_codes()
    return (codes if isinstance(codes, str) else error_response.errors[0].code).replace("_", "-")


def _at(source: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(source, list) and part.isdigit() and int(part) < len(source):
            source = source[int(part)]
            continue
        try:
            source = source.get(part)
        except AttributeError:
            return None
    return source


def harmless(name: str, value: Any) -> Any:
    """The value as JSON, short; a secret is not repeated."""
    if any(word in name.lower() for word in SECRET_WORDS):
        return "(hidden)"
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


class NamedErrorSerializer(serializers.Serializer[Any]):
    """One bad field."""

    field = serializers.CharField()
    pointer = serializers.CharField(required=False, help_text="JSON pointer into the body")
    value = serializers.JSONField(required=False, help_text="What was sent, where it is no secret")
    detail = serializers.CharField()
    code = serializers.CharField()

    def get_fields(self) -> dict[str, Any]:
        # `in` is a keyword of Python and cannot be declared above.
        where = serializers.CharField(required=False, help_text="body, query or header")
        return {**super().get_fields(), "in": where}


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField(help_text="Stable name: urn:endcap:problem:…")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    errors = NamedErrorSerializer(many=True)  # type: ignore[assignment]
    context = serializers.JSONField(required=False, help_text="More about this refusal")  # type: ignore[assignment]
