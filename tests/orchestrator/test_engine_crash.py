"""`kill -9` of a real worker process at random points: the next one goes on, no keyed effect is lost or repeated."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from crm.models import Brand
from orchestrator import engine
from orchestrator.models import Episode, Step
from tests.factories import EpisodeFactory, PackFactory
from tests.orchestrator.noop_runtime import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
KILLS = 4
LEASE_S = 0.5


def start(episode: Episode, log: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.orchestrator.crashing_worker", str(episode.pk), str(log), str(LEASE_S)],
        cwd=ROOT,
        env={**os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"]), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def calls_in(log: Path) -> int:
    return len(log.read_text().split()) if log.exists() else 0


class TestKill:
    def test_a_killed_episode_goes_on_from_its_last_step_and_each_effect_happens_once(self, harbor: Brand, tmp_path):
        chance = random.Random(20261121)
        episode = EpisodeFactory(pack=PackFactory(brand=harbor), max_steps=STEPS, seed=5)
        log, seen = tmp_path / "world", 0
        for _ in range(KILLS):
            process = start(episode, log)
            further = calls_in(log) + chance.randint(1, 4)
            while calls_in(log) < further:
                assert process.poll() is None, "it ended before it could be killed"
                time.sleep(0.001)
            # before the effect's record, after it, or in the next step
            time.sleep(chance.uniform(0, 0.015))
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
            assert process.returncode == -signal.SIGKILL
            done = Step.across_brands.filter(episode=episode).count()
            assert done >= seen
            seen = done
        assert Episode.across_brands.get(pk=episode.pk).state == "running"
        last = start(episode, log)
        said, _ = last.communicate(timeout=60)
        assert said.strip() == "done"

        row = Episode.across_brands.get(pk=episode.pk)
        assert row.attempts == KILLS
        keys = [f"{episode.public_id}/{index}/mail" for index in range(STEPS)]
        steps = list(Step.across_brands.filter(episode=episode).order_by("index"))
        assert [step.output["said"]["receipt"] for step in steps] == keys
        calls = log.read_text().split()
        # a kill in the moment between effect and record makes one call again, under the same key
        assert sorted(set(calls)) == sorted(keys)
        assert len(calls) - len(keys) <= KILLS

        undisturbed = EpisodeFactory(pack=episode.pack, max_steps=STEPS, seed=5)
        engine.run(undisturbed.pk, worker="w", runtime=Worker())
        drawn = [
            list(Step.across_brands.filter(episode=one).values_list("output__drawn", flat=True))
            for one in (episode, undisturbed)
        ]
        assert drawn[0] == drawn[1]
