"""`train` on logged episodes: what it returns, what it writes, what it refuses to learn from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from crm.models import Brand, Pack
from orchestrator.episode_log import PROVISIONAL_WEIGHT, logged_episodes
from orchestrator.learning import AlreadyServing, UnknownLearner, ensure_prior, put_back, serving, train
from orchestrator.models import Episode, PolicyVersion, Step
from orchestrator.policies import POLICIES, LinearSoftmax
from orchestrator.policies.contract import sample
from orchestrator.policies.rule import probabilities
from orchestrator.policies.situation import Situation
from tests.factories import EpisodeFactory, PackFactory, StepFactory
from training.models import TrainingRun

ALLOWED = ["insight", "outreach", "governance", "reflect", "finish"]
KEYS = {
    "total_runs",
    "total_runs_used",
    "avg_reward",
    "avg_episode_reward",
    "updated_buckets",
    "number_of_buckets_updated",
    "policy_mode_distribution",
    "skipped",
    "version",
    "evidence",
}


def finished(
    pack: Pack, actions: list[str], reward: float | None, odds: list[list[float]] | None = None, **fields: Any
) -> Episode:
    """An episode as the engine leaves it, drawn evenly from the allowed actions where no odds are given."""
    episode = EpisodeFactory(
        pack=pack, state="done", reward=reward, reward_provisional=fields.pop("provisional", False), **fields
    )
    for index, action in enumerate(actions):
        StepFactory(
            episode=episode,
            index=index,
            action=action,
            allowed=ALLOWED,
            probabilities=odds[index] if odds else [0.2] * 5,
            probability=odds[index][ALLOWED.index(action)] if odds else 0.2,
            quality={"fit": 0.5} if action == "outreach" else {},
        )
    return episode


def log_of_a_toy_market(pack: Pack, count: int, seed: int = 0) -> None:
    """Rules that explore a lot; only an e-mail pays, and all that is done besides costs more than it is worth."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        seen = Situation(pack.slug, pack.task, tuple(ALLOWED), 0, 20, pack.quality_threshold)
        actions: list[str] = []
        odds: list[list[float]] = []
        while "finish" not in actions and len(actions) < 8:
            chances = probabilities(seen, epsilon=0.4)
            actions.append(ALLOWED[sample(chances, rng)])
            odds.append([float(chance) for chance in chances])
            seen = replace(seen.after(actions[-1]), quality={"fit": 0.5} if "outreach" in actions else {})
        finished(pack, actions, (1.0 if "outreach" in actions else 0.0) - 0.1 * len(actions), odds=odds)


@pytest.mark.django_db
class TestTrain:
    def test_it_changes_nothing_without_episodes(self, harbor: Brand) -> None:
        summary = train(brand=harbor).as_dict()
        assert set(summary) == KEYS
        assert (summary["total_runs"], summary["total_runs_used"], summary["version"]) == (0, 0, None)
        assert not TrainingRun.objects.for_brand(harbor).exists()
        assert not PolicyVersion.objects.for_brand(harbor).exists()

    def test_it_writes_a_version_a_run_and_exactly_the_promised_keys(self, tax_assist: Pack, ana: Any) -> None:
        log_of_a_toy_market(tax_assist, 60)
        summary = train(brand=tax_assist.brand, by=ana).as_dict()
        run = TrainingRun.objects.for_brand(tax_assist.brand).get()
        version = PolicyVersion.objects.for_brand(tax_assist.brand).get(number=1)
        assert set(summary) == KEYS
        assert (summary["total_runs"], summary["total_runs_used"], summary["version"]) == (60, 60, 1)
        assert summary["policy_mode_distribution"] == {"rule": 60}
        assert summary["number_of_buckets_updated"] == len(summary["updated_buckets"]) > 0
        assert (run.state, run.by, version.trained_by) == ("done", ana, run)
        assert run.summary == version.summary == summary

    def test_its_averages_are_over_used_and_over_all_rewarded_runs(self, tax_assist: Pack) -> None:
        finished(tax_assist, ["insight", "finish"], 0.2)
        finished(tax_assist, ["insight", "finish"], 0.4)
        finished(tax_assist, [], 0.9)
        summary = train(brand=tax_assist.brand)
        assert summary.avg_episode_reward == pytest.approx(0.3)
        assert summary.avg_reward == pytest.approx(0.5)

    def test_the_new_version_prefers_what_paid(self, tax_assist: Pack) -> None:
        log_of_a_toy_market(tax_assist, 200)
        train(brand=tax_assist.brand)
        stored = PolicyVersion.objects.for_brand(tax_assist.brand).get(number=1)
        drafted = Situation("tax-assist", "outreach", tuple(ALLOWED), 1, 20, 0.7, ("outreach",), {"fit": 0.5})
        odds = LinearSoftmax.from_json(stored.parameters).probabilities(drafted)
        assert odds[ALLOWED.index("finish")] > 2 * probabilities(drafted)[ALLOWED.index("finish")]
        assert stored.buckets[0]["favourite"] in ALLOWED

    def test_it_learns_from_the_newest_runs_only_when_told(self, tax_assist: Pack) -> None:
        for reward in (0.0, 0.0, 1.0, 0.8):
            finished(tax_assist, ["insight", "finish"], reward)
        summary = train(brand=tax_assist.brand, max_runs=2)
        assert (summary.total_runs, summary.avg_reward) == (2, pytest.approx(0.9))

    def test_it_leaves_other_brands_alone(self, tax_assist: Pack, lumen: Brand) -> None:
        finished(PackFactory(brand=lumen), ["insight", "finish"], 0.5)
        assert train(brand=tax_assist.brand).total_runs == 0

    def test_an_unknown_learner_is_refused_by_name(self, harbor: Brand) -> None:
        with pytest.raises(UnknownLearner, match="magic"):
            train(brand=harbor, learner="magic")

    def test_a_failure_is_kept_on_the_run(self, tax_assist: Pack) -> None:
        finished(tax_assist, ["insight", "finish"], 0.5)
        prior = ensure_prior(tax_assist.brand)
        PolicyVersion.objects.for_brand(tax_assist.brand).filter(pk=prior.pk).update(parameters={"kind": "broken"})
        with pytest.raises(ValueError, match="linear softmax"):
            train(brand=tax_assist.brand)
        run = TrainingRun.objects.for_brand(tax_assist.brand).get()
        assert run.state == "failed"
        assert "linear softmax" in run.error

    def test_reading_the_log_takes_the_same_queries_for_many_episodes(
        self, tax_assist: Pack, django_assert_num_queries: Any
    ) -> None:
        for _ in range(30):
            finished(tax_assist, ["insight", "outreach", "finish"], 0.5)
        with django_assert_num_queries(3):  # episodes, steps, weights of the reward
            log = logged_episodes(brand=tax_assist.brand)
        assert len(log.episodes) == 30


