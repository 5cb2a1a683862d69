"""What policies decide, how honestly they say so, and how the learned one is stored."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

from orchestrator.agents.contract import PackBrief
from orchestrator.agents.workbench import Workbench
from orchestrator.policies import POLICIES, LearnedPolicy, LinearSoftmax, RulePolicy, StaticPolicy, rule
from orchestrator.policies.contract import Decision, PolicyState, sample
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.request_text import RequestText, packed, unpacked
from orchestrator.policies.situation import Situation
from tests.orchestrator.toy_market import situation

PACK = PackBrief(
    slug="tax-assist",
    name="Tax Assist",
    goal="Win shops.",
    task="outreach",
    allowed_agents=("insight", "outreach", "governance", "reflect"),
    static_sequence=("outreach", "governance"),
    max_steps=12,
    quality_threshold=0.7,
)


def state(*done: tuple[str, dict[str, float]], pack: PackBrief = PACK, **fields: Any) -> PolicyState:
    work = Workbench.from_steps((action, {}, quality, 0.001) for action, quality in done)
    return PolicyState(pack=pack, step=len(done), max_steps=pack.max_steps, work=work, **fields)


def learned(space: FeatureSpace, seed: int = 0, **fields: Any) -> LinearSoftmax:
    rng = np.random.default_rng(seed)
    return LinearSoftmax(space, rng.normal(0, 0.3, (len(space.actions), space.length)), **fields)


SPACE = FeatureSpace.fit([Situation.of(state(("outreach", {"fit": 0.5}))), situation()])


class TestDecision:
    @pytest.mark.parametrize(
        "odds", [(0.5, 0.4), (0.5, 0.5, 0.0), (1.5, -0.5), (1.0, 0.0)], ids=["sum", "length", "negative", "impossible"]
    )
    def test_it_refuses_probabilities_that_cannot_be(self, odds: tuple[float, ...]) -> None:
        with pytest.raises(ValueError):
            Decision("finish", ("insight", "finish"), odds, "rule@1", "")

    def test_it_refuses_an_action_that_was_not_allowed(self) -> None:
        with pytest.raises(ValueError, match="budget"):
            Decision("budget", ("insight", "finish"), (0.5, 0.5), "rule@1", "")


class TestSample:
    def test_it_draws_as_often_as_the_probabilities_say(self) -> None:
        odds, rng = np.array([0.2, 0.0, 0.5, 0.3]), np.random.default_rng(1)
        drawn = Counter(sample(odds, rng) for _ in range(20_000))
        assert drawn[1] == 0
        for index in (0, 2, 3):
            assert drawn[index] / 20_000 == pytest.approx(odds[index], abs=0.015)


class TestStatic:
    def test_it_follows_the_sequence_and_finishes(self) -> None:
        rng, done, seen = np.random.default_rng(0), [], []
        for _ in range(3):
            decision = StaticPolicy().decide(state(*done), rng)
            assert decision.probability == 1.0
            seen.append(decision.action)
            done.append((decision.action, {}))
        assert seen == ["outreach", "governance", "finish"]


class TestRule:
    @pytest.mark.parametrize(
        ("done", "picked"),
        [
            ([], "insight"),
            ([("insight", {})], "outreach"),
            ([("insight", {}), ("outreach", {"fit": 0.9})], "governance"),
            ([("insight", {}), ("outreach", {"fit": 0.9}), ("governance", {"compliance": 0.5})], "outreach"),
            ([("insight", {}), ("outreach", {"fit": 0.9}), ("governance", {"compliance": 1.0})], "reflect"),
            (
                [
                    ("insight", {}),
                    ("outreach", {"fit": 0.9}),
                    ("governance", {"compliance": 1.0}),
                    ("reflect", {"confidence": 0.4}),
                ],
                "outreach",
            ),
            (
                [
                    ("insight", {}),
                    ("outreach", {"fit": 0.9}),
                    ("governance", {"compliance": 1.0}),
                    ("reflect", {"confidence": 0.9}),
                ],
                "finish",
            ),
        ],
    )
    def test_the_first_row_that_applies_decides(self, done: list[tuple[str, dict[str, float]]], picked: str) -> None:
        _, action = rule.first_match(Situation.of(state(*done)))
        assert action == picked

    def test_it_never_retries_for_ever(self) -> None:
        poor = [("insight", {}), *[("outreach", {"fit": 0.1}), ("governance", {"compliance": 0.0})] * 2]
        assert rule.first_match(Situation.of(state(*poor, ("reflect", {"confidence": 0.1}))))[1] == "finish"

    def test_it_does_only_what_the_pack_allows(self) -> None:
        bare = PackBrief("bare", "Bare", "", "outreach", allowed_agents=("governance",))
        assert rule.first_match(Situation.of(state(pack=bare)))[1] == "governance"

    def test_exploring_is_logged_with_its_real_probability(self) -> None:
        rng = np.random.default_rng(3)
        decisions = [RulePolicy(epsilon=0.21).decide(state(), rng) for _ in range(5000)]
        share = sum(decision.action == "insight" for decision in decisions) / len(decisions)
        assert decisions[0].probabilities == pytest.approx((0.84, 0.05, 0.05, 0.05, 0.01))
        assert share == pytest.approx(0.84, abs=0.02)
        assert any("exploring" in decision.why for decision in decisions)

    def test_it_explores_little_what_was_done_already(self) -> None:
        now = Situation.of(state(("insight", {}), ("governance", {}), ("governance", {})))
        odds = dict(zip(now.allowed, rule.probabilities(now, epsilon=0.1), strict=True))
        assert odds["reflect"] == pytest.approx(5 * odds["insight"])
        assert odds["insight"] == pytest.approx(5 * odds["governance"])

    def test_an_unchecked_text_is_checked_whatever_the_task(self) -> None:
        plan = PackBrief("plan", "Plan", "", "planning", allowed_agents=("insight", "budget", "outreach", "governance"))
        done = [("insight", {}), ("budget", {}), ("governance", {}), ("outreach", {})]
        assert rule.first_match(Situation.of(state(*done, pack=plan)))[1] == "governance"

    def test_a_maker_redone_makes_the_check_stale(self) -> None:
        done = [("insight", {}), ("outreach", {}), ("governance", {"compliance": 1.0}), ("outreach", {})]
        assert rule.first_match(Situation.of(state(*done)))[1] == "governance"


class TestSituation:
    def test_it_tells_what_went_into_the_newest_result(self) -> None:
        now = situation(actions=("insight", "outreach", "governance", "outreach", "reflect"))
        assert now.inputs == ("insight", "outreach", "governance")
        assert now.later == ("reflect",)
        assert situation(actions=("insight",)).inputs == ()
        assert situation(actions=("insight",)).later == ("insight",)

    def test_the_pinned_funnel_wins_over_the_one_at_hand(self) -> None:
        seen = Situation.of(state(funnel={"engaged": 9}, subject={"funnel": {"engaged": 2}}))
        assert seen.funnel == {"engaged": 2}


class TestFeatures:
    def test_the_layout_is_as_long_as_it_says_and_tells_situations_apart(self) -> None:
        space = FeatureSpace.fit([situation(actions=("insight", "outreach"), funnel={"engaged": 3, "lost": 1})])
        rows = space.matrix([situation(), situation(actions=("insight",)), situation(pack="other")])
        assert rows.shape == (3, space.length)
        assert len({tuple(row) for row in rows}) == 3

    def test_every_number_stays_small(self) -> None:
        space = FeatureSpace.fit([situation(actions=("outreach",) * 6, cost=50.0, funnel={"engaged": 10**6})])
        row = space.vector(situation(actions=("outreach",) * 6, cost=50.0, funnel={"engaged": 10**6}))
        assert np.abs(row).max() <= 1

    def test_what_was_never_seen_is_zeros_not_an_error(self) -> None:
        space = FeatureSpace.fit([situation()])
        strange = situation(pack="new", actions=("teleport",), quality={"wonder": 1.0}, funnel={"void": 3})
        assert np.isfinite(space.vector(strange)).all()

    def test_it_is_the_same_after_json(self) -> None:
        space = FeatureSpace.fit([situation(request="more oats"), situation(request="fewer pears please")])
        back = FeatureSpace.from_json(json.loads(json.dumps(space.to_json())))
        seen = situation(request="more pears", actions=("insight",))
        np.testing.assert_array_equal(back.vector(seen), space.vector(seen))

    def test_requests_that_share_words_are_closer(self) -> None:
        asked = [
            "move the budget to search",
            "budget for search campaigns",
            "write an e-mail to grocers",
            "e-mail grocers",
        ]
        text = RequestText.fit(asked)
        vectors = [text.vector(one) for one in asked]
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
        assert vectors[2] @ vectors[3] > vectors[1] @ vectors[3]

    def test_stored_numbers_that_are_not_finite_are_refused(self) -> None:
        with pytest.raises(ValueError, match="finite"):
            unpacked(packed(np.array([1.0, np.nan])))


class TestLearnedPolicy:
    @pytest.mark.parametrize("space", [SPACE, None])
    def test_without_training_it_is_the_rules(self, space: FeatureSpace | None) -> None:
        for done in ([], [("insight", {})], [("insight", {}), ("outreach", {"fit": 0.2})]):
            now = Situation.of(state(*done))
            np.testing.assert_allclose(LinearSoftmax.zero(space).probabilities(now), rule.probabilities(now))

    def test_probabilities_are_the_softmax_of_prior_plus_weights(self) -> None:
        softmax, now = learned(SPACE), Situation.of(state(("insight", {})))
        scores = {
            name: rule.probabilities(now)[place]
            * np.exp(softmax.weights[SPACE.actions.index(name)] @ SPACE.vector(now))
            for place, name in enumerate(now.allowed)
        }
        expected = [scores[name] / sum(scores.values()) for name in now.allowed]
        np.testing.assert_allclose(softmax.probabilities(now), expected)

    def test_the_floor_keeps_every_action_possible(self) -> None:
        certain = LinearSoftmax(SPACE, 1000 * learned(SPACE).weights, floor=0.05)
        odds = certain.probabilities(Situation.of(state()))
        assert odds.min() == pytest.approx(0.01)
        assert odds.sum() == pytest.approx(1)

    def test_an_agent_it_never_saw_keeps_what_the_rules_give_it(self) -> None:
        wider = PackBrief("tax-assist", "", "", "outreach", allowed_agents=(*PACK.allowed_agents, "budget"))
        odds = learned(SPACE).probabilities(Situation.of(state(pack=wider)))
        assert 0 < odds[-2] < 0.2

    @pytest.mark.parametrize("hidden", [False, True])
    def test_it_is_the_same_after_json(self, hidden: bool) -> None:
        rng = np.random.default_rng(4)
        layers = (
            {"inner": rng.normal(size=(3, SPACE.length)), "outer": rng.normal(size=(len(SPACE.actions), 3))}
            if hidden
            else {}
        )
        softmax, now = learned(SPACE, floor=0.01, **layers), Situation.of(state(("insight", {})))
        back = LinearSoftmax.from_json(json.loads(json.dumps(softmax.to_json())))
        np.testing.assert_allclose(back.probabilities(now), softmax.probabilities(now), atol=1e-5)

    @pytest.mark.parametrize(
        "damage", [{"kind": "oracle"}, {"prior": "rule@99"}, {"weights": packed(np.zeros((2, 2)))}]
    )
    def test_parameters_that_do_not_fit_are_refused(self, damage: dict[str, Any]) -> None:
        with pytest.raises(ValueError):
            LinearSoftmax.from_json({**learned(SPACE).to_json(), **damage})

    def test_it_draws_and_logs_the_same_for_the_same_seed(self) -> None:
        policy = LearnedPolicy(learned(SPACE), 14)
        first = [policy.decide(state(), np.random.default_rng(7)) for _ in range(2)]
        drawn = {policy.decide(state(), np.random.default_rng(seed)).action for seed in range(200)}
        assert first[0] == first[1]
        assert first[0].policy == "rl@14"
        assert len(drawn) > 1
        assert POLICIES["rl"](learned(SPACE).to_json(), 3).label == "rl@3"
