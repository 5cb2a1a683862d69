"""Length, order and self-agreement against scipy, worked figures, and judges whose bias is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, pearsonr, rankdata, spearmanr
from sklearn.linear_model import LinearRegression
from statsmodels.stats.proportion import proportion_confint

from rlhf.agreement import cohen_kappa, exact_share, length_bias, order_bias, rank_correlation, self_agreement

NAN = float("nan")


def judged(rng: np.random.Generator, n: int, bias: float) -> tuple[Any, Any, Any]:
    """Score, length and people's score; people like longer answers, the judge likes length by `bias` on top."""
    people = rng.normal(size=n)
    length = 0.5 * people + rng.normal(size=n)
    return people + bias * length + rng.normal(size=n), length, people


class TestLengthBias:
    def test_it_is_spearmans_correlation(self) -> None:
        score, length, _ = judged(np.random.default_rng(0), 80, 0.3)
        assert length_bias(np.round(score), length).plain.value == pytest.approx(
            spearmanr(np.round(score), length).statistic
        )

    def test_beyond_people_is_the_correlation_of_what_their_ranks_leave(self) -> None:
        ranks = [rankdata(one) for one in judged(np.random.default_rng(1), 80, 0.3)]
        people = ranks[2][:, None]
        left = [one - LinearRegression().fit(people, one).predict(people) for one in ranks[:2]]
        found = length_bias(ranks[0], ranks[1], ranks[2]).beyond_people
        assert found is not None
        assert found.value == pytest.approx(pearsonr(*left).statistic)

    def test_a_fair_judge_of_people_who_like_length_has_none(self) -> None:
        found = length_bias(*judged(np.random.default_rng(2), 4000, 0.0))
        assert found.plain.value > 0.2  # type: ignore[operator]
        assert found.beyond_people is not None
        assert found.beyond_people.value == pytest.approx(0.0, abs=0.05)

    def test_its_intervals_cover_the_truth_about_as_often_as_they_say(self) -> None:
        rng = np.random.default_rng(3)
        truth = length_bias(*judged(rng, 500_000, 0.3))
        plain, beyond = [], []
        for _ in range(500):
            found = length_bias(*judged(rng, 40, 0.3))
            assert found.beyond_people is not None and truth.beyond_people is not None
            plain.append(found.plain.low <= truth.plain.value <= found.plain.high)  # type: ignore[operator]
            beyond.append(found.beyond_people.low <= truth.beyond_people.value <= found.beyond_people.high)  # type: ignore[operator]
        assert 0.92 <= np.mean(plain) <= 0.98
        assert 0.92 <= np.mean(beyond) <= 0.98

    @given(values=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=30))
    def test_it_knows_only_ranks(self, values: Any) -> None:
        first, second = map(np.array, zip(*values, strict=True))
        one, other = rank_correlation(first, second), rank_correlation(np.exp(first), second**3)
        assert one == other
        assert one.value is None or -1 <= one.low <= one.value <= one.high <= 1  # type: ignore[operator]

    @pytest.mark.parametrize(
        ("score", "length", "people", "why"),
        [
            ([1, 2, 3], [1, 2, 3], None, "fewer than 4 items"),
            ([1, 2, 3, NAN, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], "fewer than 5 items"),
            ([1, 1, 1, 1], [1, 2, 3, 4], None, "one of the two does not vary by itself"),
            (
                [1, 2, 3, 4, 5, 6],
                [2, 1, 4, 3, 6, 5],
                [10, 20, 30, 40, 50, 60],
                "one of the two does not vary by itself",
            ),
        ],
    )
    def test_it_says_why_there_is_none(self, score: Any, length: Any, people: Any, why: str) -> None:
        found = rank_correlation(score, length, given=people)
        assert (found.value, found.why) == (None, why)


