"""How much a judge's score may weigh in the reward, from how well it has agreed with people.

The factor multiplies the judge's weight. With c the concordance of the judge's and people's scores (1 the same
numbers, 0 what chance gives, less than 0 counts as 0) over n items, and m the items a first measurement takes:

    factor = 1                            while n < m: not measured yet
    factor = 1 − (1 − m / n) · (1 − c)    from then on

So a new judge counts fully; from m items on its record counts, at 2 m half, at 10 m nine tenths; there is no jump on
the way. At equal n more agreement never gives less weight, and a judge that agrees no better than chance ends near 0.
People's mean of few raters is itself uncertain, which lowers c: a factor of 0.7 can be a judge as good as a person.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from rlhf.agreement.concordance import concordance
from rlhf.agreement.estimates import Estimate

NOT_MEASURED = "not measured yet"


@dataclass(frozen=True, slots=True)
class JudgeReliability:
    """`factor` in [0, 1] for the judge's weight; `concordance` (with interval and items) is what it rests on.

    `measured` is False while there are fewer than `minimum` items or nothing to compare; `why` then says so.
    """

    factor: float
    measured: bool
    concordance: Estimate
    minimum: int
    why: str = ""


def judge_reliability(
    judge: ArrayLike, people: ArrayLike, *, minimum: int = 30, level: float = 0.95
) -> JudgeReliability:
    """From the judge's score and people's mean score per item, (items,) each on the same scale, nan where missing.

    Raises ValueError where lengths differ or `minimum` is below 2.
    """
    if minimum < 2:
        raise ValueError(f"minimum must be at least 2, not {minimum!r}")
    found = concordance(judge, people, level=level)
    if found.n < minimum:
        why = f"{NOT_MEASURED}: {found.n} of {minimum} items have both scores"
        return JudgeReliability(1.0, False, found, minimum, why)
    if found.value is None:
        return JudgeReliability(1.0, False, found, minimum, f"{NOT_MEASURED}: {found.why}")
    agreed = max(0.0, found.value)
    factor = 1.0 - (1.0 - minimum / found.n) * (1.0 - agreed)
    return JudgeReliability(factor, True, found, minimum)
