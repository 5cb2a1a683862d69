"""Files over HTTP: who may have them, how they are asked for, what POST changes; and the statistics beside them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.cache import cache

from crm.models import Brand
from rlhf.feedback.giving import prefer, rate
from rlhf.feedback.undoing import undo
from rlhf.models import PreferencePair, Source
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem
from tests.rlhf.api.rows import experience, raters, two

pytestmark = pytest.mark.django_db
FILES = ("dpo", "kto", "sft")
TRAINING = [f"/api/feedback/export-{what}" for what in FILES]
READING = [*TRAINING, "/api/feedback/export", "/api/feedback/export-summary", "/api/feedback/stats"]


def text(reply: Any) -> str:
    assert reply.status_code == 200, getattr(reply, "content", reply)
    return b"".join(reply.streaming_content).decode()


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Statistics rest in the cache under numbers of rows, which begin anew with each test."""
    cache.clear()


@pytest.fixture
def rated(harbor: Brand) -> PreferencePair:
    """One choice, and five stars for the better one."""
    a, b = two(harbor)
    [person] = raters(harbor, 1)
    rate(experience=a, rater=person, stars=5, comment="=1+1", reasons=["Clear"])
    return prefer(a=a, b=b, verdict="a", rater=person)[0]


class TestTraining:
    @pytest.mark.parametrize("address", TRAINING)
    def test_it_comes_as_json_lines_to_keep(self, ana: Any, rated: PreferencePair, address: str):
        reply = door(ana).get(address)
        [line] = [json.loads(line) for line in text(reply).splitlines()]
        assert line["prompt"]
        assert reply["Content-Type"] == "application/jsonl; charset=utf-8"
        assert reply["Content-Disposition"].startswith('attachment; filename="harbor-oats-')
        assert reply.streaming

    def test_get_leaves_the_word_free_and_post_does_not(self, ana: Any, rated: PreferencePair):
        read = text(door(ana).get(TRAINING[0]))
        rated.refresh_from_db()
        assert rated.exported_at is None
        assert text(door(ana).post(TRAINING[0])) == read
        rated.refresh_from_db()
        assert rated.exported_at
        reply = door(rated.rater).post(f"/api/feedback/{rated.public_id}/undo")
        assert reply.status_code == 409
        assert "exported" in problem(reply)["detail"]

    @pytest.mark.parametrize("address", TRAINING)
    def test_for_good_is_for_owners_and_planners(self, ben: Any, rae: Any, rated: PreferencePair, address: str):
        for person in (ben, rae):
            assert door(person).post(address).status_code == 403
        assert door().post(address).status_code == 401

    def test_filters_are_passed_on(self, ana: Any, rated: PreferencePair):
        client = door(ana)
        for wanted, count in (
            ({"task": "outreach", "min_agreement": "1", "min_raters": "1", "source": "human"}, 1),
            ({"task": "creative"}, 0),
            ({"min_raters": "2"}, 0),
            ({"source": "panel"}, 0),
            ({"date_from": "2020-01-01", "date_to": "2020-12-31"}, 0),
            ({"date_from": "2020-01-01", "date_to": "9999-12-31"}, 1),
            ({"form": "conversational"}, 1),
        ):
            assert len(text(client.get(TRAINING[0], wanted)).splitlines()) == count, wanted
        parts = [text(client.get(TRAINING[0], {"split": name})) for name in ("train", "validation", "test")]
        assert sorted(map(len, parts))[:2] == [0, 0]
        assert max(map(len, parts)) > 0

    @pytest.mark.parametrize(
        ("wanted", "field"),
        [
            ({"form": "messages"}, "form"),
            ({"source": "people"}, "source"),
            ({"split": "dev"}, "split"),
            ({"min_agreement": "2"}, "min_agreement"),
            ({"min_agreement": "nan"}, "min_agreement"),
            ({"min_raters": "0"}, "min_raters"),
            ({"date_from": "soon"}, "date_from"),
            ({"kind": "outreach"}, "kind"),
            ({"task": ""}, "task"),
            ({"task": ["a", "b"]}, "task"),
        ],
    )
    def test_a_bad_wish_is_named(self, ana: Any, harbor: Brand, wanted: dict[str, Any], field: str):
        reply = door(ana).get(TRAINING[0], wanted)
        assert reply.status_code == 400, wanted
        [error] = problem(reply)["errors"]
        assert (error["field"], error["in"]) == (field, "query")

    @pytest.mark.parametrize("address", READING)
    def test_raters_are_blind_and_tenants_apart(
        self, ben: Any, rae: Any, cleo: Any, rated: PreferencePair, address: str
    ):
        assert door().get(address).status_code == 401
        assert door(rae).get(address).status_code == 403
        assert door(ben).get(address).status_code == 200
        reply = door(cleo).get(address)
        body = b"".join(reply.streaming_content) if reply.streaming else reply.content
        assert b"Dear Ida" not in body
        assert rated.rater.username.encode() not in body


