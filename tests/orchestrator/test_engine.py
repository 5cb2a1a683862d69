"""The engine against the database it runs on: claims, leases, commits, wishes, recovery, effects."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Brand
from orchestrator import engine
from orchestrator.engine import LeaseLost, ledger
from orchestrator.engine.claim import claim, leave, renew
from orchestrator.engine.recovery import sweep
from orchestrator.models import Episode, EpisodeState, RecordedReply, Step
from tests.factories import EpisodeFactory, PackFactory
from tests.orchestrator.noop_runtime import Worker, always

pytestmark = pytest.mark.django_db
with_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture
def episode(harbor: Brand) -> Episode:
    return EpisodeFactory(pack=PackFactory(brand=harbor), max_steps=4, seed=11)


def fresh(episode: Episode) -> Episode:
    return Episode.across_brands.get(pk=episode.pk)


def outputs(episode: Episode) -> list[Any]:
    return [step.output for step in Step.across_brands.filter(episode=episode)]


def abandon(episode: Episode, **more: Any) -> None:
    """As a worker leaves it that was killed a while ago."""
    gone = {"state": "running", "leased_by": "dead#1", "leased_until": timezone.now() - timedelta(seconds=1)}
    Episode.across_brands.filter(pk=episode.pk).update(**{**gone, **more})


class TestRun:
    def test_it_ends_at_the_step_limit_with_every_step_on_record(self, episode):
        assert engine.run(episode.pk, worker="w", runtime=Worker()) == EpisodeState.DONE
        row = fresh(episode)
        assert (row.steps_count, row.tokens, row.cost) == (4, 28, Decimal("0.0005"))
        assert (row.leased_by, row.leased_until, row.wanted, row.error, row.attempts) == ("", None, "", "", 0)
        assert row.started_at is not None
        assert row.finished_at >= row.started_at
        first = Step.across_brands.get(episode=episode, index=0)
        assert (first.action, first.allowed, first.probabilities) == ("work", ["work", "finish"], [0.75, 0.25])
        assert (first.probability, first.policy, first.why) == (0.75, "test@1", "because")
        assert (first.summary, first.served_by, first.tokens, first.cost) == (
            "worked",
            "test@1",
            7,
            Decimal("0.000125"),
        )
        assert first.quality == {"depth": 0.5, "care": 1.0}
        assert first.quality_overall == pytest.approx(0.75)
        assert abs(first.finished_at - timezone.now()) < timedelta(minutes=1)
        assert [step.index for step in Step.across_brands.filter(episode=episode)] == [0, 1, 2, 3]

    def test_finish_ends_it_before_the_limit(self, episode):
        assert engine.run(episode.pk, worker="w", runtime=Worker(finish_at=1)) == EpisodeState.DONE
        assert list(Step.across_brands.filter(episode=episode).values_list("action", flat=True)) == ["work", "finish"]

    def test_the_same_seed_draws_the_same_and_steps_draw_apart(self, episode, harbor):
        twin = EpisodeFactory(pack=episode.pack, max_steps=4, seed=11)
        other = EpisodeFactory(pack=episode.pack, max_steps=4, seed=12)
        for one in (episode, twin, other):
            engine.run(one.pk, worker="w", runtime=Worker())
        drawn = [[output["drawn"] for output in outputs(one)] for one in (episode, twin, other)]
        assert drawn[0] == drawn[1] != drawn[2]
        assert len(set(drawn[0])) == 4

    def test_an_ended_episode_is_left_alone(self, episode):
        engine.run(episode.pk, worker="w", runtime=Worker())
        again = Worker()
        assert engine.run(episode.pk, worker="w", runtime=again) == EpisodeState.DONE
        assert again.worked == []

    def test_an_episode_in_other_hands_is_left_alone(self, episode):
        assert claim(episode.pk, worker="other") is not None
        mine = Worker()
        assert engine.run(episode.pk, worker="w", runtime=mine) == EpisodeState.RUNNING
        assert mine.worked == []

    def test_it_refuses_to_work_inside_a_transaction(self, episode):
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            engine.run(episode.pk, worker="w", runtime=Worker())

    def test_an_unknown_episode_is_an_error(self, db):
        with pytest.raises(Episode.DoesNotExist):
            engine.run(999_999_999, worker="w", runtime=Worker())

    def test_one_step_is_one_commit_and_at_most_four_statements(self, harbor):
        pack = PackFactory(brand=harbor)
        counts = []
        for steps in (2, 12):
            one = EpisodeFactory(pack=pack, max_steps=steps)
            with CaptureQueriesContext(connection) as queries:
                engine.run(one.pk, worker="w", runtime=Worker())
            counts.append(len(queries))
        # one statement that commits by itself
        assert (counts[1] - counts[0]) / 10 <= 1
        # claim, first step, and the last with the episode's end: two writes and on SQLite a transaction around them
        assert counts[0] <= 6


class TestFailure:
    def test_an_agent_that_raises_fails_the_episode_with_step_and_reason(self, episode):
        def breaks(loaded: Any, effects: Any) -> None:
            if loaded.index == 2:
                raise ValueError("no campaigns to allocate to")

        assert engine.run(episode.pk, worker="w", runtime=Worker(breaks)) == EpisodeState.FAILED
        row = fresh(episode)
        assert row.error == "Step 3 failed: ValueError: no campaigns to allocate to"
        assert (row.steps_count, row.leased_by) == (2, "")
        assert row.finished_at is not None

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1, 2}])
    def test_an_output_that_json_cannot_hold_fails_it_and_stores_nothing(self, episode, bad):
        assert engine.run(episode.pk, worker="w", runtime=Worker(lambda *_: bad)) == EpisodeState.FAILED
        assert fresh(episode).error.startswith("Step 1 failed:")
        assert outputs(episode) == []

    @with_commits
    def test_a_null_character_in_a_text_never_leaves_it_running(self, episode):
        state = engine.run(episode.pk, worker="w", runtime=Worker(lambda *_: "a\x00b"))
        # PostgreSQL cannot store it, SQLite can
        assert state == (EpisodeState.FAILED if connection.vendor == "postgresql" else EpisodeState.DONE)
        assert fresh(episode).leased_by == ""

    def test_a_database_that_went_away_is_no_fault_of_the_agent(self, episode):
        def gone(*_: Any) -> None:
            raise OperationalError("server closed the connection")

        with pytest.raises(OperationalError):
            engine.run(episode.pk, worker="w", runtime=Worker(gone))
        assert fresh(episode).state == EpisodeState.RUNNING

    def test_an_orderly_stop_hands_the_episode_back_without_counting_an_attempt(self, episode):
        def stopped(loaded: Any, effects: Any) -> None:
            if loaded.index == 1:
                raise SystemExit(0)

        with pytest.raises(SystemExit):
            engine.run(episode.pk, worker="w", runtime=Worker(stopped))
        row = fresh(episode)
        assert (row.state, row.attempts, row.steps_count) == (EpisodeState.QUEUED, 0, 1)
        second = Worker()
        assert engine.run(episode.pk, worker="w", runtime=second) == EpisodeState.DONE
        assert second.worked == [1, 2, 3]


class TestClaim:
    @with_commits
    def test_of_many_threads_exactly_one_wins(self, episode):
        won, start = [], threading.Barrier(8)

        def compete() -> None:
            try:
                start.wait()
                won.append(claim(episode.pk, worker="same name"))
            finally:
                connection.close()

        threads = [threading.Thread(target=compete) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 8
        assert sum(lease is not None for lease in won) == 1

    @with_commits
    def test_many_workers_share_many_episodes_and_no_step_is_done_twice(self, harbor):
        pack = PackFactory(brand=harbor)
        ids = [EpisodeFactory(pack=pack, max_steps=3).pk for _ in range(12)]
        worked: list[tuple[int, int]] = []

        def work() -> None:
            try:
                for pk in ids:
                    engine.run(
                        pk,
                        worker="w",
                        runtime=Worker(lambda loaded, _: worked.append((loaded.episode.pk, loaded.index))),
                    )
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(worked) == [(pk, index) for pk in ids for index in range(3)]
        assert set(Episode.across_brands.filter(pk__in=ids).values_list("state", "steps_count")) == {("done", 3)}

    def test_it_is_one_statement_that_returns_the_whole_row(self, harbor):
        queued = EpisodeFactory(
            pack=PackFactory(brand=harbor),
            subject={"prospect": "L-17"},
            cost=Decimal("0.25"),
            reward=0.5,
            wanted="pause",
        )
        with CaptureQueriesContext(connection) as queries:
            lease = claim(queued.pk, worker="w")
        assert len(queries) == 1
        assert lease is not None
        names = [field.attname for field in Episode._meta.concrete_fields]
        row = fresh(queued)
        assert {name: getattr(lease.episode, name) for name in names} == {name: getattr(row, name) for name in names}
        assert (row.state, row.leased_by, row.leased_until) == (EpisodeState.RUNNING, lease.token, lease.until)
        assert lease.episode.pack.brand == harbor

    def test_starting_again_keeps_the_first_start(self, episode):
        lease = claim(episode.pk, worker="w")
        assert lease is not None
        leave(lease, EpisodeState.QUEUED)
        again = claim(episode.pk, worker="w2")
        assert again is not None
        assert again.episode.started_at == lease.episode.started_at

    @pytest.mark.parametrize("state", ["paused", "done", "failed", "cancelled", "stuck"])
    def test_only_queued_and_abandoned_episodes_can_be_claimed(self, episode, state):
        Episode.across_brands.filter(pk=episode.pk).update(state=state)
        assert claim(episode.pk, worker="w") is None
        assert fresh(episode).state == state

    def test_an_unexpired_lease_holds(self, episode):
        abandon(episode, leased_until=timezone.now() + timedelta(seconds=5))
        assert claim(episode.pk, worker="w") is None

    def test_taking_over_counts_an_attempt(self, episode):
        abandon(episode)
        assert claim(episode.pk, worker="w") is not None
        assert fresh(episode).attempts == 1

    def test_one_recovery_too_many_parks_it_with_the_reason(self, episode, settings):
        settings.EPISODE_MAX_ATTEMPTS = 2
        abandon(episode, attempts=2)
        worker = Worker()
        assert engine.run(episode.pk, worker="w", runtime=worker) == EpisodeState.STUCK
        row = fresh(episode)
        assert worker.worked == []
        assert "3 times" in row.error
        assert row.leased_by == ""


class TestLease:
    def test_a_step_of_a_lost_lease_is_not_written(self, episode):
        def robbed(loaded: Any, effects: Any) -> None:
            if loaded.index == 1:
                Episode.across_brands.filter(pk=episode.pk).update(leased_by="thief#1")

        assert engine.run(episode.pk, worker="w", runtime=Worker(robbed)) == EpisodeState.RUNNING
        assert fresh(episode).leased_by == "thief#1"
        assert len(outputs(episode)) == 1

    @with_commits
    def test_an_insert_that_fails_takes_the_counters_with_it(self, episode):
        lease = claim(episode.pk, worker="w")
        assert lease is not None
        now = timezone.now()
        values = ledger.step_values(lease, 0, always("work"), engine.StepOutcome(output={}), duration_ms=1, now=now)
        lease.counted -= ledger.COUNT_EVERY_S
        ledger.write(lease, values, steps=1, cost=Decimal(1), tokens=1, now=now, last=False)
        lease.counted -= ledger.COUNT_EVERY_S
        with pytest.raises(Exception, match=r"(?i)unique"):
            ledger.write(lease, values, steps=2, cost=Decimal(2), tokens=2, now=now, last=False)
        assert (fresh(episode).steps_count, fresh(episode).tokens) == (1, 1)

    def test_a_takeover_goes_on_behind_a_step_that_the_dead_worker_did_not_count(self, episode):
        lease = claim(episode.pk, worker="w")
        assert lease is not None
        now = timezone.now()
        values = ledger.step_values(
            lease, 0, always("work"), engine.StepOutcome(output={"drawn": 0}), duration_ms=1, now=now
        )
        ledger.write(lease, values, steps=1, cost=Decimal(1), tokens=1, now=now, last=False)
        assert fresh(episode).steps_count == 0
        abandon(episode)
        second = Worker()
        assert engine.run(episode.pk, worker="w2", runtime=second) == EpisodeState.DONE
        assert second.worked == [1, 2, 3]
        assert fresh(episode).steps_count == 4

    def test_parking_counts_the_steps_that_the_dead_worker_did_not(self, episode, settings):
        settings.EPISODE_MAX_ATTEMPTS = 0
        lease = claim(episode.pk, worker="w")
        assert lease is not None
        now = timezone.now()
        outcome = engine.StepOutcome(output={}, cost=Decimal("0.25"), tokens=9)
        values = ledger.step_values(lease, 0, always("work"), outcome, duration_ms=1, now=now)
        ledger.write(lease, values, steps=1, cost=Decimal("0.25"), tokens=9, now=now, last=False)
        abandon(episode)
        assert engine.run(episode.pk, worker="w2", runtime=Worker()) == EpisodeState.STUCK
        row = fresh(episode)
        assert (row.steps_count, row.cost, row.tokens) == (1, Decimal("0.25"), 9)

    def test_nothing_is_renewed_or_left_with_a_lost_lease(self, episode):
        lease = claim(episode.pk, worker="w")
        assert lease is not None
        Episode.across_brands.filter(pk=episode.pk).update(leased_by="thief#1")
        with pytest.raises(LeaseLost):
            renew(lease)
        with pytest.raises(LeaseLost):
            leave(lease, EpisodeState.DONE)
        assert fresh(episode).state == EpisodeState.RUNNING

    @with_commits
    def test_a_step_longer_than_the_lease_keeps_it_by_heartbeat(self, episode):
        rivals = []

        def long_step(loaded: Any, effects: Any) -> None:
            if loaded.index == 0:
                for _ in range(7):
                    time.sleep(0.1)
                    rivals.append(claim(episode.pk, worker="rival"))

        assert engine.run(episode.pk, worker="w", runtime=Worker(long_step), lease_s=0.3) == EpisodeState.DONE
        assert rivals == [None] * 7
        assert fresh(episode).attempts == 0


class TestWishes:
    def wishing(self, episode: Episode, wish: str, at: int) -> Worker:
        def wanting(loaded: Any, effects: Any) -> None:
            if loaded.index == at:
                Episode.across_brands.filter(pk=episode.pk).update(wanted=wish)

        return Worker(wanting)

    def test_pause_is_obeyed_after_the_step_under_way(self, episode):
        state = engine.run(episode.pk, worker="w", runtime=self.wishing(episode, "pause", at=1))
        row = fresh(episode)
        assert (state, row.steps_count, row.wanted, row.leased_by) == (EpisodeState.PAUSED, 2, "", "")
        assert row.finished_at is None

    def test_cancel_is_obeyed_after_the_step_under_way(self, episode):
        assert engine.run(episode.pk, worker="w", runtime=self.wishing(episode, "cancel", at=0)) == "cancelled"
        assert fresh(episode).steps_count == 1
        assert fresh(episode).finished_at is not None

    def test_cancel_during_the_last_step_wins(self, episode):
        assert engine.run(episode.pk, worker="w", runtime=self.wishing(episode, "cancel", at=3)) == "cancelled"
        assert fresh(episode).steps_count == 4

    def test_pause_during_the_last_step_has_nothing_left_to_pause(self, episode):
        assert engine.run(episode.pk, worker="w", runtime=self.wishing(episode, "pause", at=3)) == "done"
        assert fresh(episode).wanted == ""

    def test_a_wish_of_before_the_crash_is_obeyed_at_recovery(self, episode):
        abandon(episode, wanted="cancel")
        worker = Worker()
        assert engine.run(episode.pk, worker="w", runtime=worker) == EpisodeState.CANCELLED
        assert worker.worked == []


class TestRecovery:
    def test_it_goes_on_behind_the_last_step_with_the_same_memory_and_the_same_chance(self, episode, harbor):
        undisturbed = EpisodeFactory(pack=episode.pack, max_steps=4, seed=episode.seed)
        engine.run(undisturbed.pk, worker="w", runtime=Worker())

        def dies(loaded: Any, effects: Any) -> None:
            if loaded.index == 2:
                raise OperationalError("as good as dead")

        with pytest.raises(OperationalError):
            engine.run(episode.pk, worker="w", runtime=Worker(dies))
        Episode.across_brands.filter(pk=episode.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        second = Worker()
        assert engine.run(episode.pk, worker="w2", runtime=second) == EpisodeState.DONE
        assert second.worked == [2, 3]
        assert outputs(episode) == outputs(undisturbed)
        assert (fresh(episode).tokens, fresh(episode).cost) == (28, Decimal("0.0005"))

    def test_an_episode_that_died_after_its_last_step_is_only_closed(self, episode):
        engine.run(episode.pk, worker="w", runtime=Worker())
        abandon(episode)
        worker = Worker()
        assert engine.run(episode.pk, worker="w", runtime=worker) == EpisodeState.DONE
        assert worker.worked == []

    def test_the_sweep_finds_what_fell_through_and_parks_the_hopeless(self, harbor, settings):
        settings.EPISODE_MAX_ATTEMPTS = 2
        pack, now = PackFactory(brand=harbor), timezone.now()
        old = now - timedelta(minutes=5)
        lapsed, hopeless, held, lost, new, done, concluded = (EpisodeFactory(pack=pack) for _ in range(7))
        abandon(lapsed)
        abandon(hopeless, attempts=2)
        abandon(held, leased_until=now + timedelta(seconds=20))
        rows = Episode.across_brands
        rows.filter(pk=lost.pk).update(created_at=old)
        rows.filter(pk=done.pk).update(state="done", finished_at=old)
        rows.filter(pk=concluded.pk).update(state="done", finished_at=old, concluded_at=old)
        found = sweep(now)
        assert (found.abandoned, found.undelivered, found.unconcluded) == ([lapsed.pk], [lost.pk], [done.pk])
        assert found.parked == 1
        assert fresh(hopeless).state == EpisodeState.STUCK


class TestEffects:
    @pytest.fixture
    def calls(self) -> list[str]:
        return []

    def test_the_reply_is_recorded_under_episode_step_and_name(self, episode, calls):
        def acts(loaded: Any, effects: Any) -> Any:
            return effects.once("mail", lambda key: calls.append(key) or {"sent": len(calls)})

        engine.run(episode.pk, worker="w", runtime=Worker(acts))
        assert calls == [f"{episode.public_id}/{index}/mail" for index in range(4)]
        assert list(RecordedReply.across_brands.filter(episode=episode).values_list("key", flat=True)) == calls
        assert [output["said"] for output in outputs(episode)] == [{"sent": n} for n in (1, 2, 3, 4)]

    def test_a_step_that_is_done_again_uses_the_recorded_reply(self, episode, calls):
        def dies_after_the_effect(loaded: Any, effects: Any) -> Any:
            reply = effects.once("mail", lambda key: calls.append(key) or {"receipt": key})
            if len(calls) == 2 and loaded.index == 1:
                calls.append("died")
                raise OperationalError("killed between effect and step")
            return reply

        with pytest.raises(OperationalError):
            engine.run(episode.pk, worker="w", runtime=Worker(dies_after_the_effect))
        Episode.across_brands.filter(pk=episode.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        engine.run(episode.pk, worker="w", runtime=Worker(dies_after_the_effect))
        calls.remove("died")
        assert calls == [f"{episode.public_id}/{index}/mail" for index in range(4)]
        assert outputs(episode)[1]["said"] == {"receipt": calls[1]}

    def test_a_failed_call_is_not_recorded(self, episode, calls):
        def refuses(key: str) -> Any:
            raise ConnectionError("no route")

        assert engine.run(episode.pk, worker="w", runtime=Worker(lambda _, e: e.once("mail", refuses))) == "failed"
        assert not RecordedReply.across_brands.filter(episode=episode).exists()

    def test_a_worker_that_overslept_its_lease_makes_no_effect(self, episode, calls):
        def oversleeps(loaded: Any, effects: Any) -> Any:
            Episode.across_brands.filter(pk=episode.pk).update(leased_by="successor#1")
            effects._lease.renewed -= 60
            return effects.once("mail", lambda key: calls.append(key))

        assert engine.run(episode.pk, worker="w", runtime=Worker(oversleeps)) == EpisodeState.RUNNING
        assert calls == []

    def test_when_two_workers_answer_at_once_the_first_record_counts(self, episode):
        def overtaken(loaded: Any, effects: Any) -> Any:
            def call(key: str) -> str:
                RecordedReply.across_brands.create(episode=episode, key=key, reply="the other's")
                return "mine"

            return effects.once("mail", call)

        engine.run(episode.pk, worker="w", runtime=Worker(overtaken))
        assert {output["said"] for output in outputs(episode)} == {"the other's"}
