"""What an output must look like to be judged at all. What does not fit is missing with its cause, never a 0."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)


class EmailShape(Shape):
    prospect_key: str
    subject: str
    body: str
    citations: list[str] = []


class CopyShape(Shape):
    sku_code: str
    headline: str
    body: str
    citations: list[str] = []


class FindingShape(Shape):
    text: str
    value: FiniteFloat | None = None
    citation: str = ""


class ReportShape(Shape):
    title: str = ""
    findings: list[FindingShape] = []
    recommendation: str = ""


class PlacementShape(Shape):
    external_id: str
    name: str
    now: FiniteFloat
    proposed: FiniteFloat
    at_least: FiniteFloat
    at_most: FiniteFloat
    marginal_now: FiniteFloat


class PlanShape(Shape):
    total: FiniteFloat
    placements: list[PlacementShape] = []
    expected_now: FiniteFloat = 0.0
    expected: FiniteFloat = 0.0
    uplift: FiniteFloat = 0.0
    uplift_low: FiniteFloat = 0.0
    uplift_high: FiniteFloat = 0.0
    next_one_brings: FiniteFloat = 0.0


class WidgetShape(Shape):
    """One widget of a dashboard. `width` in twelfths of the page, `rows` its height in rows of the grid, `rows_count`
    how many rows of data it shows where that is known."""

    type: str
    title: str = ""
    width: int = Field(ge=1, le=12)
    rows: int = Field(ge=1, le=12)
    metrics: list[str] = []
    dimensions: list[str] = []
    text: str = ""
    rows_count: int | None = None


class OutputShape(Shape):
    """`Experience.output` as `orchestrator/agents/outputs.py` writes it; a dashboard has `widgets` and an `answer`."""

    kind: Literal["budget", "creative", "measurement", "planning", "outreach", "dashboard"]
    emails: list[EmailShape] = []
    copies: list[CopyShape] = []
    allocation: dict[str, FiniteFloat] = {}
    audience: list[str] = []
    report: ReportShape | None = None
    gate_issues: list[str] = []
    plan: PlanShape | None = None
    widgets: list[WidgetShape] = []
    answer: str = ""

    @property
    def is_empty(self) -> bool:
        spoken = self.report is not None and (self.report.findings or self.report.recommendation)
        return not (self.emails or self.copies or self.allocation or spoken or self.widgets or self.answer.strip())


class CampaignShape(Shape):
    external_id: str
    name: str
    spend_per_week: FiniteFloat = 0.0


def _plain(value: Any) -> Any:
    """A slot may be the value itself or {"value": ...} with how sure the reader was."""
    return value.get("value") if isinstance(value, dict) and "value" in value else value


def _names(value: Any) -> Any:
    """A list of names from names or from {"name": ...}; whatever else is no name."""
    plain = _plain(value)
    if isinstance(plain, str):
        return [plain] if plain else []
    if not isinstance(plain, list):
        return []
    named = [one.get("name") if isinstance(one, dict) else one for one in plain]
    return [one for one in named if isinstance(one, str) and one]


def _word(value: Any) -> Any:
    plain = _plain(value)
    return plain if isinstance(plain, str) else ""


class IntentShape(Shape):
    """The slots of `Experience.intent` that a judge of dashboards holds the widgets against."""

    action: Annotated[str, BeforeValidator(_word)] = ""
    metrics: Annotated[list[str], BeforeValidator(_names)] = []
    dimensions: Annotated[list[str], BeforeValidator(_names)] = []
    comparison: Annotated[str, BeforeValidator(_word)] = ""

    @property
    def says_something(self) -> bool:
        return bool(self.metrics or self.dimensions or self.action not in ("", "unknown"))


class ContextShape(Shape):
    """`Experience.context`: facts by id and the figures behind derived ones."""

    brand: str = ""
    voice: str = ""
    postal_address: str = ""
    goal: str = ""
    placement: Literal["ad", "page"] = "ad"
    facts: dict[str, str] = {}
    values: dict[str, list[FiniteFloat]] = {}
    products: dict[str, str] = {}
    product: str = ""
    prospect: dict[str, Any] | None = None
    campaigns: list[CampaignShape] = []
    intent: IntentShape = IntentShape()


class RubricShape(Shape):
    """Front matter of a rubric file. Weights sum to 1."""

    kind: str
    criteria: dict[
        Literal["accuracy", "completeness", "coherence", "relevance", "brand_fit", "compliance"],
        float,
    ] = Field(min_length=6)
    words: dict[str, float]
    wants: dict[str, int] = {}
