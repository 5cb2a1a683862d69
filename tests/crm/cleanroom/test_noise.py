"""The noise is the distribution it says it is, and what one person can change stays within epsilon."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from math import exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

from crm.cleanroom import noise

DRAWS = 20_000


def seeded(seed: int) -> noise.Below:
    return random.Random(seed).randrange


def draws(scale: Fraction, count: int = DRAWS, seed: int = 7) -> np.ndarray:
    below = seeded(seed)
    return np.array([noise.discrete_laplace(scale, below) for _ in range(count)])


class TestDiscreteLaplace:
    @pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1), Fraction(7, 3), Fraction(12)])
    def test_it_has_the_frequencies_of_scipys_dlaplace(self, scale):
        theirs = stats.dlaplace(float(1 / scale))
        found = Counter(draws(scale).tolist())
        edge = next(n for n in range(1, 500) if theirs.pmf(n + 1) * DRAWS < 10)
        inner = list(range(-edge, edge + 1))
        seen = [found[n] for n in inner] + [sum(c for n, c in found.items() if abs(n) > edge)]
        expected = [theirs.pmf(n) * DRAWS for n in inner]
        expected.append(DRAWS - sum(expected))
        assert stats.chisquare(seen, expected).pvalue > 0.001

    def test_the_test_would_notice_another_scale(self):
        theirs = stats.dlaplace(1 / 3)
        found = Counter(draws(Fraction(10, 3)).tolist())
        inner = list(range(-20, 21))
        seen = [found[n] for n in inner] + [sum(c for n, c in found.items() if abs(n) > 20)]
        expected = [theirs.pmf(n) * DRAWS for n in inner]
        expected.append(DRAWS - sum(expected))
        assert stats.chisquare(seen, expected).pvalue < 1e-6

    def test_its_variance_is_that_of_the_formula(self):
        p = exp(-1 / 5)
        variance = 2 * p / (1 - p) ** 2
        assert draws(Fraction(5)).var() == pytest.approx(variance, rel=0.06)

    def test_it_draws_from_a_secure_source_unless_told_otherwise(self):
        import secrets

        assert noise.secure is secrets.randbelow
        assert len({noise.discrete_laplace(Fraction(1000)) for _ in range(20)}) > 5

    @pytest.mark.parametrize("scale", [Fraction(0), Fraction(-1)])
    def test_it_refuses_a_scale_that_hides_nothing(self, scale):
        with pytest.raises(ValueError, match="above 0"):
            noise.discrete_laplace(scale)

    def test_a_huge_scale_of_money_is_drawn_exactly_too(self):
        scale = Fraction(100_000 * 100 * 20 * 3, 1) / Fraction(1, 100)
        found = draws(scale, 300)
        assert np.median(np.abs(found)) == pytest.approx(float(scale) * log(2), rel=0.2)


class TestReach:
    @pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(2), Fraction(40)])
    def test_it_is_the_smallest_that_holds_95_percent(self, scale):
        theirs, r = stats.dlaplace(float(1 / scale)), noise.reach(scale)
        inside = theirs.cdf(r) - theirs.cdf(-r - 1)
        assert inside >= 0.95
        assert r == 0 or theirs.cdf(r - 1) - theirs.cdf(-r) < 0.95

    def test_the_tail_is_scipys(self):
        assert noise.tail(Fraction(3), 5) == pytest.approx(stats.dlaplace(1 / 3).sf(4))

    @pytest.mark.parametrize("chance", [0.3, 0.001, 1e-9])
    def test_what_is_exceeded_by_chance_is_the_smallest_such_number(self, chance):
        m = noise.exceeded_by_chance(Fraction(4), chance)
        assert noise.tail(Fraction(4), m) <= chance
        assert m == 1 or noise.tail(Fraction(4), m - 1) > chance

    def test_a_sum_of_draws_reaches_as_far_as_simulated_sums_do(self):
        scale = Fraction(4)
        sums = draws(scale, 40_000).reshape(-1, 4).sum(axis=1)
        r = noise.reach_of_sum(scale, 4)
        share = (np.abs(sums) <= r).mean()
        assert share == pytest.approx(0.95, abs=4 * sqrt(0.95 * 0.05 / len(sums)))
        assert noise.reach_of_sum(scale, 1) == noise.reach(scale)
        assert noise.reach(scale) < r < 4 * noise.reach(scale)

    def test_a_sum_of_two_is_that_of_a_plain_convolution(self):
        scale, half = Fraction(2), 120
        p = stats.dlaplace(0.5).pmf(np.arange(-half, half + 1))
        both = np.convolve(p, p)
        middle = 2 * half
        inside = [both[middle - r : middle + r + 1].sum() for r in range(40)]
        assert noise.reach_of_sum(scale, 2) == int(np.searchsorted(inside, 0.95))
