"""Reading through the API: packs, brands, episodes, filters, tenancy."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Brand, Pack
from orchestrator.agents import AGENTS
from tests.factories import EpisodeFactory, MembershipFactory, PackFactory
from tests.orchestrator.api_doors import door, judged

pytestmark = pytest.mark.django_db

READABLE = ("/api/packs/", "/api/episodes/", "/api/brands/", "/api/episodes/export.csv", "/api/episodes/export.jsonl")


def problem(reply: Any) -> dict[str, Any]:
    assert reply["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    assert body["status"] == reply.status_code
    assert {"type", "title", "status", "detail", "instance", "errors"} <= set(body)
    return body


class TestSignIn:
    @pytest.mark.parametrize("address", [*READABLE, "/api/episodes/1"])
    def test_reading_needs_it(self, address: str):
        reply = door().get(address)
        assert reply.status_code == 401
        assert reply["WWW-Authenticate"] == "Token"
        assert problem(reply)["type"] == "urn:endcap:problem:not-authenticated"

    def test_a_wrong_token_is_refused(self):
        reply = door().get("/api/packs/", headers={"Authorization": "Token nonsense"})
        assert reply.status_code == 401
        problem(reply)

    @pytest.mark.parametrize("address", READABLE)
    def test_viewers_may_read(self, ben: Any, address: str):
        assert door(ben).get(address).status_code == 200


class TestBrand:
    def test_the_first_of_mine_is_used(self, ana: Any, harbor: Brand, tax_assist: Pack):
        other = PackFactory(brand__name="Zephyr", brand__slug="zephyr")
        MembershipFactory(user=ana, brand=other.brand)
        assert [pack["slug"] for pack in door(ana).get("/api/packs/").json()["results"]] == ["tax-assist"]

    @pytest.mark.parametrize("how", ["header", "query"])
    def test_it_can_be_chosen(self, ana: Any, tax_assist: Pack, how: str):
        other = PackFactory(brand__slug="zephyr", slug="winter")
        MembershipFactory(user=ana, brand=other.brand)
        client = door(ana)
        if how == "header":
            reply = client.get("/api/packs/", headers={"X-Brand": "zephyr"})
        else:
            reply = client.get("/api/packs/?brand=zephyr")
        assert [pack["slug"] for pack in reply.json()["results"]] == ["winter"]

    @pytest.mark.parametrize("slug", ["lumen-home", "no-such-brand", "a\x00b"])
    def test_one_that_is_not_mine_is_not_found(self, ana: Any, lumen: Brand, slug: str):
        reply = door(ana).get("/api/packs/", {"brand": slug})
        assert reply.status_code == 404
        assert "GET /api/brands/" in problem(reply)["detail"]

    def test_somebody_without_any_is_told(self, django_user_model: Any):
        reply = door(django_user_model.objects.create_user("nobody")).get("/api/packs/")
        assert reply.status_code == 403
        assert "not a member of any brand" in problem(reply)["detail"]

    def test_the_list_says_what_i_may_do(self, ana: Any, ben: Any):
        mine = door(ana).get("/api/brands/").json()["results"]
        assert [(brand["slug"], brand["role"], brand["may_plan"]) for brand in mine] == [("harbor-oats", "owner", True)]
        assert door(ben).get("/api/brands/").json()["results"][0]["may_plan"] is False


class TestPacks:
    def test_each_has_agents_last_run_and_means(self, ana: Any, tax_assist: Pack):
        judged(tax_assist, reward=0.4)
        judged(tax_assist, reward=0.6)
        newest = judged(tax_assist, reward=0.9, mode="rl")
        [pack] = door(ana).get("/api/packs/").json()["results"]
        assert pack["slug"] == "tax-assist"
        assert pack["goal"] == tax_assist.goal
        names = [agent["name"] for agent in pack["agents"]]
        assert names == [*tax_assist.allowed_agents, "finish"]
        assert pack["agents"][0]["purpose"] == AGENTS["insight"].purpose
        assert pack["last_run"]["id"] == newest.pk
        assert pack["last_run"]["actions"] == ["insight"] * 3
        assert pack["mean_reward"]["rule"] == {"mean": pytest.approx(0.5), "episodes": 2}
        assert pack["mean_reward"]["rl"]["episodes"] == 1
        assert "static" not in pack["mean_reward"]

    def test_the_number_of_queries_stays(self, ana: Any, harbor: Brand):
        def queries(packs: int) -> int:
            for _ in range(packs):
                judged(PackFactory(brand=harbor))
            with CaptureQueriesContext(connection) as seen:
                assert client.get("/api/packs/?page_size=200").status_code == 200
            return len(seen)

        client = door(ana)
        assert queries(3) == queries(20)


class TestEpisodeList:
    def test_it_tells_rewards_as_numbers_and_money_as_text(self, ana: Any, tax_assist: Pack):
        episode = judged(tax_assist, reward=0.625, cost="0.012300")
        [row] = door(ana).get("/api/episodes/").json()["results"]
        assert row["id"] == episode.pk
        assert row["policy_version"] is None
        assert row["reward"] == 0.625
        assert row["cost"] == "0.012300"
        assert row["pack"] == "tax-assist"
        assert row["created_at"].endswith("Z")

    def test_other_tenants_are_not_in_it(self, ana: Any, tax_assist: Pack, lumen: Brand):
        judged(PackFactory(brand=lumen))
        assert door(ana).get("/api/episodes/").json()["count"] == 0

    @pytest.mark.parametrize(
        ("query", "left"),
        [
            ({"pack": "tax-assist"}, {"low", "high", "open"}),
            ({"pack": "no-such-pack"}, set()),
            ({"mode": "rl"}, {"high"}),
            ({"state": "queued"}, {"open"}),
            ({"reward_min": "0.5"}, {"high", "other"}),
            ({"reward_max": "0.5"}, {"low"}),
            ({"reward_min": "0.2", "reward_max": "0.8"}, {"other"}),
            ({"simulated": "true"}, {"other"}),
            ({"simulated": "false"}, {"low", "high", "open"}),
            ({"date_from": "2001-01-01", "date_to": "9999-12-31"}, {"low", "high", "other", "open"}),
            ({"date_from": "9999-12-31"}, set()),
            ({"date_to": "0001-01-01"}, set()),
        ],
    )
    def test_filters(self, ana: Any, tax_assist: Pack, query: dict[str, str], left: set[str]):
        judged(tax_assist, reward=0.1, title="low")
        judged(tax_assist, reward=0.9, title="high", mode="rl")
        judged(PackFactory(brand=tax_assist.brand), reward=0.6, title="other", simulated=True)
        EpisodeFactory(pack=tax_assist, title="open")
        rows = door(ana).get("/api/episodes/", query).json()["results"]
        assert {row["title"] for row in rows} == left

    @pytest.mark.parametrize(
        ("ordering", "titles"),
        [
            ("reward", ["low", "high", "open"]),
            ("-reward", ["high", "low", "open"]),
            ("mode", ["high", "open", "low"]),
            ("-cost", ["low", "open", "high"]),
            ("created", ["low", "high", "open"]),
            ("-created", ["open", "high", "low"]),
        ],
    )
    def test_it_can_be_sorted_and_missing_rewards_come_last(
        self, ana: Any, tax_assist: Pack, ordering: str, titles: list[str]
    ):
        judged(tax_assist, reward=0.1, title="low", mode="static", cost="0.5")
        judged(tax_assist, reward=0.9, title="high", mode="rl")
        EpisodeFactory(pack=tax_assist, title="open", mode="rule")
        rows = door(ana).get("/api/episodes/", {"ordering": ordering}).json()["results"]
        assert [row["title"] for row in rows] == titles

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("mode", "magic"),
            ("state", "asleep"),
            ("reward_min", "high"),
            ("reward_max", "NaN"),
            ("reward_max", "1e20"),
            ("date_from", "2026-02-30"),
            ("simulated", "maybe"),
            ("ordering", "beauty"),
            ("page", "0"),
            ("page_size", "1000"),
            ("polcy", "rl"),
            ("mode", ""),
            ("pack", "a\x00b"),
        ],
    )
    def test_bad_values_are_named(self, ana: Any, tax_assist: Pack, name: str, value: str):
        reply = door(ana).get("/api/episodes/", {name: value})
        assert reply.status_code == 400
        [error] = problem(reply)["errors"]
        assert error["field"] == name
        assert error["value"] == value
        assert error["in"] == "query"
        assert error["detail"]

    def test_pages(self, ana: Any, tax_assist: Pack):
        for _ in range(5):
            EpisodeFactory(pack=tax_assist)
        client = door(ana)
        first = client.get("/api/episodes/?page_size=2").json()
        assert first["count"] == 5
        second = client.get(first["next"]).json()
        ids = [row["id"] for row in first["results"] + second["results"]]
        assert len(set(ids)) == 4
        assert client.get("/api/episodes/?page=99").status_code == 404

    def test_the_number_of_queries_stays(self, ana: Any, tax_assist: Pack):
        client = door(ana)

        def queries(more: int) -> int:
            for _ in range(more):
                judged(tax_assist)
            with CaptureQueriesContext(connection) as seen:
                assert client.get("/api/episodes/?page_size=200").status_code == 200
            return len(seen)

        assert queries(5) == queries(45)


class TestEpisode:
    def test_it_has_everything(self, ana: Any, tax_assist: Pack):
        episode = judged(tax_assist)
        body = door(ana).get(f"/api/episodes/{episode.pk}").json()
        assert body["public_id"] == str(episode.public_id)
        assert [step["index"] for step in body["steps"]] == [0, 1, 2]
        assert body["steps"][0]["odds"] == [
            {"action": "insight", "probability": 0.75},
            {"action": "finish", "probability": 0.25},
        ]
        assert body["reward_breakdown"]["value"] == 0.6
        assert body["reward_breakdown"]["components"]["parts"][0]["adds"] == 0.6
        assert body["evaluation"]["judge"] == "rubric"
        assert body["outcomes"][0]["kind"] == "replied"
        assert body["outcomes"][0]["lead"] == "Fennel & Co"
        assert body["sales"][0]["amount"] == "114.00"

    def test_the_public_id_works_too(self, ana: Any, tax_assist: Pack):
        episode = EpisodeFactory(pack=tax_assist)
        body = door(ana).get(f"/api/episodes/{episode.public_id}").json()
        assert body["id"] == episode.pk
        assert body["reward_breakdown"] is None
        assert body["evaluation"] is None

    def test_another_tenant_is_not_found(self, cleo: Any, tax_assist: Pack):
        episode = judged(tax_assist)
        for name in (episode.pk, episode.public_id):
            reply = door(cleo).get(f"/api/episodes/{name}")
            assert reply.status_code == 404
            problem(reply)

    @pytest.mark.parametrize("name", ["0", "9" * 30, "EP-1", "nonsense", "8b74e147-9198-471f-9f99-d99053d172de", "١"])
    def test_what_does_not_exist_is_not_found(self, ana: Any, name: str):
        assert door(ana).get(f"/api/episodes/{name}").status_code == 404

    def test_the_number_of_queries_stays(self, ana: Any, tax_assist: Pack):
        short, long = judged(tax_assist, steps=2), judged(tax_assist, steps=40)
        client = door(ana)
        counts = []
        for episode in (short, long):
            with CaptureQueriesContext(connection) as seen:
                client.get(f"/api/episodes/{episode.pk}")
            counts.append(len(seen))
        assert counts[0] == counts[1]


class TestAddresses:
    def test_one_slash_too_few_leads_to_the_right_place(self, ana: Any):
        reply = door(ana).get("/api/packs?page_size=3")
        assert (reply.status_code, reply["Location"]) == (308, "/api/packs/?page_size=3")

    def test_one_slash_too_many_keeps_the_method(self, ana: Any, tax_assist: Pack):
        reply = door(ana).post("/api/packs/tax-assist/runs/dynamic/")
        assert (reply.status_code, reply["Location"]) == (308, "/api/packs/tax-assist/runs/dynamic")

    @pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
    def test_an_unknown_one_is_a_problem(self, method: str):
        for address in ("/api/nowhere/at/all", "/api/packs/new%0Aline/runs"):
            reply = getattr(door(), method)(address)
            assert reply.status_code == 404
            assert problem(reply)["instance"] == unquote(address)

    def test_what_is_quoted_stays_quoted(self):
        assert door().get("/api/episodes/a%3Fb%0A/")["Location"] == "/api/episodes/a%3Fb%0A"
