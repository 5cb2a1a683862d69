"""Another weighting over the past: the order of policies before and after, and nothing written."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.attribution import CrmFacts
from crm.models import Brand
from rlhf.feedback.giving import rate
from rlhf.models import Evaluation, Reward
from rlhf.reward import RewardWeights
from rlhf.rewards import compute, new_config
from rlhf.reweighing import replay_policies
from tests.factories import ExperienceFactory, UserFactory

pytestmark = pytest.mark.django_db


def rewarded(brand: Brand, policy: str, *, judge: float, stars: int, simulated: bool = False) -> Any:
    one = ExperienceFactory(brand=brand, policy=policy, simulated=simulated)
    Evaluation.across_brands.create(experience=one, judge="rubric", rubric_version="t", score=judge, confidence=1)
    rate(experience=one, rater=UserFactory(), stars=stars)
    return compute(one, crm=CrmFacts(), steps=0, tokens=0, now=timezone.now())


class TestReplay:
    def test_the_order_of_policies_turns_with_the_weights(self, harbor: Brand) -> None:
        for _ in range(3):
            rewarded(harbor, "rule@1", judge=0.9, stars=2)
            rewarded(harbor, "rl@1", judge=0.5, stars=4)
        seen = replay_policies(harbor, RewardWeights(w_judge=0.0, w_human=1.0))
        rule, rl = (next(line for line in seen.lines if line.policy == name) for name in ("rule@1", "rl@1"))
        assert (rule.rank_now, rule.rank_then, rule.moved) == (1, 2, -1)
        assert (rl.rank_now, rl.rank_then) == (2, 1)
        assert rl.then == pytest.approx(0.75) and rule.then == pytest.approx(0.25)
        assert rule.now == pytest.approx((0.5 * 0.9 + 0.3 * 0.25) / 0.8)
        assert (seen.order_changes, seen.rewards, rl.then_half) == (True, 6, 0)

    def test_the_same_weights_change_nothing(self, harbor: Brand) -> None:
        rewarded(harbor, "rule@1", judge=0.9, stars=2)
        seen = replay_policies(harbor, RewardWeights())
        assert not seen.order_changes
        assert seen.lines[0].now == pytest.approx(seen.lines[0].then)

    def test_simulated_and_live_are_not_mixed_and_brands_are_apart(self, harbor: Brand, lumen: Brand) -> None:
        rewarded(harbor, "rule@1", judge=0.9, stars=2, simulated=True)
        rewarded(lumen, "rule@1", judge=0.9, stars=2)
        assert replay_policies(harbor, RewardWeights()).rewards == 0
        assert Reward.across_brands.count() == 2

    def test_who_changed_the_weights_and_why_is_kept(self, harbor: Brand, ana: Any) -> None:
        made = new_config(harbor, by=ana, note="People first", w_human=0.6)
        assert (made.version, made.created_by, made.note) == (2, ana, "People first")
