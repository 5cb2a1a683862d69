"""Which rows totals read: one reading of every campaign and day, or the same spend would count several times."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import date

from django.db import connection

from crm.facts.loading import TABLE, on_postgresql
from crm.models import Brand, PerformanceMetric


def competing(brand: Brand, campaigns: Collection[int], first: date, last: date, *, report: str, grain: int) -> bool:
    """Whether another report (or the same at another grain) counts for one of these campaigns in these days."""
    facts = PerformanceMetric.objects.for_brand(brand).counting().filter(measured_on__range=(first, last))
    facts = facts.filter(campaign__in=campaigns)
    return bool((facts.exclude(report=report) | facts.exclude(grain=grain)).exists())


def rechoose(brand: Brand, campaigns: Collection[int], first: date, last: date) -> int:
    """Set `counts` of all facts of these campaigns and days: the smallest grain, then the first report by name, wins.
    Rows of whole accounts never count. How many rows changed."""
    if not campaigns:
        return 0
    wanted = list(campaigns) if on_postgresql() else json.dumps(list(campaigns))
    among = "= ANY(%s)" if on_postgresql() else "IN (SELECT value FROM json_each(%s))"

    def within(table: str) -> str:
        return (
            f"{table}.brand_id = %s AND {table}.campaign_id {among} AND {table}.measured_on BETWEEN %s AND %s"
            f" AND {table}.grain <> 9"
        )

    scope = [brand.pk, wanted, first, last]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH readings AS (
                SELECT DISTINCT campaign_id, measured_on, grain, report FROM {TABLE}
                WHERE {within(TABLE)}
            ), places AS (
                SELECT *, row_number() OVER (PARTITION BY campaign_id, measured_on ORDER BY grain, report) AS place
                FROM readings
            )
            UPDATE {TABLE} AS fact SET counts = (places.place = 1) FROM places
            WHERE {within("fact")}
              AND fact.campaign_id = places.campaign_id AND fact.measured_on = places.measured_on
              AND fact.grain = places.grain AND fact.report = places.report
              AND fact.counts <> (places.place = 1)
            """,  # noqa: S608
            [*scope, *scope],
        )
        return int(cursor.rowcount)
