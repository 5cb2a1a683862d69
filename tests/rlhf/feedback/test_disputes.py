"""Disagreements: what people said on each side, a decision, one more person, the example in the guide, and undo."""

from __future__ import annotations

import pytest

from rlhf.feedback import disputes
from rlhf.feedback.disputes import BadDecision, NoDispute
from rlhf.models import Assignment, RatingItem, RatingTask, Signal
from tests.rlhf.feedback import saying

pytestmark = pytest.mark.django_db


@pytest.fixture
def raters(harbor):
    return saying.people_of(harbor, "ida.kane", "tom", "priya")


def task_of(brand, asks="single", **values):
    common = {"slug": f"mails-{asks}", "name": "Win-back e-mails", "kind": "outreach", "question": "Would you answer?"}
    return RatingTask.objects.for_brand(brand).create(
        brand=brand, asks=asks, **{**common, "guideline": {"lead": "Imagine."}, **values}
    )


def disputed(brand, task, raters, said, *, word="stars"):
    """An item that people rated apart: `said` by rater in order."""
    a = saying.work(brand)[0]
    b = saying.work(brand)[0] if task.is_pair else None
    item = RatingItem.objects.for_brand(brand).create(
        brand=brand, task=task, a=a, b=b, state="done", wanted=len(said), taken=len(said), answered=len(said),
        disputed=True,
    )  # fmt: skip
    for rater, answer in zip(raters, said, strict=False):
        held = Assignment.objects.for_brand(brand).create(
            brand=brand, item=item, rater=rater, state="answered", locked_until=item.created_at
        )
        common = {"assignment": held, "task": task}
        if task.is_pair:
            saying.choice(a, b, rater, answer, comment=f"{answer} it is", **common)
        elif word == "stars":
            saying.stars(a, rater, answer, comment="No allergens" if answer < 3 else "", reasons=["Short"], **common)
        else:
            saying.thumb(a, rater, answer, **common)
    return item


class TestLooking:
    def test_both_sides_stand_with_people_and_words(self, harbor, raters):
        disputed(harbor, task_of(harbor), raters, [5, 2, 3])
        [found] = disputes.look(disputes.waiting(harbor))
        assert [(side.title, [voice.answer for voice in side.voices]) for side in found.sides] == [
            ("Good", ["5 stars"]), ("In between", ["3 stars"]), ("Not good", ["2 stars"])
        ]  # fmt: skip
        assert found.sides[0].voices[0].initials == "IK"
        assert found.sides[2].voices[0].comment == "No allergens"
        assert [value for value, _ in found.answers] == ["1", "2", "3", "4", "5"]
        assert "double since May" in found.excerpt

    def test_a_pair_shows_what_each_side_says(self, harbor, raters):
        disputed(harbor, task_of(harbor, "pair"), raters, ["a", "b", "a"])
        [found] = disputes.look(disputes.waiting(harbor))
        assert [(side.title, len(side.voices)) for side in found.sides] == [("A is better", 2), ("B is better", 1)]
        assert all(side.excerpt for side in found.sides)

    def test_thumbs_are_decided_by_a_thumb(self, harbor, raters):
        disputed(harbor, task_of(harbor), raters, [True, False], word="thumb")
        [found] = disputes.look(disputes.waiting(harbor))
        assert found.answers == (("up", "Good"), ("down", "Not good"))

    def test_another_brand_s_are_not_there(self, harbor, lumen, raters):
        disputed(lumen, task_of(lumen), raters, [5, 1])
        assert not disputes.waiting(harbor).exists()

    def test_it_takes_three_queries_however_many(self, harbor, raters, django_assert_num_queries):
        task = task_of(harbor)
        for _ in range(4):
            disputed(harbor, task, raters, [5, 2])
        with django_assert_num_queries(3):
            assert len(disputes.look(disputes.waiting(harbor))) == 4


