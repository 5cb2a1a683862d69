"""Flagged texts: who sees them, what an owner finds, and that no training file takes what was not found fine."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from crm.models import Brand
from rlhf.feedback import flags
from rlhf.feedback.files import files
from rlhf.feedback.giving import rate
from rlhf.feedback.undoing import undo
from rlhf.models import Experience, Feedback, Signal, Source
from tests.conftest import signed_in
from tests.factories import EpisodeFactory
from tests.rlhf.feedback import saying

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def text(harbor: Brand) -> Experience:
    return saying.work(harbor)[0]


@pytest.fixture
def flag(text: Experience, rae: Any) -> Feedback:
    return rate(experience=text, rater=rae, flag=True, comment="The price is from last year.")[0]


def settle(client: Any, flag: Feedback, answer: str, **extra: Any) -> Any:
    return client.post(reverse("feedback_settle", args=[flag.pk]), {"answer": answer}, **extra)


class TestSettling:
    def test_it_waits_until_somebody_finds_it_fine(self, ana, ana_client, tax_assist, flag):
        EpisodeFactory(pack=tax_assist, state="done")
        page = ana_client.get("/feedback/").content.decode()
        assert "1 flagged text" in page
        assert "The price is from last year." in page
        assert "1 flagged text" in ana_client.get("/").content.decode()
        part = settle(ana_client, flag, "fine", headers=HTMX).content.decode()
        assert "It is fine" in part
        assert '<h2 id="flags-title" hx-swap-oob="true">0 flagged texts</h2>' in part
        flag.refresh_from_db()
        assert (flag.settled, flag.settled_by) == ("fine", ana)
        assert flag.settled_at is not None
        assert "flagged text" not in ana_client.get("/").content.decode()
        assert "Looked at lately" in ana_client.get("/feedback/flags/").content.decode()

    def test_it_is_taken_back(self, ana_client, harbor, flag):
        settle(ana_client, flag, "wrong")
        settle(ana_client, flag, "")
        flag.refresh_from_db()
        assert (flag.settled, flag.settled_by, flag.settled_at) == ("", None, None)
        said = Signal.objects.for_brand(harbor).filter(kind="settled").values_list("said", flat=True)
        assert [one["found"] for one in said] == ["wrong", "open again"]
        history = ana_client.get(reverse("experience", args=[flag.experience.public_id])).content.decode()
        assert "Flag looked at" in history
        assert "open again" in history

    def test_the_second_is_told(self, ana_client, flag):
        settle(ana_client, flag, "fine")
        assert "Somebody else was here first" in settle(ana_client, flag, "wrong", headers=HTMX).content.decode()
        flag.refresh_from_db()
        assert flag.settled == "fine"

    @pytest.mark.parametrize("answer", ["maybe", "\0"])
    def test_another_answer_is_refused(self, ana_client, flag, answer):
        assert "is no answer" in settle(ana_client, flag, answer, headers=HTMX).content.decode()

    def test_the_person_takes_the_flag_back(self, rae, ana_client, harbor, flag):
        undo(flag, by=rae)
        assert not flags.waiting(harbor).exists()
        assert "took the flag back" in settle(ana_client, flag, "fine", headers=HTMX).content.decode()


class TestTraining:
    def test_no_file_takes_it_until_it_is_found_fine(self, harbor, ana, ana_client, text, flag):
        saying.thumb(text, ana, True)

        def kto() -> tuple[int, tuple[tuple[str, int], ...]]:
            found = next(one for one in files(harbor) if one.what == "kto")
            body = b"".join(ana_client.get("/api/feedback/export-kto").streaming_content)
            assert body.count(b"\n") == found.lines
            return found.lines, found.left_out

        left_out = (("Flagged, and nobody found it fine", 1),)
        assert kto() == (0, left_out)
        settle(ana_client, flag, "wrong")
        assert kto() == (0, left_out)
        settle(ana_client, flag, "")
        settle(ana_client, flag, "fine")
        assert kto() == (1, ())

    def test_a_simulated_rater_stops_nothing(self, harbor, text):
        rate(experience=text, rater=None, rater_name="Simulated rater 1", flag=True, source=Source.PANEL)
        assert not flags.waiting(harbor).exists()
        assert flags.held_back(harbor, [text.pk]) == set()


class TestWho:
    def test_a_viewer_looks_and_does_not_decide(self, ben_client, rae, flag):
        page = ben_client.get("/feedback/flags/").content.decode()
        assert "Somebody flagged it" in page
        assert "It is fine" not in page
        assert settle(ben_client, flag, "fine").status_code == 403
        assert settle(signed_in(rae), flag, "fine").status_code == 403

    def test_another_tenants_is_not_there(self, cleo_client, flag):
        assert settle(cleo_client, flag, "fine").status_code == 404
        assert "Nothing to look at" in cleo_client.get("/feedback/flags/").content.decode()
        flag.refresh_from_db()
        assert flag.settled == ""

    def test_a_word_that_is_no_flag_is_not_there(self, ana, ana_client, text):
        assert settle(ana_client, saying.thumb(text, ana, True), "fine").status_code == 404