class TestOrderBias:
    def test_it_counts_wins_of_what_is_shown_first(self) -> None:
        # Forward A is first, backward B is: A, A, tie, B, B against A, B, B, not asked, A.
        found = order_bias([1, 1, 0, -1, -1], [1, -1, -1, NAN, 1])
        assert found.first_wins.value == pytest.approx(4 / 8)
        assert (found.first_wins.n, found.ties) == (8, 1)
        assert found.disagreement.value == pytest.approx(3 / 4)
        assert found.disagreement.n == 4

    def test_its_interval_and_p_value_are_exact(self) -> None:
        forward = [1] * 30 + [-1] * 12
        found = order_bias(forward, [NAN] * 42)
        peer = binomtest(30, 42)
        bounds = peer.proportion_ci(method="exact")
        assert (found.first_wins.low, found.first_wins.high) == pytest.approx((bounds.low, bounds.high), abs=1e-9)
        assert found.p_value == pytest.approx(peer.pvalue)
        assert found.disagreement.why == "no pair was judged in both orders"

    def test_a_judge_that_always_takes_the_first_is_found_out(self) -> None:
        found = order_bias(np.ones(50), -np.ones(50))
        assert (found.first_wins.value, found.disagreement.value) == (1.0, 1.0)
        assert found.p_value < 1e-20  # type: ignore[operator]

    @given(verdicts=st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=30))
    def test_a_judge_that_does_not_look_at_the_order_is_fair(self, verdicts: list[int]) -> None:
        found = order_bias(verdicts, verdicts)
        assert found.disagreement.value == 0.0
        assert found.first_wins.value in (0.5, None)

    def test_it_says_when_all_are_ties(self) -> None:
        found = order_bias([0, 0], [0, NAN])
        assert (found.first_wins.value, found.p_value, found.ties) == (None, None, 3)
        assert found.first_wins.why == "no verdict was decided"

    @pytest.mark.parametrize(("forward", "backward"), [([1], [1, 1]), ([2], [1])])
    def test_it_refuses_what_is_no_verdict(self, forward: Any, backward: Any) -> None:
        with pytest.raises(ValueError):
            order_bias(forward, backward)


class TestSelfAgreement:
    def test_it_says_how_often_and_how_far(self) -> None:
        found = self_agreement([1, 2, 3, 4, NAN], [1, 2, 5, 3, 2])
        assert found.equal.value == 0.5
        assert (found.equal.low, found.equal.high) == pytest.approx(proportion_confint(2, 4, method="wilson"))
        assert found.difference.value == pytest.approx(0.75)
        assert (found.equal.n, found.difference.n, found.kappa.n) == (4, 4, 4)

    def test_on_stars_its_kappa_is_the_quadratic_one(self) -> None:
        first, second = np.random.default_rng(0).integers(1, 6, (2, 60))
        peer = cohen_kappa(first, second, weights="quadratic", classes=[1, 2, 3, 4, 5])
        assert self_agreement(first, second).kappa.value == pytest.approx(peer.value)

    def test_scores_that_are_close_may_count_as_equal(self) -> None:
        assert self_agreement([0.5, 0.7], [0.55, 0.9], within=0.05).equal.value == 0.5

    def test_it_says_when_nothing_was_judged_twice(self) -> None:
        found = self_agreement([1, NAN], [NAN, 2])
        assert {found.equal.why, found.difference.why, found.kappa.why} == {"no item was judged twice"}


class TestExactShare:
    @pytest.mark.parametrize(("successes", "n"), [(0, 9), (9, 9), (3, 11), (500, 1000)])
    def test_it_agrees_with_statsmodels(self, successes: int, n: int) -> None:
        found = exact_share(successes, n, level=0.9)
        peer = proportion_confint(successes, n, alpha=0.1, method="beta")
        assert (found.low, found.high) == pytest.approx(np.nan_to_num(peer, nan=0.0), abs=1e-9)

    def test_it_refuses_more_successes_than_tries(self) -> None:
        with pytest.raises(ValueError, match="successes"):
            exact_share(5, 4)
