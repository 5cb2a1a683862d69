"""The simulated panel: only where the market is simulated too, always named, never in a reward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crm.models import Brand
from rlhf import panel
from rlhf.feedback.human import human_score
from rlhf.judging import evaluate
from rlhf.models import Feedback, PreferencePair, Source
from tests.factories import ExperienceFactory, RatingItemFactory, RatingTaskFactory


@pytest.fixture
def simulated(harbor: Brand) -> Brand:
    harbor.world = "grocers"
    harbor.save()
    return harbor


def judged(brand: Brand) -> Any:
    made = ExperienceFactory(brand=brand)
    evaluate(made)
    return made


@pytest.mark.django_db
class TestTurn:
    def test_it_rates_what_was_judged_once_and_says_who_it_is(self, simulated: Brand) -> None:
        made = judged(simulated)
        first = panel.turn(simulated)
        words = Feedback.across_brands.filter(experience=made)
        assert 1 <= first.stars == words.count() <= 3
        assert {(one.source, one.rater) for one in words} == {(Source.PANEL, None)}
        assert all(one.rater_name in panel.PANEL for one in words)
        assert panel.turn(simulated).stars == 0

    def test_it_compares_pairs(self, simulated: Brand) -> None:
        task = RatingTaskFactory(brand=simulated, asks="pair")
        item = RatingItemFactory(task=task, a=judged(simulated), b=judged(simulated))
        assert panel.turn(simulated).pairs == 3
        assert panel.turn(simulated).pairs == 0
        assert PreferencePair.across_brands.filter(a=item.a, b=item.b).count() == 3
        item.refresh_from_db()
        assert (item.taken, item.answered) == (0, 0)  # people are still asked

    def test_no_reward_takes_it(self, simulated: Brand) -> None:
        made = judged(simulated)
        panel.turn(simulated)
        assert human_score(made) is None

    def test_a_real_market_has_no_panel(self, harbor: Brand) -> None:
        judged(harbor)
        assert panel.turn(harbor) == panel.Turn(0, 0)
        assert not Feedback.across_brands.exists()


class TestTaste:
    def test_better_work_gets_more_stars(self) -> None:
        def mean(level: float) -> float:
            chance = np.random.default_rng(1)
            said = [panel.utility(dict.fromkeys(panel.DIMENSIONS, level), n % 3, chance) for n in range(300)]
            return float(np.mean([panel.stars_of(u) for u in said]))

        assert mean(0.6) < mean(0.85) < mean(0.98)

    def test_tastes_differ_and_stay(self) -> None:
        uneven = {name: n / 5 for n, name in enumerate(panel.DIMENSIONS)}
        said = [panel.utility(uneven, n, np.random.default_rng(0)) for n in range(3)]
        assert len(set(said)) == 3
        assert said == [panel.utility(uneven, n, np.random.default_rng(0)) for n in range(3)]
