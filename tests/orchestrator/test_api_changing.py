"""Changing through the API: runs, wishes, forks, training; who may, and what a bad call is told."""

from __future__ import annotations

from typing import Any

import pytest

from crm.models import Brand, Pack
from orchestrator.api import packs as packs_api
from orchestrator.models import Episode, PolicyVersion
from tests.factories import EpisodeFactory, PackFactory, StepFactory
from tests.orchestrator.api_doors import door, judged
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db

RUN = "/api/packs/tax-assist/runs/dynamic"
SUMMARY_KEYS = {
    "total_runs",
    "total_runs_used",
    "avg_reward",
    "avg_episode_reward",
    "updated_buckets",
    "number_of_buckets_updated",
    "policy_mode_distribution",
    "skipped",
    "version",
    "evidence",
}


class TestRun:
    def test_it_answers_202_with_the_episode_and_its_address(self, ana: Any, tax_assist: Pack):
        client = door(ana)
        reply = client.post(RUN, {"policy_mode": "static", "max_steps": 3, "request": "Win back Fennel & Co"})
        assert reply.status_code == 202
        episode = Episode.objects.for_brand(tax_assist.brand).get()
        assert (episode.mode, episode.max_steps, episode.request) == ("static", 3, "Win back Fennel & Co")
        assert episode.created_by == ana
        assert reply.json()["id"] == episode.pk
        assert reply.json()["state"] == "queued"
        assert client.get(reply["Location"]).json()["id"] == episode.pk

    @pytest.mark.parametrize("body", [None, {}])
    def test_the_defaults_are_rule_and_20(self, ana: Any, tax_assist: Pack, body: Any):
        reply = door(ana).post(RUN, body)
        assert (reply.json()["mode"], reply.json()["max_steps"]) == ("rule", 20)

    @pytest.mark.parametrize(
        ("body", "field", "value"),
        [
            ({"policy_mode": "magic"}, "policy_mode", "magic"),
            ({"max_steps": 0}, "max_steps", 0),
            ({"max_steps": 101}, "max_steps", 101),
            ({"max_steps": "20"}, "max_steps", "20"),
            ({"max_steps": True}, "max_steps", True),
            ({"max_steps": 2.5}, "max_steps", 2.5),
            ({"max_steps": None}, "max_steps", None),
            ({"mode": "rl"}, "mode", "rl"),
            ({"request": ["a"]}, "request", "['a']"),
        ],
    )
    def test_a_bad_body_is_named(self, ana: Any, tax_assist: Pack, body: Any, field: str, value: Any):
        reply = door(ana).post(RUN, body)
        assert reply.status_code == 400
        told = problem(reply)
        assert told["type"] == "urn:endcap:problem:validation-error"
        [error] = told["errors"]
        assert error["field"] == field
        assert error["pointer"] == f"#/{field}"
        assert error["in"] == "body"
        assert error.get("value") == value
        assert Episode.objects.for_brand(tax_assist.brand).count() == 0

    def test_a_long_value_is_cut(self, ana: Any, tax_assist: Pack):
        [error] = problem(door(ana).post(RUN, {"request": "x" * 5000}))["errors"]
        assert len(error["value"]) < 200

    @pytest.mark.parametrize("wait", ["-1", "61", "soon", "1.5", "9" * 40])
    def test_a_bad_wait_is_named(self, ana: Any, tax_assist: Pack, wait: str):
        reply = door(ana).post(f"{RUN}?wait={wait}", {})
        assert reply.status_code == 400
        [error] = problem(reply)["errors"]
        assert (error["field"], error["value"], error["in"]) == ("wait", wait, "query")
        assert Episode.objects.for_brand(tax_assist.brand).count() == 0

    @pytest.mark.parametrize("body", ["{", "[1]", '"text"', "nul", "\xff"])
    def test_what_is_no_json_object_is_refused(self, ana: Any, tax_assist: Pack, body: str):
        reply = door(ana).generic("POST", RUN, body.encode("latin-1"), content_type="application/json")
        assert reply.status_code == 400
        problem(reply)

    def test_another_media_type_is_refused(self, ana: Any, tax_assist: Pack):
        reply = door(ana).generic("POST", RUN, b"a=1", content_type="application/x-www-form-urlencoded")
        assert reply.status_code == 415
        problem(reply)

    def test_another_method_is_refused(self, ana: Any, tax_assist: Pack):
        reply = door(ana).get(RUN)
        assert reply.status_code == 405
        assert "POST" in reply["Allow"]
        problem(reply)

    def test_a_body_that_is_too_large_is_refused(self, ana: Any, tax_assist: Pack, settings: Any):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        reply = door(ana).post(RUN, {"request": "x" * 2000})
        assert reply.status_code == 413
        problem(reply)

    def test_an_unexpected_error_leaks_nothing(self, ana: Any, tax_assist: Pack, monkeypatch: pytest.MonkeyPatch):
        def broken(**_: Any) -> None:
            raise RuntimeError("password=hunter2")

        monkeypatch.setattr(packs_api.episodes, "start", broken)
        reply = door(ana, raise_request_exception=False).post(RUN, {})
        assert reply.status_code == 500
        problem(reply)
        assert b"hunter2" not in reply.content
        assert b"Traceback" not in reply.content

    def test_a_pack_of_another_tenant_is_not_found(self, cleo: Any, tax_assist: Pack):
        assert door(cleo).post(RUN, {}).status_code == 404
        assert Episode.across_brands.count() == 0

    @pytest.mark.parametrize("person", ["ben", "rae"])
    def test_viewers_and_raters_may_not(self, request: Any, tax_assist: Pack, person: str):
        reply = door(request.getfixturevalue(person)).post(RUN, {})
        assert reply.status_code == 403
        assert "owners and planners" in problem(reply)["detail"]
        assert Episode.across_brands.count() == 0

    def test_it_needs_sign_in(self, tax_assist: Pack):
        assert door().post(RUN, {}).status_code == 401

    def test_the_session_needs_a_csrf_token(self, ana: Any, tax_assist: Pack):
        reply = door(ana, enforce_csrf_checks=True).post(RUN, {})
        assert reply.status_code == 403
        problem(reply)


