"""Kappa against scikit-learn and statsmodels, and percent agreement against counting."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from rlhf.agreement import cohen_kappa, mean_pairwise_kappa, percent_agreement
from tests.rlhf.agreement.worlds import noisy_stars

NAN = float("nan")
STARS = [1, 2, 3, 4, 5]
WEIGHTS = ["none", "linear", "quadratic"]
PAIRS = st.lists(st.tuples(st.sampled_from(STARS), st.sampled_from(STARS)), min_size=1, max_size=40)
# Two pathologists, 118 slides, four grades: A. Agresti, "Categorical Data Analysis" (2002), chapter 10.
PATHOLOGISTS = np.array([[22, 2, 2, 0], [5, 7, 14, 0], [0, 2, 36, 0], [0, 1, 17, 10]])


def pairs_of(table: Any) -> tuple[list[int], list[int]]:
    cells = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [i for i, _ in cells], [j for _, j in cells]


class TestCohenKappa:
    @pytest.mark.parametrize("weights", WEIGHTS)
    @given(pairs=PAIRS)
    def test_it_agrees_with_scikit_learn_on_any_ratings(self, weights: Any, pairs: list[tuple[int, int]]) -> None:
        first, second = zip(*pairs, strict=True)
        found = cohen_kappa(first, second, weights=weights, classes=STARS)
        assume(found.value is not None)
        name = None if weights == "none" else weights
        peer = cohen_kappa_score(first, second, labels=STARS, weights=name)
        assert found.value == pytest.approx(peer, abs=1e-9)

    @pytest.mark.parametrize("weights", WEIGHTS)
    @pytest.mark.parametrize(
        "table", [PATHOLOGISTS, np.array([[9, 1], [3, 7]]), np.random.default_rng(0).poisson(9, (5, 5))]
    )
    def test_its_interval_is_that_of_statsmodels(self, weights: Any, table: Any) -> None:
        peer = cohens_kappa(table, wt=None if weights == "none" else weights)
        found = cohen_kappa(*pairs_of(table), weights=weights)
        assert found.value == pytest.approx(peer.kappa, abs=1e-9)
        assert found.standard_error == pytest.approx(peer.std_kappa, abs=1e-9)
        assert (found.low, found.high) == pytest.approx((peer.kappa_low, peer.kappa_upp), abs=1e-9)

    def test_it_agrees_with_the_published_example(self) -> None:
        found = cohen_kappa(*pairs_of(PATHOLOGISTS))
        assert found.value == pytest.approx(0.493, abs=5e-4)
        assert found.standard_error == pytest.approx(0.057, abs=5e-4)

    def test_it_takes_words(self) -> None:
        first, second = ["up", "down", "up", "up"], ["up", "down", "down", "up"]
        assert cohen_kappa(first, second).value == pytest.approx(cohen_kappa_score(first, second))

    def test_classes_nobody_used_keep_their_distance(self) -> None:
        first, second = [1, 1, 5, 5, 5], [1, 5, 5, 5, 1]
        apart = cohen_kappa([1, 2, 5, 4], [1, 4, 5, 2], weights="linear", classes=STARS).value
        assert apart == pytest.approx(cohen_kappa_score([1, 2, 5, 4], [1, 4, 5, 2], labels=STARS, weights="linear"))
        assert apart != pytest.approx(cohen_kappa([1, 2, 5, 4], [1, 4, 5, 2], weights="linear").value)
        assert cohen_kappa(first, second, weights="linear").value == pytest.approx(cohen_kappa(first, second).value)

    def test_classes_have_the_order_they_are_given_in(self) -> None:
        first, second = ["bad", "good", "fair", "bad"], ["fair", "good", "good", "bad"]
        order = ["bad", "fair", "good"]
        found = cohen_kappa(first, second, weights="quadratic", classes=order).value
        assert found == pytest.approx(cohen_kappa_score(first, second, labels=order, weights="quadratic"))

    @pytest.mark.parametrize("weights", WEIGHTS)
    @given(pairs=PAIRS)
    def test_it_does_not_matter_who_is_first(self, weights: Any, pairs: list[tuple[int, int]]) -> None:
        first, second = zip(*pairs, strict=True)
        one, other = cohen_kappa(first, second, weights=weights), cohen_kappa(second, first, weights=weights)
        assert one.value == pytest.approx(other.value, abs=1e-12)
        assert one.standard_error == pytest.approx(other.standard_error, abs=1e-7)

    @given(pairs=PAIRS, names=st.permutations(STARS))
    def test_nominal_classes_may_be_renamed(self, pairs: list[tuple[int, int]], names: list[int]) -> None:
        first, second = zip(*pairs, strict=True)
        renamed = cohen_kappa([names[a - 1] for a in first], [names[b - 1] for b in second])
        assert renamed.value == pytest.approx(cohen_kappa(first, second).value, abs=1e-12)

    def test_raters_who_always_agree_have_one(self) -> None:
        found = cohen_kappa(STARS, STARS, weights="quadratic")
        assert (found.value, found.low, found.high, found.n) == (1.0, 1.0, 1.0, 5)

    def test_raters_who_guess_have_about_zero(self) -> None:
        first, second = np.random.default_rng(0).integers(1, 6, (2, 20_000))
        assert cohen_kappa(first, second).value == pytest.approx(0.0, abs=0.02)

    def test_it_says_when_there_is_one_class_only(self) -> None:
        found = cohen_kappa([3, 3], [3, 3])
        assert (found.value, found.observed) == (None, 1.0)
        assert found.why == "both raters used only one and the same class"

    def test_two_raters_with_a_class_each_have_zero(self) -> None:
        assert cohen_kappa([1, 1, 1], [2, 2, 2]).value == 0.0

    def test_it_says_when_there_are_no_items(self) -> None:
        assert cohen_kappa([], []).why == "no item was rated by both"

    def test_it_refuses_a_rating_that_is_no_class(self) -> None:
        with pytest.raises(ValueError, match="classes"):
            cohen_kappa([1, 6], [1, 2], classes=STARS)

    def test_it_refuses_raters_of_other_items(self) -> None:
        with pytest.raises(ValueError, match="same items"):
            cohen_kappa([1, 2], [1])

    def test_it_refuses_weights_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="weights"):
            cohen_kappa([1, 2], [1, 2], weights="cubic")  # type: ignore[arg-type]


class TestMeanPairwiseKappa:
    @pytest.mark.parametrize("weights", WEIGHTS)
    def test_it_is_the_mean_over_pairs_by_items_shared(self, weights: Any) -> None:
        matrix = noisy_stars(np.random.default_rng(2), units=60, raters=5, missing=0.4)
        kappas, shared = [], []
        for one, other in combinations(range(5), 2):
            both = np.isfinite(matrix[:, one]) & np.isfinite(matrix[:, other])
            first, second = matrix[both, one].astype(int), matrix[both, other].astype(int)
            name = None if weights == "none" else weights
            kappas.append(cohen_kappa_score(first, second, labels=STARS, weights=name))
            shared.append(both.sum())
        found = mean_pairwise_kappa(matrix, weights=weights, classes=STARS)
        assert found.value == pytest.approx(np.average(kappas, weights=shared), abs=1e-9)
        assert found.pairs == 10

    def test_its_interval_holds_it_and_a_seed_reproduces_it(self) -> None:
        matrix = noisy_stars(np.random.default_rng(2), units=60, raters=5)
        one, other = (mean_pairwise_kappa(matrix, rng=np.random.default_rng(3)) for _ in range(2))
        assert one == other
        assert one.low < one.value < one.high  # type: ignore[operator]

    def test_it_is_about_zero_where_raters_guess(self) -> None:
        guesses = np.random.default_rng(0).integers(1, 6, (5000, 3))
        found = mean_pairwise_kappa(guesses, rng=np.random.default_rng(1))
        assert found.low < 0 < found.high  # type: ignore[operator]

    def test_pairs_without_a_kappa_are_left_out(self) -> None:
        # The first two only ever say 4; the third varies, and has 0 with either of them.
        found = mean_pairwise_kappa([[4, 4, 1], [4, 4, 2], [4, 4, 4]])
        assert (found.value, found.pairs) == (0.0, 2)

    @pytest.mark.parametrize(
        ("matrix", "why"),
        [
            ([[1, NAN], [NAN, 2]], "no unit was rated twice"),
            ([[4, 4], [4, 4]], "no two raters used more than one class"),
        ],
    )
    def test_it_says_why_there_is_none(self, matrix: Any, why: str) -> None:
        found = mean_pairwise_kappa(matrix, rng=np.random.default_rng(0))
        assert (found.value, found.why) == (None, why)

    def test_it_refuses_a_rating_that_is_no_class(self) -> None:
        with pytest.raises(ValueError, match="classes"):
            mean_pairwise_kappa([[1, 6]], classes=STARS)


class TestPercentAgreement:
    def test_it_counts_equal_pairs(self) -> None:
        # Three raters: 3 of 3 pairs; two: 0 of 1; three: 1 of 3; one: none.
        found = percent_agreement([[2, 2, 2], [1, NAN, 5], [4, 4, 5], [NAN, 3, NAN]])
        assert found.value == pytest.approx(4 / 7)
        assert found.n == 3

    def test_two_raters_have_wilsons_interval(self) -> None:
        agreed = [[1, 1]] * 30 + [[1, 2]] * 10
        found = percent_agreement(agreed)
        # The variance over units has n − 1 below it, so the effective size is 39.
        assert (found.low, found.high) == pytest.approx(proportion_confint(0.75 * 39, 39, method="wilson"))

    def test_full_agreement_is_as_sure_as_its_units(self) -> None:
        few, many = percent_agreement([[1, 1, 1]] * 5), percent_agreement([[1, 1, 1]] * 500)
        assert few.high == many.high == 1.0
        assert few.low < 0.6 < 0.99 < many.low  # type: ignore[operator]

    def test_it_covers_the_truth_about_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(4)
        truth = percent_agreement(noisy_stars(rng, units=200_000, raters=4)).value
        found = [percent_agreement(noisy_stars(rng, units=60, raters=4)) for _ in range(400)]
        assert 0.91 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.99  # type: ignore[operator]

    def test_it_says_when_nothing_was_rated_twice(self) -> None:
        assert percent_agreement([[1, NAN]]).why == "no unit was rated twice"
