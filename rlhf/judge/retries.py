"""Which missing verdicts are asked for again, how often and how long after. One table, and the rule that reads it."""

from __future__ import annotations

from dataclasses import dataclass

MOST_ATTEMPTS = 12  # of one order, whatever went wrong: then it is parked for a person
LONGEST_WAIT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Retry:
    """`times` more tries for one cause; the n-th waits after_s · 2^(n−1) seconds, at most `at_most_s`."""

    times: int
    after_s: float = 0.0
    at_most_s: float = 3600.0


#: By Evaluation.Cause. A month's limit is no fault: such an order waits for the next month and has no row here.
RETRIES: dict[str, Retry] = {
    "rate_limited": Retry(8, 30, 1800),    # 429: or as long as the service asks
    "overloaded":   Retry(8, 60, 1800),    # 529: the same
    "timed_out":    Retry(3, 120, 3600),
    "unreachable":  Retry(8, 60, 1800),
    "cut_off":      Retry(1, 30),          # with twice the room
    "not_json":     Retry(2, 60),
    "out_of_range": Retry(2, 60),
    "wrong_ids":    Retry(2, 60),          # with other ids and another order
    "expired":      Retry(3, 0),
    "refused":      Retry(0),
    "bad_call":     Retry(0),              # wrong key, unknown model: a person has to act
    "unreadable":   Retry(0),
    "no_rubric":    Retry(0),
}  # fmt: skip


def wait_s(cause: str, *, failures: int, attempts: int, asked_s: float | None = None) -> float | None:
    """Seconds until the next try; None where there is none.

    `failures` counts this cause on this order, the one at hand included; `asked_s` is what the service asked for
    (retry-after) and is never undercut.
    """
    rule = RETRIES[cause]
    if failures > rule.times or attempts >= MOST_ATTEMPTS:
        return None
    own = min(rule.after_s * 2.0 ** (failures - 1), rule.at_most_s)
    return min(max(own, asked_s or 0.0), LONGEST_WAIT_S)
