"""Bradley-Terry and Davidson against choix, statsmodels, a general optimiser, and versions whose strength is known."""

from __future__ import annotations

from typing import Any

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.special import expit
from statsmodels.api import GLM, families
from statsmodels.stats.proportion import proportion_confint

from rlhf.agreement import bradley_terry, davidson, tally, win_rate
from tests.rlhf.agreement.worlds import contest

THETA = np.array([-1.2, -0.4, 0.0, 0.3, 1.3])


def listed(wins: Any) -> list[tuple[int, int]]:
    return [(i, j) for i, row in enumerate(wins) for j, count in enumerate(row) for _ in range(int(count))]


@pytest.fixture
def wins() -> Any:
    return contest(np.random.default_rng(0), THETA, each=40)


class TestBradleyTerry:
    def test_it_agrees_with_choix(self, wins: Any) -> None:
        assert bradley_terry(wins).value == pytest.approx(choix.ilsr_pairwise(5, listed(wins), tol=1e-12), abs=1e-9)

    def test_a_ridge_agrees_with_choix(self, wins: Any) -> None:
        peer = choix.opt_pairwise(5, listed(wins), alpha=0.7, tol=1e-12)
        assert bradley_terry(wins, ridge=0.7).value == pytest.approx(peer, abs=1e-7)

    def test_a_gamma_prior_agrees_with_choix(self, wins: Any) -> None:
        by_mm = choix.mm_pairwise(5, listed(wins), alpha=0.9, tol=1e-12)
        by_chain = choix.ilsr_pairwise(5, listed(wins), alpha=0.9 / 5, tol=1e-12)
        found = bradley_terry(wins, gamma=0.9).value
        assert found == pytest.approx(by_mm, abs=1e-8)
        assert found == pytest.approx(by_chain, abs=1e-8)

    def test_its_covariance_is_that_of_a_logistic_regression(self, wins: Any) -> None:
        pairs = [(i, j) for i in range(5) for j in range(i)]
        # The last strength is minus the sum of the others.
        full = np.array([np.eye(5)[i] - np.eye(5)[j] for i, j in pairs])
        outcome = np.array([[wins[i, j], wins[j, i]] for i, j in pairs])
        fit = GLM(outcome, full[:, :4] - full[:, 4:], family=families.Binomial()).fit(tol=1e-12)
        found = bradley_terry(wins)
        assert found.value is not None and found.covariance is not None
        assert found.value[:4] == pytest.approx(fit.params, abs=1e-7)
        assert found.covariance[:4, :4] == pytest.approx(fit.cov_params(), abs=1e-7)
        low, high = fit.conf_int().T
        assert found.low[:4] == pytest.approx(low, abs=1e-6)  # type: ignore[index]
        assert found.high[:4] == pytest.approx(high, abs=1e-6)  # type: ignore[index]

    def test_a_tie_is_half_a_win_for_each(self, wins: Any) -> None:
        ties = np.full((5, 5), 4.0) - 4 * np.eye(5)
        assert bradley_terry(wins, ties).value == pytest.approx(bradley_terry(wins + ties / 2).value)

    def test_two_versions_have_the_log_odds(self) -> None:
        found = bradley_terry(np.array([[0.0, 30.0], [10.0, 0.0]]))
        assert found.value == pytest.approx([np.log(3) / 2, -np.log(3) / 2])
        chance = found.chance_to_beat(0, 1)
        assert (chance.value, chance.n) == (pytest.approx(0.75), 40)
        # Of a log-odds the variance is 1 / (n p (1 − p)).
        half = 1.959964 * np.sqrt(1 / (40 * 0.75 * 0.25))
        assert (chance.low, chance.high) == pytest.approx((expit(np.log(3) - half), expit(np.log(3) + half)), abs=1e-6)

    def test_it_stands_the_other_way_round(self, wins: Any) -> None:
        assert bradley_terry(wins.T).value == pytest.approx(-bradley_terry(wins).value, abs=1e-9)  # type: ignore[operator]

    @settings(max_examples=40)
    @given(
        wins=arrays(float, (4, 4), elements=st.integers(1, 30)).map(lambda w: w * (1 - np.eye(4))),
        order=st.permutations(range(4)),
    )
    def test_strengths_sum_to_zero_whatever_the_order(self, wins: Any, order: list[int]) -> None:
        found = bradley_terry(wins)
        assert found.value is not None
        assert found.value.sum() == pytest.approx(0.0, abs=1e-9)
        assert bradley_terry(wins[np.ix_(order, order)]).value == pytest.approx(found.value[order], abs=1e-8)
        # At the top everybody has won as often as expected.
        p = expit(found.value[:, None] - found.value[None, :])
        assert ((wins + wins.T) * p).sum(axis=1) == pytest.approx(wins.sum(axis=1), abs=1e-6)

    def test_it_says_when_somebody_never_lost(self) -> None:
        found = bradley_terry(np.array([[0, 3, 2], [0, 0, 1], [0, 2, 0]]))
        assert (found.value, found.low, found.connected) == (None, None, False)
        assert "won and lost" in found.why
        assert found.groups[1] == found.groups[2] != found.groups[0]
        assert found.chance_to_beat(0, 1).why == found.why

    def test_it_says_when_two_worlds_never_met(self) -> None:
        found = bradley_terry(np.kron(np.eye(2), np.array([[0, 3], [2, 0]])))
        assert (found.value, found.connected) == (None, False)
        assert len(set(found.groups)) == 2

    def test_a_tie_connects(self) -> None:
        wins, ties = np.array([[0, 3], [0, 0]]), np.array([[0, 1], [1, 0]])
        assert bradley_terry(wins, ties).value == pytest.approx([np.log(7) / 2, -np.log(7) / 2])

    @pytest.mark.parametrize("prior", [{"ridge": 0.1}, {"gamma": 0.1}])
    def test_a_prior_answers_where_the_data_do_not(self, prior: dict[str, float]) -> None:
        found = bradley_terry(np.array([[0, 3, 2], [0, 0, 1], [0, 2, 0]]), **prior)  # type: ignore[arg-type]
        assert found.value is not None and found.value.argmax() == 0
        assert not found.connected

    @pytest.mark.parametrize("wins", [np.array([[0, 1e6], [1, 0]]), np.array([[0, 1e-3], [1e-3, 0]])])
    def test_it_climbs_steep_and_flat_hills(self, wins: Any) -> None:
        odds = np.log(wins[0, 1] / wins[1, 0])
        assert bradley_terry(wins).value == pytest.approx([odds / 2, -odds / 2], abs=1e-9)

    def test_a_long_chain_is_climbed(self) -> None:
        wins = np.diag(np.full(29, 9.0), 1) + np.diag(np.full(29, 1.0), -1)
        assert np.diff(bradley_terry(wins).value) == pytest.approx(-np.log(9), abs=1e-8)  # type: ignore[arg-type]

    def test_its_intervals_cover_the_truth_about_as_often_as_they_say(self) -> None:
        rng, held = np.random.default_rng(5), []
        for _ in range(300):
            found = bradley_terry(contest(rng, THETA, each=25))
            if found.value is not None:
                held.append((found.low <= THETA) & (found.high >= THETA))  # type: ignore[operator]
        assert len(held) > 290
        assert 0.93 <= np.mean(held) <= 0.97

    @pytest.mark.parametrize(
        ("wins", "ties", "options"),
        [
            (np.ones((2, 3)), None, {}),
            (np.ones((2, 2)), None, {}),
            (np.array([[0, -1], [1, 0]]), None, {}),
            (np.array([[0, 1], [1, 0]]), np.array([[0, 1], [0, 0]]), {}),
            (np.array([[0, 1], [1, 0]]), None, {"ridge": -1}),
            (np.array([[0, 1], [1, 0]]), None, {"level": 95}),
        ],
    )
    def test_it_refuses_what_is_no_count(self, wins: Any, ties: Any, options: Any) -> None:
        with pytest.raises(ValueError):
            bradley_terry(wins, ties, **options)


