"""Nobody counts for more than was agreed: at most k groups each, at most so many events or so much money a group. Pure.

What is left out is chosen person by person, so that one person's rows never change what counts of another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from crm.cleanroom.noise import Below, secure

Group = tuple[str, ...]


@dataclass
class Totals:
    """Sums of bounded contributions of one source: people, events and cents by group."""

    people: dict[Group, int] = field(default_factory=lambda: defaultdict(int))
    events: dict[Group, int] = field(default_factory=lambda: defaultdict(int))
    cents: dict[Group, int] = field(default_factory=lambda: defaultdict(int))


def bounded(
    rows: Iterable[tuple[Hashable, Iterable[Group], int]],
    *,
    groups: int,
    events: int,
    cents: int,
    below: Below = secure,
) -> Totals:
    """Totals of rows (person, groups the row falls in, cents), each person held to `groups`, `events` and `cents`."""
    counted: dict[Hashable, dict[Group, list[int]]] = defaultdict(dict)
    for person, into, amount in rows:
        mine = counted[person]
        for group in into:
            had = mine.setdefault(group, [0, 0])
            had[0] += 1
            had[1] += amount
    totals = Totals()
    for mine in counted.values():
        kept = list(mine)
        if len(kept) > groups:
            kept = chosen(kept, groups, below)
        for group in kept:
            count, amount = mine[group]
            totals.people[group] += 1
            totals.events[group] += min(count, events)
            totals.cents[group] += min(amount, cents)
    return totals


def chosen(items: list[Group], count: int, below: Below) -> list[Group]:
    """`count` of `items`, every choice as likely as the other (Fisher and Yates, stopped early)."""
    rest = list(items)
    for place in range(count):
        other = place + below(len(rest) - place)
        rest[place], rest[other] = rest[other], rest[place]
    return rest[:count]
