"""Discrete Laplace noise, drawn exactly: integers and fractions only, so that no floating point gives anything away.

P(X = x) = (1 - p) / (1 + p) * p^|x| with p = exp(-1 / scale). Added to an integer figure that one person can change by
at most `sensitivity`, with scale = sensitivity / epsilon, it is epsilon-differentially private.

Source: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (NeurIPS 2020), Algorithms 1 and 2.
Left out: the discrete Gaussian. It draws less noise than Laplace only where one person counts in more than some 16
groups at the deltas used here, and costs a delta in every question.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil, exp, log

import numpy as np

#: A whole number from 0 to n - 1, each as likely as the other. Tests give one with a seed.
Below = Callable[[int], int]
secure: Below = secrets.randbelow
CONFIDENCE = 0.95


def discrete_laplace(scale: Fraction, below: Below = secure) -> int:
    """One draw. Raises ValueError for a scale that is not above 0 (Algorithm 2 with t / s = scale)."""
    if scale <= 0:
        raise ValueError(f"The scale of noise must be above 0, not {scale}.")
    t, s = scale.numerator, scale.denominator
    while True:
        u = below(t)
        if not _happens_exp(Fraction(u, t), below):
            continue
        v = 0
        while _happens_exp(Fraction(1), below):
            v += 1
        magnitude = (u + t * v) // s
        negative = bool(below(2))
        if negative and magnitude == 0:
            continue  # else 0 would be twice as likely
        return -magnitude if negative else magnitude


def _happens_exp(gamma: Fraction, below: Below) -> bool:
    """True with probability exp(-gamma), for gamma in [0, 1] (Algorithm 1)."""
    k = 1
    while _happens(gamma / k, below):
        k += 1
    return k % 2 == 1


def _happens(probability: Fraction, below: Below) -> bool:
    return below(probability.denominator) < probability.numerator


def tail(scale: Fraction | float, at_least: int) -> float:
    """P(X >= at_least), for at_least >= 1."""
    p = exp(-1 / float(scale))
    return p**at_least / (1 + p)


def reach(scale: Fraction | float, confidence: float = CONFIDENCE) -> int:
    """The smallest r with P(|X| <= r) >= confidence."""
    b = float(scale)
    # P(|X| > r) = 2 p^(r+1) / (1 + p)
    outside = (1 - confidence) * (1 + exp(-1 / b)) / 2
    return max(0, ceil(-b * log(outside) - 1 - 1e-12))


def exceeded_by_chance(scale: Fraction | float, chance: float) -> int:
    """The smallest m >= 1 with P(X >= m) <= chance."""
    b = float(scale)
    return max(1, ceil(-b * log(chance * (1 + exp(-1 / b))) - 1e-12))


@lru_cache(maxsize=256)
def reach_of_sum(scale: Fraction, terms: int, confidence: float = CONFIDENCE) -> int:
    """The smallest r with P(|X1 + ... + Xn| <= r) >= confidence, for n independent draws, by convolution.

    Each draw is cut at 40 scales, beyond which lies a probability under 1e-17. Memory grows with the scale: meant for
    figures about people (scales up to some hundreds), not for money.
    """
    if terms == 1:
        return reach(scale, confidence)
    b = float(scale)
    half = ceil(40 * b)
    p = np.exp(-np.abs(np.arange(-half, half + 1)) / b)
    p /= p.sum()
    size = 2 * half * terms + 1
    total = np.fft.irfft(np.fft.rfft(p, size) ** terms, size)
    middle = half * terms
    within = total[middle] + np.concatenate(([0.0], 2 * np.cumsum(total[middle + 1 :])))
    return int(np.searchsorted(within, confidence))
