"""The room over HTTP: tokens of either name, problems that name the field, pages, and its own client against it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from knox.models import AuthToken

from crm.api.cleanroom import AskRate
from crm.cleanroom import rooms
from crm.cleanroom.errors import BadQuery, BudgetSpent, RoomRefused
from crm.models import CleanRoom, CleanRoomQuery
from tests.crm.cleanroom.conftest import people
from tests.orchestrator.api_doors import door

pytestmark = pytest.mark.django_db
QUERY, ROOMS = "/api/cleanroom/query", "/api/cleanroom/rooms/"
PEOPLE = {"query": {"metrics": ["people"], "by": ["stage"], "epsilon": "5.00"}}


@pytest.fixture(autouse=True)
def _nobody_asked_before() -> None:
    cache.clear()


def token_of(user: Any) -> str:
    return str(AuthToken.objects.create(user=user)[1])


class TestQuery:
    def test_it_answers_with_figures_noise_and_budget(self, ana, populated):
        reply = door(ana).post(QUERY, PEOPLE)
        assert reply.status_code == 200
        answer = reply.json()["answer"]
        assert answer["served_by"] == "embedded"
        assert answer["noise"]["mechanism"] == "discrete Laplace"
        assert (answer["minimum_group"], answer["budget"]["spent"], answer["budget"]["left"]) == (50, 5.0, 5.0)
        assert {row["group"]["stage"] for row in answer["rows"]} == {"engaged", "purchased"}

    @pytest.mark.parametrize("name", ["Token", "Bearer", "bearer"])
    def test_it_takes_a_token_under_either_name(self, ana, populated, name):
        reply = Client().get(ROOMS, headers={"Authorization": f"{name} {token_of(ana)}"})
        assert reply.status_code == 200
        assert reply.json()["rooms"][0]["name"] == "Our own data"

    @pytest.mark.parametrize(("path", "method"), [(QUERY, "post"), (ROOMS, "get")])
    def test_it_needs_a_login(self, path, method):
        assert getattr(Client(), method)(path).status_code == 401

    def test_it_refuses_the_wrong_method(self, ana):
        assert door(ana).get(QUERY).status_code == 405
        assert door(ana).post(ROOMS, {}).status_code == 405

    def test_a_viewer_may_look_but_not_ask(self, ben, populated):
        assert door(ben).get(ROOMS).status_code == 200
        assert door(ben).post(QUERY, PEOPLE).status_code == 403
        assert not CleanRoomQuery.objects.for_brand(populated).exists()

    def test_another_tenants_room_is_not_found(self, cleo, populated, room):
        reply = door(cleo).post(QUERY + "?brand=harbor-oats", PEOPLE)
        assert reply.status_code == 404
        room.name = "Secret"
        room.save()
        assert door(cleo).post(QUERY, {**PEOPLE, "room": "Secret"}).status_code == 400

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"query": {"metrics": ["rows"]}}, "metrics.0"),
            ({"query": {"metrics": ["people"], "by": ["retailer"]}}, "by"),
            ({"query": {"metrics": ["people"], "select": "*"}}, "select"),
            ({"query": "select *"}, "query"),
            ({}, "query"),
            ([], "query"),
            ({**PEOPLE, "room": 3}, "room"),
            ({**PEOPLE, "room": "nowhere"}, "room"),
            ({**PEOPLE, "page_size": 0}, "page_size"),
            ({**PEOPLE, "page_size": True}, "page_size"),
            ({**PEOPLE, "cursor": "made-up"}, "cursor"),
            ({**PEOPLE, "rows": 1}, "rows"),
            ({"query": {"metrics": ["people"], "where": [{"field": "stage", "values": ["hot"]}]}}, "where.0.values"),
            ({"query": {"metrics": ["people"], "where": [{"field": "stage", "values": ["\x00"]}]}}, "where.0.values.0"),
            ({"query": {"metrics": ["people"], "epsilon": "0"}}, "epsilon"),
            ({"query": {"kind": "overlap", "segments": ["a"]}}, "segments"),
            ({"query": {"kind": "rows"}}, "kind"),
        ],
    )
    def test_a_bad_question_is_a_problem_that_names_the_field_and_costs_nothing(self, ana, populated, body, field):
        reply = door(ana).post(QUERY, body)
        assert reply.status_code == 400
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.json()["errors"][0]["field"] == field
        assert not CleanRoomQuery.objects.for_brand(populated).filter(epsilon__gt=0).exists()

    def test_a_spent_budget_is_a_403_of_its_own_type_that_says_when(self, ana, populated, room):
        room.epsilon_limit = 1
        room.save()
        problem = door(ana).post(QUERY, PEOPLE)
        assert problem.status_code == 403
        assert problem.json()["type"] == "urn:endcap:problem:budget-spent"
        assert problem.json()["context"]["left"] == 1.0
        assert CleanRoomQuery.objects.for_brand(populated).get().state == "refused"

    def test_pages_come_from_one_answer_that_is_paid_once(self, ana, populated):
        first = door(ana).post(QUERY, {**PEOPLE, "page_size": 1}).json()
        second = door(ana).post(QUERY, {**PEOPLE, "page_size": 1, "cursor": first["next"]}).json()
        assert len(first["answer"]["rows"]) == len(second["answer"]["rows"]) == 1
        assert first["answer"]["rows"] != second["answer"]["rows"]
        assert second["next"] is None
        assert second["answer"]["budget"] == {**first["answer"]["budget"], "spent": 0.0, "delta": 0.0}

    def test_a_cursor_of_another_brand_leads_nowhere(self, ana, cleo, populated, lumen):
        first = door(ana).post(QUERY, {**PEOPLE, "page_size": 1}).json()
        assert door(cleo).post(QUERY, {**PEOPLE, "cursor": first["next"]}).status_code == 400

    def test_the_same_idempotency_key_gets_the_same_answer(self, ana, populated):
        key = {"HTTP_IDEMPOTENCY_KEY": "k-1"}
        first, second = (door(ana).post(QUERY, PEOPLE, **key) for _ in range(2))
        assert first.json() == second.json()
        assert second.headers["Idempotent-Replay"] == "true"

    def test_too_many_questions_a_minute_are_held_back(self, ana, populated, monkeypatch):
        monkeypatch.setattr(AskRate, "rate", "2/min")
        replies = [door(ana).post(QUERY, PEOPLE) for _ in range(3)]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert int(replies[2].headers["Retry-After"]) > 0


class TestDocument:
    def test_it_is_valid_and_describes_the_question(self):
        call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())
        document = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
        operation = document["paths"][QUERY]["post"]
        assert {"bearerToken": []} in operation["security"]
        schemas = document["components"]["schemas"]
        metric = schemas["CleanRoomAggregate"]["properties"]["metrics"]["items"]["$ref"].rpartition("/")[2]
        assert "average_sale" in schemas[metric]["enum"]
        assert schemas["CleanRoomAggregate"]["additionalProperties"] is False


@pytest.mark.django_db(transaction=True)
class TestOurClientAgainstIt:
    """The real client over a real socket to the really running endpoint."""

    @pytest.fixture
    def theirs(self, settings, live_server, lumen, cleo, harbor, monkeypatch) -> CleanRoom:
        """A room of Harbor Oats whose endpoint is the embedded room of Lumen Home, with Cleo's token."""
        settings.CLEANROOM_ALLOW_LOOPBACK = True
        people(lumen, 300)
        people(lumen, 200, stage="purchased", prefix="b")
        monkeypatch.setenv("CLEANROOM_KEY_LUMEN", token_of(cleo))
        made: CleanRoom = CleanRoom.across_brands.create(
            brand=harbor, name="Lumen", endpoint=f"{live_server.url}/api/cleanroom", key_variable="CLEANROOM_KEY_LUMEN"
        )
        return made

    def test_it_asks_pays_there_and_records_here(self, theirs, ana, lumen):
        answer = rooms.ask(room=theirs, query=PEOPLE["query"], by=ana)
        assert answer.served_by == "localhost"
        assert {row.group["stage"] for row in answer.rows} == {"engaged", "purchased"}
        here = CleanRoomQuery.objects.for_brand(theirs.brand).get()
        there = CleanRoomQuery.objects.for_brand(lumen).get()
        assert (here.epsilon, here.served_by, here.asked_by) == (5.0, "localhost", ana)
        assert there.epsilon == 5.0
        assert rooms.ask(room=theirs, query=PEOPLE["query"], by=ana).repeated

    def test_it_follows_pages(self, theirs, monkeypatch):
        monkeypatch.setattr("crm.api.cleanroom.PAGE_SIZE", 1)
        assert len(rooms.ask(room=theirs, query=PEOPLE["query"], by=None).rows) == 2

    def test_a_spent_budget_over_there_is_told_apart(self, theirs, lumen):
        CleanRoom.across_brands.create(brand=lumen, name="Our own data", epsilon_limit=1)
        with pytest.raises(BudgetSpent, match="says: The privacy budget of Our own data does not cover this"):
            rooms.ask(room=theirs, query=PEOPLE["query"], by=None)
        assert CleanRoomQuery.objects.for_brand(theirs.brand).get().state == "refused"

    def test_a_bad_question_over_there_names_the_field(self, theirs):
        with pytest.raises(BadQuery) as caught:
            rooms.ask(room=theirs, query={"kind": "overlap", "segments": ["a", "b"]}, by=None)
        assert caught.value.detail["field"] == "segments.0"

    def test_a_wrong_key_is_told_apart(self, theirs, monkeypatch):
        monkeypatch.setenv("CLEANROOM_KEY_LUMEN", "wrong")
        with pytest.raises(RoomRefused, match="does not let us in"):
            rooms.ask(room=theirs, query=PEOPLE["query"], by=None)
        row = CleanRoomQuery.objects.for_brand(theirs.brand).get()
        assert (row.state, row.epsilon) == ("failed", 0)
        assert "wrong" not in row.error
