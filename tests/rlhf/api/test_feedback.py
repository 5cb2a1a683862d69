"""Rating through the API: who may, what is stored, what a bad call is told, and how much it costs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken

from crm.models import Brand, Membership, PrivacyPolicy
from rlhf.feedback.giving import prefer, rate
from rlhf.models import Experience, Feedback, PreferencePair, Signal, Source
from tests.factories import MembershipFactory
from tests.orchestrator.api_doors import door
from tests.orchestrator.test_api_reading import problem
from tests.rlhf.api.rows import experience, raters, two

pytestmark = pytest.mark.django_db
RATE = "/api/feedback/"
PAIR = "/api/feedback/preference-pair"
RICH = "/api/layer2/feedback/"


@pytest.fixture
def letter(harbor: Brand) -> Experience:
    return experience(harbor)


class TestRate:
    @pytest.mark.parametrize(
        ("body", "stored"),
        [
            ({"thumb": True}, {"kind": "thumb", "value": 1.0, "thumb": True}),
            ({"thumb": False}, {"kind": "thumb", "value": 0.0, "thumb": False}),
            ({"stars": 4}, {"kind": "stars", "value": 0.75, "stars": 4, "thumb": None}),
            ({"corrected": "Dear Ida.", "original": "Hi Ida."}, {"kind": "correction", "corrected": "Dear Ida."}),
            ({"flag": True}, {"kind": "flag", "value": None}),
            ({"stars": 2, "widget": 3}, {"kind": "stars", "widget": 3}),
        ],
    )
    def test_each_kind_is_stored(self, ana: Any, letter: Experience, body: dict[str, Any], stored: dict[str, Any]):
        more = {"reasons": ["Too long"], "comment": "Cut it.", "duration_ms": 900}
        reply = door(ana).post(RATE, {"experience": str(letter.public_id), **body, **more})
        assert reply.status_code == 201, reply.json()
        said = reply.json()
        assert {name: said[name] for name in stored} == stored
        assert (said["rater"], said["source"], said["reasons"]) == ("ana", "api", ["Too long"])
        row = Feedback.objects.for_brand(letter.brand).get(public_id=said["id"])
        assert (row.rater, row.comment, row.duration_ms) == (ana, "Cut it.", 900)
        assert Signal.objects.for_brand(letter.brand).filter(experience=letter, actor="ana").count() == 1

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"stars": 6}, "stars"),
            ({"stars": 0}, "stars"),
            ({"stars": "5"}, "stars"),
            ({"stars": True}, "stars"),
            ({"thumb": "yes"}, "thumb"),
            ({"thumb": 1}, "thumb"),
            ({"thumbs": True}, "thumbs"),
            ({"thumb": None}, "thumb"),
            ({"corrected": "x" * 40_001}, "corrected"),
            ({"corrected": "a\0b"}, "corrected"),
            ({"thumb": True, "reasons": ["x"] * 13}, "reasons"),
            ({"thumb": True, "reasons": ["x" * 121]}, "reasons.0"),
            ({"thumb": True, "comment": 5}, "comment"),
            ({"thumb": True, "duration_ms": -1}, "duration_ms"),
            ({"thumb": True, "widget": 200}, "widget"),
        ],
    )
    def test_a_bad_field_is_named(self, ana: Any, letter: Experience, body: dict[str, Any], field: str):
        reply = door(ana).post(RATE, {"experience": str(letter.public_id), **body})
        assert reply.status_code == 400
        assert field in [error["field"] for error in problem(reply)["errors"]]
        assert not Feedback.objects.for_brand(letter.brand).exists()

    @pytest.mark.parametrize("body", [{}, {"thumb": True, "stars": 3}, {"flag": False}, {"corrected": "  "}])
    def test_it_wants_exactly_one_word(self, ana: Any, letter: Experience, body: dict[str, Any]):
        reply = door(ana).post(RATE, {"experience": str(letter.public_id), **body})
        assert reply.status_code == 422
        assert problem(reply)["type"] == "urn:endcap:problem:bad-feedback"

    @pytest.mark.parametrize(("role", "status"), [("owner", 201), ("planner", 201), ("rater", 201), ("viewer", 403)])
    def test_viewers_may_not(self, letter: Experience, role: str, status: int):
        person = MembershipFactory(brand=letter.brand, role=role).user
        reply = door(person).post(RATE, {"experience": str(letter.public_id), "thumb": True})
        assert reply.status_code == status
        if status == 403:
            assert "owners, planners and raters may rate" in problem(reply)["detail"]

    def test_it_needs_sign_in(self, letter: Experience):
        assert door().post(RATE, {"experience": str(letter.public_id), "thumb": True}).status_code == 401

    def test_another_tenants_experience_is_not_found(self, cleo: Any, letter: Experience):
        reply = door(cleo).post(RATE, {"experience": str(letter.public_id), "thumb": True})
        assert reply.status_code == 404
        assert not Feedback.across_brands.exists()

    def test_a_comment_passes_the_privacy_policy(self, ana: Any, letter: Experience):
        reply = door(ana).post(
            RATE, {"experience": str(letter.public_id), "thumb": False, "comment": "Ask ida.roth@example.com"}
        )
        assert "ida.roth@example.com" not in reply.json()["comment"]
        assert "Ask" in reply.json()["comment"]

    def test_what_the_policy_blocks_is_refused_and_nothing_is_kept(self, ana: Any, letter: Experience):
        PrivacyPolicy.objects.for_brand(letter.brand).create(
            brand=letter.brand, body="places:\n  feedback:\n    email: block\n"
        )
        reply = door(ana).post(
            RATE, {"experience": str(letter.public_id), "thumb": False, "comment": "Ask ida.roth@example.com"}
        )
        assert reply.status_code == 400
        assert "ida.roth" not in reply.content.decode()
        assert not Feedback.across_brands.exists()


class TestOnce:
    KEY = {"Idempotency-Key": "r-1"}

    def test_the_same_key_gives_the_row_again(self, ana: Any, letter: Experience):
        client, body = door(ana), {"experience": str(letter.public_id), "stars": 4}
        first, again = (client.post(RATE, body, headers=self.KEY) for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert again["Idempotent-Replay"] == "true"
        assert Feedback.objects.for_brand(letter.brand).count() == 1
        assert Signal.objects.for_brand(letter.brand).count() == 1

    @pytest.mark.parametrize("body", [{"stars": 5}, {"thumb": True}, {"stars": 4, "widget": 1}])
    def test_the_same_key_with_another_word_is_refused(self, ana: Any, letter: Experience, body: dict[str, Any]):
        client = door(ana)
        client.post(RATE, {"experience": str(letter.public_id), "stars": 4}, headers=self.KEY)
        reply = client.post(RATE, {"experience": str(letter.public_id), **body}, headers=self.KEY)
        assert reply.status_code == 422
        assert problem(reply)["type"] == "urn:endcap:problem:key-reused"

    def test_two_people_may_use_one_key(self, ana: Any, rae: Any, letter: Experience):
        body = {"experience": str(letter.public_id), "thumb": True}
        assert [door(one).post(RATE, body, headers=self.KEY).status_code for one in (ana, rae)] == [201, 201]

    def test_a_long_key_is_kept_as_its_hash(self, ana: Any, letter: Experience):
        key = {"Idempotency-Key": "k" * 120}
        body = {"experience": str(letter.public_id), "thumb": True}
        assert [door(ana).post(RATE, body, headers=key).status_code for _ in range(2)] == [201, 200]

    @pytest.mark.parametrize("key", ["", "x" * 121, "a b"])
    def test_a_bad_key_is_named(self, ana: Any, letter: Experience, key: str):
        reply = door(ana).post(
            RATE, {"experience": str(letter.public_id), "thumb": True}, headers={"Idempotency-Key": key}
        )
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["in"] == "header"


class TestCost:
    def test_a_rating_takes_few_queries(self, ana: Any, letter: Experience):
        header = {"Authorization": f"Token {AuthToken.objects.create(user=ana)[1]}", "Idempotency-Key": "q"}
        body = {"experience": str(letter.public_id), "stars": 4, "reasons": ["Too long"], "duration_ms": 700}
        with CaptureQueriesContext(connection) as told:
            assert door().post(RATE, body, headers=header).status_code == 201
        # token, its person, membership with its brand, experience, key; savepoint, word, signal, release
        assert len(told) <= 9, [query["sql"][:80] for query in told]

    def test_the_list_takes_as_many_for_fifty_as_for_one(self, ana: Any, harbor: Brand):
        people = raters(harbor, 3)
        counts = []
        for number in (1, 49):
            for _ in range(number):
                rate(experience=experience(harbor), rater=people[0], thumb=True)
            with CaptureQueriesContext(connection) as told:
                assert door(ana).get(RATE).status_code == 200
            counts.append(len(told))
        assert counts[0] == counts[1]

    def test_a_person_has_a_limit_of_their_own(self, ana: Any, rae: Any, letter: Experience, settings: Any):
        cache.clear()
        settings.API_RATINGS_A_MINUTE = 2
        body = {"experience": str(letter.public_id), "thumb": True}
        codes = [door(ana).post(RATE, body).status_code for _ in range(3)]
        assert codes == [201, 201, 429]
        reply = door(ana).post(RATE, body)
        assert 1 <= int(reply["Retry-After"]) <= 60
        assert door(ana).get(RATE).status_code == 200
        assert door(rae).post(RATE, body).status_code == 201


class TestRead:
    def test_filters(self, ana: Any, rae: Any, harbor: Brand):
        one, other = experience(harbor), experience(harbor, kind="creative")
        rate(experience=one, rater=ana, stars=5)
        rate(experience=other, rater=rae, thumb=False, source=Source.API)
        rate(experience=other, rater=None, rater_name="Una", flag=True, source=Source.IMPORT)
        client = door(ana)

        def found(**wanted: Any) -> set[str]:
            reply = client.get(RATE, wanted)
            assert reply.status_code == 200, reply.json()
            return {row["rater"] for row in reply.json()["results"]}

        assert found() == {"ana", "rae", "Una"}
        assert found(kind="stars") == {"ana"}
        assert found(task="creative") == {"rae", "Una"}
        assert found(rater="rae") == {"rae"}
        assert found(rater="Una") == {"Una"}
        assert found(source="import") == {"Una"}
        assert found(experience=str(one.public_id)) == {"ana"}
        assert found(date_from="2020-01-01") == {"ana", "rae", "Una"}
        assert found(date_to="2020-01-01") == set()
        assert found(undone="true") == set()
        ordered = client.get(RATE, {"ordering": "stars"}).json()["results"]
        assert ordered[0]["stars"] == 5

    @pytest.mark.parametrize("wanted", [{"kinds": "stars"}, {"kind": "star"}, {"experience": "x"}, {"date_from": ""}])
    def test_a_bad_filter_is_named(self, ana: Any, wanted: dict[str, str]):
        reply = door(ana).get(RATE, wanted)
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] in wanted

    def test_raters_see_their_own_only(self, ana: Any, rae: Any, harbor: Brand):
        a, b = two(harbor)
        for person in (ana, rae):
            rate(experience=a, rater=person, stars=5)
            prefer(a=a, b=b, verdict="a", rater=person)
        for address in (RATE, PAIR):
            assert [row["rater"] for row in door(rae).get(address).json()["results"]] == ["rae"]
            assert door(ana).get(address).json()["count"] == 2

    def test_another_tenants_words_stay_hidden(self, cleo: Any, ana: Any, letter: Experience):
        rate(experience=letter, rater=ana, stars=5)
        assert door(cleo).get(RATE).json()["count"] == 0


class TestPair:
    def test_a_choice_is_stored(self, rae: Any, harbor: Brand):
        a, b = two(harbor)
        body = {"a": str(a.public_id), "b": str(b.public_id), "verdict": "b", "shown_order": "ba", "seed": 7}
        reply = door(rae).post(PAIR, {**body, "reasons": ["Clearer"]})
        assert reply.status_code == 201, reply.json()
        row = PreferencePair.objects.for_brand(harbor).get()
        assert (row.a, row.b, row.verdict, row.shown_order, row.seed, row.rater) == (a, b, "b", "ba", 7, rae)
        assert {key: reply.json()[key] for key in body} == body

    def test_once(self, rae: Any, harbor: Brand):
        a, b = two(harbor)
        body, key = {"a": str(a.public_id), "b": str(b.public_id), "verdict": "tie"}, {"Idempotency-Key": "p"}
        assert [door(rae).post(PAIR, body, headers=key).status_code for _ in range(2)] == [201, 200]
        assert door(rae).post(PAIR, {**body, "verdict": "a"}, headers=key).status_code == 422

    @pytest.mark.parametrize(
        ("change", "status"),
        [({"verdict": "better"}, 400), ({"shown_order": "xx"}, 400), ({"seed": -1}, 400), ({"prompt": "p"}, 400)],
    )
    def test_a_bad_choice_is_named(self, rae: Any, harbor: Brand, change: dict[str, Any], status: int):
        a, b = two(harbor)
        reply = door(rae).post(PAIR, {"a": str(a.public_id), "b": str(b.public_id), "verdict": "a", **change})
        assert reply.status_code == status
        problem(reply)

    def test_one_experience_is_no_choice(self, rae: Any, harbor: Brand):
        a = experience(harbor)
        reply = door(rae).post(PAIR, {"a": str(a.public_id), "b": str(a.public_id), "verdict": "a"})
        assert reply.status_code == 422
        assert problem(reply)["errors"][0]["field"] == "b"

    def test_a_foreign_side_is_not_found(self, cleo: Any, lumen: Brand, harbor: Brand):
        mine, theirs = experience(lumen), experience(harbor)
        for a, b in ((mine, theirs), (theirs, mine)):
            reply = door(cleo).post(PAIR, {"a": str(a.public_id), "b": str(b.public_id), "verdict": "a"})
            assert reply.status_code == 404

    def test_texts_become_experiences_that_share_a_group(self, ana: Any, harbor: Brand):
        body = {"prompt": "Say hello", "chosen": "Hello.", "rejected": "Yo.", "kind": "outreach"}
        for _ in range(2):
            reply = door(ana).post(PAIR, body)
            assert reply.status_code == 201, reply.json()
        made = Experience.objects.for_brand(harbor)
        assert sorted(made.values_list("output__text", flat=True)) == ["Hello.", "Yo."]
        assert {(one.kind, one.request, one.served_by) for one in made} == {("outreach", "Say hello", "imported")}
        assert len({one.group for one in made}) == 1
        assert reply.json()["verdict"] == "a"
        assert reply.json()["a"] == str(made.get(output__text="Hello.").public_id)

    @pytest.mark.parametrize(
        "change", [{"chosen": ""}, {"prompt": " "}, {"rejected": "Hello."}, {"kind": "x" * 21}, {"verdict": "a"}]
    )
    def test_bad_texts_are_refused(self, ana: Any, harbor: Brand, change: dict[str, Any]):
        reply = door(ana).post(PAIR, {"prompt": "Say hello", "chosen": "Hello.", "rejected": "Yo.", **change})
        assert reply.status_code in (400, 422)
        assert not Experience.objects.for_brand(harbor).exists()


class TestRich:
    FIELDS = {
        "evaluation_confidence": 0.8,
        "evaluation_reasoning": "The chart answers it.",
        "query_understanding": "Sales by week.",
        "per_widget_feedback": [{"widget_index": 0, "appropriateness_score": 0.5, "size_appropriate": True}],
        "missing_widgets": ["A table"],
        "suggested_improvements": ["Label the axis"],
    }

    def test_the_six_fields_are_kept_beside_the_rating(self, rae: Any, harbor: Brand):
        board = experience(harbor, kind="dashboard")
        reply = door(rae).post(RICH, {"experience": str(board.public_id), "thumb": True, **self.FIELDS})
        assert reply.status_code == 201, reply.json()
        row = Feedback.objects.for_brand(harbor).get()
        assert (row.kind, row.value) == ("thumb", 1.0)
        assert row.rich == self.FIELDS
        assert reply.json()["rich"] == self.FIELDS

    def test_stars_or_no_rating_will_do(self, rae: Any, harbor: Brand):
        board = experience(harbor, kind="dashboard")
        for body, kind in (({"stars": 3}, "stars"), ({"missing_widgets": ["A table"]}, "rich")):
            reply = door(rae).post(RICH, {"experience": str(board.public_id), **body})
            assert (reply.status_code, reply.json()["kind"]) == (201, kind)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 422),
            ({"evaluation_reasoning": ""}, 422),
            ({"thumb": True, "stars": 3}, 422),
            ({"evaluation_confidence": 1.2}, 400),
            ({"evaluation_confidence": True}, 400),
            ({"per_widget_feedback": [{"appropriateness_score": 0.5}]}, 400),
            ({"per_widget_feedback": [{"widget_index": 0, "score": 1}]}, 400),
            ({"missing_widgets": "A table"}, 400),
        ],
    )
    def test_a_bad_verdict_is_refused(self, rae: Any, harbor: Brand, body: dict[str, Any], status: int):
        reply = door(rae).post(RICH, {"experience": str(experience(harbor).public_id), **body})
        assert reply.status_code == status
        problem(reply)
        assert not Feedback.across_brands.exists()

    def test_roles_and_tenants(self, ben: Any, cleo: Any, letter: Experience):
        body = {"experience": str(letter.public_id), "thumb": True}
        assert door(ben).post(RICH, body).status_code == 403
        assert door(cleo).post(RICH, body).status_code == 404
        assert door().post(RICH, body).status_code == 401


class TestUndo:
    def test_a_word_is_taken_back_once(self, rae: Any, harbor: Brand):
        a, b = two(harbor)
        words = (rate(experience=a, rater=rae, stars=2)[0], prefer(a=a, b=b, verdict="a", rater=rae)[0])
        for said in words:
            address = f"/api/feedback/{said.public_id}/undo"
            reply = door(rae).post(address)
            assert reply.status_code == 200, reply.json()
            assert reply.json()["undone_at"]
            again = door(rae).post(address)
            assert again.status_code == 409
            assert problem(again)["type"] == "urn:endcap:problem:nothing-to-undo"

    def test_nobody_takes_back_another_persons_word(self, ana: Any, ben: Any, rae: Any, cleo: Any, letter: Experience):
        said, _ = rate(experience=letter, rater=ana, stars=2)
        address = f"/api/feedback/{said.public_id}/undo"
        other = MembershipFactory(brand=letter.brand, role=Membership.Role.PLANNER).user
        assert door(other).post(address).status_code == 409
        assert door(rae).post(address).status_code == 404
        assert door(cleo).post(address).status_code == 404
        assert door(ben).post(address).status_code == 403
        said.refresh_from_db()
        assert said.undone_at is None

    def test_an_unknown_id_is_not_found(self, ana: Any):
        assert door(ana).post(f"/api/feedback/{uuid.uuid4()}/undo").status_code == 404
