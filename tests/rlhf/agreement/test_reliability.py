"""Concordance against scikit-learn, statsmodels and simulation, and what weight a judge gets from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from rlhf.agreement import concordance, judge_reliability

NAN = float("nan")
STARS = [1, 2, 3, 4, 5]
PAIRS = st.lists(st.tuples(st.sampled_from(STARS), st.sampled_from(STARS)), min_size=2, max_size=40)


def scored(rng: np.random.Generator, n: int, noise: float = 0.2) -> tuple[Any, Any]:
    true = rng.random(n)
    return tuple(np.clip(true + rng.normal(0, noise, n), 0, 1) for _ in range(2))  # type: ignore[return-value]


class TestConcordance:
    @given(pairs=PAIRS)
    def test_on_stars_it_is_the_quadratic_kappa(self, pairs: Any) -> None:
        first, second = zip(*pairs, strict=True)
        found = concordance(first, second)
        if found.value is None:
            assert len({*first, *second}) == 1
        else:
            peer = cohen_kappa_score(first, second, labels=STARS, weights="quadratic")
            assert found.value == pytest.approx(peer, abs=1e-9)

    def test_its_interval_is_that_of_the_quadratic_kappa_on_fishers_scale(self) -> None:
        table = np.random.default_rng(0).poisson(np.where(np.eye(5), 12, 2))
        first, second = zip(*[(i, j) for i in range(5) for j in range(5) for _ in range(table[i, j])], strict=True)
        peer = cohens_kappa(table, wt="quadratic")
        half = 1.959964 * peer.std_kappa / (1 - peer.kappa**2)
        found = concordance(first, second)
        assert np.arctanh([found.low, found.high]) == pytest.approx(  # type: ignore[list-item]
            [np.arctanh(peer.kappa) - half, np.arctanh(peer.kappa) + half], abs=1e-6
        )

    def test_it_is_lins(self) -> None:
        x, y = scored(np.random.default_rng(1), 50)
        lin = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        assert concordance(x, y).value == pytest.approx(lin)

    def test_its_interval_covers_the_truth_about_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(2)
        truth = concordance(*scored(rng, 500_000)).value
        found = [concordance(*scored(rng, 60)) for _ in range(500)]
        assert 0.91 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98  # type: ignore[operator]

    def test_scores_that_are_all_too_high_cost_something(self) -> None:
        x = np.random.default_rng(3).random(50)
        assert concordance(x, x + 0.3).value < 0.9  # type: ignore[operator]

    @pytest.mark.parametrize(("x", "y", "why"), [([1], [1], "fewer than two"), ([4, 4], [4, 4], "the same")])
    def test_it_says_why_there_is_none(self, x: Any, y: Any, why: str) -> None:
        assert concordance(x, y).value is None
        assert why in concordance(x, y).why


class TestJudgeReliability:
    @pytest.mark.parametrize("n", [0, 1, 29])
    def test_with_few_items_the_judge_counts_fully_and_is_not_measured(self, n: int) -> None:
        found = judge_reliability(np.zeros(n), np.ones(n))
        assert (found.factor, found.measured) == (1.0, False)
        assert found.why == f"not measured yet: {n} of 30 items have both scores"

    def test_there_is_no_jump_where_measuring_begins(self) -> None:
        judge, people = scored(np.random.default_rng(0), 31, noise=2.0)
        found = judge_reliability(judge, people)
        assert found.measured
        assert found.factor > 0.96

    @pytest.mark.parametrize(("n", "left"), [(60, 0.5), (300, 0.1), (3000, 0.01)])
    def test_a_judge_that_contradicts_people_loses_its_weight_with_items(self, n: int, left: float) -> None:
        people = np.random.default_rng(1).random(n)
        assert judge_reliability(1 - people, people).factor == pytest.approx(left)

    def test_a_judge_that_says_what_people_say_keeps_it(self) -> None:
        people = np.random.default_rng(2).random(500)
        assert judge_reliability(people, people).factor == 1.0

    def test_more_noise_never_gives_more_weight(self) -> None:
        rng = np.random.default_rng(3)
        people, noise = rng.random(400), rng.normal(size=400)
        factors = [judge_reliability(people + size * noise, people).factor for size in np.linspace(0, 2, 30)]
        assert (np.diff(factors) <= 0).all()

    @given(pairs=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=80))
    def test_it_is_always_a_share(self, pairs: Any) -> None:
        judge, people = ([one[k] for one in pairs] for k in (0, 1))
        found = judge_reliability(judge, people, minimum=10)
        assert 0.0 <= found.factor <= 1.0
        assert found.measured == (found.why == "")

    def test_a_judge_that_always_says_the_same_is_measured(self) -> None:
        found = judge_reliability(np.full(300, 0.5), np.random.default_rng(4).random(300))
        assert found.measured
        assert found.factor == pytest.approx(0.1, abs=0.01)

    def test_where_nothing_varies_nothing_is_measured(self) -> None:
        found = judge_reliability(np.ones(40), np.ones(40))
        assert (found.factor, found.why) == (1.0, "not measured yet: all scores are the same")

    def test_items_without_one_of_the_scores_do_not_count(self) -> None:
        assert judge_reliability([0.5] * 40, [NAN] * 20 + [0.5] * 20).concordance.n == 20

    def test_it_refuses_a_minimum_that_measures_nothing(self) -> None:
        with pytest.raises(ValueError, match="minimum"):
            judge_reliability([], [], minimum=1)
