"""The page: what a question would cost, asking by form post, answers with chart and table, and who may do what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from crm.charts.groups import Group, groups
from crm.cleanroom import rooms
from crm.cleanroom.query import json_schema, parse
from crm.cleanroom.wording import sentence
from crm.models import CleanRoomQuery

pytestmark = pytest.mark.django_db
PEOPLE = {"metrics": ["people", "conversion"], "by": ["stage"], "epsilon": "2.00"}


def address(**query: Any) -> str:
    return reverse("clean_room", query=query)


def post(client: Client, room: Any, query: Any = None) -> Any:
    return client.post(reverse("clean_room_ask"), {"room": room.pk, "query": json.dumps(query or PEOPLE)})


class TestLooking:
    def test_it_needs_a_login_and_refuses_a_post(self, ana_client):
        assert Client().get(address()).url.startswith(reverse("account_login"))
        assert ana_client.post(address()).status_code == 405

    def test_it_shows_the_budget_and_a_question_to_begin_with(self, ana_client, populated):
        page = ana_client.get(address())
        assert page.status_code == 200
        assert page.context["cost"].plan.epsilon == 0.5
        assert "10 <small>of 10 left</small>" in page.content.decode()

    def test_a_question_in_the_address_shows_its_cost_and_asks_nothing(self, ana_client, populated, room):
        page = ana_client.get(
            address(room=room.pk, kind="aggregate", metrics=["people", "sales_amount"], by="stage", epsilon="1.00")
        )
        text = page.content.decode()
        assert "People and sales amount by stage." in text
        assert "1 of 10 left" in text
        assert "Ask for 1" in text
        assert not CleanRoomQuery.objects.for_brand(populated).exists()

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ({"kind": "aggregate"}, "at least 1 item"),
            ({"kind": "aggregate", "metrics": "people", "by": "outcome"}, "outcome cannot split people"),
            ({"kind": "overlap", "segments": ["loyal"]}, "at least 2 items"),
            ({"kind": "aggregate", "metrics": "people", "from": "2026-02-02", "to": "2026-01-01"}, "is before"),
            ({"kind": "aggregate", "metrics": "people", "field": "stage"}, "at least 1 item"),
            ({"kind": "aggregate", "metrics": "rows"}, "not one of the available choices"),
        ],
    )
    def test_a_wrong_question_says_what_is_wrong(self, ana_client, populated, room, query, said):
        page = ana_client.get(address(room=room.pk, epsilon="0.50", **query))
        assert page.status_code == 422
        assert said in page.content.decode()

    def test_a_viewer_reads_and_is_offered_no_question(self, ben_client, ana, populated, room):
        rooms.ask(room=room, query=PEOPLE, by=ana)
        text = ben_client.get(address()).content.decode()
        assert "People and conversion by stage" in text
        assert "Owners and planners ask" in text
        assert "clean-room/ask" not in text

    def test_history_asks_the_database_as_often_for_many_as_for_few(
        self, ana, ana_client, populated, room, django_assert_max_num_queries
    ):
        for limit in range(1, 8):
            rooms.ask(room=room, query={**PEOPLE, "limit": limit, "epsilon": "0.10"}, by=ana)
        with django_assert_max_num_queries(18):
            ana_client.get(address())


class TestAsking:
    def test_it_asks_and_leads_to_the_answer_with_chart_and_table(self, ana_client, ana, populated, room):
        reply = post(ana_client, room)
        row = CleanRoomQuery.objects.for_brand(populated).get()
        assert reply.url == f"{address()}?answer={row.pk}#answer-title"
        assert row.asked_by == ana
        page = ana_client.get(address(answer=row.pk))
        text = page.content.decode()
        assert 'class="chart groups chart-wide"' in text
        assert "discrete Laplace" in text
        assert len(page.context["cells"]) == 2

    def test_asking_twice_is_free_and_says_so(self, ana_client, populated, room):
        post(ana_client, room)
        page = ana_client.get(post(ana_client, room).url)
        assert "at no cost" in page.content.decode()
        assert CleanRoomQuery.objects.for_brand(populated).count() == 1

    def test_a_spent_budget_is_told_and_kept_in_the_history(self, ana_client, populated, room):
        room.epsilon_limit = 1
        room.save()
        page = ana_client.get(post(ana_client, room).url)
        assert "does not cover this: it costs 2, and 1 of 1 is left" in page.content.decode()
        row = CleanRoomQuery.objects.for_brand(populated).get()
        assert "Refused, at no cost." in ana_client.get(address(answer=row.pk)).content.decode()

    def test_a_viewer_may_not_ask(self, ben_client, populated, room):
        assert post(ben_client, room).status_code == 403
        assert not CleanRoomQuery.objects.for_brand(populated).exists()

    def test_another_tenants_room_and_answer_are_404(self, ana, cleo_client, populated, room):
        answer = rooms.ask(room=room, query=PEOPLE, by=ana)
        assert post(cleo_client, room).status_code == 404
        assert cleo_client.get(address(answer=answer.query_id)).status_code == 404
        assert "People and conversion" not in cleo_client.get(address()).content.decode()

    def test_it_refuses_a_get_needs_a_login_and_a_room(self, ana_client):
        assert ana_client.get(reverse("clean_room_ask")).status_code == 405
        assert Client().post(reverse("clean_room_ask")).status_code == 302
        assert ana_client.post(reverse("clean_room_ask"), {"room": "x"}).status_code == 404

    def test_what_is_no_question_is_refused(self, ana_client, room):
        reply = ana_client.post(reverse("clean_room_ask"), {"room": room.pk, "query": "{"}, follow=True)
        assert "was not readable" in reply.content.decode()


class TestChart:
    def test_it_names_the_largest_and_draws_no_more_than_it_can(self):
        drawn = groups([Group(f"G{n}", 100.0 - n, 90.0 - n, 110.0 - n) for n in range(40)], what="People")
        assert "G0, 100 (90 to 110), is the largest of 30 groups" in drawn.finding
        assert "the table has all" in drawn.note
        assert len(drawn.table.rows) == 40

    def test_a_figure_below_zero_and_one_that_is_not_shown_are_drawn_too(self):
        drawn = groups([Group("a", -3.0, -9.0, 3.0), Group("b", None, None, None)], what="Sales")
        assert drawn.wide.count("group-bar") == 1
        assert drawn.table.rows[1] == ["b", "not shown", ""]
        assert groups([], what="People").finding == "People: no group is large enough to be shown."


class TestWords:
    def test_a_question_is_one_sentence(self):
        question = parse(
            {
                "metrics": ["sales_amount", "average_sale"], "by": ["month"], "from": "2026-01-01",
                "where": [
                    {"field": "stage", "test": "not_in", "values": ["lost", "prospect"]},
                    {"field": "amount", "test": "at_least", "value": 5},
                ],
            }
        )  # fmt: skip
        assert sentence(question) == (
            "Sales amount and average sale by month, where stage is not lost or prospect and amount is at least 5, "
            "from 2026-01-01"
        )

    def test_the_schema_is_that_of_json_schema(self):
        import jsonschema

        schema = json_schema()
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        assert validator.is_valid({"kind": "aggregate", "metrics": ["people"]})
        assert not validator.is_valid({"kind": "aggregate", "metrics": ["people"], "rows": 1})


class TestCommand:
    def test_it_asks_from_a_file_and_prints_the_answer(self, populated, tmp_path, capsys):
        path = tmp_path / "question.json"
        path.write_text(json.dumps(PEOPLE))
        call_command("ask_cleanroom", "--brand", "harbor-oats", "--query", str(path))
        said = capsys.readouterr().out
        assert "Served by embedded; noise: discrete Laplace" in said
        assert "Spent 2, left 8 of 10 in 30 days." in said
        assert "engaged" in said

    def test_it_tells_the_cost_and_asks_nothing(self, populated, capsys):
        call_command("ask_cleanroom", "--brand", "harbor-oats", "--cost", "--query", json.dumps(PEOPLE))
        assert "costs 2 of 10 left in Our own data" in capsys.readouterr().out
        assert not CleanRoomQuery.objects.for_brand(populated).exists()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--brand", "nowhere"], "Brands: harbor-oats"),
            (["--brand", "harbor-oats", "--room", "x"], "Rooms: Our own data"),
            (["--brand", "harbor-oats", "--query", "nofile.json"], "neither JSON nor a file"),
            (["--brand", "harbor-oats", "--query", "{"], "is no JSON"),
            (["--brand", "harbor-oats", "--query", '{"metrics": ["rows"]}'], "metrics.0"),
        ],
    )
    def test_it_says_what_is_wrong(self, harbor, options, said):
        with pytest.raises(CommandError, match=said):
            call_command("ask_cleanroom", *options)
