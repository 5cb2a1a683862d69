"""A person's verdict in the six fields of a judge's: a mistyped field is an error and not a loss. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FIELDS = (
    "evaluation_confidence",
    "evaluation_reasoning",
    "query_understanding",
    "per_widget_feedback",
    "missing_widgets",
    "suggested_improvements",
)


class WidgetFeedback(BaseModel):
    """What somebody thinks of one widget of a dashboard."""

    model_config = ConfigDict(extra="forbid")

    widget_index: int = Field(ge=0, le=199)
    widget_type: str = Field("", max_length=40)
    appropriateness_score: float | None = Field(None, ge=0, le=1)
    size_appropriate: bool | None = None
    issues: list[str] = Field(default_factory=list, max_length=20)
    strengths: list[str] = Field(default_factory=list, max_length=20)


class RichVerdict(BaseModel):
    """The six fields; each may be left out."""

    model_config = ConfigDict(extra="forbid")

    evaluation_confidence: float | None = Field(None, ge=0, le=1)
    evaluation_reasoning: str = Field("", max_length=4000)
    query_understanding: str = Field("", max_length=4000)
    per_widget_feedback: list[WidgetFeedback] = Field(default_factory=list, max_length=50)
    missing_widgets: list[str] = Field(default_factory=list, max_length=20)
    suggested_improvements: list[str] = Field(default_factory=list, max_length=20)


def read(values: dict[str, Any]) -> tuple[dict[str, Any] | None, str, str]:
    """(clean fields, "", "") or (None, field, what is wrong with it)."""
    try:
        return RichVerdict.model_validate(values).model_dump(exclude_none=True, exclude_defaults=True), "", ""
    except ValidationError as error:
        first = error.errors()[0]
        return None, ".".join(str(part) for part in first["loc"]), str(first["msg"])
