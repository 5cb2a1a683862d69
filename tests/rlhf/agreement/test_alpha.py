"""Krippendorff's alpha against his own worked examples, the `krippendorff` package, and by simulation."""

from __future__ import annotations

from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlhf.agreement import METRICS, krippendorff_alpha, ratings
from tests.rlhf.agreement.worlds import noisy_stars

NAN = float("nan")
# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), part C: four observers, twelve units.
CANONICAL = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
STARS = arrays(float, st.tuples(st.integers(2, 12), st.integers(2, 6)), elements=st.sampled_from([1, 2, 3, 4, 5, NAN]))


def oracle(matrix: Any, metric: str) -> float:
    return float(krippendorff.alpha(np.asarray(matrix).T, level_of_measurement=metric))  # type: ignore[arg-type]


class TestKrippendorffAlpha:
    @pytest.mark.parametrize(
        ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
    )
    def test_it_agrees_with_the_published_example(self, metric: str, published: float) -> None:
        found = krippendorff_alpha(CANONICAL, metric)
        assert found.value == pytest.approx(published, abs=5e-4)
        assert (found.n, found.ratings) == (11, 40)  # the twelfth unit was rated once

    def test_it_agrees_with_the_published_binary_example(self) -> None:
        # Part A of the same paper: two observers, ten units.
        first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
        assert krippendorff_alpha(np.array([first, second]).T, "nominal").value == pytest.approx(0.095, abs=5e-4)

    @pytest.mark.parametrize("metric", METRICS)
    @given(matrix=STARS)
    def test_it_agrees_with_the_package_on_any_ratings(self, metric: str, matrix: Any) -> None:
        found = krippendorff_alpha(matrix, metric)
        assume(found.value is not None)
        assert found.value == pytest.approx(oracle(matrix, metric), abs=1e-9)

    @pytest.mark.parametrize("metric", ["ordinal", "interval", "ratio"])
    def test_it_agrees_with_the_package_on_scores_that_never_repeat(self, metric: str) -> None:
        rng = np.random.default_rng(3)
        matrix = rng.random((60, 1)) + rng.random((60, 4)) / 2
        matrix[rng.random(matrix.shape) < 0.3] = NAN
        assert krippendorff_alpha(matrix, metric).value == pytest.approx(oracle(matrix, metric), abs=1e-9)

    @given(matrix=STARS, data=st.data())
    def test_it_knows_no_order_of_raters_or_units(self, matrix: Any, data: Any) -> None:
        rows = data.draw(st.permutations(range(matrix.shape[0])))
        columns = data.draw(st.permutations(range(matrix.shape[1])))
        found = krippendorff_alpha(matrix[rows][:, columns], "ordinal").value
        assert found == pytest.approx(krippendorff_alpha(matrix, "ordinal").value, abs=1e-12)

    @given(matrix=STARS, shift=st.floats(-50, 50), scale=st.floats(0.1, 10))
    def test_interval_data_have_no_zero_and_no_unit(self, matrix: Any, shift: float, scale: float) -> None:
        found = krippendorff_alpha(matrix * scale + shift, "interval").value
        assert found == pytest.approx(krippendorff_alpha(matrix, "interval").value, abs=1e-6)

    def test_ordinal_data_know_only_the_order(self) -> None:
        assert krippendorff_alpha(np.exp(CANONICAL), "ordinal").value == pytest.approx(
            krippendorff_alpha(CANONICAL, "ordinal").value  # type: ignore[arg-type]
        )

    @pytest.mark.parametrize("metric", METRICS)
    def test_raters_who_always_agree_have_one(self, metric: str) -> None:
        stars = np.random.default_rng(0).integers(1, 6, 50).astype(float)
        found = krippendorff_alpha(np.column_stack([stars] * 3), metric, rng=np.random.default_rng(1))
        assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)

    @pytest.mark.parametrize("metric", METRICS)
    def test_raters_who_guess_have_about_zero(self, metric: str) -> None:
        guesses = np.random.default_rng(0).integers(1, 6, (5000, 3))
        found = krippendorff_alpha(guesses, metric, rng=np.random.default_rng(1))
        assert found.value == pytest.approx(0.0, abs=0.03)

    def test_it_says_when_no_unit_was_rated_twice(self) -> None:
        found = krippendorff_alpha([[1, NAN], [NAN, 2]], "nominal", rng=np.random.default_rng(0))
        assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
        assert found.why == "no unit was rated twice"

    def test_it_says_when_nothing_was_rated(self) -> None:
        assert krippendorff_alpha(np.empty((0, 3))).why == "no unit was rated twice"

    def test_it_says_when_all_ratings_are_the_same(self) -> None:
        found = krippendorff_alpha([[4, 4, NAN], [4, 4, 4]], rng=np.random.default_rng(0))
        assert found.value is None
        assert found.why == "all ratings are the same"

    @pytest.mark.parametrize(
        ("matrix", "metric", "problem"),
        [
            ([1, 2], "nominal", "units, raters"),
            ([[1, 2]], "cardinal", "metric"),
            ([[1, -2]], "ratio", "negative"),
            ([[1, float("inf")]], "interval", "infinite"),
        ],
    )
    def test_it_refuses_what_is_no_rating(self, matrix: Any, metric: str, problem: str) -> None:
        with pytest.raises(ValueError, match=problem):
            krippendorff_alpha(matrix, metric)


class TestItsInterval:
    def test_a_seed_reproduces_it(self) -> None:
        one, other = (krippendorff_alpha(CANONICAL, rng=np.random.default_rng(7)) for _ in range(2))
        assert one == other
        assert one != krippendorff_alpha(CANONICAL, rng=np.random.default_rng(8))

    def test_the_size_of_the_pieces_does_not_change_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = krippendorff_alpha(CANONICAL, rng=np.random.default_rng(7))
        monkeypatch.setattr(ratings, "CELLS", 100)
        assert krippendorff_alpha(CANONICAL, rng=np.random.default_rng(7)) == whole

    @pytest.mark.parametrize("metric", METRICS)
    def test_it_is_that_of_resampling_units_one_by_one(self, metric: str) -> None:
        matrix, rng = noisy_stars(np.random.default_rng(5), units=40, raters=4, missing=0), np.random.default_rng(6)
        by_hand = [oracle(matrix[rng.integers(0, 40, 40)], metric) for _ in range(300)]
        found = krippendorff_alpha(matrix, metric, rng=np.random.default_rng(6))
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(by_hand, [0.025, 0.975])), abs=1e-9)

    def test_it_covers_the_truth_about_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(11)
        truth = krippendorff_alpha(noisy_stars(rng, units=100_000, raters=4), "ordinal").value
        assert truth is not None
        covered = 0
        for _ in range(200):
            found = krippendorff_alpha(noisy_stars(rng, units=100, raters=4), "ordinal", rng=rng)
            covered += found.low <= truth <= found.high  # type: ignore[operator]
        assert 0.90 <= covered / 200 <= 0.99