def contest_with_ties(rng: np.random.Generator, nu: float, each: int) -> tuple[Any, Any]:
    wins, ties = np.zeros((2, 5, 5))
    for i in range(5):
        for j in range(i):
            weight = np.exp([(THETA[i] - THETA[j]) / 2, (THETA[j] - THETA[i]) / 2, np.log(nu)])
            wins[i, j], wins[j, i], ties[i, j] = rng.multinomial(each, weight / weight.sum())
    return wins, ties + ties.T


class TestDavidson:
    def test_it_is_where_a_general_optimiser_arrives(self) -> None:
        wins, ties = contest_with_ties(np.random.default_rng(1), 0.8, 40)

        def loss(point: Any) -> float:
            total = 0.0
            for i in range(5):
                for j in range(i):
                    logits = np.array([point[i], point[j], point[5] + (point[i] + point[j]) / 2])
                    shares = logits - np.log(np.exp(logits).sum())
                    total -= wins[i, j] * shares[0] + wins[j, i] * shares[1] + ties[i, j] * shares[2]
            return total

        peer = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-7})
        found = davidson(wins, ties)
        assert found.value == pytest.approx(peer.x[:5] - peer.x[:5].mean(), abs=1e-5)
        assert found.tie == pytest.approx(np.exp(peer.x[5]), abs=1e-5)
        assert found.log_likelihood == pytest.approx(-peer.fun, abs=1e-7)

    def test_it_recovers_strengths_and_ties(self) -> None:
        found = davidson(*contest_with_ties(np.random.default_rng(2), 0.8, 20_000))
        assert found.value == pytest.approx(THETA, abs=0.05)
        assert found.tie == pytest.approx(0.8, abs=0.02)

    def test_its_intervals_cover_the_truth_about_as_often_as_they_say(self) -> None:
        rng, held = np.random.default_rng(3), []
        for _ in range(300):
            found = davidson(*contest_with_ties(rng, 0.8, 30))
            if found.value is not None:
                held.append((found.low <= THETA) & (found.high >= THETA))  # type: ignore[operator]
        assert 0.93 <= np.mean(held) <= 0.97

    def test_without_ties_it_is_bradley_terry(self, wins: Any) -> None:
        found = davidson(wins, np.zeros((5, 5)))
        assert found.value == pytest.approx(bradley_terry(wins).value)
        assert found.tie == 0.0

    def test_it_says_when_all_are_ties(self) -> None:
        found = davidson(np.zeros((2, 2)), np.array([[0, 5], [5, 0]]))
        assert (found.value, found.why) == (None, "every comparison was a tie")

    def test_it_says_when_no_win_contradicts_another(self) -> None:
        found = davidson(np.array([[0, 2], [0, 0]]), np.array([[0, 1], [1, 0]]))
        assert (found.value, found.connected) == (None, True)
        assert "one way" in found.why

    def test_a_tie_of_the_first_and_the_last_is_contradiction_enough(self) -> None:
        wins = np.array([[0, 5, 0], [0, 0, 5], [0, 0, 0]])
        found = davidson(wins, np.array([[0, 0, 2], [0, 0, 0], [2, 0, 0]]))
        assert found.value is not None
        assert (np.diff(found.value) < 0).all()
        assert np.isfinite(found.low).all()  # type: ignore[arg-type]

    @settings(max_examples=60)
    @given(counts=arrays(int, (2, 3, 3), elements=st.integers(0, 2)))
    def test_where_it_answers_the_likelihood_is_flat(self, counts: Any) -> None:
        wins, ties = counts[0] * (1 - np.eye(3)), np.triu(counts[1], 1) + np.triu(counts[1], 1).T
        found = davidson(wins, ties)
        if found.value is None:
            assert found.why
            return
        assert np.abs(found.value).max() < 20
        if not ties.any():
            return
        # As many ties, and as many wins less losses of each version, as expected.
        d = (found.value[:, None] - found.value[None, :]) / 2
        z, met = np.exp(d) + np.exp(-d) + found.tie, wins + wins.T + ties
        assert (met * found.tie / z).sum() == pytest.approx(ties.sum(), abs=1e-6)
        lead = (met * (np.exp(d) - np.exp(-d)) / z).sum(axis=1)
        assert lead == pytest.approx((wins - wins.T).sum(axis=1), abs=1e-6)

    def test_it_says_when_two_worlds_never_met(self) -> None:
        block = np.kron(np.eye(2), np.array([[0, 1], [1, 0]]))
        found = davidson(3 * block, block)
        assert (found.value, found.connected) == (None, False)