class TestWait:
    def test_it_answers_202_when_time_is_over(self, ana: Any, tax_assist: Pack, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(packs_api, "LOOK_EVERY_S", 0.01)
        assert door(ana).post(f"{RUN}?wait=1", {}).status_code == 202

    @pytest.mark.django_db(transaction=True)
    def test_it_answers_200_with_the_finished_run(self, ana: Any, tax_assist: Pack):
        """Tasks run when they are queued in the tests: the whole run happens within the call."""
        reply = door(ana).post(f"{RUN}?wait=20", {"policy_mode": "static", "max_steps": 2})
        body = reply.json()
        assert reply.status_code == 200, body
        assert body["state"] == "done"
        assert body["concluded_at"]
        assert len(body["steps"]) == body["steps_count"] >= 1
        assert body["reward_breakdown"]["value"] == pytest.approx(body["reward"])
        assert reply["Location"].endswith(f"/api/episodes/{body['id']}")


class TestWishes:
    def test_pause_resume_cancel(self, ana: Any, tax_assist: Pack):
        episode = EpisodeFactory(pack=tax_assist)
        client = door(ana)
        states = []
        for wish in ("pause", "resume", "cancel"):
            reply = client.post(f"/api/episodes/{episode.pk}/{wish}")
            assert reply.status_code == 200, reply.json()
            states.append(reply.json()["state"])
        assert states == ["paused", "queued", "cancelled"]

    @pytest.mark.parametrize("wish", ["pause", "resume", "cancel"])
    def test_what_comes_too_late_is_a_conflict(self, ana: Any, tax_assist: Pack, wish: str):
        episode = judged(tax_assist)
        reply = door(ana).post(f"/api/episodes/{episode.pk}/{wish}")
        assert reply.status_code == 409
        told = problem(reply)
        assert told["type"] == "urn:endcap:problem:not-allowed-now"
        assert episode.number in told["detail"]
        assert told["context"]["state"] == "done"

    @pytest.mark.parametrize("wish", ["pause", "resume", "cancel", "fork"])
    def test_roles_and_tenants(self, ben: Any, cleo: Any, tax_assist: Pack, wish: str):
        episode = EpisodeFactory(pack=tax_assist)
        address = f"/api/episodes/{episode.pk}/{wish}"
        assert door(ben).post(address).status_code == 403
        assert door(cleo).post(address, {"after_step": 0}).status_code == 404
        assert door().post(address).status_code == 401
        assert door(ben).get(address).status_code == 405
        episode.refresh_from_db()
        assert episode.state == "queued"

    def test_fork(self, ana: Any, tax_assist: Pack):
        episode = judged(tax_assist, steps=3)
        client = door(ana)
        reply = client.post(f"/api/episodes/{episode.pk}/fork", {"after_step": 2})
        assert reply.status_code == 202, reply.json()
        assert reply.json()["forked_from"] == episode.pk
        assert reply.json()["actions"] == ["insight", "insight"]
        assert client.get(reply["Location"]).status_code == 200

    @pytest.mark.parametrize("body", [{}, {"after_step": -1}, {"after_step": "2"}, {"after_step": 1, "seed": 3}])
    def test_a_bad_fork_is_named(self, ana: Any, tax_assist: Pack, body: dict[str, Any]):
        episode = judged(tax_assist)
        reply = door(ana).post(f"/api/episodes/{episode.pk}/fork", body)
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] in ("after_step", "seed")

    def test_a_fork_behind_the_end_names_the_step(self, ana: Any, tax_assist: Pack):
        episode = EpisodeFactory(pack=tax_assist)
        StepFactory(episode=episode, index=0)
        reply = door(ana).post(f"/api/episodes/{episode.pk}/fork", {"after_step": 9})
        assert reply.status_code == 409
        [error] = problem(reply)["errors"]
        assert (error["field"], error["value"]) == ("after_step", 9)


class TestTrain:
    def test_without_episodes_it_changes_nothing(self, ana: Any, harbor: Brand):
        reply = door(ana).post("/api/orchestrator/train?max_runs=10")
        assert reply.status_code == 200
        assert set(reply.json()) == SUMMARY_KEYS
        assert reply.json()["total_runs"] == 0
        assert reply.json()["version"] is None
        assert PolicyVersion.objects.for_brand(harbor).count() == 0

    @pytest.mark.parametrize("most", ["0", "-3", "many", "1e3", "1000001"])
    def test_a_bad_max_runs_is_named(self, ana: Any, most: str):
        reply = door(ana).post(f"/api/orchestrator/train?max_runs={most}")
        assert reply.status_code == 400
        [error] = problem(reply)["errors"]
        assert (error["field"], error["value"], error["in"]) == ("max_runs", most, "query")

    def test_viewers_may_not(self, ben: Any):
        assert door(ben).post("/api/orchestrator/train").status_code == 403

    def test_it_learns_from_my_brand_only(self, ana: Any, harbor: Brand, lumen: Brand):
        judged(PackFactory(brand=lumen))
        assert door(ana).post("/api/orchestrator/train").json()["total_runs"] == 0
