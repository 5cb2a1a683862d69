"""Calibration against scikit-learn, worked figures and scores that are right by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, cohen_kappa_score, confusion_matrix
from statsmodels.stats.proportion import proportion_confint

from rlhf.agreement import brier_score, calibration, threshold_agreement

NAN = float("nan")
JUDGED = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=60)


def true_scores(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    score = rng.random(n)
    return score, (rng.random(n) < score).astype(float)


class TestCalibration:
    @given(judged=JUDGED)
    def test_its_table_is_that_of_scikit_learn(self, judged: Any) -> None:
        score, up = map(list, zip(*judged, strict=True))
        share, mean = calibration_curve(up, score, n_bins=10, strategy="uniform")
        found = [row for row in calibration(score, up).bins if row.count]
        assert [row.liked.value for row in found] == pytest.approx(list(share))
        assert [row.mean_score for row in found] == pytest.approx(list(mean))

    def test_its_error_is_the_weighted_gap(self) -> None:
        # (0, 0.5]: scores 0.2, 0.4, one liked: gap 0.2. (0.5, 1]: 0.9 liked twice of three: gap 0.7/3.
        found = calibration([0.2, 0.4, 0.9, 0.9, 0.9], [0, 1, 1, 1, 0], bins=2)
        assert found.error == pytest.approx(2 / 5 * 0.2 + 3 / 5 * 0.7 / 3)
        assert found.largest == pytest.approx(0.7 / 3)
        assert [row.count for row in found.bins] == [2, 3]
        assert (found.bins[1].above, found.bins[1].up_to) == (0.5, 1.0)

    def test_a_score_on_an_edge_belongs_below(self) -> None:
        assert [row.count for row in calibration([0.0, 0.5, 1.0], [0, 1, 1], bins=2).bins] == [2, 1]

    def test_each_bin_has_wilsons_interval(self) -> None:
        row = calibration([0.8] * 12, [1] * 9 + [0] * 3, bins=1).bins[0]
        assert (row.liked.low, row.liked.high) == pytest.approx(proportion_confint(9, 12, method="wilson"))

    def test_true_scores_have_the_error_of_chance(self) -> None:
        rng = np.random.default_rng(0)
        found = [calibration(*true_scores(rng, 200)) for _ in range(200)]
        by_chance = np.mean([one.error_by_chance for one in found])  # type: ignore[misc]
        assert np.mean([one.error for one in found]) == pytest.approx(by_chance, rel=0.05)  # type: ignore[misc]

    def test_a_boastful_judge_has_a_much_larger_one(self) -> None:
        score, up = true_scores(np.random.default_rng(1), 2000)
        found = calibration(np.sqrt(score), up)
        assert found.error > 4 * found.error_by_chance  # type: ignore[operator]

    def test_a_perfect_judge_has_none(self) -> None:
        found = calibration([0.0, 1.0, 1.0], [0, 1, 1])
        assert (found.error, found.largest, found.brier.value) == (0.0, 0.0, 0.0)

    def test_what_is_missing_is_left_out(self) -> None:
        assert calibration([0.2, NAN, 0.4], [1, 0, NAN]).n == 1

    def test_it_says_when_there_is_nothing(self) -> None:
        found = calibration([NAN], [1])
        assert (found.error, found.n) == (None, 0)
        assert found.why == found.brier.why == "no item has both a score and a verdict"

    @pytest.mark.parametrize(("score", "up"), [([1.2], [1]), ([0.5], [2]), ([0.5], [1, 0]), ([float("inf")], [1])])
    def test_it_refuses_what_is_no_score_or_verdict(self, score: Any, up: Any) -> None:
        with pytest.raises(ValueError):
            calibration(score, up)


class TestBrierScore:
    @given(judged=JUDGED)
    def test_it_agrees_with_scikit_learn(self, judged: Any) -> None:
        score, up = map(list, zip(*judged, strict=True))
        assert brier_score(score, up).value == pytest.approx(brier_score_loss(up, score, pos_label=1), abs=1e-12)

    def test_its_interval_covers_the_truth_about_as_often_as_it_says(self) -> None:
        rng = np.random.default_rng(2)
        found = [brier_score(*true_scores(rng, 100)) for _ in range(500)]
        # E s (1 − s) of a uniform score is 1/6.
        assert 0.92 <= np.mean([one.low <= 1 / 6 <= one.high for one in found]) <= 0.98  # type: ignore[operator]

    def test_one_item_has_no_interval(self) -> None:
        found = brier_score([0.5], [1])
        assert (found.value, found.low, found.why) == (0.25, None, "one item has no interval")


class TestThresholdAgreement:
    def test_it_counts_and_agrees_with_scikit_learn(self) -> None:
        score, up = true_scores(np.random.default_rng(3), 300)
        found = threshold_agreement(score, up, threshold=0.6)
        judged = score >= 0.6
        ((down, only_judge), (only_people, both)) = confusion_matrix(up, judged)
        assert (found.both_down, found.only_judge_up, found.only_people_up, found.both_up) == (
            down, only_judge, only_people, both,
        )  # fmt: skip
        assert found.share.value == pytest.approx((judged == up).mean())
        assert (found.share.low, found.share.high) == pytest.approx(
            proportion_confint((judged == up).sum(), 300, method="wilson")
        )
        assert found.kappa.value == pytest.approx(cohen_kappa_score(judged, up))

    def test_the_threshold_itself_is_up(self) -> None:
        assert threshold_agreement([0.5], [1]).both_up == 1

    def test_it_says_when_there_is_nothing(self) -> None:
        found = threshold_agreement([], [])
        assert (found.share.value, found.kappa.value) == (None, None)
