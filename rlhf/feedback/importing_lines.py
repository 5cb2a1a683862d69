"""One line of a file of feedback events: read, checked, or refused with field, value and reason."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crm.imports.faults import Fault
from crm.imports.values import fingerprint, storable
from crm.models import Outcome
from rlhf.feedback.giving import LONGEST_COMMENT, LONGEST_REASON, LONGEST_TEXT, MOST_REASONS
from rlhf.feedback.importing_texts import KIND
from rlhf.models import PreferencePair

LONGEST_LINE = 200_000  # characters
MOST_RANKED = 64
IMPORTED = "imported"

Score = Annotated[float, Field(strict=True, ge=0, le=1)]
Long = Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_TEXT)]
Id = Annotated[str, Field(strict=True, min_length=1, max_length=120)]


class Event(BaseModel):
    """What every event has. `id` is the sender's; without one its content is its identity."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = None
    at: Annotated[str, Field(strict=True, max_length=40)] | None = None
    content: str = Field("", exclude=True)

    @property
    def identity(self) -> str:
        return self.id or self.content


class Ruler(Event):
    """A joint ranking of answers to one request: a score in [0, 1] for each."""

    type: Literal["RULER"]
    ids: list[UUID] = Field(min_length=2, max_length=MOST_RANKED)
    scores: list[Score]
    judge: Annotated[str, Field(strict=True, min_length=1, max_length=60)]
    rubric_version: Annotated[str, Field(strict=True, min_length=1, max_length=80)] = IMPORTED
    group: UUID | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_id(cls, data: Any) -> Any:
        """`scores` may be an object of id to score; `ids` are its names then."""
        if isinstance(data, dict) and isinstance(data.get("scores"), dict) and "ids" not in data:
            return {**data, "ids": list(data["scores"]), "scores": list(data["scores"].values())}
        return data

    @model_validator(mode="after")
    def _one_each(self) -> Ruler:
        if len(set(self.ids)) != len(self.ids):
            raise Fault("ids", "", "names an experience twice")
        if len(self.scores) != len(self.ids):
            raise Fault("scores", len(self.scores), f"are not one for each of the {len(self.ids)} ids")
        return self


class HumanPreference(Event):
    """A person's choice between two experiences, or between two texts."""

    type: Literal["HumanPreference"]
    a: UUID | None = None
    b: UUID | None = None
    prompt: Long | None = None
    chosen: Long | None = None
    rejected: Long | None = None
    kind: Annotated[str, Field(strict=True, min_length=1, max_length=20)] = KIND
    verdict: PreferencePair.Verdict = PreferencePair.Verdict.A
    rater: Annotated[str, Field(strict=True, min_length=1, max_length=120)]
    shown_order: Literal["ab", "ba"] = "ab"
    reasons: list[Annotated[str, Field(strict=True, max_length=LONGEST_REASON)]] = Field([], max_length=MOST_REASONS)
    comment: Annotated[str, Field(strict=True, max_length=LONGEST_COMMENT)] = ""

    @model_validator(mode="after")
    def _either(self) -> HumanPreference:
        wanted = ("prompt", "chosen", "rejected") if self.as_texts else ("a", "b", "verdict")
        for name in wanted:
            if name not in self.model_fields_set or getattr(self, name) is None:
                raise Fault(name, "", "is missing: name a, b and verdict, or prompt, chosen and rejected")
        for name in ("a", "b") if self.as_texts else ():
            if getattr(self, name) is not None:
                raise Fault(name, str(getattr(self, name)), "stands beside texts: name experiences or texts, not both")
        if self.as_texts and self.verdict is not PreferencePair.Verdict.A:
            raise Fault("verdict", self.verdict, "contradicts chosen and rejected")
        return self

    @property
    def as_texts(self) -> bool:
        return bool({"prompt", "chosen", "rejected"} & self.model_fields_set)


class OnlineOutcome(Event):
    """What the market did with the output of an episode. `count` says how many people a row without a lead is about."""

    type: Literal["OnlineOutcome"]
    experience: UUID | None = None
    episode: UUID | None = None
    kind: Outcome.Kind
    at: Annotated[str, Field(strict=True, max_length=40)]
    lead: Id | None = None
    amount: Decimal | None = Field(None, ge=0, max_digits=14, decimal_places=2)
    currency: str = Field("", pattern="^([A-Z]{3})?$")
    count: int | None = Field(None, strict=True, ge=1, le=1_000_000_000)

    @model_validator(mode="after")
    def _about(self) -> OnlineOutcome:
        if (self.experience is None) == (self.episode is None):
            raise Fault("experience", "", "name the experience or the episode, one of them")
        return self


EVENTS: dict[str, type[Event]] = {
    "RULER": Ruler,
    "HumanPreference": HumanPreference,
    "OnlineOutcome": OnlineOutcome,
}


def values_of(line: str) -> dict[str, Any]:
    """The JSON object of a line. Raises Fault."""
    if len(line) > LONGEST_LINE:
        raise Fault("line", line[:80], f"has {len(line):,} characters; at most {LONGEST_LINE:,} fit")
    try:
        found = json.loads(line, parse_constant=_no_number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Fault("line", line[:200], f"is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise Fault("line", line[:200], "is no JSON object")
    storable(found)
    return found


def event_of(values: dict[str, Any]) -> Event:
    """The event. Raises Fault with the field that is wrong."""
    kind = values.get("type")
    event = EVENTS.get(kind) if isinstance(kind, str) else None
    if event is None:
        raise Fault("type", kind, f"is no kind of event; there are {', '.join(EVENTS)}")
    try:
        return event.model_validate({**values, "content": fingerprint(values)})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "line"
        raise Fault(field, _shown(first["input"], first["type"]), str(first["msg"])) from None


def _shown(value: Any, problem: str) -> str:
    return "" if problem == "missing" or isinstance(value, dict) else str(value)[:200]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} stands twice")
        found[name] = value
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
