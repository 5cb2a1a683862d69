"""What our views have in common, told to drf-spectacular: problems, the brand, the idempotency key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiParameter
from drf_standardized_errors.openapi import AutoSchema

from crm.api.inputs import Strict
from crm.api.problems import MEDIA_TYPE
from crm.api.repeats import HEADER as KEY_HEADER
from crm.api.repeats import ChangingView
from crm.api.tenancy import HEADER as BRAND_HEADER
from crm.api.tenancy import QUERY as BRAND_QUERY
from crm.api.tenancy import BrandView
from crm.idempotency import LONGEST_KEY

COMMON = ["400", "401", "403", "404", "405", "406", "415", "429", "500"]
CHANGING = ["409", "413", "422"]
BRAND = "Slug of the brand; the person's first one when left out. A brand that is not theirs is a 404."


class EndcapSchema(AutoSchema):  # type: ignore[misc]
    """drf-standardized-errors decides which errors an operation can have; here they get our shape and media type."""

    def get_override_parameters(self) -> list[Any]:
        parameters: list[Any] = []
        if isinstance(self.view, BrandView):
            parameters += [
                OpenApiParameter(BRAND_HEADER, str, OpenApiParameter.HEADER, description=BRAND),
                OpenApiParameter(BRAND_QUERY, str, description=f"The same, for links. {BRAND_HEADER} wins."),
            ]
        if isinstance(self.view, ChangingView) and self.method == "POST":
            key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[\x21-\x7e]+$"}
            said = "The same key, path and body get the first answer again (48 hours)."
            parameters.append(OpenApiParameter(KEY_HEADER, key, OpenApiParameter.HEADER, description=said))
        return parameters

    def _get_allowed_error_status_codes(self) -> list[str]:
        if not isinstance(self.view, ChangingView) or self.method == "GET":
            return COMMON
        return COMMON + (CHANGING if self.method == "POST" else ["409", "413"])

    def _should_add_http401_error_response(self) -> bool:
        return "401" in self._also_answers() or super()._should_add_http401_error_response()

    def _should_add_http403_error_response(self) -> bool:
        return "403" in self._also_answers() or super()._should_add_http403_error_response()

    def _also_answers(self) -> tuple[str, ...]:
        """Errors that cannot be told from authenticators and permissions: the sign-in has neither. Asked for by name,
        since decorators of the views load this module."""
        return getattr(self.view, "also_answers", ())

    def _should_add_http404_error_response(self) -> bool:
        return isinstance(self.view, BrandView) or super()._should_add_http404_error_response()

    def _should_add_validation_error_response(self) -> bool:
        # Any parameter can be bad, not only those of django-filter; our one shape of a problem needs no list of codes.
        parameters = self._get_parameters()
        return bool(parameters) or super()._should_add_validation_error_response()

    def _get_response_for_code(
        self, serializer: Any, status_code: str, media_types: list[str] | None = None, direction: str = "response"
    ) -> Any:
        if direction == "response" and status_code >= "400":
            media_types = [MEDIA_TYPE]
        described = super()._get_response_for_code(  # type: ignore[no-untyped-call]
            serializer, status_code, media_types, direction
        )
        described["description"] = described["description"] or HTTPStatus(int(status_code)).phrase
        return described

    def _get_error_response_examples(self) -> list[Any]:
        return []  # theirs show the shape that ours replaces


class ClosedObject(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """`Strict` input refuses unknown fields, and the document says so."""

    target_class = Strict
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        described: dict[str, Any] = auto_schema._map_serializer(
            force_instance(self.target),  # type: ignore[no-untyped-call]
            direction,
            bypass_extensions=True,
        )
        return {**described, "additionalProperties": False}
