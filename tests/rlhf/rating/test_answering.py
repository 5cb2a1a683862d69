"""Answers: once, by side as shown, taken back ten deep, and an owner hears of disagreement."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.models import Brand
from rlhf.feedback.giving import BadFeedback, explain
from rlhf.feedback.human import human_score
from rlhf.feedback.undoing import NothingToUndo
from rlhf.models import Feedback, PreferencePair, RatingItem, Signal
from rlhf.rating import answering, holding, returning
from tests.factories import ExperienceFactory, RatingItemFactory, RatingTaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(harbor: Brand) -> Any:
    return RatingTaskFactory(brand=harbor, overlap=2)


@pytest.fixture
def pairs(harbor: Brand) -> Any:
    return RatingTaskFactory(brand=harbor, asks="pair", overlap=2)


def hold(task: Any, rater: Any, **changes: Any) -> Any:
    if task.is_pair and not task.items.exists():
        RatingItemFactory(task=task, b=ExperienceFactory(brand=task.brand), **changes)
    elif not task.items.exists():
        RatingItemFactory(task=task, **changes)
    return holding.take(task=task, rater=rater, now=timezone.now())[0]


def say(held: Any, by: Any, **said: Any) -> answering.Answered:
    return answering.answer(held, by=by, now=timezone.now(), **said)


class TestSingle:
    def test_stars_are_stored_and_counted(self, task, ana):
        done = say(hold(task, ana), ana, stars=4, reasons=["Too long"], comment="Nearly", key="k1")
        said = done.said
        assert (said.value, said.stars, said.reasons, said.comment, said.counts) == (
            0.75,
            4,
            ["Too long"],
            "Nearly",
            True,
        )
        assert done.assignment.state == "answered"
        assert RatingItem.across_brands.get().answered == 1

    def test_the_same_key_is_one_answer(self, task, ana):
        held = hold(task, ana)
        first, second = say(held, ana, stars=4, key="k"), say(held, ana, stars=4, key="k")
        assert (first.said.pk, first.new, second.new) == (second.said.pk, True, False)
        assert RatingItem.across_brands.get().answered == 1

    def test_another_answer_takes_the_place_of_the_first(self, task, ana):
        held = hold(task, ana)
        say(held, ana, stars=2, key="a")
        say(held, ana, stars=5, key="b")
        assert list(Feedback.across_brands.filter(undone_at=None).values_list("stars", flat=True)) == [5]
        assert RatingItem.across_brands.get().answered == 1
        assert human_score(held.item.a).value == 1.0

    def test_a_thumb_and_stars_and_an_own_version_stand_beside_each_other(self, task, ana):
        held = hold(task, ana)
        say(held, ana, thumb=False)
        say(held, ana, stars=2)
        say(held, ana, corrected="Hello Jo,\n\nOats.")
        kinds = set(Feedback.across_brands.filter(undone_at=None).values_list("kind", flat=True))
        assert kinds == {"thumb", "stars", "correction"}
        assert "Oats number" in Feedback.across_brands.get(kind="correction").original
        assert RatingItem.across_brands.get().answered == 1

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({"stars": 6}, "stars"),
            ({}, "rating"),
            ({"stars": 3, "thumb": True}, "rating"),
            ({"verdict": "a"}, "verdict"),
            ({"corrected": " "}, "corrected"),
            ({"stars": 3, "reasons": ["x" * 121]}, "reasons"),
            ({"stars": True}, "stars"),
        ],
    )
    def test_what_is_no_answer_is_refused_and_changes_nothing(self, task, ana, said, field):
        held = hold(task, ana)
        with pytest.raises(BadFeedback) as refused:
            say(held, ana, **said)
        assert refused.value.detail["field"] == field
        held.refresh_from_db()
        assert (held.state, Feedback.across_brands.count()) == ("open", 0)

    def test_an_unchanged_version_is_refused(self, task, ana):
        held = hold(task, ana)
        from rlhf.showing import text_of

        with pytest.raises(BadFeedback, match="same as the text"):
            say(held, ana, corrected=text_of(held.item.a))

    def test_it_asks_the_database_little(self, task, ana, django_assert_max_num_queries):
        held = hold(task, ana)
        with django_assert_max_num_queries(10):  # four of them are the savepoints
            say(held, ana, stars=4, key="k")

    def test_nobody_answers_for_another(self, task, ana, ben):
        with pytest.raises(holding.NotHeld):
            say(hold(task, ana), ben, stars=3)

    def test_every_answer_leaves_a_signal(self, task, ana):
        held = hold(task, ana)
        said = say(held, ana, stars=4).said
        explain(said, by=ana, reasons=["Not true"])
        answering.take_back(brand=task.brand, rater=ana, now=timezone.now())
        kinds = list(Signal.across_brands.filter(experience=held.item.a).values_list("kind", flat=True))
        assert kinds == ["rated", "explained", "undone"]


class TestPair:
    @pytest.mark.parametrize(("order", "stored"), [("ab", "a"), ("ba", "b")])
    def test_a_is_the_left_one_as_shown(self, pairs, ana, order, stored):
        held = hold(pairs, ana)
        held.shown_order = order
        held.save()
        said = say(held, ana, verdict="a").said
        assert (said.verdict, said.shown_order) == (stored, order)

    @pytest.mark.parametrize("verdict", ["tie", "both_bad"])
    def test_even_verdicts_have_no_side(self, pairs, ana, verdict):
        held = hold(pairs, ana)
        assert say(held, ana, verdict=verdict).said.verdict == verdict

    def test_stars_are_no_answer_to_a_pair(self, pairs, ana):
        with pytest.raises(BadFeedback, match="which one is better"):
            say(hold(pairs, ana), ana, stars=4)

    def test_a_done_item_on_which_people_disagree_is_disputed(self, pairs, ana, ben):
        one, other = hold(pairs, ana), hold(pairs, ben)
        for held, by, wanted in ((one, ana, "a"), (other, ben, "b")):
            say(held, by, verdict=answering.as_shown(wanted, held.shown_order))
        item = RatingItem.across_brands.get()
        assert (item.state, item.disputed, item.answered) == ("done", True, 2)

    def test_choices_move_the_human_score(self, pairs, ana, ben):
        for person in (ana, ben):
            held = hold(pairs, person)
            say(held, person, verdict=answering.as_shown("a", held.shown_order))
        item = RatingItem.across_brands.get()
        assert human_score(item.a).value == pytest.approx(3 / 4)
        assert human_score(item.b).value == pytest.approx(1 / 4)


class TestUndo:
    def test_ten_deep_newest_first(self, task, ana):
        for n in range(12):
            RatingItemFactory(task=task, priority=n)
        for _ in range(12):
            say(holding.take(task=task, rater=ana, now=timezone.now())[0], ana, stars=3)
        answered = list(Feedback.across_brands.order_by("-pk").values_list("assignment", flat=True))
        back = [answering.take_back(brand=task.brand, rater=ana, task=task, now=timezone.now()).pk for _ in range(12)]
        assert back == answered
        assert RatingItem.across_brands.filter(answered=0).count() == 12
        with pytest.raises(NothingToUndo):
            answering.take_back(brand=task.brand, rater=ana, task=task, now=timezone.now())

    def test_what_was_exported_stays(self, task, ana):
        said = say(hold(task, ana), ana, stars=3).said
        Feedback.across_brands.filter(pk=said.pk).update(exported_at=timezone.now())
        with pytest.raises(NothingToUndo):
            answering.take_back(brand=task.brand, rater=ana, now=timezone.now())

    def test_the_item_is_in_hand_again_and_can_be_answered_anew(self, task, ana, ben):
        held = hold(task, ana)
        say(held, ana, stars=1)
        say(hold(task, ben), ben, stars=1)
        assert RatingItem.across_brands.get().state == "done"
        again = answering.take_back(brand=task.brand, rater=ana, now=timezone.now())
        item = RatingItem.across_brands.get()
        assert (again.pk, again.state, item.state, item.answered, item.taken) == (held.pk, "open", "open", 1, 2)
        say(again, ana, stars=5)
        item.refresh_from_db()
        assert (item.state, item.answered, item.disputed) == ("done", 2, True)

    def test_an_own_version_comes_back_as_a_draft(self, task, ana):
        say(hold(task, ana), ana, corrected="Mine", comment="why")
        again = answering.take_back(brand=task.brand, rater=ana, now=timezone.now())
        assert again.draft == {"comment": "why", "corrected": "Mine"}

    def test_only_ones_own(self, task, ana, ben):
        say(hold(task, ana), ana, stars=3)
        with pytest.raises(NothingToUndo):
            answering.take_back(brand=task.brand, rater=ben, now=timezone.now())


class TestTwoWindows:
    """Each holds what it read before the other one did something."""

    def test_undone_in_both_is_undone_once(self, task, ana):
        held = hold(task, ana)
        say(held, ana, stars=3)
        windows = [holding.held(brand=task.brand, rater=ana, public_id=held.public_id) for _ in range(2)]
        for window in windows:
            assert returning.put_back(window, by=ana, now=timezone.now()).state == "open"
        item = RatingItem.across_brands.get()
        assert (item.answered, item.taken) == (0, 1)
        assert Feedback.across_brands.filter(undone_at=None).count() == 0

    def test_answered_in_one_it_is_not_skipped_in_the_other(self, task, ana):
        held = hold(task, ana)
        say(held, ana, stars=3)
        assert holding.skip(held, by=ana, now=timezone.now()).state == "answered"

    def test_skipped_in_one_it_can_be_answered_in_the_other(self, task, ana):
        held = hold(task, ana)
        holding.skip(held, by=ana, now=timezone.now())
        assert say(held, ana, stars=3).said.counts is True
        assert RatingItem.across_brands.get().taken == 1

    def test_both_answer_and_the_newer_one_counts(self, task, ana):
        held = hold(task, ana)
        windows = [holding.held(brand=task.brand, rater=ana, public_id=held.public_id) for _ in range(2)]
        for stars, window in zip((2, 5), windows, strict=True):
            say(window, ana, stars=stars, key=f"window {stars}")
        assert Feedback.across_brands.get(undone_at=None).stars == 5
        assert RatingItem.across_brands.get().answered == 1


class TestElsewhere:
    def test_undone_over_the_api_the_item_waits_again(self, task, ana, ana_client):
        said = say(hold(task, ana), ana, stars=3).said
        assert (
            ana_client.post(f"/api/feedback/{said.public_id}/undo", content_type="application/json").status_code == 200
        )
        item = RatingItem.across_brands.get()
        assert (item.answered, item.state, item.assignments.get().state) == (0, "open", "open")

    def test_with_another_word_left_it_stays_answered(self, task, ana, ana_client):
        held = hold(task, ana)
        stars = say(held, ana, stars=3).said
        say(held, ana, corrected="Hello Jo,\n\nOats.")
        assert (
            ana_client.post(f"/api/feedback/{stars.public_id}/undo", content_type="application/json").status_code == 200
        )
        item = RatingItem.across_brands.get()
        assert (item.answered, item.assignments.get().state) == (1, "answered")


class TestPairOfWords:
    def test_two_words_on_one_item_are_taken_back_together(self, task, ana):
        held = hold(task, ana)
        say(held, ana, thumb=True)
        say(held, ana, stars=5)
        answering.take_back(brand=task.brand, rater=ana, now=timezone.now())
        assert not Feedback.across_brands.filter(undone_at=None).exists()
        assert PreferencePair.across_brands.count() == 0
