"""Experiences over HTTP, and the import of events: read only, blind for raters, apart for tenants."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Brand, Import, Pack
from rlhf.feedback.giving import prefer, rate
from rlhf.models import Evaluation, Experience, PreferencePair
from tests.orchestrator.api_doors import door, judged
from tests.orchestrator.test_api_reading import problem
from tests.rlhf.api.rows import experience, raters, two

pytestmark = pytest.mark.django_db
LIST = "/api/experiences/"
IMPORT = "/api/feedback/import"


class TestList:
    def test_filters(self, ana: Any, harbor: Brand, tax_assist: Pack):
        group = uuid.uuid4()
        one = experience(harbor, kind="creative", group=group, title="Crunchy", served_by="claude")
        other = experience(harbor, pack=tax_assist, episode=uuid.uuid4(), simulated=True, policy="rl@2", cost="0.4")
        client = door(ana)

        def found(**wanted: Any) -> list[str]:
            reply = client.get(LIST, wanted)
            assert reply.status_code == 200, reply.json()
            return [row["id"] for row in reply.json()["results"]]

        both = [str(other.public_id), str(one.public_id)]
        assert found() == both
        assert found(ordering="created") == both[::-1]
        for wanted in ({"kind": "creative"}, {"group": str(group)}, {"served_by": "claude"}, {"search": "crunch"},
                       {"cost_max": "0.1"}, {"simulated": "false"}):  # fmt: skip
            assert found(**wanted) == [str(one.public_id)], wanted
        for wanted in ({"pack": "tax-assist"}, {"episode": str(other.episode)}, {"policy": "rl@2"}):
            assert found(**wanted) == [str(other.public_id)], wanted
        assert found(date_to="2020-01-01") == []

    def test_a_bad_filter_is_named(self, ana: Any):
        reply = door(ana).get(LIST, {"group": "x"})
        assert reply.status_code == 400
        assert problem(reply)["errors"][0]["field"] == "group"

    def test_it_takes_as_many_queries_for_fifty_as_for_one(self, ana: Any, harbor: Brand, tax_assist: Pack):
        counts = []
        for number in (1, 49):
            for _ in range(number):
                experience(harbor, pack=tax_assist)
            with CaptureQueriesContext(connection) as told:
                assert door(ana).get(LIST).status_code == 200
            counts.append(len(told))
        assert counts[0] == counts[1]

    def test_tenants_and_sign_in(self, cleo: Any, harbor: Brand):
        made = experience(harbor)
        assert door(cleo).get(LIST).json()["count"] == 0
        assert door(cleo).get(f"{LIST}{made.public_id}").status_code == 404
        assert door().get(LIST).status_code == 401
        assert door(cleo).post(LIST, {}).status_code in (403, 405)


class TestOne:
    def test_it_tells_everything(self, ana: Any, tax_assist: Pack):
        judged(tax_assist)
        made = Experience.objects.for_brand(tax_assist.brand).get()
        other = experience(tax_assist.brand)
        rate(experience=made, rater=ana, stars=4, comment="Good")
        prefer(a=made, b=other, verdict="a", rater=ana)
        Evaluation.across_brands.create(
            experience=made, judge="claude", rubric_version="outreach@1", missing_because="declined", cause="refused"
        )
        found = door(ana).get(f"{LIST}{made.public_id}").json()
        assert found["blind"] is False
        assert {(one["judge"], one["score"], one["cause"]) for one in found["evaluations"]} == {
            ("rubric", 0.7, ""),
            ("claude", None, "refused"),
        }
        assert [one["stars"] for one in found["feedback"]] == [4]
        assert [one["b"] for one in found["pairs"]] == [str(other.public_id)]
        assert [one["value"] for one in found["rewards"]] == [0.6]
        assert {one["kind"] for one in found["signals"]} == {"rated", "preferred"}
        assert found["pack"] == "tax-assist"

    def test_the_text_is_the_output_in_words(self, ana: Any, harbor: Brand):
        made = experience(harbor, "Dear Ida.")
        assert door(ana).get(f"{LIST}{made.public_id}").json()["text"] == "Dear Ida."

    def test_a_rater_sees_what_others_said_after_rating(self, rae: Any, ana: Any, harbor: Brand):
        made = experience(harbor)
        Evaluation.across_brands.create(experience=made, judge="rubric", rubric_version="outreach@1", score=0.7)
        rate(experience=made, rater=ana, stars=1)
        before = door(rae).get(f"{LIST}{made.public_id}").json()
        assert before["blind"] is True
        assert [before[name] for name in ("evaluations", "feedback", "pairs", "rewards", "signals")] == [[]] * 5
        rate(experience=made, rater=rae, stars=5)
        after = door(rae).get(f"{LIST}{made.public_id}").json()
        assert after["blind"] is False
        assert len(after["evaluations"]) == 1
        assert {one["rater"] for one in after["feedback"]} == {"rae", None}
        assert {one["actor"] for one in after["signals"]} == {"rae", None}

    def test_it_takes_a_fixed_number_of_queries(self, ana: Any, harbor: Brand):
        made, other = two(harbor)
        counts = []
        for _ in range(2):
            for person in raters(harbor, 4):
                rate(experience=made, rater=person, thumb=True)
                prefer(a=made, b=other, verdict="a", rater=person)
            with CaptureQueriesContext(connection) as told:
                door(ana).get(f"{LIST}{made.public_id}")
            counts.append(len(told))
        assert counts[0] == counts[1]


class TestImport:
    def event(self, brand: Brand) -> dict[str, Any]:
        a, b = two(brand)
        return {
            "type": "HumanPreference", "a": str(a.public_id), "b": str(b.public_id), "verdict": "a", "rater": "Una",
        }  # fmt: skip

    def send(self, person: Any, body: str, **headers: str) -> Any:
        return door(person).generic("POST", IMPORT, body.encode(), content_type="application/jsonl", headers=headers)

    def test_lines_are_stored_and_bad_ones_told(self, ana: Any, harbor: Brand):
        reply = self.send(ana, json.dumps(self.event(harbor)) + '\n{"type": "x"}\n')
        assert reply.status_code == 200, reply.content
        found = reply.json()
        assert (found["state"], found["read"], found["stored"], found["set_aside"]) == ("partial", 2, 1, 1)
        [bad] = found["quarantine"]
        assert (bad["line"], bad["field"], bad["value"]) == (2, "type", "x")
        assert reply["Location"].endswith(f"/api/imports/{found['id']}")
        assert door(ana).get(reply["Location"]).json()["kind"] == "feedback"
        assert door(ana).get("/api/quarantine/", {"import_id": found["id"]}).json()["count"] == 1
        assert Import.objects.for_brand(harbor).get().by == ana

    def test_an_upload_is_the_same(self, ana: Any, harbor: Brand):
        file = SimpleUploadedFile("events.jsonl", json.dumps(self.event(harbor)).encode())
        reply = door(ana).post(IMPORT, {"file": file}, format="multipart")
        assert (reply.status_code, reply.json()["stored"]) == (200, 1)
        assert Import.objects.for_brand(harbor).get().filename == "events.jsonl"

    def test_a_key_makes_it_once(self, ana: Any, harbor: Brand):
        body = json.dumps(self.event(harbor))
        first, again = (self.send(ana, body, **{"Idempotency-Key": "i"}) for _ in range(2))
        assert again["Idempotent-Replay"] == "true"
        assert first.json() == again.json()
        assert Import.objects.for_brand(harbor).count() == 1

    def test_an_empty_file_fails_and_says_why(self, ana: Any, harbor: Brand):
        found = self.send(ana, "\n").json()
        assert (found["state"], found["read"]) == ("failed", 0)
        assert "empty" in found["error"]

    def test_too_much_and_no_file_are_refused(self, ana: Any, harbor: Brand, settings: Any):
        settings.API_BULK_MAX_BYTES = 20
        reply = self.send(ana, json.dumps(self.event(harbor)))
        assert reply.status_code == 413
        problem(reply)
        settings.API_BULK_MAX_BYTES = 10_000
        reply = door(ana).post(IMPORT, {"files": "x"}, format="multipart")
        assert reply.status_code == 400
        assert door(ana).post(IMPORT, {"type": "RULER"}).status_code == 415

    @pytest.mark.parametrize("person", ["ben", "rae"])
    def test_it_is_for_owners_and_planners(self, request: Any, harbor: Brand, person: str):
        assert self.send(request.getfixturevalue(person), json.dumps(self.event(harbor))).status_code == 403
        assert not PreferencePair.across_brands.exists()

    def test_another_tenants_experiences_stay_unknown(self, cleo: Any, harbor: Brand):
        assert self.send(cleo, json.dumps(self.event(harbor))).json()["set_aside"] == 1
        assert not PreferencePair.across_brands.exists()
