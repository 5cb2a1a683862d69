"""Many ratings in one call: a few statements, keys once, what is wrong named, the rest kept."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import Brand
from rlhf.models import Feedback, PreferencePair, Signal
from tests.conftest import signed_in
from tests.factories import ExperienceFactory

pytestmark = pytest.mark.django_db
ADDRESS = "/api/feedback/bulk"


def send(client: Client, **body: Any) -> Any:
    return client.post(ADDRESS, body, content_type="application/json")


@pytest.fixture
def made(harbor: Brand) -> list[Any]:
    return [ExperienceFactory(brand=harbor) for _ in range(3)]


class TestMany:
    def test_ratings_and_choices_are_stored_with_their_history(
        self, ana_client: Client, ana: Any, made: list[Any]
    ) -> None:
        ratings = [{"experience": str(one.public_id), "stars": 2 + n, "key": f"k{n}"} for n, one in enumerate(made)]
        choices = [{"a": str(made[0].public_id), "b": str(made[1].public_id), "verdict": "tie", "reasons": ["Clearer"]}]
        told = send(ana_client, ratings=ratings, choices=choices).json()
        assert told == {"received": 4, "stored": 4, "known": 0, "refused": []}
        assert sorted(Feedback.across_brands.values_list("stars", flat=True)) == [2, 3, 4]
        pair = PreferencePair.across_brands.get()
        assert (pair.verdict, pair.rater, pair.source, pair.reasons) == ("tie", ana, "api", ["Clearer"])
        assert Signal.across_brands.filter(actor="ana").count() == 5

    def test_a_key_counts_once_within_a_call_and_between_calls(self, ana_client: Client, made: list[Any]) -> None:
        one = {"experience": str(made[0].public_id), "stars": 4, "key": "k"}
        assert send(ana_client, ratings=[one, one]).json()["stored"] == 1
        assert send(ana_client, ratings=[one]).json() == {"received": 1, "stored": 0, "known": 1, "refused": []}
        assert Feedback.across_brands.count() == 1

    def test_what_is_wrong_is_named_and_the_rest_is_kept(
        self, ana_client: Client, made: list[Any], lumen: Brand
    ) -> None:
        good, foreign = str(made[0].public_id), str(ExperienceFactory(brand=lumen).public_id)
        ratings = [
            {"experience": good, "stars": 6},
            {"experience": good, "stars": 3, "thumb": True},
            {"experience": foreign, "stars": 3},
            {"experience": str(uuid4()), "stars": 3},
            {"experience": good, "stars": 3, "colour": "red"},
            {"experience": good, "stars": 5},
        ]
        told = send(ana_client, ratings=ratings, choices=[{"a": good, "b": good, "verdict": "a"}]).json()
        assert (told["received"], told["stored"]) == (7, 1)
        assert [(one["index"], one["field"]) for one in told["refused"]] == [
            (0, "stars"), (1, "rating"), (2, "experience"), (3, "experience"), (4, "colour"), (6, "b"),
        ]  # fmt: skip

    @pytest.mark.parametrize("body", [[], {}, {"ratings": "x"}, {"words": []}, {"ratings": [{}] * 501}])
    def test_what_is_no_list_of_words_is_refused(self, ana_client: Client, body: Any) -> None:
        assert ana_client.post(ADDRESS, body, content_type="application/json").status_code == 400

    def test_a_viewer_may_not(self, ben_client: Client, rae: Any, made: list[Any]) -> None:
        one = {"experience": str(made[0].public_id), "stars": 4}
        assert send(ben_client, ratings=[one]).status_code == 403
        assert send(signed_in(rae), ratings=[one]).json()["stored"] == 1

    def test_the_number_of_statements_does_not_grow(self, ana_client: Client, harbor: Brand) -> None:
        def statements(count: int) -> int:
            rows = [
                {"experience": str(ExperienceFactory(brand=harbor).public_id), "stars": 3, "key": f"{count}/{n}"}
                for n in range(count)
            ]
            with CaptureQueriesContext(connection) as seen:
                assert send(ana_client, ratings=rows).json()["stored"] == count
            return len(seen)

        statements(1)
        assert statements(2) == statements(30)  # SQLite takes about forty rows in one statement
