"""Months that are new are filled beside the table and join it whole, or nothing of them is there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection

from crm.facts import building, partitions
from crm.models import PerformanceMetric, Retailer
from tests.crm.facts.frames import batch, bring, row, truth
from tests.factories import BrandFactory, RetailerFactory

pytestmark = pytest.mark.django_db
with_partitions = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has partitions")
FIRST = date(2031, 11, 29)
TABLE = PerformanceMetric._meta.db_table


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Retailer:
    monkeypatch.setattr(building, "WORTH", 1)
    return new_shop()


def new_shop() -> Retailer:
    return RetailerFactory(brand=BrandFactory(), slug="northmart")


def ask(question: str, *params: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, params)
        return list(cursor.fetchall())


def days(count: int = 4) -> list[dict[str, object]]:
    return [row(at + 1, FIRST + timedelta(days=at), campaign=f"C-{at % 2}") for at in range(count)]


def left_over() -> list[tuple[object, ...]]:
    return ask("SELECT relname FROM pg_class WHERE relname LIKE %s", f"{TABLE}%of%")


class TestLargeReports:
    def test_the_facts_are_those_of_the_slow_way(self, shop: Retailer, monkeypatch: pytest.MonkeyPatch) -> None:
        said = ("a\tb", "back\\slash", "two\nlines", "\\N", "\\.", '"quoted", with comma', "")
        rows = [
            row(at + 1, FIRST + timedelta(days=at % 3), target=text, item="B0CX23V2ZK", orders=at or None,
                other_windows='{"30|click":{"orders":1}}' if at % 2 else None)
            for at, text in enumerate(said)
        ]  # fmt: skip
        bring(shop, batch(rows[:3]), batch(rows[3:]))
        monkeypatch.setattr(building, "WORTH", 1_000)
        other = new_shop()
        bring(other, batch(rows))

        def plain(retailer: Retailer) -> list[dict[str, object]]:
            return [
                {name: value for name, value in one.items() if not name.endswith("_id")}
                for one in truth(retailer.brand)
            ]

        assert plain(shop) == plain(other)
        assert {one["target"] for one in plain(shop)} == set(said)


@with_partitions
class TestNewMonths:
    def test_rows_lie_in_partitions_like_any_other(self, shop: Retailer) -> None:
        partitions.make_months([FIRST])
        bring(shop, batch(days()))
        assert ask(f"SELECT tableoid::regclass::text, count(*) FROM {TABLE} GROUP BY 1 ORDER BY 1") == [
            (f"{TABLE}_2031_11", 2), (f"{TABLE}_2031_12", 2)
        ]  # fmt: skip
        for what in ("pg_index", "pg_constraint", "pg_attrdef"):
            where = {"pg_index": "indrelid", "pg_constraint": "conrelid", "pg_attrdef": "adrelid"}[what]
            made, built = (
                ask(f"SELECT count(*) FROM {what} WHERE {where} = %s::regclass", f"{TABLE}_2031_{month}")
                for month in (11, 12)
            )
            assert made == built, what
        assert left_over() == []

    def test_every_index_of_the_table_has_its_part(self, shop: Retailer) -> None:
        bring(shop, batch(days()))
        wanted = ask("SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass", TABLE)
        assert wanted != [(0,)]
        for month in (11, 12):
            name = f"{TABLE}_2031_{month}"
            attached = (
                "SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = %s::regclass"
            )
            assert ask(attached, name) == wanted

    def test_the_same_fact_twice_leaves_nothing(self, shop: Retailer) -> None:
        with pytest.raises(IntegrityError):
            bring(shop, batch([*days(), row(9, FIRST + timedelta(days=3), campaign="C-1")]))
        assert not PerformanceMetric.objects.for_brand(shop.brand).exists()
        assert left_over() == []

    def test_an_import_that_stops_leaves_nothing(self, shop: Retailer) -> None:
        def stop(read: int, stored: int) -> None:
            if stored:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            bring(shop, batch(days()), progress=stop)
        assert not PerformanceMetric.objects.for_brand(shop.brand).exists()
        assert left_over() == []
        assert partitions.without_partition([FIRST]) == [FIRST.replace(day=1)]

    def test_a_month_that_another_import_made_meanwhile_takes_the_rows(
        self, shop: Retailer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        joined = building.NewMonths.join

        def late(new: building.NewMonths) -> None:
            partitions.make_months([FIRST])
            joined(new)

        monkeypatch.setattr(building.NewMonths, "join", late)
        bring(shop, batch(days()))
        assert len(truth(shop.brand)) == 4
        assert ask(f"SELECT DISTINCT tableoid::regclass::text FROM {TABLE} ORDER BY 1") == [
            (f"{TABLE}_2031_11",), (f"{TABLE}_2031_12",)
        ]  # fmt: skip
        assert left_over() == []

    def test_rows_of_the_month_that_lie_among_others_keep_their_place(self, shop: Retailer) -> None:
        before = new_shop()
        PerformanceMetric.objects.for_brand(before.brand).create(
            brand=before.brand, retailer=before, measured_on=FIRST, identity=1
        )
        bring(shop, batch(days()))
        assert len(truth(shop.brand)) == 4
        assert len(truth(before.brand)) == 1
        assert ask(f"SELECT count(*) FROM {partitions.OTHER}") == [(0,)]
