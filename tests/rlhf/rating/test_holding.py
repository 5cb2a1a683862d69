"""Who holds which item: no more people than are wanted, locks that run out, known answers and repeats."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.models import Brand
from rlhf.models import Assignment, RatingItem
from rlhf.rating import answering, holding, progress
from tests.factories import ExperienceFactory, RatingItemFactory, RatingTaskFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(harbor: Brand) -> Any:
    return RatingTaskFactory(brand=harbor, overlap=2)


def items(task: Any, count: int, **changes: Any) -> list[RatingItem]:
    return [RatingItemFactory(task=task, priority=1 - n / 100, **changes) for n in range(count)]


def take(task: Any, rater: Any, count: int = 1, at: Any = None) -> list[Assignment]:
    return holding.take(task=task, rater=rater, count=count, now=at or timezone.now())


class TestTake:
    def test_the_least_certain_comes_first(self, task, ana):
        made = items(task, 3)
        assert [one.item_id for one in take(task, ana, 2)] == [made[0].pk, made[1].pk]

    def test_what_is_held_is_given_again_with_a_new_lock(self, task, ana):
        items(task, 2)
        first = take(task, ana)[0]
        later = timezone.now() + timedelta(minutes=5)
        again = take(task, ana, at=later)[0]
        assert again.pk == first.pk
        again.refresh_from_db()
        assert again.locked_until == later + timedelta(minutes=task.lock_minutes)

    def test_no_more_people_than_wanted(self, task, ana, ben, rae):
        items(task, 1)
        assert take(task, ana) and take(task, ben)
        assert take(task, rae) == []
        assert RatingItem.across_brands.get().taken == 2

    def test_the_database_refuses_more(self, task):
        item = items(task, 1)[0]
        with pytest.raises(IntegrityError), transaction.atomic():
            RatingItem.across_brands.filter(pk=item.pk).update(taken=3)

    def test_a_skipped_item_goes_to_somebody_else_and_not_back(self, task, ana, ben, rae):
        items(task, 1)
        holding.skip(take(task, ana)[0], by=ana, now=timezone.now())
        assert take(task, ana) == []
        assert take(task, ben) and take(task, rae)

    def test_skipping_twice_frees_once(self, task, ana, ben):
        items(task, 1)
        mine = take(task, ana)[0]
        take(task, ben)
        for _ in range(2):
            holding.skip(mine, by=ana, now=timezone.now())
        assert RatingItem.across_brands.get().taken == 1

    def test_another_brand_cannot_reach_it(self, task, ana, cleo, lumen):
        items(task, 1)
        mine = take(task, ana)[0]
        with pytest.raises(holding.NotHeld):
            holding.held(brand=lumen, rater=cleo, public_id=mine.public_id)
        with pytest.raises(holding.NotHeld):
            holding.held(brand=task.brand, rater=cleo, public_id=mine.public_id)

    def test_more_items_take_no_more_questions(self, task, ana, django_assert_max_num_queries):
        items(task, 30)
        with django_assert_max_num_queries(8):  # two of them are the savepoint
            assert len(take(task, ana, 1)) == 1
        with django_assert_max_num_queries(9):
            assert len(take(task, ana, 20)) == 20

    def test_an_item_shown_again_stays_in_hand_though_it_is_done(self, task, ana):
        item = items(task, 1, wanted=1)[0]
        answering.answer(take(task, ana)[0], by=ana, stars=4, now=timezone.now())
        again = Assignment.across_brands.create(
            brand=task.brand, item=item, rater=ana, showing=2, holds_slot=False, locked_until=timezone.now()
        )
        assert take(task, ana) == [again]
        RatingItem.across_brands.update(state=RatingItem.State.CLOSED)
        assert take(task, ana) == []

    def test_sides_are_drawn_by_a_seed_and_both_happen(self, task, ana):
        pairs = RatingTaskFactory(brand=task.brand, asks="pair")
        for _ in range(20):
            RatingItemFactory(task=pairs, b=ExperienceFactory(brand=task.brand))
        orders = [one.shown_order for one in take(pairs, ana, 20)]
        assert {"ab", "ba"} == set(orders)
        assert all((one.seed % 2 == 1) == (one.shown_order == "ba") for one in take(pairs, ana, 20))


class TestLocks:
    def test_one_that_ran_out_goes_to_others(self, task, ana, ben, rae):
        items(task, 1)
        take(task, ana), take(task, ben)
        late = timezone.now() + timedelta(minutes=task.lock_minutes + 1)
        assert holding.release_expired(task.brand, now=late) == 2
        assert holding.release_expired(task.brand, now=late) == 0
        assert RatingItem.across_brands.get().taken == 0
        assert take(task, rae, at=late)

    def test_whoever_let_it_run_out_may_have_it_again(self, task, ana):
        items(task, 2)
        mine = take(task, ana, 2)
        late = timezone.now() + timedelta(hours=1)
        holding.release_expired(task.brand, now=late)
        assert [one.pk for one in take(task, ana, 2, at=late)] == [one.pk for one in mine]
        assert list(RatingItem.across_brands.values_list("taken", flat=True)) == [1, 1]

    def test_a_late_answer_counts_while_there_is_room(self, task, ana):
        items(task, 1)
        mine = take(task, ana)[0]
        late = timezone.now() + timedelta(hours=1)
        holding.release_expired(task.brand, now=late)
        done = answering.answer(mine, by=ana, stars=4, now=late)
        assert done.said.counts is True
        item = RatingItem.across_brands.get()
        assert (item.taken, item.answered) == (1, 1)

    def test_a_late_answer_without_room_is_kept_and_does_not_count(self, task, ana, ben, rae):
        items(task, 1)
        mine = take(task, ana)[0]
        late = timezone.now() + timedelta(hours=1)
        holding.release_expired(task.brand, now=late)
        take(task, ben, at=late), take(task, rae, at=late)
        done = answering.answer(mine, by=ana, stars=4, now=late)
        assert (done.new, done.said.counts) == (True, False)
        item = RatingItem.across_brands.get()
        assert (item.taken, item.answered) == (2, 0)


class TestGoldAndRepeats:
    def test_known_answers_come_at_their_share_and_do_not_count(self, harbor, ana):
        task = RatingTaskFactory(brand=harbor, gold_share=0.3)
        items(task, 60)
        gold = items(task, 40, is_gold=True, gold_answer="4")
        given = [one for _ in range(4) for one in self.work_off(task, ana, 15)]
        share = sum(one.item.is_gold for one in given) / len(given)
        assert 0.15 < share < 0.45
        assert all(RatingItem.across_brands.get(pk=one.pk).taken == 0 for one in gold)
        known = next(one for one in given if one.item.is_gold)
        assert known.feedbacks.get().counts is False

    def test_some_come_twice_and_tell_who_is_consistent(self, harbor, ana):
        task = RatingTaskFactory(brand=harbor, repeat_share=0.4)
        items(task, 60)
        given = [one for _ in range(4) for one in self.work_off(task, ana, 10)]
        again = [one for one in given if one.showing == 2]
        assert again
        assert all(one.feedbacks.get().counts is False and not one.holds_slot for one in again)
        found = progress.consistency_of(harbor, ana)
        assert (found.repeats, found.same) == (len(again), len(again))
        assert len({one.item_id for one in again}) == len(again)

    @staticmethod
    def work_off(task: Any, rater: Any, count: int) -> list[Assignment]:
        taken = take(task, rater, count)
        for one in taken:
            answering.answer(one, by=rater, stars=4, now=timezone.now())
        return taken


class TestProgress:
    def test_it_counts_what_waits_for_this_person(self, task, ana, ben):
        items(task, 3)
        other = UserFactory()
        for person in (ben, other):  # the first one is full
            answering.answer(take(task, person)[0], by=person, stars=5, now=timezone.now())
        answering.answer(take(task, ana)[0], by=ana, stars=5, now=timezone.now())
        found = progress.progress_of(task, ana, now=timezone.now())
        assert (found.done, found.waiting, found.total) == (1, 1, 2)
        assert progress.waiting_by_task(task.brand, ana) == {task.pk: 1}

    def test_pauses_do_not_count_as_work(self):
        at = timezone.now()
        times = [at - timedelta(seconds=s) for s in (0, 10, 20, 30, 3000, 3010, 3020)]
        assert progress.usual_seconds(times) == 10
        assert progress.usual_seconds(times[:3]) == progress.USUAL_S
