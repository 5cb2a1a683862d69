"""Tasks, what follows a finished episode, the sweep, the schedules and the demonstration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from celery import current_app
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError as BrokerAway

from crm.market import answers
from crm.models import Brand, MarketEvent, Outcome, Pack
from orchestrator import conclusion, deliveries, demonstration, episodes, tasks
from orchestrator.models import Episode, EpisodeState, PolicyVersion
from orchestrator.schedules import SCHEDULES, ensure_schedules
from rlhf import judging
from rlhf.models import Evaluation, Experience, Reward
from tests.factories import BrandFactory, EpisodeFactory, PackFactory
from training.models import TrainingRun

pytestmark = pytest.mark.django_db
with_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sample(db: None) -> Brand:
    call_command("init_sample_data", verbosity=0)
    return Brand.objects.get(slug="harbor-oats")


@pytest.fixture
def tax(sample: Brand) -> Pack:
    return Pack.objects.for_brand(sample).get(slug="tax-assist")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(deliveries, "send", lambda task, pk: told.append((task, pk)) or True)
    return told


def finished(pack: Pack, **asked: Any) -> Episode:
    """Ran to its end by the task, which in tests also concludes it."""
    episode = episodes.start(brand=pack.brand, pack=pack, deliver=False, **{"seed": 7, **asked})
    assert tasks.run_episode(episode_id=episode.pk) == "done"
    episode.refresh_from_db()
    return episode


def rows() -> tuple[int, ...]:
    counted = (Experience, Evaluation, Reward, MarketEvent)
    return tuple(model.across_brands.count() for model in counted)


class TestRunEpisode:
    @with_commits
    def test_starting_is_enough_where_tasks_run_when_called(self, tax):
        episode = episodes.start(brand=tax.brand, pack=tax)
        episode.refresh_from_db()
        assert episode.state == EpisodeState.DONE
        assert episode.concluded_at is not None
        assert episode.reward is not None

    def test_it_may_run_twice(self, tax):
        episode = finished(tax)
        before = rows(), episode.steps_count
        assert tasks.run_episode(episode_id=episode.pk) == "done"
        episode.refresh_from_db()
        assert (rows(), episode.steps_count) == before

    def test_an_episode_that_is_gone_is_no_error(self, db):
        assert tasks.run_episode(episode_id=999_999_999) == "gone"
        assert tasks.conclude_episode(episode_id=999_999_999) is False

    @with_commits
    def test_a_broker_that_is_away_loses_nothing(self, tax, monkeypatch):
        def away(**_: Any) -> None:
            raise BrokerAway("connection refused")

        monkeypatch.setattr(current_app.tasks[deliveries.RUN], "apply_async", away)
        episode = episodes.start(brand=tax.brand, pack=tax)
        assert episode.state == EpisodeState.QUEUED
        Episode.across_brands.filter(pk=episode.pk).update(created_at=timezone.now() - timedelta(minutes=2))
        monkeypatch.undo()
        assert tasks.sweep()["woken"] == 1
        episode.refresh_from_db()
        assert episode.state == EpisodeState.DONE


class TestConclude:
    def test_it_makes_experience_verdict_market_plan_and_first_reward(self, tax):
        episode = finished(tax)
        experience = Experience.objects.for_brand(tax.brand).get(episode=episode.public_id)
        assert (experience.kind, experience.simulated) == ("outreach", True)
        assert experience.policy.startswith("rule@")
        assert experience.cost == episode.cost
        assert experience.output["emails"]
        assert experience.evaluations.count() == 1
        reward = experience.rewards.get()
        assert reward.is_current
        assert reward.provisional
        assert episode.reward == pytest.approx(reward.value)
        assert episode.reward_provisional
        assert MarketEvent.objects.for_brand(tax.brand).filter(attributed_to=episode.public_id).exists()

    def test_twice_is_once(self, tax):
        episode = finished(tax)
        before = rows()
        assert conclusion.conclude(episode) is False
        assert tasks.conclude_episode(episode_id=episode.pk) is False
        assert rows() == before

    @pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled", "stuck", "paused"])
    def test_only_what_is_done_is_concluded(self, tax, state):
        assert conclusion.conclude(EpisodeFactory(pack=tax, state=state)) is False
        assert rows() == (0, 0, 0, 0)

    def test_a_judge_that_breaks_is_missing_and_not_zero(self, tax, monkeypatch):
        def breaks(*_: Any) -> None:
            raise ValueError("no verdict")

        monkeypatch.setattr(judging, "evaluate", breaks)
        episode = finished(tax)
        assert episode.concluded_at is not None
        reward = Reward.across_brands.get()
        assert "judge" in reward.components["missing"]
        assert "judge" not in [part["name"] for part in reward.components["parts"]]

    def test_a_market_that_breaks_stops_neither_verdict_nor_reward(self, tax, monkeypatch):
        def breaks(**_: Any) -> None:
            raise ValueError("closed")

        monkeypatch.setattr(answers, "respond", breaks)
        episode = finished(tax)
        assert episode.concluded_at is not None
        assert episode.reward is not None
        assert not MarketEvent.across_brands.exists()

    def test_a_brand_without_a_simulated_market_gets_no_answers(self, tax):
        Brand.objects.filter(pk=tax.brand_id).update(world="")
        tax.brand.refresh_from_db()
        episode = finished(tax)
        assert episode.reward is not None
        assert not MarketEvent.across_brands.exists()
        assert conclusion.settle(episode) == pytest.approx(episode.reward)
        episode.refresh_from_db()
        assert episode.reward_provisional


class TestRefreshRewards:
    def test_nothing_new_computes_nothing(self, tax):
        finished(tax)
        assert conclusion.refresh_rewards(now=timezone.now()) == 0

    def test_an_answer_of_the_market_makes_a_newer_reward(self, tax):
        episode = finished(tax)
        first = Reward.across_brands.get()
        MarketEvent.across_brands.update(due_at=timezone.now())
        assert answers.release_due(now=timezone.now()) > 0
        assert tasks.refresh_rewards() >= 1
        current = Reward.across_brands.get(is_current=True, experience=first.experience)
        assert Reward.across_brands.filter(experience=first.experience).count() == 2
        assert "online" not in current.components["missing"]
        episode.refresh_from_db()
        assert episode.reward == pytest.approx(current.value)
        assert conclusion.refresh_rewards(now=timezone.now()) == 0

    def test_news_that_changes_nothing_is_looked_at_once(self, tax):
        episode = finished(tax)
        Outcome.across_brands.create(
            brand=tax.brand,
            kind="bounced",
            external_id="x",
            occurred_at=timezone.now(),
            attributed_to=episode.public_id,
        )
        conclusion.refresh_rewards(now=timezone.now())
        rewards = Reward.across_brands.count()
        assert conclusion.refresh_rewards(now=timezone.now()) == 0
        assert Reward.across_brands.count() == rewards

    def test_a_simulated_market_settles_on_its_own_clock(self, tax, settings):
        settings.MARKET_SECONDS_PER_DAY, settings.REWARD_WINDOW_DAYS = 2.0, 14.0
        finished(tax)
        reward = Reward.across_brands.select_related("experience").get()
        assert reward.settles_at - reward.experience.created_at == timedelta(seconds=28)

    def test_it_settles_when_the_time_has_come(self, tax):
        episode = finished(tax)
        later = Reward.across_brands.get().settles_at + timedelta(seconds=1)
        assert conclusion.refresh_rewards(now=later) == 1
        episode.refresh_from_db()
        assert not episode.reward_provisional
        assert conclusion.refresh_rewards(now=later) == 0

    def test_settling_says_at_once_what_the_market_would_say_in_time(self, tax):
        by_time, at_once = finished(tax, seed=5), finished(tax, seed=5)
        conclusion.settle(at_once)
        planned = MarketEvent.objects.for_brand(tax.brand)
        assert not planned.filter(attributed_to=at_once.public_id, released_at__isnull=True).exists()
        assert planned.filter(attributed_to=by_time.public_id, released_at__isnull=True).exists()
        told = Outcome.objects.for_brand(tax.brand).exclude(source="import")
        assert (
            told.filter(external_id__contains=str(at_once.public_id)).count()
            == planned.filter(attributed_to=at_once.public_id).count()
        )
        assert not at_once.reward_provisional


class TestSweep:
    def test_it_wakes_each_at_most_once_a_minute(self, tax, sent):
        old = timezone.now() - timedelta(minutes=5)
        queued, done, lapsed = (EpisodeFactory(pack=tax) for _ in range(3))
        table = Episode.across_brands
        table.filter(pk=queued.pk).update(created_at=old)
        table.filter(pk=done.pk).update(state="done", finished_at=old)
        table.filter(pk=lapsed.pk).update(state="running", leased_by="dead", leased_until=old)
        assert tasks.sweep() == {"woken": 3, "parked": 0}
        assert set(sent) == {
            (deliveries.RUN, queued.pk),
            (deliveries.RUN, lapsed.pk),
            (deliveries.CONCLUDE, done.pk),
        }
        assert tasks.sweep()["woken"] == 0
        assert len(sent) == 3


class TestTrainPolicy:
    def test_without_episodes_it_changes_nothing(self, sample):
        assert tasks.train_policy(brand_id=sample.pk)["total_runs"] == 0
        assert not PolicyVersion.objects.for_brand(sample).exists()


class TestSchedules:
    def test_writing_them_twice_is_writing_them_once(self, db):
        assert ensure_schedules() == len(SCHEDULES)
        assert ensure_schedules() == 0
        call_command("ensure_schedules", verbosity=0)
        assert PeriodicTask.objects.filter(name__in=[one.name for one in SCHEDULES]).count() == len(SCHEDULES)

    def test_what_a_person_switched_off_stays_off(self, db):
        ensure_schedules()
        demo = PeriodicTask.objects.get(task="orchestrator.tasks.demo_turn")
        assert demo.enabled
        PeriodicTask.objects.filter(pk=demo.pk).update(enabled=False)
        ensure_schedules()
        demo.refresh_from_db()
        assert not demo.enabled

    def test_production_does_not_start_episodes_by_itself(self, db, settings):
        settings.PRODUCTION = True
        ensure_schedules()
        off = PeriodicTask.objects.filter(enabled=False).values_list("task", flat=True)
        assert "orchestrator.tasks.demo_turn" in off
        assert PeriodicTask.objects.get(task="crm.tasks.release_market").enabled

    def test_every_scheduled_task_exists(self):
        current_app.loader.import_default_modules()
        assert {one.task for one in SCHEDULES} <= set(current_app.tasks)


@with_commits
class TestDemonstration:
    def test_it_starts_episodes_in_simulated_brands_only(self, sample, sent):
        real = BrandFactory(world="")
        PackFactory(brand=real)
        turn = demonstration.turn(now=timezone.now())
        simulated = Brand.objects.simulated().count()
        assert turn.started == demonstration.AT_ONCE * simulated == len(sent)
        assert not Episode.objects.for_brand(real).exists()
        assert turn.to_train == []

    def test_it_waits_while_workers_are_behind(self, sample, sent):
        for _ in range(5):
            demonstration.turn(now=timezone.now())
        waiting = Episode.objects.for_brand(sample).filter(state="queued").count()
        assert demonstration.MOST_WAITING <= waiting < demonstration.MOST_WAITING + demonstration.AT_ONCE

    def test_every_pack_gets_its_turn(self, sample, sent, monkeypatch):
        monkeypatch.setattr(demonstration, "MOST_WAITING", 100)
        packs = Pack.objects.for_brand(sample)
        for _ in range(-(-packs.count() // demonstration.AT_ONCE)):
            demonstration.turn(now=timezone.now())
        assert all(pack.episodes.count() >= 1 for pack in packs)

    def test_it_slows_to_a_trickle_when_there_is_enough(self, sample, sent, monkeypatch):
        monkeypatch.setattr(demonstration, "ENOUGH", 2)
        now = timezone.now()
        demonstration.turn(now=now)
        assert demonstration.turn(now=now).started == 0
        assert demonstration.turn(now=now + timedelta(minutes=6)).started == Brand.objects.simulated().count()

    def test_it_asks_for_a_training_when_there_is_enough_news(self, tax, sent, monkeypatch):
        monkeypatch.setattr(demonstration, "TRAIN_EVERY", 3)
        monkeypatch.setattr(demonstration, "AT_ONCE", 0)
        for _ in range(3):
            EpisodeFactory(pack=tax, state="done", reward=0.5, finished_at=timezone.now())
        now = timezone.now()
        assert demonstration.turn(now=now).to_train == [tax.brand_id]
        training = TrainingRun.across_brands.create(brand=tax.brand, state="running")
        assert demonstration.turn(now=now).to_train == []
        for state in ("done", "running"):
            TrainingRun.across_brands.filter(pk=training.pk).update(state=state, created_at=now - timedelta(hours=1))
            assert demonstration.turn(now=now).to_train == [tax.brand_id]

    def test_learned_runs_come_with_the_first_training(self, sample, sent, monkeypatch):
        def modes() -> set[str]:
            Episode.across_brands.all().delete()
            for seed in range(12):
                demonstration.turn(now=timezone.now(), rng=np.random.default_rng(seed))
            return set(Episode.objects.for_brand(sample).values_list("mode", flat=True))

        monkeypatch.setattr(demonstration, "MOST_WAITING", 1000)
        assert modes() == {"rule", "static"}
        PolicyVersion.across_brands.create(brand=sample, number=1, learner="clipped", parameters={})
        assert modes() == {"rule", "static", "rl"}