class TestTally:
    def test_it_counts_who_won(self) -> None:
        found = tally(["v1", "v2", "v1", "v3"], ["v2", "v1", "v2", "v1"], [1, 1, 0, -1])
        assert list(found.names) == ["v1", "v2", "v3"]
        assert found.wins.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]
        assert found.ties.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]

    @pytest.mark.parametrize("given", [(["a"], ["a"], [1]), (["a"], ["b"], [0.5]), (["a"], ["b"], [])])
    def test_it_refuses_what_is_no_comparison(self, given: Any) -> None:
        with pytest.raises(ValueError):
            tally(*given)


class TestWinRate:
    @pytest.mark.parametrize(("wins", "losses"), [(7, 3), (0, 12), (12, 0), (400, 380)])
    def test_its_interval_is_wilsons(self, wins: int, losses: int) -> None:
        found = win_rate(wins, losses)
        peer = proportion_confint(wins, wins + losses, method="wilson")
        assert (found.low, found.high) == pytest.approx(peer, abs=1e-12)
        assert found.value == pytest.approx(wins / (wins + losses))

    def test_a_tie_is_half_a_win(self) -> None:
        assert win_rate(3, 1, 4).value == pytest.approx(5 / 8)
        assert win_rate(3, 1, 4).n == 8

    def test_it_says_when_they_were_never_compared(self) -> None:
        assert win_rate(0, 0).why == "they were never compared"
