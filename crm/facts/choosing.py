"""Which rows totals read: one reading of every figure of a campaign and day, or the same spend would count twice.

Readings (the rows of one report at one grain) are taken by grain, the smallest number first, then by the report's name.
A reading counts where none of its figures was taken already: delivery in one report and purchases in another both do.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import date
from itertools import groupby
from typing import Any

from django.db import connection

from crm.facts.loading import TABLE, on_postgresql
from crm.imports.reports.canonical import FIGURES
from crm.models import Brand, PerformanceMetric

CHOSEN = "chosen_readings"


def competing(brand: Brand, campaigns: Collection[int], first: date, last: date, *, report: str, grain: int) -> bool:
    """Whether another report (or the same at another grain) counts for one of these campaigns in these days."""
    facts = PerformanceMetric.objects.for_brand(brand).counting().filter(measured_on__range=(first, last))
    facts = facts.filter(campaign__in=campaigns)
    return bool((facts.exclude(report=report) | facts.exclude(grain=grain)).exists())


def rechoose(brand: Brand, campaigns: Collection[int], first: date, last: date) -> int:
    """Set `counts` of all facts of these campaigns and days; rows of whole accounts never count. How many rows changed.

    Reads one row for each reading of a campaign and day. Belongs into the transaction that changed the facts.
    """
    if not campaigns:
        return 0
    wanted = list(campaigns) if on_postgresql() else json.dumps(list(campaigns))
    scope = [brand.pk, wanted, first, last]
    says = " + ".join(f"max(CASE WHEN {name} IS NULL THEN 0 ELSE {1 << at} END)" for at, name in enumerate(FIGURES))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT campaign_id, measured_on, grain, report, {says}, min(CAST(counts AS integer)),"  # noqa: S608
            f" max(CAST(counts AS integer)) FROM {TABLE} WHERE {_within(TABLE)}"
            " GROUP BY campaign_id, measured_on, grain, report ORDER BY campaign_id, measured_on, grain, report",
            scope,
        )
        changes = list(_changes(cursor.fetchall()))
        if not changes:
            return 0
        cursor.execute(
            f"CREATE TEMPORARY TABLE {CHOSEN}"
            " (campaign_id bigint, measured_on date, grain smallint, report varchar(60), counts boolean)"
        )
        cursor.executemany(f"INSERT INTO {CHOSEN} VALUES (%s, %s, %s, %s, %s)", changes)  # noqa: S608
        cursor.execute(
            f"UPDATE {TABLE} AS fact SET counts = chosen.counts FROM {CHOSEN} AS chosen"  # noqa: S608
            f" WHERE {_within('fact')} AND fact.campaign_id = chosen.campaign_id"
            " AND fact.measured_on = chosen.measured_on AND fact.grain = chosen.grain"
            " AND fact.report = chosen.report AND fact.counts <> chosen.counts",
            scope,
        )
        changed = int(cursor.rowcount)
        cursor.execute(f"DROP TABLE {CHOSEN}")
    return changed


def _within(table: str) -> str:
    among = "= ANY(%s)" if on_postgresql() else "IN (SELECT value FROM json_each(%s))"
    return (
        f"{table}.brand_id = %s AND {table}.campaign_id {among} AND {table}.measured_on BETWEEN %s AND %s"
        f" AND {table}.grain <> {PerformanceMetric.Grain.ACCOUNT.value}"
    )


def _changes(rows: Iterable[tuple[Any, ...]]) -> Iterable[tuple[Any, ...]]:
    """(campaign, day, grain, report, counts) of the readings whose rows are not all marked as they should be."""
    for (campaign, day), readings in groupby(rows, key=lambda row: row[:2]):
        taken = 0
        for _, _, grain, report, figures, least, most in readings:
            counts = figures != 0 and not figures & taken
            taken |= figures if counts else 0
            if least != counts or most != counts:
                yield campaign, day, grain, report, counts
