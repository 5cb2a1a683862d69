"""What an output must look like to be judged at all. What does not fit is missing with its cause, never a 0."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat


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


class OutputShape(Shape):
    """`Experience.output` as `orchestrator/agents/outputs.py` writes it."""

    kind: Literal["budget", "creative", "measurement", "planning", "outreach"]
    emails: list[EmailShape] = []
    copies: list[CopyShape] = []
    allocation: dict[str, FiniteFloat] = {}
    audience: list[str] = []
    report: ReportShape | None = None
    gate_issues: list[str] = []
    plan: PlanShape | None = None

    @property
    def is_empty(self) -> bool:
        spoken = self.report is not None and (self.report.findings or self.report.recommendation)
        return not (self.emails or self.copies or self.allocation or spoken)


class CampaignShape(Shape):
    external_id: str
    name: str
    spend_per_week: FiniteFloat = 0.0


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


class RubricShape(Shape):
    """Front matter of a rubric file. Weights sum to 1."""

    kind: str
    criteria: dict[
        Literal["accuracy", "completeness", "coherence", "relevance", "brand_fit", "compliance"],
        float,
    ] = Field(min_length=6)
    words: dict[str, float]
    wants: dict[str, int] = {}
