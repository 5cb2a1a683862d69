"""Trainings on order: written first, carried out once, waited for on the page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orchestrator import deliveries, learning, tasks, training_orders
from orchestrator.models import PolicyVersion
from orchestrator.queries import packs as queries
from tests.factories import EpisodeFactory, StepFactory
from training.models import TrainingRun

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch):
    """Messages that were sent, none delivered."""
    messages: list[tuple[str, int]] = []
    monkeypatch.setattr(deliveries, "send", lambda task, pk: messages.append((task, pk)) or True)
    return messages


def runs(pack, count):
    for number in range(count):
        episode = EpisodeFactory(
            pack=pack, state="done", reward=0.2 + number % 3 / 10, finished_at=timezone.now(), steps_count=1
        )
        StepFactory(
            episode=episode, index=0, action="finish", allowed=["insight", "finish"], probabilities=[0.5, 0.5],
            probability=0.5,
        )  # fmt: skip


class TestOrder:
    def test_it_is_carried_out_once_and_makes_a_version(self, tax_assist, sent, ana):
        runs(tax_assist, 12)
        run = training_orders.order(brand=tax_assist.brand, by=ana)
        assert sent == [(deliveries.TRAIN, run.pk)]
        assert training_orders.carry_out(run_id=run.pk) is True
        assert training_orders.carry_out(run_id=run.pk) is False
        run.refresh_from_db()
        assert run.state == "done"
        assert run.summary["total_runs_used"] == 12
        assert PolicyVersion.objects.for_brand(tax_assist.brand).get(number=1).trained_by == run

    def test_a_second_order_is_refused_until_the_first_has_ended(self, harbor, sent):
        first = training_orders.order(brand=harbor)
        with pytest.raises(training_orders.AlreadyTraining):
            training_orders.order(brand=harbor)
        training_orders.carry_out(run_id=first.pk)
        assert training_orders.order(brand=harbor).pk != first.pk

    def test_nothing_to_learn_from_closes_the_order_and_changes_nothing(self, harbor, sent):
        run = training_orders.order(brand=harbor)
        training_orders.carry_out(run_id=run.pk)
        run.refresh_from_db()
        assert (run.state, run.summary["total_runs"]) == ("done", 0)
        assert not PolicyVersion.objects.for_brand(harbor).exists()

    def test_a_failure_is_kept_on_the_run(self, tax_assist, sent, monkeypatch):
        runs(tax_assist, 12)
        run = training_orders.order(brand=tax_assist.brand)
        monkeypatch.setattr(learning, "_learn", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            training_orders.carry_out(run_id=run.pk)
        run.refresh_from_db()
        assert (run.state, run.error) == ("failed", "ZeroDivisionError: division by zero")

    def test_the_sweep_sends_a_lost_message_again(self, harbor, sent):
        run = training_orders.order(brand=harbor)
        sent.clear()
        tasks.sweep()
        assert (deliveries.TRAIN, run.pk) in sent


class TestPage:
    def test_many_runs_are_trained_by_a_worker_and_the_box_waits(self, tax_assist, sent, ana_client, monkeypatch):
        monkeypatch.setattr(queries, "AT_ONCE", 10)
        runs(tax_assist, 12)
        box = ana_client.post(reverse("train"), headers={"HX-Request": "true"}).content.decode()
        run = TrainingRun.objects.for_brand(tax_assist.brand).get()
        assert run.state == "queued"
        assert "Waiting for a worker" in box
        assert f"{reverse('training_part')}?run={run.pk}" in box
        assert ana_client.post(reverse("train"), headers={"HX-Request": "true"}).status_code == 409
        training_orders.carry_out(run_id=run.pk)
        part = ana_client.get(f"{reverse('training_part')}?run={run.pk}").content.decode()
        assert "Training finished." in part
        assert "Training finished." not in ana_client.get(reverse("training_part")).content.decode()

    def test_an_order_that_lost_its_worker_does_not_block_for_ever(self, harbor, sent):
        TrainingRun.objects.create(brand=harbor, state="queued")
        old = timezone.now() - training_orders.UNDER_WAY - timedelta(seconds=1)
        TrainingRun.objects.for_brand(harbor).update(created_at=old)
        assert training_orders.order(brand=harbor).state == "queued"
