"""A training whose process died is closed, one that goes on is not."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from training.models import TrainingRun
from training.runs import close_lost


class TestCloseLost:
    def test_it_closes_only_what_has_run_for_too_long(self, harbor):
        now = timezone.now()
        states = TrainingRun.State

        def run(state: str, minutes: int) -> TrainingRun:
            return TrainingRun.objects.create(brand=harbor, state=state, started_at=now - timedelta(minutes=minutes))

        lost, going, done = run(states.RUNNING, 16), run(states.RUNNING, 14), run(states.DONE, 60)
        assert close_lost(now=now) == 1
        for row in (lost, going, done):
            row.refresh_from_db()
        assert (lost.state, going.state, done.state) == (states.FAILED, states.RUNNING, states.DONE)
        assert "train again" in lost.error
        assert lost.finished_at == now
