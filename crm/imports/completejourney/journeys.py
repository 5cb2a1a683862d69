"""Each household's way through a campaign: stages with the dates on which the data show them. Pure.

reached -> prospect on the campaign's first day; exposed -> engaged; coupon redeemed -> proposal (the offer was taken);
couponed product bought -> purchased. A lead only moves forward; what happens after a later stage changes nothing.
Nobody becomes `lost`: the transactions are a sample, so a household of which nothing is seen may still have bought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import polars as pl

from crm.imports.completejourney.figures import Figures
from crm.imports.completejourney.tables import Tables

ORDER = ("prospect", "engaged", "proposal", "purchased")

Key = tuple[int, int]  # campaign, household


@dataclass(frozen=True, slots=True)
class Move:
    """A lead came to `stage` at `at`."""

    stage: str
    at: datetime


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def journeys(tables: Tables, found: Figures) -> dict[Key, list[Move]]:
    """Moves of every lead in time order, the first always to prospect."""
    seen: dict[Key, list[Move]] = defaultdict(list)
    starts = dict(tables["campaign_descriptions"].select("campaign_id", "start_date").iter_rows())
    for campaign, household in tables["campaigns"].select("campaign_id", "household_id").iter_rows():
        if campaign in starts and (campaign, household) not in seen:
            seen[campaign, household].append(Move("prospect", midnight(starts[campaign])))
    firsts: tuple[tuple[str, pl.DataFrame], ...] = (
        ("engaged", _first(found.exposed, "at")),
        ("proposal", _first(tables["coupon_redemptions"], "redemption_date")),
        ("purchased", _first(found.bought.filter(pl.col("sales_value") > 0), "at")),
    )
    for stage, frame in firsts:
        for campaign, household, at in frame.iter_rows():
            if (campaign, household) in seen:
                instant = at.replace(tzinfo=UTC) if isinstance(at, datetime) else midnight(at)
                seen[campaign, household].append(Move(stage, instant))
    return {key: list(_forward(moves)) for key, moves in seen.items()}


def _first(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.group_by("campaign_id", "household_id").agg(pl.col(column).min())


def _forward(moves: list[Move]) -> Iterable[Move]:
    """Moves in time order without those that lead back or nowhere."""
    highest = -1
    for move in sorted(moves, key=lambda move: (move.at, ORDER.index(move.stage))):
        place = ORDER.index(move.stage)
        if place > highest:
            highest = place
            yield move