@pytest.mark.django_db
class TestSkipping:
    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            ({"probabilities": [0.2, 0.2, 0.2, 0.2, 0.4]}, "probabilities do not sum to 1"),
            ({"probabilities": [0.5, 0.5]}, "probabilities do not match the allowed actions"),
            ({"probabilities": [1.2, -0.2, 0, 0, 0]}, "probabilities are outside 0 to 1"),
            ({"probabilities": [0, 1, 0, 0, 0]}, "the chosen action had probability 0"),
            ({"probabilities": ["a", 1, 0, 0, 0]}, "probabilities are not a list of numbers"),
            ({"probabilities": None}, "probabilities are not a list of numbers"),
            (
                {"allowed": ["outreach", "reflect", "governance", "budget", "finish"]},
                "action is not among the allowed ones",
            ),
            ({"allowed": "insight"}, "allowed actions are not a list of names"),
            ({"allowed": ["insight"] * 5}, "an allowed action is listed twice"),
            ({"quality": [1]}, "quality is not a map of numbers"),
            ({"action": "teleport"}, "no agent has the name of an action"),
            ({"index": 5}, "steps are missing or out of order"),
        ],
    )
    def test_a_malformed_step_skips_its_episode_with_the_reason(
        self, tax_assist: Pack, damage: dict[str, Any], reason: str
    ) -> None:
        broken = finished(tax_assist, ["insight", "finish"], 0.5)
        fine = finished(tax_assist, ["insight", "finish"], 0.5)
        Step.objects.for_brand(tax_assist.brand).filter(episode=broken, index=0).update(
            **({"probabilities": "null"} if damage.get("probabilities", 0) is None else damage)
        )
        log = logged_episodes(brand=tax_assist.brand)
        assert [episode.key for episode in log.episodes] == [str(fine.pk)]
        assert log.skipped == {reason: 1}

    def test_it_counts_reasons_of_whole_episodes(self, tax_assist: Pack) -> None:
        finished(tax_assist, [], 0.5)
        finished(tax_assist, ["finish"], None)
        finished(tax_assist, ["finish"], None)
        finished(tax_assist, ["finish"], float("inf"))
        finished(tax_assist, ["finish"], 0.5, subject=["not a map"])
        finished(tax_assist, ["finish"], 0.5, simulated=True)
        summary = train(brand=tax_assist.brand)
        assert summary.skipped == {
            "count": 6,
            "reasons": {
                "no steps": 1,
                "no reward yet": 2,
                "reward is not a finite number": 1,
                "subject is not a map": 1,
                "simulated run of a brand that no longer is": 1,
            },
        }
        assert summary.version is None

    def test_a_provisional_reward_counts_less_than_a_settled_one(self, tax_assist: Pack) -> None:
        finished(tax_assist, ["finish"], 0.5, provisional=True)
        finished(tax_assist, ["finish"], 0.5)
        assert [e.weight for e in logged_episodes(brand=tax_assist.brand).episodes] == [PROVISIONAL_WEIGHT, 1.0]

    def test_the_current_reward_is_what_is_learned_from(self, tax_assist: Pack) -> None:
        episode = finished(tax_assist, ["insight", "finish"], 0.2, provisional=True)
        train(brand=tax_assist.brand)
        Episode.objects.for_brand(tax_assist.brand).filter(pk=episode.pk).update(reward=0.9, reward_provisional=False)
        assert train(brand=tax_assist.brand).avg_episode_reward == pytest.approx(0.9)

    def test_situations_are_rebuilt_as_they_were_seen(self, tax_assist: Pack) -> None:
        finished(
            tax_assist, ["insight", "outreach", "finish"], 0.5, subject={"funnel": {"engaged": 4}}, request="More oats"
        )
        [episode] = logged_episodes(brand=tax_assist.brand).episodes
        last = episode.steps[-1].situation
        assert last.actions == ("insight", "outreach")
        assert last.quality == {"fit": 0.5}
        assert (last.funnel, last.request, last.step) == ({"engaged": 4}, "More oats", 2)


