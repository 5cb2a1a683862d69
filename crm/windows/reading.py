"""The same as `alignment.align`, worked out by the database: what each retailer gives, and sums in one window.

The figures of further windows stand in a text of JSON; SQL of our own for SQLite and for PostgreSQL takes them out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, DecimalField, F, Func, Max, Min, Q, QuerySet, Sum, TextField, When

from crm.models import Brand, PerformanceMetric, Retailer
from crm.windows.alignment import FIGURES, Offer, Window, offer, total

NUMBER = DecimalField(max_digits=38, decimal_places=6)


class GivenWindows(Func):
    """The keys of `other_windows`, one a line; null where there are none."""

    arity = 1
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="(SELECT group_concat(je.key, char(10)) FROM json_each(%(expressions)s) AS je)",
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection,
            template="(SELECT string_agg(k, chr(10) ORDER BY k) FROM json_object_keys(CASE WHEN "
            "left(%(expressions)s, 1) = '{' THEN (%(expressions)s)::json ELSE '{}'::json END) AS k)",
        )  # fmt: skip


class OtherFigure(Func):
    """One figure of one window out of `other_windows`, as a number; null where the row does not give it."""

    arity = 1
    output_field = NUMBER

    def __init__(self, column: str, window: Window, figure: str) -> None:
        super().__init__(column)
        self.window, self.figure = window.key, figure

    def deconstructed(self) -> tuple[str, str]:
        return self.window, self.figure

    @property
    def identity(self) -> Any:
        return (*super().identity, self.window, self.figure)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"CAST(JSON_EXTRACT({sql}, %s) AS REAL)", [*params, f'$."{self.window}"."{self.figure}"']

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        sql, params = compiler.compile(self.source_expressions[0])
        return f"({sql}::json #>> %s)::numeric", [*params, [self.window, self.figure]]


@dataclass(frozen=True)
class Week:
    """One campaign's week in the chosen window. `said` is how many of its rows say sales; None: nobody says it."""

    retailer: int
    campaign: int | None
    week: date
    currency: str
    rows: int
    spend: Decimal | None
    orders: Decimal | None
    units: Decimal | None
    sales: Decimal | None
    said: int


def facts(brand: Brand, *, since: date | None = None, until: date | None = None) -> QuerySet[Any]:
    """One reading of each campaign and day between two days, both inclusive."""
    found: QuerySet[Any] = PerformanceMetric.objects.for_brand(brand).counting().order_by()
    if since is not None:
        found = found.filter(measured_on__gte=since)
    if until is not None:
        found = found.filter(measured_on__lte=until)
    return found


def gives(window: Window) -> Q:
    """Rows that give the window, as their own or beside it."""
    return is_own(window) | Q(other_windows__gives=window.key)


def is_own(window: Window) -> Q:
    return Q(window_days=window.days, attribution=window.attribution)


def in_window(window: Window) -> dict[str, Case]:
    """Expressions for orders, units and sales of a row in the window; null where the row does not give it."""
    return {
        name: Case(When(is_own(window), then=F(name)), default=OtherFigure("other_windows", window, name),
                   output_field=NUMBER)
        for name in FIGURES
    }  # fmt: skip


def offers(rows: QuerySet[Any], retailers: Iterable[Retailer]) -> list[Offer]:
    """What each retailer gives, by one query: rows with the same windows put together. `network` is the slug."""
    slugs = {one.pk: one.slug for one in retailers}
    found = (
        rows.values("retailer_id", "currency", "window_days", "attribution", given=GivenWindows("other_windows"))
        .annotate(count=Count("pk"), money=Sum("spend"), first=Min("measured_on"), last=Max("measured_on"))
        .order_by()
    )
    put: dict[Any, Offer] = {}
    for row in found:
        one = offer(
            slugs[row["retailer_id"]], row["currency"], Window(row["window_days"], row["attribution"]),
            (row["given"] or "").splitlines(), rows=row["count"], spend=row["money"],
            first_on=row["first"], last_on=row["last"],
        )  # fmt: skip
        key = (one.network, one.currency, one.window, one.others, one.unread)
        put[key] = _joined(put[key], one) if key in put else one
    return list(put.values())


def weeks(rows: QuerySet[Any], window: Window) -> list[Week]:
    """Sums by retailer, campaign, week (its Monday) and currency of the rows that give the window: one query.

    Grouped by day in the database and by week here: SQLite would call back into Python for every row otherwise.
    """
    figures = in_window(window)
    found = (
        rows.filter(gives(window))
        .values("retailer_id", "campaign_id", "measured_on", "currency")
        .annotate(
            count=Count("pk"), money=Sum("spend"), said=Count(figures["sales"]),
            **{f"its_{name}": Sum(figures[name], output_field=NUMBER) for name in FIGURES},
        )
        .order_by()
    )  # fmt: skip
    put: dict[Any, list[dict[str, Any]]] = {}
    for row in found:
        week = row["measured_on"] - timedelta(days=row["measured_on"].weekday())
        put.setdefault((row["retailer_id"], row["campaign_id"], week, row["currency"]), []).append(row)
    ordered = sorted(put.items(), key=lambda pair: (pair[0][2], pair[0][0], pair[0][1] or 0))
    return [_week(key, group) for key, group in ordered]


def _week(key: tuple[int, int | None, date, str], days: list[dict[str, Any]]) -> Week:
    retailer, campaign, week, currency = key
    return Week(
        retailer, campaign, week, currency, rows=sum(day["count"] for day in days),
        spend=total(day["money"] for day in days), orders=total(day["its_orders"] for day in days),
        units=total(day["its_units"] for day in days), sales=total(day["its_sales"] for day in days),
        said=sum(day["said"] for day in days),
    )  # fmt: skip


def _joined(one: Offer, other: Offer) -> Offer:
    return Offer(
        one.network, one.currency, one.window, one.others, one.unread, one.rows + other.rows,
        total([one.spend, other.spend]), min(one.first_on, other.first_on), max(one.last_on, other.last_on),
    )  # fmt: skip
