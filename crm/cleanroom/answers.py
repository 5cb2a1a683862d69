"""An answer of a clean room, the same for ours and a retailer's, over HTTP and in the account."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Figure(BaseModel):
    """A noisy figure with its interval; all null where the group was too small to show, or the noise too large."""

    model_config = ConfigDict(allow_inf_nan=False)

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Row(BaseModel):
    """One group, named by the values of the dimensions."""

    group: dict[str, str]
    figures: dict[str, Figure]


class Column(BaseModel):
    """A metric that was asked, or that decides whether a group is shown."""

    name: str
    title: str
    unit: str = Field(description="people, events, sales, share, or an ISO 4217 currency")


class Noise(BaseModel):
    """What was added to each figure. `scales` are those of the distribution, in units of the metric."""

    mechanism: str = Field(description="discrete Laplace, or none where the figures hold no persons")
    confidence: float = Field(
        default=0.95, gt=0, lt=1, description="Of the intervals: the noise alone, not sampling or clipping"
    )
    scales: dict[str, float] = Field(default_factory=dict)
    groups_per_person: int | None = None
    events_per_person: int | None = None
    amount_per_person: int | None = None


class Budget(BaseModel):
    """What this question took and what is left in the room."""

    spent: float = Field(ge=0, description="Epsilon of this question; 0 when it was answered before")
    delta: float = Field(default=0, ge=0)
    left: float = Field(ge=0)
    limit: float = Field(ge=0)
    period_days: int = Field(ge=0)
    whole_again_at: datetime | None = None


class Answer(BaseModel):
    """`suppressed`: groups not shown; null where their very number would say too much."""

    served_by: str = Field(description="embedded, or the host of the endpoint")
    room: str
    kind: Literal["aggregate", "overlap"]
    by: list[str]
    columns: list[Column]
    rows: list[Row]
    noise: Noise
    minimum_group: int = Field(ge=0)
    threshold: int = Field(ge=0, description="Noisy number of people from which a group is shown")
    suppressed: int | None
    budget: Budget
    asked_at: datetime
    repeated: bool = Field(default=False, description="The recorded answer to the same question, free")
    notes: list[str] = Field(default_factory=list)
    query_id: int | None = Field(default=None, description="Row of the account, in the room that recorded it")

    def stored(self) -> dict[str, Any]:
        """What the account keeps: all but the budget as it stood, which changes."""
        return self.model_dump(mode="json", exclude={"query_id", "repeated"})


class Reply(BaseModel):
    """One page of an answer over HTTP."""

    answer: Answer
    next: str | None = Field(default=None, max_length=2000, description="`cursor` of the next page")