class TestDeciding:
    def test_it_stands_on_the_item_and_in_the_history(self, harbor, raters, ana):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        disputes.decide(item, by=ana, answer="4")
        assert (item.resolution, item.resolved_by, item.state) == ("4", ana, "done")
        assert not item.is_gold
        signal = Signal.objects.for_brand(harbor).get(kind="resolved")
        assert (signal.actor, signal.said["resolution"], signal.experience) == ("ana", "4", item.a)
        assert not disputes.waiting(harbor).exists()

    def test_with_a_reason_it_is_a_known_answer_and_an_example_in_the_guide(self, harbor, raters, ana):
        task = task_of(harbor)
        item = disputed(harbor, task, raters, [5, 2])
        disputes.decide(item, by=ana, answer="2", note="It names no allergens")
        assert (item.is_gold, item.gold_answer, item.gold_why) == (True, "2", "It names no allergens")
        assert item.state == "open"
        task.refresh_from_db()
        [example] = task.guideline["examples"]
        assert (example["good"], example["why"], example["item"]) == (False, "It names no allergens", item.pk)
        assert task.guideline["lead"] == "Imagine."

    def test_the_chosen_side_of_a_pair_is_the_good_example(self, harbor, raters, ana):
        task = task_of(harbor, "pair")
        item = disputed(harbor, task, raters, ["a", "b"])
        type(item.b).objects.for_brand(harbor).filter(pk=item.b_id).update(
            output={"emails": [{"subject": "Hello", "body": "The other one"}]}
        )
        item = disputes.waiting(harbor).get()
        disputes.decide(item, by=ana, answer="b", note="Warmer")
        task.refresh_from_db()
        assert "The other one" in task.guideline["examples"][0]["text"]
        assert task.guideline["examples"][0]["good"] is True
        assert Signal.objects.for_brand(harbor).filter(kind="resolved").count() == 2

    def test_a_thumb_becomes_stars_that_later_answers_can_be_measured_by(self, harbor, raters, ana):
        item = disputed(harbor, task_of(harbor), raters, [True, False], word="thumb")
        disputes.decide(item, by=ana, answer="down", note="Claims too much")
        assert (item.resolution, item.gold_answer) == ("down", "1")

    @pytest.mark.parametrize("answer", ["", "a", "6", "up"])
    def test_it_refuses_an_answer_to_another_question(self, harbor, raters, ana, answer):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        with pytest.raises(BadDecision):
            disputes.decide(item, by=ana, answer=answer)

    def test_it_refuses_a_second_decision(self, harbor, raters, ana):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        disputes.decide(item, by=ana, answer="4")
        with pytest.raises(NoDispute):
            disputes.decide(item, by=ana, answer="1")
        item.refresh_from_db()
        assert item.resolution == "4"

    def test_the_guide_keeps_the_newest_six(self, harbor, raters, ana):
        task = task_of(harbor)
        for number in range(8):
            item = disputed(harbor, task, raters, [5, 2])
            disputes.decide(item, by=ana, answer="5", note=f"Reason {number}")
        task.refresh_from_db()
        assert [one["why"] for one in task.guideline["examples"]] == [f"Reason {n}" for n in (7, 6, 5, 4, 3, 2)]


class TestAskingOneMore:
    def test_it_waits_for_one_person_more_and_leaves_the_list(self, harbor, raters, ana):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        disputes.ask_one_more(item, by=ana)
        assert (item.wanted, item.state, item.disputed) == (3, "open", False)
        with pytest.raises(NoDispute):
            disputes.ask_one_more(item, by=ana)


class TestTakingBack:
    def test_it_is_in_dispute_again_and_no_example_any_more(self, harbor, raters, ana):
        task = task_of(harbor)
        item, other = (disputed(harbor, task, raters, [5, 2]) for _ in range(2))
        disputes.decide(other, by=ana, answer="5", note="Good opening")
        disputes.decide(item, by=ana, answer="1", note="No allergens")
        disputes.reopen(item, by=ana)
        task.refresh_from_db()
        assert [one["why"] for one in task.guideline["examples"]] == ["Good opening"]
        assert (item.is_gold, item.gold_answer, item.resolution, item.resolved_at) == (False, "", "", None)
        assert list(disputes.waiting(harbor)) == [item]
        assert Signal.objects.for_brand(harbor).filter(kind="resolved").count() == 3

    def test_it_refuses_where_nothing_was_decided(self, harbor, raters, ana):
        item = disputed(harbor, task_of(harbor), raters, [5, 2])
        with pytest.raises(NoDispute):
            disputes.reopen(item, by=ana)
