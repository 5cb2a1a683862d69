"""The YAML file of a simulated world, checked field by field. Unknown and missing keys are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from crm.errors import EndcapError

WORLDS = Path(__file__).resolve().parent / "worlds"

# What the market reads in a text, for one buyer; crm/market/reading.py and response.py say how each is measured.
Feature = Literal[
    "need", "headline_need", "figures", "length", "question", "personal", "offer", "price", "spam", "fatigue", "busy"
]
FEATURES: tuple[str, ...] = get_args(Feature)
Channel = Literal["emails", "copies", "allocation", "report"]
Kind = Literal["outreach", "creative", "budget", "measurement", "planning"]

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class WorldError(EndcapError):
    """A world file cannot be used; the message names file, field and value."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Need(_Strict):
    """Something a buyer may care about, and the words that speak to it (compared by stem)."""

    words: Annotated[tuple[str, ...], Field(min_length=1)]


class Segment(_Strict):
    """Buyers of one kind: what they need (weights, any positive scale), how ready they are, what they spend."""

    needs: dict[str, Positive]
    propensity: float = Field(description="Added to the log-odds of opening and of replying")
    sale: Positive = Field(description="Median amount of one sale, in the brand's currency")


class Buyers(_Strict):
    """The hidden people. Beta parameters (a, b) of traits in [0, 1]."""

    stated_need_is_true: Share
    alike: Share = Field(description="Chance that a buyer like the prospect shares the prospect's hidden need")
    seniority: tuple[Positive, Positive]
    fatigue: tuple[Positive, Positive]
    spam_sensitivity: tuple[Positive, Positive]
    price_sensitivity: tuple[Positive, Positive]
    sale_spread: Positive = Field(description="Standard deviation of the log of the amount of a sale")


class Stage(_Strict):
    """One step: `base` is the chance for a text without any feature, effects are log-odds per feature."""

    base: Annotated[float, Field(gt=0, lt=1)]
    effects: dict[Feature, float]
    delay_days: Positive = Field(description="Mean days since the step before, on the market's clock")


class EmailChannel(_Strict):
    reach: Annotated[int, Field(ge=1, le=5000)]
    ideal_words: Positive
    opened: Stage
    replied: Stage
    booked: Stage
    sold: Stage


class CopyChannel(_Strict):
    reach: Annotated[int, Field(ge=1, le=5000)]
    ideal_words: Positive
    clicked: Stage
    sold: Stage


class Slope(_Strict):
    """A chance that moves with a score in [-1, 1]: log-odds = logit(base) + slope x score."""

    base: Annotated[float, Field(gt=0, lt=1)]
    slope: float
    delay_days: Positive


class MoneyChannel(_Strict):
    reach: Annotated[int, Field(ge=1, le=5000)]
    clicked: Slope
    sold: Slope
    sale: Positive = Field(description="Median amount of one sale, in the brand's currency")


class ReportChannel(MoneyChannel):
    """A report acts through what it advises: right advice, specific enough to be followed."""

    adoption_base: Share
    adoption_figures: Share
    adoption_length: Share
    ideal_words: Positive


class Curve(_Strict):
    """Extra sales per week of `x` spent per week: top * x**shape / (half**shape + x**shape), a Hill curve.

    With shape at most 1 it is concave, so that the best split is well defined. `organic`: sales per week that the
    retailer's report credits to the campaign though they would have come anyway.
    """

    top: Positive
    half: Positive
    shape: Annotated[float, Field(gt=0, le=1)]
    organic: Annotated[float, Field(ge=0)]


class CurvePrior(_Strict):
    """For campaigns the file does not name: ranges relative to what the campaign spends per week, drawn by its id."""

    return_at_half: tuple[Positive, Positive] = Field(description="top / (2 half): sales per unit at half saturation")
    half_over_spend: tuple[Positive, Positive]
    shape: tuple[Positive, Positive]
    organic_over_spend: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class Media(_Strict):
    """How money works, and how well the brand's own history shows it."""

    named: dict[str, Curve]
    otherwise: CurvePrior
    days_of_history: Annotated[int, Field(ge=7, le=730)]
    spend_swing: Positive = Field(description="Log-sd of weekly spend: the wider, the better the curve can be read")
    sales_noise: Positive = Field(description="Log-sd of daily sales")
    price_of_1000_views: Positive
    click_rate: Share
    basket: Positive


class WorldSpec(_Strict):
    """A whole world file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: str
    about: str
    seed: Annotated[int, Field(ge=0)]
    latest_day: Positive = Field(description="No answer comes later than this many days after the episode")
    needs: dict[str, Need]
    spam_words: tuple[str, ...]
    offer_words: tuple[str, ...]
    price_words: tuple[str, ...]
    segments: dict[str, Segment]
    otherwise: Segment
    shoppers: Segment
    buyers: Buyers
    emails: EmailChannel
    copies: CopyChannel
    allocation: MoneyChannel
    report: ReportChannel
    media: Media
    tasks: dict[Kind, dict[Channel, Share]] = Field(description="Share of each channel's reach that an episode has")

    @field_validator("tasks")
    @classmethod
    def _every_kind(cls, value: dict[str, Any]) -> dict[str, Any]:
        missing = sorted(set(get_args(Kind)) - set(value))
        if missing:
            raise ValueError(f"no entry for {', '.join(missing)}")
        return value

    @model_validator(mode="after")
    def _known_needs(self) -> WorldSpec:
        groups = {**self.segments, "otherwise": self.otherwise, "shoppers": self.shoppers}
        for name, segment in groups.items():
            unknown = sorted(set(segment.needs) - set(self.needs))
            if unknown or not segment.needs:
                raise ValueError(f"segment {name}: needs {unknown or '(none)'} are not among {sorted(self.needs)}")
        return self


def read_spec(name_or_path: str | Path) -> WorldSpec:
    """The checked spec of a world shipped with Endcap (by name) or of any file (by path).

    Raises WorldError naming the file, the field and the value of everything that is wrong, all at once.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = WORLDS / f"{name_or_path}.yaml"
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in WORLDS.glob("*.yaml")))
        raise WorldError(f"There is no world {name_or_path!s}. Known: {known}.", value=str(name_or_path)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WorldError(f"{path.name} is not readable YAML: {error}", file=path.name) from error
    if not isinstance(raw, dict):
        raise WorldError(f"{path.name} must hold keys and values at its top.", file=path.name)
    try:
        return WorldSpec.model_validate(raw)
    except ValidationError as error:
        raise WorldError(_explain(path.name, error), file=path.name, fields=_fields(error)) from error


def _fields(error: ValidationError) -> list[str]:
    return [".".join(str(part) for part in problem["loc"]) or "(whole file)" for problem in error.errors()]


def _explain(file: str, error: ValidationError) -> str:
    lines = []
    for field, problem in zip(_fields(error), error.errors(), strict=True):
        if problem["type"] == "extra_forbidden":
            lines.append(f"{field}: unknown key (value {problem['input']!r})")
        elif problem["type"] == "missing":
            lines.append(f"{field}: missing")
        else:
            shown = "" if isinstance(problem["input"], dict | WorldSpec) else f" (value {problem['input']!r})"
            lines.append(f"{field}: {problem['msg'].removeprefix('Value error, ')}{shown}")
    return f"{file} cannot be used:\n  " + "\n  ".join(lines)
