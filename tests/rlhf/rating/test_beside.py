"""One text of a pair beside the choice: one's own version, a flag, and both taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from rlhf.models import Assignment, Feedback, PreferencePair, RatingTask
from rlhf.rating import beside
from rlhf.showing import text_of
from tests.rlhf.rating.test_pages import held, post
from tests.rlhf.rating.things import pairs_of

pytestmark = pytest.mark.django_db
WORDS = "Dear Jo,\n\nThe new sack holds."


@pytest.fixture
def pairs(harbor: Any) -> RatingTask:
    return pairs_of(harbor, 2)


def chosen(client: Client, pairs: RatingTask, verdict: str = "b", order: str = "ba") -> Assignment:
    """A pair that was shown in `order`, and what the person said."""
    assignment = held(client, pairs)
    Assignment.across_brands.filter(pk=assignment.pk).update(shown_order=order)
    assert post(client, "rate_answer", assignment, {"verdict": verdict}).status_code == 302
    assignment.refresh_from_db()
    return assignment


def at(assignment: Assignment, letter: str) -> str:
    return reverse("rate_beside", args=[assignment.public_id, letter])


def standing(**where: Any) -> Any:
    return Feedback.across_brands.filter(undone_at=None, **where)


class TestOwnVersion:
    @pytest.mark.parametrize(("letter", "order", "side"), [("a", "ab", "a"), ("a", "ba", "b"), ("b", "ba", "a")])
    def test_it_is_about_the_text_that_stood_there(self, letter, order, side, rae, rae_client, pairs):
        assignment = chosen(rae_client, pairs, order=order)
        before = (assignment.item.answered, assignment.item.taken)
        answer = rae_client.post(at(assignment, letter), {"corrected": WORDS, "key": "k"})
        assert answer.url == f"{reverse('rate_task', args=[pairs.slug])}?after={assignment.public_id}"
        said = standing().get()
        experience = getattr(assignment.item, side)
        assert (said.experience, said.kind, said.corrected) == (experience, "correction", WORDS)
        assert (said.original, said.rater, said.assignment) == (text_of(experience), rae, None)
        assert PreferencePair.across_brands.filter(undone_at=None).count() == 1
        assignment.item.refresh_from_db()
        assert (assignment.item.answered, assignment.item.taken) == before == (1, 1)

    def test_another_takes_its_place_and_the_same_key_is_one(self, rae_client, pairs):
        assignment = chosen(rae_client, pairs)
        for words, key in ((WORDS, "one"), (f"{WORDS} Twice.", "two"), (f"{WORDS} Twice.", "two")):
            rae_client.post(at(assignment, "a"), {"corrected": words, "key": key})
        assert standing().get().corrected == f"{WORDS} Twice."
        assert Feedback.across_brands.count() == 2
        assert f"{WORDS} Twice." in rae_client.get(at(assignment, "a")).content.decode()

    def test_the_same_text_is_refused_and_nothing_typed_is_lost(self, rae_client, pairs):
        assignment = chosen(rae_client, pairs, order="ab")
        answer = rae_client.post(at(assignment, "a"), {"corrected": f" {text_of(assignment.item.a)}\n"})
        assert answer.status_code == 422
        assert "the same as the text" in answer.content.decode()
        answer = rae_client.post(at(assignment, "a"), {"corrected": "w" * 40_001})
        assert answer.status_code == 422
        assert "w" * 40_001 in answer.content.decode()
        assert not Feedback.across_brands.exists()

    def test_what_was_typed_outlives_a_reload(self, rae_client, pairs):
        assignment = chosen(rae_client, pairs)
        part = rae_client.post(at(assignment, "b"), {"corrected": WORDS}, headers={"HX-Request": "true"})
        assert "You changed" in part.content.decode()
        assert WORDS in rae_client.get(at(assignment, "b")).content.decode()
        assert WORDS not in rae_client.get(at(assignment, "a")).content.decode()
        rae_client.post(at(assignment, "b"), {"corrected": WORDS})
        assignment.refresh_from_db()
        assert assignment.draft == {}

    def test_it_can_be_taken_back(self, rae_client, pairs):
        assignment = chosen(rae_client, pairs)
        rae_client.post(at(assignment, "a"), {"corrected": WORDS})
        rae_client.post(at(assignment, "a"), {"undo": "version"})
        assert not standing().exists()
        assert rae_client.post(at(assignment, "a"), {"undo": "version"}).status_code == 422


class TestFlag:
    def test_it_is_kept_and_taken_back(self, rae_client, pairs):
        assignment = chosen(rae_client, pairs)
        rae_client.post(at(assignment, "b"), {"flag": "1"})
        assert standing().get().kind == "flag"
        assert "Take the flag back" in rae_client.get(at(assignment, "b")).content.decode()
        rae_client.post(at(assignment, "b"), {"undo": "flag"})
        assert not standing().exists()


class TestWho:
    def test_only_after_choosing(self, rae_client, pairs):
        assignment = held(rae_client, pairs)
        answer = rae_client.get(at(assignment, "a"), follow=True)
        assert "Choose between the two first" in answer.content.decode()
        rae_client.post(at(assignment, "a"), {"corrected": WORDS})
        assert not Feedback.across_brands.exists()

    def test_only_ones_own(self, rae_client, ana_client, cleo_client, pairs):
        assignment = chosen(rae_client, pairs)
        for client in (ana_client, cleo_client):
            client.post(at(assignment, "a"), {"corrected": WORDS})
            assert b"sack holds" not in client.get(at(assignment, "a"), follow=True).content
        assert not Feedback.across_brands.exists()

    def test_no_third_text(self, rae_client, pairs):
        assignment = chosen(rae_client, pairs)
        assert "There is no such text" in rae_client.get(at(assignment, "c"), follow=True).content.decode()


def test_the_better_one_is_offered_first(rae, rae_client, pairs):
    for order in ("ab", "ba"):
        assignment = chosen(rae_client, pairs, "b", order)
        assert beside.better(assignment, by=rae) == "b"
        page = rae_client.get(f"{reverse('rate_task', args=[pairs.slug])}?after={assignment.public_id}")
        assert at(assignment, "b") in page.content.decode()
