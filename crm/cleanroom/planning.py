"""What a question costs and how exact its answer will be, known before anything is read. Pure.

The budget adds up (basic composition): a question of `epsilon` that needs m counts gives each epsilon / m. One person
is in at most k groups and adds at most c to each, so a count gets discrete Laplace noise of scale k * c * m / epsilon.
The guarantee is for neighbouring data that differ by everything about one person (added or removed).

Where group names come from the data, a group of one person must hardly ever appear: tau-thresholding (Korolova et al.,
WWW 2009; Wilson et al., PoPETs 2020) shows a group only when its noisy size reaches tau, with k * P(noise >= tau - 1)
<= delta. The minimum group size is held on the noisy size, too: a group below it passes with a probability of at most
0.001.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from crm.cleanroom import noise
from crm.cleanroom.errors import BadQuery
from crm.cleanroom.query import Aggregate, Overlap
from crm.cleanroom.vocabulary import METRICS, PERIODS, SIZE, Bound, Source

SMALL_GROUP_PASSES = 0.001
CENTS = 100


@dataclass(frozen=True)
class Limits:
    """What a room decides: the smallest group, and the budget of a period."""

    minimum_group: int
    epsilon: float
    delta: float


@dataclass(frozen=True)
class Measure:
    """One noisy figure of each group. `bound` and `scale` are in `1 / per` of a unit: money is counted in cents."""

    metric: str
    bound: int
    scale: Fraction
    per: int = 1

    @property
    def title(self) -> str:
        return METRICS[self.metric].title

    def reach(self, confidence: float = noise.CONFIDENCE) -> float:
        """Half the width of the interval, in units."""
        return noise.reach(self.scale, confidence) / self.per


@dataclass(frozen=True)
class Plan:
    """`thresholds`: people a group of a source must have, by its noisy size, to be shown. Delivery has no measures."""

    measures: tuple[Measure, ...]
    thresholds: dict[Source, int]
    groups: int
    epsilon: float
    delta: float
    minimum_group: int

    @property
    def shown_minimum(self) -> int:
        """The minimum group as an answer tells it; 0 where there are no people."""
        return self.minimum_group if self.measures else 0

    @property
    def threshold(self) -> int:
        """The highest of all sources; 0 where there are no people."""
        return max(self.thresholds.values(), default=0)


def plan(question: Aggregate | Overlap, limits: Limits) -> Plan:
    """The plan of a question in a room with these limits.

    Raises BadQuery where group names come from the data and the room has no delta to show any.
    """
    if isinstance(question, Overlap):
        scale = 1 / question.exact_epsilon
        measure = Measure("people", 1, scale)
        return Plan(
            (measure,), {Source.PEOPLE: _small(limits, scale)}, 1, float(question.epsilon), 0.0, limits.minimum_group
        )
    if not question.is_about_people:
        return Plan((), {}, 0, 0.0, 0.0, limits.minimum_group)
    if question.unlisted and not limits.delta:
        field = question.unlisted[0]
        raise BadQuery(
            f"by: {field} needs a delta, and this room has none. Ask without it"
            f"{', or with both dates' if field in PERIODS else ''}.",
            field="by",
            value=field,
        )
    each = question.exact_epsilon / len(question.base)
    measures = tuple(_measure(name, question, each) for name in question.base)
    delta = limits.delta * float(question.epsilon) / limits.epsilon if question.unlisted and limits.epsilon else 0.0
    thresholds = {}
    for source in question.sources:
        size = next(measure for measure in measures if measure.metric == SIZE[source])
        thresholds[source] = _small(limits, size.scale)
        if delta:
            chance = delta / question.groups / len(question.sources)
            thresholds[source] = max(thresholds[source], 1 + noise.exceeded_by_chance(size.scale, chance))
    return Plan(measures, thresholds, question.groups, float(question.epsilon), delta, limits.minimum_group)


def _measure(name: str, question: Aggregate, epsilon: Fraction) -> Measure:
    bound, per = 1, 1
    if METRICS[name].bound is Bound.EVENTS:
        bound = question.events_per_person
    elif METRICS[name].bound is Bound.AMOUNT:
        bound, per = question.amount_per_person * CENTS, CENTS
    return Measure(name, bound, question.groups * bound / epsilon, per)


def _small(limits: Limits, scale: Fraction) -> int:
    return limits.minimum_group - 1 + noise.exceeded_by_chance(scale, SMALL_GROUP_PASSES)
