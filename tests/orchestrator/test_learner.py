"""The learners: they move, the reward rises, the seed repeats; their mathematics agrees with slow other ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from orchestrator.policies import LEARNERS, ClippedPolicyGradient, LinearSoftmax, PlainReinforce, rule
from orchestrator.policies.baseline import fit_values
from orchestrator.policies.buckets import summarise
from orchestrator.policies.critic import Critic
from orchestrator.policies.evidence import compare, tabulate, weigh
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.logged import Batch, LoggedEpisode, LoggedStep
from orchestrator.policies.objective import Parameters, Terms, clipped, objective, softmax
from tests.orchestrator.toy_market import ALLOWED, log, situation, spread_out, worth

PLAIN_TERMS = Terms(clip=5.0, entropy=0.0, kl=0.0, shrink=0.0, floor=0.0)


def space_of(episodes: list[LoggedEpisode]) -> FeatureSpace:
    return FeatureSpace.fit(step.situation for episode in episodes for step in episode.steps)


def fixture(count: int = 12) -> tuple[Batch, FeatureSpace]:
    episodes = log(count, odds=spread_out)
    space = space_of(episodes)
    return Batch.of(episodes, space), space


class TestObjective:
    @pytest.mark.parametrize("hidden", [0, 3])
    @pytest.mark.parametrize("clip", [1.2, 50.0])
    def test_its_gradient_agrees_with_finite_differences(self, hidden: int, clip: float) -> None:
        batch, space = fixture()
        rng = np.random.default_rng(0)
        actions = len(space.actions)
        theta = Parameters(
            0.5 * rng.normal(size=(actions, space.length)),
            rng.normal(size=(hidden, space.length)) if hidden else None,
            rng.normal(size=(actions, hidden)) if hidden else None,
        )
        q, surprise = rng.normal(size=batch.log_prior.shape), rng.normal(size=len(batch.row))
        weight = rng.random(len(batch.row))
        terms = Terms(clip=clip, entropy=0.3, kl=0.2, shrink=0.7, floor=0.05)
        _, gradient = objective(theta, batch, q, surprise, weight, terms)
        slow = approx_fprime(
            theta.flat(), lambda flat: objective(theta.like(flat), batch, q, surprise, weight, terms)[0], 1e-6
        )
        np.testing.assert_allclose(gradient.flat(), slow, atol=2e-5)

    def test_more_entropy_raises_it_and_more_distance_from_the_prior_lowers_it(self) -> None:
        batch, space = fixture()
        zero, weight = Parameters(np.zeros((len(space.actions), space.length))), np.ones(len(batch.row))
        none = np.zeros_like(batch.log_prior), np.zeros(len(batch.row))
        away = Parameters(np.random.default_rng(0).normal(size=zero.weights.shape))
        base, _ = objective(zero, batch, *none, weight, PLAIN_TERMS)
        mixed, _ = objective(zero, batch, *none, weight, replace(PLAIN_TERMS, entropy=1.0))
        kept, _ = objective(zero, batch, *none, weight, replace(PLAIN_TERMS, kl=1.0))
        gone, _ = objective(away, batch, *none, weight, replace(PLAIN_TERMS, kl=1.0))
        assert base == 0
        assert mixed > base
        assert kept == pytest.approx(0)
        assert gone < 0

    def test_climbing_entropy_alone_flattens_the_odds(self) -> None:
        episodes = log(40)
        space = space_of(episodes)
        batch = Batch.of(episodes, space)
        zero, weight = Parameters(np.zeros((len(space.actions), space.length))), np.ones(len(batch.row))
        none = np.zeros_like(batch.log_prior), np.zeros(len(batch.row))
        _, gradient = objective(zero, batch, *none, weight, replace(PLAIN_TERMS, entropy=1.0))
        before = softmax(batch.log_prior, zero.logits(batch.x)).max(axis=1)
        after = softmax(batch.log_prior, Parameters(0.5 * gradient.weights).logits(batch.x)).max(axis=1)
        assert after.mean() < before.mean()

    def test_a_clipped_ratio_pulls_no_harder_than_the_clip(self) -> None:
        ratio = np.array([0.5, 2.0, 3.0, 10.0, 300.0])
        value, slope = clipped(ratio, 3.0)
        np.testing.assert_allclose(slope * ratio, np.minimum(ratio, 3.0))  # what multiplies ∇log π
        np.testing.assert_allclose(value[:3], ratio[:3])
        assert (np.diff(value) > 0).all()

    def test_the_critic_term_is_the_expected_value_of_the_policy(self) -> None:
        batch, space = fixture()
        zero, q = Parameters(np.zeros((len(space.actions), space.length))), np.ones_like(batch.log_prior)
        value, _ = objective(zero, batch, 3 * q, np.zeros(len(batch.row)), np.ones(len(batch.row)), PLAIN_TERMS)
        assert value == pytest.approx(3)


class TestLogged:
    def test_the_return_to_go_leaves_out_costs_already_paid(self) -> None:
        steps = tuple(
            LoggedStep(situation(actions=done), action, (0.25,) * 4, cost)
            for done, action, cost in [
                ((), "insight", 0.1),
                (("insight",), "outreach", 0.2),
                (("insight", "outreach"), "finish", 0.0),
            ]
        )
        episodes = [LoggedEpisode("1", "rule", 0.5, steps)] * 2
        batch = Batch.of(episodes, space_of(episodes))
        np.testing.assert_allclose(batch.returns(), [0.5, 0.6, 0.8] * 2)

    def test_a_part_of_a_batch_is_the_batch_of_that_part(self) -> None:
        episodes = log(9, odds=spread_out)
        space = space_of(episodes)
        mask = np.array([True, False, True] * 3)
        part = Batch.of(episodes, space).take(mask)
        whole = Batch.of([one for one, kept in zip(episodes, mask, strict=True) if kept], space)
        np.testing.assert_allclose(part.x[part.row], whole.x[whole.row])
        np.testing.assert_allclose(part.returns(), whole.returns())
        np.testing.assert_array_equal(part.episode, whole.episode)


class TestBaseline:
    def test_it_is_the_ridge_regression_of_scikit_learn(self) -> None:
        from sklearn.linear_model import Ridge

        batch, _ = fixture(30)
        target = batch.returns()
        centred = target - target.mean()
        known = Ridge(alpha=2.0, fit_intercept=False).fit(batch.x[batch.row], centred)
        np.testing.assert_allclose(fit_values(batch, target, 2.0), target.mean() + known.predict(batch.x), atol=1e-8)


class TestCritic:
    def test_under_the_logging_policy_its_targets_are_the_returns(self) -> None:
        batch, space = fixture(30)
        critic = Critic(batch, finish=space.actions.index("finish"), shrink=1.0, trace=1.0)
        critic.q = np.zeros_like(critic.q)  # with full traces and ratios of 1 the critic cancels out
        pi = np.zeros_like(batch.log_prior)
        pi[batch.row, batch.action] = batch.logged
        np.testing.assert_allclose(critic.targets(pi), batch.returns())

    def test_it_learns_what_finishing_and_going_on_are_worth(self) -> None:
        episodes = log(800, odds=spread_out, noise=0.0)
        space = space_of(episodes)
        batch = Batch.of(episodes, space)
        critic = Critic(batch, finish=space.actions.index("finish"), shrink=0.1, trace=0.7)
        pi = np.isfinite(batch.log_prior) / len(ALLOWED)
        critic.refit(pi, 20)
        informed = next(
            step.situation
            for episode in episodes
            for step in episode.steps
            if (step.situation.pack, step.situation.actions) == ("read", ("insight", "outreach"))
        )
        row = next(r for r, x in enumerate(batch.x) if np.array_equal(x, space.vector(informed)))
        assert critic.q[row, space.actions.index("finish")] == pytest.approx(0.8, abs=0.1)

    def test_it_doubts_what_was_never_tried(self) -> None:
        episodes = log(60)
        space = space_of(episodes)
        batch = Batch.of(episodes, space)
        doubt = Critic(batch, finish=space.actions.index("finish"), shrink=1.0, trace=1.0).doubt()
        tried = np.zeros_like(doubt, dtype=int)
        np.add.at(tried, (batch.row, batch.action), 1)
        assert doubt[tried == 0].mean() > doubt[tried > 0].mean()


class TestLearners:
    @pytest.mark.parametrize("name", list(LEARNERS))
    def test_parameters_move_the_toy_reward_rises_and_the_seed_repeats(self, name: str) -> None:
        # REINFORCE takes every log for its own: only one of the rules, where it starts, is fair to it
        episodes = log(300, odds=spread_out) if name == "clipped" else log(1500)
        first, second = (LEARNERS[name](seed=5).fit(episodes).policy_ for _ in range(2))
        prior = LinearSoftmax.zero(first.space)
        assert np.abs(first.weights).max() > 0.01
        assert worth(first) > worth(prior) + 0.01
        np.testing.assert_array_equal(first.weights, second.weights)

    def test_ours_finds_a_different_best_sequence_for_each_pack(self) -> None:
        policy = ClippedPolicyGradient().fit(log(800, odds=spread_out)).policy_
        start = {pack: policy.probabilities(situation(pack)) for pack in ("read", "plain")}
        assert start["plain"][ALLOWED.index("insight")] < 0.1 < 0.6 < start["read"][ALLOWED.index("insight")]
        assert worth(policy) > 0.9 * ((0.8 - 0.04) + (0.4 - 0.02)) / 2

    def test_ours_learns_from_the_rules_own_exploring(self) -> None:
        policy = ClippedPolicyGradient().fit(log(1000, odds=lambda now: rule.probabilities(now, epsilon=0.3))).policy_
        assert worth(policy) > worth(LinearSoftmax.zero()) + 0.05

    def test_a_hidden_layer_learns_as_well(self) -> None:
        episodes = log(300, odds=spread_out)
        shapes = [ClippedPolicyGradient(seed=seed, hidden=4).fit(episodes).policy_ for seed in (0, 1)]
        assert worth(shapes[0]) > worth(LinearSoftmax.zero()) + 0.05
        assert not np.array_equal(shapes[0].inner, shapes[1].inner)

    @pytest.mark.parametrize("learner", [ClippedPolicyGradient, PlainReinforce])
    def test_what_was_not_drawn_has_no_gradient(self, learner: type[ClippedPolicyGradient]) -> None:
        def certain(now: object) -> np.ndarray:
            return np.array([1.0, 0.0, 0.0, 0.0])

        policy = learner().fit(log(50, odds=certain)).policy_
        assert np.abs(policy.weights).max() == 0

    def test_an_episode_of_little_weight_teaches_little(self) -> None:
        episodes = log(200, odds=spread_out)
        absurd = [replace(one, reward=-one.reward, weight=1e-9) for one in log(200, seed=1, odds=spread_out)]
        alone = ClippedPolicyGradient().fit(episodes).policy_
        with_noise = ClippedPolicyGradient().fit([*episodes, *absurd]).policy_
        start = situation()
        np.testing.assert_allclose(alone.probabilities(start), with_noise.probabilities(start), atol=0.1)

    def test_a_late_reward_turns_the_preference(self) -> None:
        early = log(300, odds=spread_out)
        late = [
            replace(one, reward=one.reward + (1.5 if any(s.action == "governance" for s in one.steps) else 0.0))
            for one in early
        ]
        before, after = (ClippedPolicyGradient().fit(episodes).policy_ for episodes in (early, late))
        checked = ALLOWED.index("governance")
        now = situation(actions=("insight", "outreach"))
        assert after.probabilities(now)[checked] > max(0.9, before.probabilities(now)[checked])
        assert before.probabilities(now)[ALLOWED.index("finish")] > after.probabilities(now)[ALLOWED.index("finish")]

    def test_nothing_to_learn_from_is_said(self) -> None:
        with pytest.raises(ValueError, match="nothing"):
            ClippedPolicyGradient().fit([])


class TestEvidence:
    def test_what_serves_is_estimated_near_its_truth_and_the_lower_bound_holds(self) -> None:
        episodes = log(1500, odds=lambda now: rule.probabilities(now, epsilon=0.3))
        found = compare(
            episodes, learner=ClippedPolicyGradient, previous=LinearSoftmax.zero(), rng=np.random.default_rng(0)
        )
        truth = worth(LinearSoftmax.zero(), 3000)
        new = worth(ClippedPolicyGradient().fit(episodes).policy_, 3000)
        assert found.previous == pytest.approx(truth, abs=0.05)
        assert found.low is not None
        assert found.low < new - truth

    def test_a_better_version_moves(self) -> None:
        class Informed:
            """Skips insight where it does not pay, else the rules."""

            def fit_batch(self, batch: Batch, space: FeatureSpace) -> Informed:
                weights = np.zeros((len(space.actions), space.length))
                pack = 1 + space.packs.index("plain")  # behind the bias, see the layout
                weights[space.actions.index("insight"), pack] = -6.0
                self.policy_ = LinearSoftmax(space, weights)
                return self

        found = compare(
            log(1500, odds=lambda now: rule.probabilities(now, epsilon=0.3)),
            learner=Informed,
            previous=LinearSoftmax.zero(),
            rng=np.random.default_rng(0),
        )
        assert found.moves
        assert found.difference is not None
        assert found.difference > 0.02

    def test_a_worse_version_does_not_move(self) -> None:
        class Worst:
            """Finishes at once, whatever it is shown."""

            def fit_batch(self, batch: Batch, space: FeatureSpace) -> Worst:
                weights = np.zeros((len(space.actions), space.length))
                weights[space.actions.index("finish"), 0] = 6.0
                self.policy_ = LinearSoftmax(space, weights)
                return self

        found = compare(
            log(600, odds=spread_out), learner=Worst, previous=LinearSoftmax.zero(), rng=np.random.default_rng(0)
        )
        assert not found.moves
        assert found.difference is not None
        assert found.difference < -0.1

    def test_a_version_that_does_what_nobody_did_does_not_move(self) -> None:
        batch, _ = fixture(40)
        elsewhere = np.where(batch.position == 0, 0.2 * batch.logged, batch.logged)
        table = tabulate(batch, np.zeros(len(batch.x)), elsewhere, batch.logged)
        found = weigh(table, np.random.default_rng(0), "test")
        assert found.coverage == pytest.approx(0.2)
        assert not found.moves
        assert "only 20%" in found.verdict

    def test_the_logging_policy_gets_the_mean_reward(self) -> None:
        batch, _ = fixture(40)
        table = tabulate(batch, np.zeros(len(batch.x)), batch.logged, batch.logged)
        mean = (batch.gross - np.bincount(batch.episode, batch.cost)).mean()
        assert table.value(table.new, np.arange(40)) == pytest.approx(mean)


class TestBuckets:
    def test_they_say_what_moved_in_words(self) -> None:
        episodes = log(800, odds=spread_out)
        policy = ClippedPolicyGradient().fit(episodes).policy_
        buckets = summarise(episodes, before=LinearSoftmax.zero(), now=policy)
        assert sum(bucket.seen for bucket in buckets) == sum(len(one.steps) for one in episodes)
        assert all(sum(bucket.now.values()) == pytest.approx(1) for bucket in buckets)
        assert buckets[0].moved == max(bucket.moved for bucket in buckets)
        start = next(bucket for bucket in buckets if (bucket.pack, bucket.phase) == ("plain", "opening"))
        assert start.title == "plain · opening · quality unknown · at the start"
        assert start.before["insight"] == pytest.approx(rule.probabilities(situation("plain"))[0])
        assert start.favourite == "outreach"

    def test_nothing_moved_means_nothing_updated(self) -> None:
        same = LinearSoftmax.zero()
        assert not any(bucket.updated for bucket in summarise(log(50), before=same, now=same))
