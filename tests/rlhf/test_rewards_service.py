"""Rewards as rows: a new one only where something changed, the old ones kept, history under other weights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.attribution import CrmFacts
from crm.models import Brand
from rlhf.judging import evaluate
from rlhf.models import Evaluation, Experience, Reward, RewardConfig
from rlhf.reward import RewardWeights, blend
from rlhf.rewards import BadWeights, compute, current_config, new_config, recomputed, replay

pytestmark = pytest.mark.django_db
WINDOW = timedelta(days=14)


@pytest.fixture
def experience(harbor: Brand) -> Experience:
    return Experience.across_brands.create(
        brand=harbor,
        kind="outreach",
        request="",
        context={"brand": "Harbor Oats", "facts": {"sku:A#1": "11 g of protein"}},
        output={"kind": "outreach", "emails": []},
        served_by="composer@1",
    )


def judged(experience: Experience, score: float) -> None:
    Evaluation.across_brands.create(
        experience=experience, judge="rubric", rubric_version="outreach@test", score=score, confidence=1
    )


def computed(experience: Experience, **changes: Any) -> Reward:
    facts: dict[str, Any] = {"crm": CrmFacts(), "steps": 3, "tokens": 100, "now": timezone.now(), "window": WINDOW}
    return compute(experience, **{**facts, **changes})


class TestConfig:
    def test_the_first_version_has_the_defaults(self, harbor: Brand) -> None:
        config = current_config(harbor)
        assert config.version == 1
        assert RewardWeights.from_dict(config.values) == RewardWeights()
        assert current_config(harbor) == config

    def test_a_change_is_a_new_version_and_the_old_one_stays(self, harbor: Brand) -> None:
        first = current_config(harbor)
        second = new_config(harbor, w_judge=0.7)
        assert (first.version, second.version) == (1, 2)
        assert current_config(harbor) == second
        assert RewardConfig.across_brands.filter(brand=harbor).count() == 2

    def test_the_same_weights_make_no_version(self, harbor: Brand) -> None:
        assert new_config(harbor, w_judge=0.5) == current_config(harbor)

    def test_impossible_weights_are_refused_and_change_nothing(self, harbor: Brand) -> None:
        with pytest.raises(BadWeights):
            new_config(harbor, w_judge=-1)
        with pytest.raises(BadWeights):
            new_config(harbor, taste=1)
        assert current_config(harbor).version == 1

    def test_brands_have_weights_of_their_own(self, harbor: Brand, lumen: Brand) -> None:
        new_config(harbor, w_judge=0.9)
        assert RewardWeights.from_dict(current_config(lumen).values) == RewardWeights()


class TestCompute:
    def test_it_blends_verdict_crm_and_cost(self, experience: Experience) -> None:
        judged(experience, 0.8)
        crm = CrmFacts(sales=2, stage="qualified", online=0.5, attribution="episode")
        reward = computed(experience, crm=crm)
        expected = (0.5 * 0.8 + 0.2 * 0.5) / 0.7 + 1.0 + 0.2 - 0.03 - 0.0005
        assert reward.value == pytest.approx(expected)
        assert sum(part["adds"] for part in reward.components["parts"]) == pytest.approx(reward.value, abs=1e-9)
        assert reward.attribution == "episode"
        assert reward.provisional and reward.is_current

    def test_the_same_facts_make_no_new_row(self, experience: Experience) -> None:
        judged(experience, 0.8)
        assert computed(experience) == computed(experience)
        assert Reward.across_brands.count() == 1

    def test_news_make_a_new_row_and_keep_the_old_one(self, experience: Experience) -> None:
        judged(experience, 0.8)
        first = computed(experience)
        second = computed(experience, crm=CrmFacts(sales=1, attribution="episode"))
        first.refresh_from_db()
        assert not first.is_current and second.is_current
        assert second.value == pytest.approx(first.value + 0.5)
        assert recomputed(first) == pytest.approx(first.value)

    def test_it_settles_when_the_window_is_over(self, experience: Experience) -> None:
        judged(experience, 0.8)
        early = computed(experience)
        late = computed(experience, now=experience.created_at + WINDOW)
        assert early.provisional and not late.provisional
        assert late.settles_at == experience.created_at + WINDOW
        assert late.value == early.value and late.pk != early.pk

    def test_other_weights_make_a_new_row(self, experience: Experience, harbor: Brand) -> None:
        judged(experience, 0.8)
        first = computed(experience)
        new_config(harbor, step_cost=0.1)
        second = computed(experience)
        assert second.value == pytest.approx(first.value - 0.27)
        assert (first.config.version, second.config.version) == (1, 2)

    def test_without_crm_or_verdict_it_counts_nothing_and_says_so(self, experience: Experience) -> None:
        reward = computed(experience, crm=None)
        assert reward.value == pytest.approx(-0.03 - 0.0005)
        assert reward.components["terms_present"] == []
        assert any("no CRM data" in note for note in reward.components["notes"])
        assert any("no verdict" in note for note in reward.components["notes"])

    def test_a_missing_verdict_is_left_out_not_zero(self, experience: Experience) -> None:
        Evaluation.across_brands.create(
            experience=experience, judge="rubric", rubric_version="x", missing_because="cannot be read"
        )
        reward = computed(experience, crm=CrmFacts(online=0.6))
        assert reward.components["terms_present"] == ["online"]
        assert reward.value == pytest.approx(0.6 - 0.0305)


class TestReplay:
    def test_it_gives_history_under_other_weights_and_writes_nothing(
        self, experience: Experience, harbor: Brand
    ) -> None:
        judged(experience, 0.8)
        computed(experience, crm=CrmFacts(sales=3, online=0.2, attribution="episode"))
        weights = RewardWeights(w_judge=0.0, crm_sale_bonus=0.1)
        ((found, value),) = replay(brand=harbor, weights=weights)
        by_hand = blend(judge=0.8, online=0.2, sales=3, steps=3, tokens=100, weights=weights).value
        assert found == experience
        assert value == pytest.approx(by_hand)
        assert Reward.across_brands.count() == 1

    def test_another_brand_is_not_in_it(self, experience: Experience, lumen: Brand) -> None:
        computed(experience)
        assert replay(brand=lumen, weights=RewardWeights()) == []


class TestEvaluate:
    def test_the_same_rubric_version_judges_once(self, experience: Experience) -> None:
        first = evaluate(experience)
        assert evaluate(experience) == first
        assert experience.evaluations.count() == 1
        assert first.judge == "rubric" and first.rubric_version.startswith("outreach@")

    def test_an_output_that_cannot_be_read_is_missing_with_its_cause(self, experience: Experience) -> None:
        Experience.across_brands.filter(pk=experience.pk).update(output={"kind": "outreach", "emails": "none"})
        experience.refresh_from_db()
        verdict = evaluate(experience)
        assert verdict.score is None
        assert "emails" in verdict.missing_because

    def test_an_unknown_kind_is_missing_with_its_cause(self, experience: Experience) -> None:
        experience.kind = "haiku"
        verdict = evaluate(experience)
        assert verdict.score is None and "no rubric" in verdict.missing_because
