"""The same POST twice: one effect, one answer; also when both arrive at the same time."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from crm import idempotency
from crm.models import IdempotencyRecord, Pack
from orchestrator.api import packs as packs_api
from orchestrator.models import Episode
from tests.factories import EpisodeFactory, MembershipFactory
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem

pytestmark = pytest.mark.django_db
RUN = "/api/packs/tax-assist/runs/dynamic"
KEY = {"Idempotency-Key": "order-66"}


def episodes_of(pack: Pack) -> int:
    return Episode.objects.for_brand(pack.brand).filter(pack=pack).count()


class TestRepeat:
    def test_the_stored_answer_comes_again(self, ana: Any, tax_assist: Pack):
        client = door(ana)
        first = client.post(RUN, {"max_steps": 5}, headers=KEY)
        again = client.post(RUN, {"max_steps": 5}, headers=KEY)
        assert episodes_of(tax_assist) == 1
        assert (again.status_code, again.json(), again["Location"]) == (202, first.json(), first["Location"])
        assert again["Idempotent-Replay"] == "true"
        assert "Idempotent-Replay" not in first

    @pytest.mark.parametrize(
        ("address", "body"),
        [(RUN, {"max_steps": 6}), (f"{RUN}?wait=1", {"max_steps": 5}), ("/api/orchestrator/train", {})],
    )
    def test_the_key_with_another_call_is_refused(self, ana: Any, tax_assist: Pack, address: str, body: Any):
        client = door(ana)
        client.post(RUN, {"max_steps": 5}, headers=KEY)
        reply = client.post(address, body, headers=KEY)
        assert reply.status_code == 422
        assert problem(reply)["type"] == "urn:endcap:problem:key-reused"
        assert episodes_of(tax_assist) == 1

    def test_the_key_for_another_brand_is_refused(self, ana: Any, tax_assist: Pack):
        other = MembershipFactory(user=ana, brand__slug="zephyr", brand__name="Zephyr").brand
        client = door(ana)
        client.post(RUN, {}, headers=KEY)
        assert client.post(RUN, {}, headers={**KEY, "X-Brand": other.slug}).status_code == 422

    def test_keys_of_two_people_are_two_keys(self, ana: Any, tax_assist: Pack):
        planner = MembershipFactory(brand=tax_assist.brand, role="planner").user
        door(ana).post(RUN, {}, headers=KEY)
        assert "Idempotent-Replay" not in door(planner).post(RUN, {}, headers=KEY)
        assert episodes_of(tax_assist) == 2

    def test_wishes_and_trainings_too(self, ana: Any, tax_assist: Pack):
        client = door(ana)
        episode = EpisodeFactory(pack=tax_assist)
        for address, key in ((f"/api/episodes/{episode.pk}/pause", "a"), ("/api/orchestrator/train", "b")):
            first = client.post(address, headers={"Idempotency-Key": key})
            again = client.post(address, headers={"Idempotency-Key": key})
            assert (again.status_code, again.json()) == (200, first.json())
            assert again["Idempotent-Replay"] == "true"

    def test_a_refused_call_leaves_the_key_free(self, ana: Any, tax_assist: Pack):
        client = door(ana)
        assert client.post(RUN, {"max_steps": 0}, headers=KEY).status_code == 400
        assert IdempotencyRecord.objects.count() == 0
        assert client.post(RUN, {"max_steps": 1}, headers=KEY).status_code == 202

    def test_a_crash_leaves_neither_work_nor_answer(self, ana: Any, tax_assist: Pack, monkeypatch: pytest.MonkeyPatch):
        def break_down(*_: Any, **__: Any) -> None:
            raise RuntimeError("the disk is full")

        client = door(ana, raise_request_exception=False)
        with monkeypatch.context() as broken:
            broken.setattr(idempotency, "keep", break_down)
            assert client.post(RUN, {}, headers=KEY).status_code == 500
        assert episodes_of(tax_assist) == 0
        assert client.post(RUN, {}, headers=KEY).status_code == 202

    @pytest.mark.parametrize("key", ["", "x" * 121, "caf\xe9", "a b"])
    def test_a_bad_key_is_named(self, ana: Any, tax_assist: Pack, key: str):
        reply = door(ana).post(RUN, {}, headers={"Idempotency-Key": key})
        assert reply.status_code == 400
        [error] = problem(reply)["errors"]
        assert (error["field"], error["in"]) == ("Idempotency-Key", "header")


class TestInFlight:
    def claim(self, user: Any) -> IdempotencyRecord:
        return idempotency.claim(user=user, key="k", path="/api/x", body_sha256="0" * 64)

    def test_the_second_caller_is_told_to_wait(self, ana: Any, tax_assist: Pack, monkeypatch: pytest.MonkeyPatch):
        client, inner = door(ana), door(ana)
        seen: list[Any] = []
        start = packs_api.episodes.start

        def start_while_another_asks(**kwargs: Any) -> Any:
            seen.append(inner.post(RUN, {}, headers=KEY))
            return start(**kwargs)

        monkeypatch.setattr(packs_api.episodes, "start", start_while_another_asks)
        assert client.post(RUN, {}, headers=KEY).status_code == 202
        [reply] = seen
        assert reply.status_code == 409
        assert reply["Retry-After"] == "1"
        assert problem(reply)["type"] == "urn:endcap:problem:still-at-work"

    def test_a_call_whose_process_died_is_given_up(self, ana: Any):
        record = self.claim(ana)
        with pytest.raises(idempotency.StillAtWork):
            self.claim(ana)
        long_ago = timezone.now() - idempotency.GIVEN_UP_AFTER - timedelta(seconds=1)
        IdempotencyRecord.objects.filter(pk=record.pk).update(created_at=long_ago)
        assert self.claim(ana).status == 0
        with pytest.raises(idempotency.StillAtWork):
            self.claim(ana)

    def test_old_answers_are_forgotten(self, ana: Any):
        record = self.claim(ana)
        now = timezone.now()
        assert idempotency.forget_old(now) == 0
        IdempotencyRecord.objects.filter(pk=record.pk).update(created_at=now - idempotency.KEPT_FOR - timedelta(1))
        assert idempotency.forget_old(now) == 1


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_eight_equal_calls_at_once_have_one_effect(self, ana: Any, tax_assist: Pack):
        barrier = threading.Barrier(8)
        replies: list[Any] = []

        def call() -> None:
            client = door(ana)
            barrier.wait()
            replies.append(client.post(RUN, {"policy_mode": "static", "max_steps": 1}, headers=KEY))
            connections.close_all()

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert episodes_of(tax_assist) == 1
        assert {reply.status_code for reply in replies} <= {202, 409}
        fresh = [reply for reply in replies if reply.status_code == 202 and "Idempotent-Replay" not in reply]
        assert len(fresh) == 1
        assert {reply.json()["id"] for reply in replies if reply.status_code == 202} == {fresh[0].json()["id"]}