@pytest.mark.django_db
class TestServing:
    def test_the_prior_is_version_0_and_serves_the_rules(self, harbor: Brand) -> None:
        assert serving(harbor) is None
        prior = ensure_prior(harbor)
        situation = Situation("any", "outreach", tuple(ALLOWED), 0, 20, 0.7)
        odds = LinearSoftmax.from_json(prior.parameters).probabilities(situation)
        assert (prior.number, serving(harbor), ensure_prior(harbor)) == (0, prior, prior)
        np.testing.assert_allclose(odds, probabilities(situation))
        assert POLICIES["rl"](prior.parameters, prior.number).label == "rl@0"

    def test_a_version_with_good_evidence_serves_and_an_older_one_can_be_put_back(
        self, tax_assist: Pack, ana: Any
    ) -> None:
        brand = tax_assist.brand
        log_of_a_toy_market(tax_assist, 150)
        summary = train(brand=brand)
        assert summary.evidence["moves"], summary.evidence
        assert serving(brand).number == 1
        older = PolicyVersion.objects.for_brand(brand).get(number=0)
        put_back(version=older, by=ana)
        assert serving(brand) == older
        assert serving(brand).summary["put_back"][0]["by"] == "ana"
        with pytest.raises(AlreadyServing):
            put_back(version=older, by=ana)

    def test_a_version_with_too_few_episodes_behind_it_waits(self, tax_assist: Pack) -> None:
        finished(tax_assist, ["insight", "finish"], 0.5)
        summary = train(brand=tax_assist.brand)
        assert summary.version == 1
        assert "too few" in summary.evidence["verdict"]
        assert serving(tax_assist.brand).number == 0

    def test_a_version_is_not_judged_by_what_its_predecessor_learned_from(self, tax_assist: Pack) -> None:
        log_of_a_toy_market(tax_assist, 150)
        assert train(brand=tax_assist.brand).evidence["episodes"] == 150
        assert "too few" in train(brand=tax_assist.brand).evidence["verdict"]
        log_of_a_toy_market(tax_assist, 20, seed=1)
        assert train(brand=tax_assist.brand).evidence["episodes"] == 20

    def test_numbers_go_on_after_an_older_version_was_put_back(self, tax_assist: Pack) -> None:
        log_of_a_toy_market(tax_assist, 30)
        train(brand=tax_assist.brand)
        current = serving(tax_assist.brand)
        other = PolicyVersion.objects.for_brand(tax_assist.brand).exclude(pk=current.pk).first()
        put_back(version=other)
        assert train(brand=tax_assist.brand).version == 2

    def test_in_a_simulated_market_a_version_serves_at_once_and_says_why(self, tax_assist: Pack) -> None:
        tax_assist.brand.world = "grocers"
        tax_assist.brand.save()
        for _ in range(4):
            finished(tax_assist, ["insight", "finish"], 0.5, simulated=True)
        summary = train(brand=tax_assist.brand)
        assert serving(tax_assist.brand).number == summary.version == 1
        assert "simulated" in summary.evidence["moves_because"]
        assert "too few" in summary.evidence["verdict"]

    def test_what_nobody_tried_is_tried_in_a_simulated_market_only(self, tax_assist: Pack, lumen: Brand) -> None:
        lumen.world = "grocers"
        lumen.save()
        odds = {}
        for pack in (tax_assist, PackFactory(brand=lumen, slug="tax-assist")):
            for number in range(40):
                finished(
                    pack, ["insight", "outreach", "finish"], 0.5 + 0.1 * (number % 2), simulated=pack.brand == lumen
                )
            train(brand=pack.brand)
            stored = PolicyVersion.objects.for_brand(pack.brand).get(number=1)
            now = Situation("tax-assist", "outreach", tuple(ALLOWED), 1, 20, 0.7, actions=("insight",))
            odds[pack.brand.slug] = LinearSoftmax.from_json(stored.parameters).probabilities(now)
        untried = ALLOWED.index("governance")
        assert odds["lumen-home"][untried] > 1.5 * odds["harbor-oats"][untried]
