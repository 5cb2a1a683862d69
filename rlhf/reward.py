"""The reward of ARCHITECTURE.md, term by term:

r = w_judge·ρ·J + w_human·H + w_online·O
    + sale_bonus·min(sales, 5) + pipeline_bonus·stage − step_cost·steps − token_cost·tokens

Pure. J, H and O are in [0, 1] or missing; a missing term gives its weight to those that are there. What the CRM says
may be broken: it then counts as 0, with a note, and never stops anything. Ranks inside a group are centred elsewhere.
ρ in [0, 1] is how far the judge was found to agree with people (`rlhf/agreement/reliability.py`); 1 until measured.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

JUDGE, HUMAN, ONLINE = "judge", "human", "online"
TERMS = (JUDGE, HUMAN, ONLINE)
STAGE_MULTIPLIERS: dict[str, float] = {"proposal": 3.0, "purchased": 3.0, "qualified": 2.0, "engaged": 1.0}
FUNNEL_WORDS = frozenset({"prospect", "engaged", "qualified", "proposal", "purchased", "lost", ""})


@dataclass(frozen=True, slots=True)
class RewardWeights:
    """One version of the weights. `step_cost` is reward per step, `token_cost` reward per token."""

    w_judge: float = 0.5
    w_human: float = 0.3
    w_online: float = 0.2
    crm_sale_bonus: float = 0.5
    max_sales: int = 5
    crm_pipeline_bonus: float = 0.1
    stage_multipliers: dict[str, float] = field(default_factory=lambda: dict(STAGE_MULTIPLIERS))
    step_cost: float = 0.01
    token_cost: float = 0.000005

    def __post_init__(self) -> None:
        numbers = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "stage_multipliers"}
        numbers |= {f"stage_multipliers[{stage}]": value for stage, value in self.stage_multipliers.items()}
        for name, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
                raise ValueError(f"{name} must be a finite number of at least 0, not {value!r}")
        if self.max_sales != int(self.max_sales):
            raise ValueError(f"max_sales must be a whole number, not {self.max_sales!r}")
        if self.w_judge + self.w_human + self.w_online <= 0:
            raise ValueError("one of w_judge, w_human and w_online must be above 0")
        unknown = set(self.stage_multipliers) - FUNNEL_WORDS
        if unknown:
            raise ValueError(f"stage_multipliers names stages that do not exist: {', '.join(sorted(unknown))}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Weights from stored values; what is absent has its default. Raises ValueError on an unknown name."""
        unknown = set(values) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"unknown weights: {', '.join(sorted(unknown))}")
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, **changes: Any) -> Self:
        """A copy with other values. Raises ValueError on an unknown name or a value out of range."""
        return self.from_dict(self.as_dict() | changes)


@dataclass(frozen=True, slots=True)
class Part:
    """One term: `adds` = weight · score, the weight of J, H and O after rescaling, of costs negative."""

    name: str
    score: float
    weight: float
    adds: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A reward that explains itself. `parts[].adds` sum to `value`; `attribution` is episode, pack or none."""

    value: float
    parts: tuple[Part, ...]
    terms_present: tuple[str, ...]
    attribution: str
    notes: tuple[str, ...] = ()
    inputs: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For `Reward.components`; `inputs` are enough to compute it again with other weights."""
        stored = asdict(self)
        stored["missing"] = [term for term in TERMS if term not in self.terms_present]
        for name in ("parts", "terms_present", "notes"):
            stored[name] = list(stored[name])
        return stored

    def again(self, weights: RewardWeights) -> Breakdown:
        """The same facts under other weights."""
        return replace(blend(**self.inputs, weights=weights, attribution=self.attribution), notes=self.notes)


def blend(
    *,
    judge: object = None,
    human: object = None,
    online: object = None,
    judge_reliability: object = 1.0,
    sales: object = 0,
    stage: object = "",
    steps: object = 0,
    tokens: object = 0,
    weights: RewardWeights | None = None,
    attribution: str = "none",
    notes: tuple[str, ...] = (),
) -> Breakdown:
    """One reward from its facts.

    `judge`, `human`, `online` in [0, 1], None where missing; anything else is missing with a note. `judge_reliability`
    in [0, 1] scales the judge's weight before the weights are rescaled; anything else is 1 with a note. `sales` counts
    sales, `stage` is a funnel word, `steps` and `tokens` count work: whatever is not a finite number of at least 0
    counts as 0 with a note. Where J, H and O are all missing, they add nothing.
    """
    using = weights or RewardWeights()
    remarks = list(notes)
    given = {JUDGE: judge, HUMAN: human, ONLINE: online}
    scores = {name: score for name in TERMS if (score := _unit(name, given[name], remarks)) is not None}
    trust = _unit("judge_reliability", judge_reliability, remarks)
    trust = 1.0 if trust is None else trust
    base = {JUDGE: using.w_judge * trust, HUMAN: using.w_human, ONLINE: using.w_online}
    present = math.fsum(base[name] for name in scores)
    parts = [_part(name, score, base[name] / present if present > 0 else 0.0) for name, score in scores.items()]
    sold = _count("sales", sales, remarks)
    reached = _stage(stage, remarks)
    worked, spoken = _count("steps", steps, remarks), _count("tokens", tokens, remarks)
    parts += [
        _part("sale", min(sold, float(using.max_sales)), using.crm_sale_bonus),
        _part("pipeline", using.stage_multipliers.get(reached, 0.0), using.crm_pipeline_bonus),
        _part("steps", worked, -using.step_cost),
        _part("tokens", spoken, -using.token_cost),
    ]
    return Breakdown(
        value=math.fsum(part.adds for part in parts),
        parts=tuple(parts),
        terms_present=tuple(scores),
        attribution=attribution,
        notes=tuple(remarks),
        inputs={
            **{name: scores.get(name) for name in TERMS},
            "judge_reliability": trust,
            "sales": sold,
            "stage": reached,
            "steps": worked,
            "tokens": spoken,
        },
    )


def _part(name: str, score: float, weight: float) -> Part:
    return Part(name, score, weight, score * weight + 0.0)  # + 0.0 turns −0.0 into 0.0


def _number(value: object) -> float | None:
    """A finite number, or None. Decimals count, booleans and text do not."""
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _unit(name: str, value: object, remarks: list[str]) -> float | None:
    if value is None:
        return None
    number = _number(value)
    if number is None or not 0.0 <= number <= 1.0:
        remarks.append(f"{name} is {_shown(value)}, not a number in [0, 1]: left out")
        return None
    return number


def _count(name: str, value: object, remarks: list[str]) -> float:
    number = _number(value)
    if number is None or number < 0:
        remarks.append(f"{name} is {_shown(value)}, not a count: taken as 0")
        return 0.0
    return number


def _stage(value: object, remarks: list[str]) -> str:
    if value is None:
        return ""
    word = value.strip().lower() if isinstance(value, str) else None
    if word in FUNNEL_WORDS:
        return word
    remarks.append(f"stage is {_shown(value)}, not a stage of the funnel: taken as 0")
    return ""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