class TestSummary:
    def test_it_counts_what_goes_and_what_stays(self, ana: Any, harbor: Brand, rated: PreferencePair):
        prefer(**dict(zip("ab", two(harbor), strict=True)), verdict="tie", rater=rated.rater)
        found = door(ana).get("/api/feedback/export-summary").json()
        assert (found["lines"], sum(found["splits"].values()), found["left_out"]) == (1, 1, {"tie": 1})
        assert door(ana).get("/api/feedback/export-summary", {"of": "sft"}).json()["lines"] == 1
        reply = door(ana).get("/api/feedback/export-summary", {"of": "grpo"})
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] == "of"


class TestRaw:
    RAW = "/api/feedback/export"

    def test_csv_has_a_row_for_each_word(self, ana: Any, rated: PreferencePair):
        undo(rated, by=rated.rater)
        rows = list(csv.DictReader(io.StringIO(text(door(ana).get(self.RAW)))))
        assert [row["word"] for row in rows] == ["feedback", "pair"]
        assert (rows[0]["stars"], rows[0]["kind"], rows[0]["comment"]) == ("5", "stars", "'=1+1")
        assert json.loads(rows[0]["reasons"]) == ["Clear"]
        assert (rows[1]["verdict"], rows[1]["other_experience"]) == ("a", str(rated.b.public_id))
        assert rows[1]["undone_at"]
        assert {row["rater"] for row in rows} == {rated.rater.username}

    def test_json_lines_hold_the_same(self, ana: Any, rated: PreferencePair):
        reply = door(ana).get(self.RAW, {"as": "jsonl"})
        found = [json.loads(line) for line in text(reply).splitlines()]
        assert reply["Content-Type"].startswith("application/jsonl")
        assert [row["word"] for row in found] == ["feedback", "pair"]
        assert found[0].keys() == found[1].keys()
        assert found[0]["comment"] == "=1+1"

    def test_filters(self, ana: Any, harbor: Brand, rated: PreferencePair):
        rate(experience=experience(harbor), rater=None, rater_name="Una", thumb=True, source=Source.IMPORT)

        def count(**wanted: str) -> int:
            return len(text(door(ana).get(self.RAW, {"as": "jsonl", **wanted})).splitlines())

        assert count() == 3
        assert count(rater="Una") == count(source="import") == 1
        assert count(rater=rated.rater.username) == 2
        assert count(task="creative") == count(date_to="2020-01-01") == 0

    def test_personal_data_leaves_as_the_policy_says(self, ana: Any, harbor: Brand):
        made = experience(harbor)
        said, _ = rate(experience=made, rater=ana, corrected="Ask ida.roth@example.com", original="Ask")
        type(said).objects.for_brand(harbor).filter(pk=said.pk).update(corrected="Ask ida.roth@example.com")
        assert "ida.roth" not in text(door(ana).get(self.RAW))


class TestNames:
    """Who said what is for owners and planners."""

    @pytest.mark.parametrize(
        "address", ["/api/feedback/", "/api/feedback/preference-pair", "/api/feedback/export", "/api/feedback/stats"]
    )
    def test_viewers_see_none_and_may_not_ask_for_one(self, ben: Any, rated: PreferencePair, address: str):
        name = rated.rater.username
        reply = door(ben).get(address)
        body = b"".join(reply.streaming_content) if reply.streaming else reply.content
        assert reply.status_code == 200
        assert name.encode() not in body
        assert door(ben).get(address, {"rater": name}).status_code == 403

    def test_planners_do(self, ana: Any, rated: PreferencePair):
        for address in ("/api/feedback/", "/api/feedback/preference-pair"):
            assert door(ana).get(address, {"rater": rated.rater.username}).json()["count"] == 1


class TestStats:
    def test_the_numbers_are_those_of_the_page(self, ana: Any, rated: PreferencePair):
        found = door(ana).get("/api/feedback/stats").json()
        assert found["total"] == 2
        assert found["by_type"]["stars"] == found["by_type"]["pair"] == 1
        assert found["distribution"]["stars"]["5"] == 1
        assert [one["task"] for one in found["by_task"]] == ["outreach"]
        assert [one["rater"] for one in found["by_rater"]] == [rated.rater.username]
        assert found["agreement"]["alpha"]["value"] is None
        assert found["agreement"]["alpha"]["why"]

    def test_filters(self, ana: Any, rated: PreferencePair):
        client = door(ana)
        for wanted, total in (
            ({"task": "creative"}, 0),
            ({"rater": rated.rater.username}, 2),
            ({"rater": "nobody"}, 0),
            ({"source": "panel"}, 0),
            ({"date_from": "2020-01-01", "date_to": "2020-02-01"}, 0),
        ):
            assert client.get("/api/feedback/stats", wanted).json()["total"] == total, wanted

    def test_a_period_that_ends_before_it_begins_is_refused(self, ana: Any, harbor: Brand):
        reply = door(ana).get("/api/feedback/stats", {"date_from": "2026-02-01", "date_to": "2026-01-01"})
        assert reply.status_code == 422
        problem(reply)
