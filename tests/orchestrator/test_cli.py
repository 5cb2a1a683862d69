"""The command line: what it prints, what it leaves in the database, and its exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from django.core.management import call_command
from typer.testing import CliRunner

from crm.models import Brand, MarketEvent, Pack
from orchestrator.cli import app, runs
from orchestrator.models import Episode, PolicyVersion
from rlhf.models import Reward
from tests.factories import EpisodeFactory, PackFactory
from tests.orchestrator.noop_runtime import Worker

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.fixture
def sample(db: None) -> Brand:
    call_command("init_sample_data", verbosity=0)
    return Brand.objects.get(slug="harbor-oats")


class Broken(Worker):
    """Its agent raises in every second episode."""

    made = 0

    def __init__(self) -> None:
        super().__init__(self.breaks, finish_at=1)
        Broken.made += 1

    def breaks(self, loaded: Any, effects: Any) -> None:
        if Broken.made % 2:
            raise ValueError("out of ideas")


class TestRunPackDynamic:
    def test_it_shows_mode_reward_steps_and_actions(self, sample):
        done = command("run-pack-dynamic", "tax-assist", "--mode", "static", "--max-steps", "9", "--brand", sample.slug)
        assert done.exit_code == 0, done.output
        episode = Episode.objects.for_brand(sample).get()
        assert (episode.state, episode.mode, episode.max_steps) == ("done", "static", 9)
        assert " → ".join(step.action for step in episode.steps.all()) in done.output
        assert re.search(rf"Reward\s+{episode.reward:.3f} \(provisional\)", done.output)
        assert episode.number in done.output
        assert "simulated market" in done.output

    def test_settling_answers_the_run_in_full(self, sample):
        done = command("run-pack-dynamic", "tax-assist", "--settle", "--brand", sample.slug)
        assert done.exit_code == 0, done.output
        episode = Episode.objects.for_brand(sample).get()
        assert not episode.reward_provisional
        assert "provisional" not in done.output
        waiting = MarketEvent.objects.for_brand(sample).filter(released_at__isnull=True)
        assert not waiting.exists()
        assert Reward.objects.for_brand(sample).get(is_current=True).value == pytest.approx(episode.reward)

    def test_without_a_brand_the_oldest_that_has_the_pack_is_taken(self, sample):
        assert command("run-pack-dynamic", "tax-assist").exit_code == 0
        oldest = Pack.across_brands.filter(slug="tax-assist").order_by("brand_id").first()
        assert Episode.across_brands.get().brand_id == oldest.brand_id

    def test_a_failed_run_says_why_and_exits_with_1(self, sample, monkeypatch):
        monkeypatch.setattr(runs, "PackRuntime", Broken)
        Broken.made = 0
        done = command("run-pack-dynamic", "tax-assist")
        assert done.exit_code == 1
        assert "Step 1 failed: ValueError: out of ideas" in done.output

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["no-such-pack"], "tax-assist"),
            (["tax-assist", "--mode", "magic"], "rule, rl, static"),
            (["tax-assist", "--max-steps", "101"], "101"),
            (["tax-assist", "--max-steps", "0"], "0"),
            (["tax-assist", "--brand", "nobody"], "harbor-oats"),
            ([], "PACK"),
        ],
    )
    def test_what_was_asked_for_wrongly_is_named_and_exits_with_2(self, sample, words, named):
        done = command("run-pack-dynamic", *words)
        assert done.exit_code == 2
        assert named in done.output
        assert not Episode.across_brands.exists()


class TestGenerateDynamicRuns:
    def test_it_runs_many_and_counts_them(self, sample):
        done = command("generate-dynamic-runs", "tax-assist", "--mode", "rule", "--runs", "4", "--max-steps", "6")
        assert done.exit_code == 0, done.output
        made = Episode.across_brands.filter(mode="rule", state="done", max_steps=6)
        assert made.count() == 4
        assert set(made.values_list("reward_provisional", flat=True)) == {False}
        assert all(f"{one.number} tax-assist rule done, reward {one.reward:.3f}" in done.output for one in made)
        mean = sum(one.reward for one in made) / 4
        assert f"Succeeded 4, failed 0 of 4, mean reward {mean:.3f}" in done.output

    def test_all_spreads_the_runs_over_the_packs_of_one_brand(self, sample):
        packs = Pack.objects.for_brand(sample)
        done = command("generate-dynamic-runs", "all", "--runs", str(packs.count()), "--brand", sample.slug)
        assert done.exit_code == 0, done.output
        ran = Episode.across_brands.values_list("pack_id", flat=True)
        assert sorted(ran) == sorted(packs.values_list("pk", flat=True))

    def test_failures_are_counted_the_rest_goes_on_and_it_exits_with_1(self, sample, monkeypatch):
        monkeypatch.setattr(runs, "PackRuntime", Broken)
        monkeypatch.setattr(runs.conclusion, "conclude", lambda episode: True)
        Broken.made = 0
        done = command("generate-dynamic-runs", "tax-assist", "--runs", "4", "--no-settle")
        assert done.exit_code == 1
        assert "Succeeded 2, failed 2 of 4" in done.output
        assert "out of ideas" in done.output


class TestTrain:
    def test_with_no_episodes_it_learns_nothing_and_changes_nothing(self, sample):
        done = command("train", "--max-runs", "50", "--brand", sample.slug)
        assert done.exit_code == 0, done.output
        assert re.search(r"total_runs\s+0\b", done.output)
        assert "nothing changed" in done.output
        assert not PolicyVersion.objects.for_brand(sample).exists()

    def test_it_learns_from_runs_and_names_the_version(self, sample):
        command("generate-dynamic-runs", "tax-assist", "--runs", "6", "--brand", sample.slug)
        done = command("train", "--max-runs", "50")
        assert done.exit_code == 0, done.output
        newest = PolicyVersion.objects.for_brand(sample).order_by("-number").first()
        assert re.search(rf"version\s+v{newest.number}\b", done.output)
        assert re.search(r"total_runs_used\s+6\b", done.output)
        assert re.search(r"policy_mode_distribution\s+rule 6", done.output)

    def test_an_unknown_learner_exits_with_2(self, sample):
        done = command("train", "--learner", "oracle", "--brand", sample.slug)
        assert done.exit_code == 2
        assert "clipped" in done.output


class TestModule:
    def test_it_starts_as_a_module(self):
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        for name in ("run-pack-dynamic", "generate-dynamic-runs", "train"):
            assert name in done.stdout


class TestResults:
    def test_it_sums_by_task_and_mode_and_leaves_other_brands_out(self, harbor: Brand, lumen: Brand):
        pack = PackFactory(brand=harbor, task="budget")
        for reward in (0.5, 0.7, 0.9):
            EpisodeFactory(pack=pack, state="done", reward=reward, mode="rl", steps_count=4)
        EpisodeFactory(pack=PackFactory(brand=lumen), state="done", reward=9.0)
        said = command("results", "--brand", "harbor-oats").output
        # Student's t with two degrees of freedom: 4.3027 * 0.2 / sqrt(3)
        assert re.search(r"Budget\s+rl\s+3\s+0\.700\s+0\.203 to 1\.197\s+4\.0", said)
        assert re.search(r"all tasks\s+rl\s+3\s+0\.700", said)
        assert "9.0" not in said

    def test_without_runs_it_says_what_to_do(self, harbor: Brand):
        assert "generate-dynamic-runs" in command("results", "--brand", "harbor-oats").output
