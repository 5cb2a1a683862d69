"""The document of views that are made from a `Resource`: each view says what it takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm.api.schema import EndcapSchema


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    summary: str
    responses: Any
    description: str = ""
    request: Any = None
    parameters: list[Any] = field(default_factory=list)


class DescribedSchema(EndcapSchema):
    """Asks `view.operation(method)` for an `Operation`."""

    @property
    def _operation(self) -> Operation:
        operation: Operation = self.view.operation(self.method)  # type: ignore[attr-defined]
        return operation

    def get_operation_id(self) -> str:
        return self._operation.id

    def get_summary(self) -> str:
        return self._operation.summary

    def get_description(self) -> str:  # type: ignore[override]
        return self._operation.description or (self.view.__class__.__doc__ or "")

    def get_tags(self) -> list[str]:
        return [self.view.resource.name]  # type: ignore[attr-defined]

    def get_request_serializer(self) -> Any:
        return self._operation.request

    def get_response_serializers(self) -> Any:
        return self._operation.responses

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *self._operation.parameters]
