"""The one thread that keeps the leases of a process alive, on the real database."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError
from structlog.testing import capture_logs

from crm.models import Brand
from orchestrator.engine import heartbeat as module
from orchestrator.engine.claim import Lease, claim, leave
from orchestrator.engine.heartbeat import Heartbeat
from orchestrator.models import Episode, EpisodeState
from tests.factories import EpisodeFactory, PackFactory

pytestmark = pytest.mark.django_db(transaction=True)

LEASE_S = 0.6


@pytest.fixture
def heart() -> Iterator[Heartbeat]:
    """One of the test's own, so that threads of earlier tests do not count."""
    heart = Heartbeat()
    yield heart
    assert until(lambda: not beating(heart), within_s=2), "the heartbeat goes on though nothing is left to keep"


@pytest.fixture
def held(harbor: Brand) -> Callable[[float], Lease]:
    pack = PackFactory(brand=harbor)

    def hold(seconds: float = LEASE_S) -> Lease:
        lease = claim(EpisodeFactory(pack=pack).pk, worker="w", lease_s=seconds)
        assert lease is not None
        return lease

    return hold


def until(true: Callable[[], bool], *, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while not (reached := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return reached


def beating(heart: Heartbeat) -> bool:
    return heart._thread is not None and heart._thread.is_alive()


def stored(lease: Lease) -> Episode:
    return Episode.across_brands.get(pk=lease.episode.pk)


class TestHeartbeat:
    def test_one_thread_keeps_several_leases_alive(self, heart, held):
        first, second = held(), held()
        before = threading.active_count()
        with heart.keeping(first), heart.keeping(second):
            assert threading.active_count() == before + 1
            time.sleep(2.5 * LEASE_S)
            assert claim(first.episode.pk, worker="rival") is None
            assert claim(second.episode.pk, worker="rival") is None
        assert stored(first).leased_by == first.token
        assert stored(first).leased_until > first.episode.leased_until

    def test_a_lease_no_longer_kept_runs_out(self, heart, held):
        kept, dropped = held(), held()
        with heart.keeping(kept):
            with heart.keeping(dropped):
                pass
            assert until(lambda: claim(dropped.episode.pk, worker="rival") is not None, within_s=3 * LEASE_S)
            assert claim(kept.episode.pk, worker="rival") is None

    def test_a_lost_lease_is_noticed_and_the_others_go_on(self, heart, held):
        lost, kept = held(), held()
        Episode.across_brands.filter(pk=lost.episode.pk).update(leased_by="thief#1")
        with capture_logs() as logs, heart.keeping(lost), heart.keeping(kept):
            time.sleep(2.5 * LEASE_S)
            assert claim(kept.episode.pk, worker="rival") is None
        assert [(line["event"], line["token"]) for line in logs] == [("lease_lost", lost.token)]
        assert stored(lost).leased_by == "thief#1"

    def test_a_lease_given_back_in_good_order_is_not_reported_as_lost(self, heart, held):
        lease = held()
        with capture_logs() as logs:
            with heart.keeping(lease):
                leave(lease, EpisodeState.QUEUED)
            # as the thread does that chose to renew it just before
            heart._renew(lease)
        assert logs == []

    def test_a_short_lease_is_kept_though_the_thread_waits_for_a_long_one(self, heart, held):
        patient, short = held(600), held()
        with heart.keeping(patient):
            time.sleep(0.05)
            with heart.keeping(short):
                time.sleep(2.5 * LEASE_S)
                assert claim(short.episode.pk, worker="rival") is None
        # a thread that slept for the long lease would outlive this test
        with heart.keeping(held()):
            pass

    def test_it_survives_a_database_that_goes_away_for_a_moment(self, heart, held, monkeypatch):
        renew, failures = module.renew, []

        def shaky(lease: Lease) -> None:
            if not failures:
                failures.append(lease.token)
                raise OperationalError("server closed the connection")
            renew(lease)

        monkeypatch.setattr(module, "renew", shaky)
        lease = held()
        with capture_logs() as logs, heart.keeping(lease):
            time.sleep(2.5 * LEASE_S)
            assert claim(lease.episode.pk, worker="rival") is None
        assert [line["event"] for line in logs] == ["lease_not_renewed"]

    def test_it_starts_again_after_it_ended(self, heart, held):
        with heart.keeping(held()):
            pass
        assert until(lambda: not beating(heart), within_s=2)
        lease = held()
        with heart.keeping(lease):
            time.sleep(2.5 * LEASE_S)
            assert claim(lease.episode.pk, worker="rival") is None

    def test_a_forked_process_does_not_renew_its_parents_leases(self, held):
        lease = held()
        with module.heartbeat.keeping(lease):
            child = os.fork()
            if child == 0:
                os._exit(len(module.heartbeat._leases) + beating(module.heartbeat))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert list(module.heartbeat._leases.values()) == [lease]
