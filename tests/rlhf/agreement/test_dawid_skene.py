"""Dawid & Skene's EM against their own anaesthetists, a plain loop of their equations, and raters we made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.agreement import DawidSkene, dawid_skene
from tests.rlhf.agreement.worlds import crowd

# Table 1 of the paper: 45 patients; the first anaesthetist saw each form three times, the other four once.
ANAESTHETISTS = """
    111 1 1 1 1, 333 4 3 3 4, 112 2 1 2 2, 222 3 1 2 1, 222 3 2 2 2, 222 3 3 2 2, 122 2 1 1 1, 333 3 4 3 3, 222 2 2 2 3,
    232 2 2 2 3, 444 4 4 4 4, 222 3 3 4 3, 111 1 1 1 1, 222 3 2 1 2, 121 1 1 1 1, 111 2 1 1 1, 111 1 1 1 1, 111 1 1 1 1,
    222 2 2 2 1, 222 1 3 2 2, 222 2 2 2 2, 222 2 2 2 1, 222 3 2 2 2, 221 2 2 2 2, 111 1 1 1 1, 111 1 1 1 1, 232 2 2 2 2,
    111 1 1 1 1, 111 1 1 1 1, 112 1 1 2 1, 111 1 1 1 1, 333 3 2 3 3, 111 1 1 1 1, 222 2 2 2 2, 222 3 2 3 2, 433 4 3 4 3,
    221 2 2 3 2, 232 3 2 3 3, 333 3 4 3 2, 111 1 1 1 1, 111 1 1 1 1, 121 2 1 1 1, 232 2 2 2 2, 121 1 1 1 1, 222 2 2 2 2
"""
TRIPLES = [
    (patient, observer, int(grade))
    for patient, row in enumerate(ANAESTHETISTS.split(","), 1)
    for observer, grades in enumerate(row.split(), 1)
    for grade in grades
]


def anaesthetists(**options: Any) -> DawidSkene:
    patients, observers, grades = zip(*TRIPLES, strict=True)
    return dawid_skene(patients, observers, grades, **options)


def by_hand(steps: int) -> tuple[Any, Any, Any]:
    """Equations 2.3 to 2.5 and 3.1 with loops over counts n[patient, observer, grade]."""
    n = np.zeros((45, 5, 4))
    for patient, observer, grade in TRIPLES:
        n[patient - 1, observer - 1, grade - 1] += 1
    t = n.sum(axis=1) / n.sum(axis=(1, 2))[:, None]
    for step in range(steps + 1):
        p = t.mean(axis=0)
        pi = np.einsum("ij,ikl->kjl", t, n)
        pi /= pi.sum(axis=2, keepdims=True)
        if step == steps:
            return t, p, pi
        for i in range(45):
            t[i] = p * np.prod(pi.transpose(1, 0, 2) ** n[i], axis=(1, 2))
            t[i] /= t[i].sum()
    raise AssertionError


class TestTheAnaesthetists:
    def test_it_finds_the_published_marginals(self) -> None:
        assert anaesthetists(smoothing=0).priors == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=5e-3)

    def test_it_finds_the_published_error_rates_of_the_first_observer(self) -> None:
        rates = anaesthetists(smoothing=0).confusion[0]
        assert rates[0] == pytest.approx([0.89, 0.11, 0, 0], abs=5e-3)
        assert rates[1] == pytest.approx([0.07, 0.88, 0.05, 0], abs=5e-3)

    @pytest.mark.parametrize("steps", [1, 2, 5, 15])
    def test_it_goes_step_by_step_by_the_paper(self, steps: int) -> None:
        posterior, priors, rates = by_hand(steps)
        found = anaesthetists(smoothing=0, tolerance=0, steps=steps)
        assert found.posterior == pytest.approx(posterior, abs=1e-7)
        assert found.priors == pytest.approx(priors, abs=1e-7)
        assert found.confusion == pytest.approx(rates, abs=1e-7)

    def test_all_but_few_patients_are_sure(self) -> None:
        assert (anaesthetists(smoothing=0).posterior.max(axis=1) > 0.9).sum() >= 40

    def test_its_reliability_is_the_diagonal_by_the_marginals(self) -> None:
        found = anaesthetists()
        by_diagonal = [(found.priors * np.diag(rates)).sum() for rates in found.confusion]
        assert found.reliability == pytest.approx(by_diagonal)
        assert list(found.ratings) == [135, 45, 45, 45, 45]

    def test_the_likelihood_never_falls(self) -> None:
        reached = [anaesthetists(smoothing=0, tolerance=0, steps=steps).log_likelihood for steps in range(1, 30)]
        assert (np.diff(reached) > -1e-7).all()

    def test_it_says_whether_it_converged(self) -> None:
        assert anaesthetists().converged
        hurried = anaesthetists(steps=2)
        assert (hurried.converged, hurried.iterations) == (False, 2)


CONFUSION = np.array(
    [
        [[0.90, 0.05, 0.05], [0.05, 0.90, 0.05], [0.05, 0.05, 0.90]],
        [[0.70, 0.20, 0.10], [0.20, 0.70, 0.10], [0.10, 0.20, 0.70]],
        [[0.60, 0.30, 0.10], [0.05, 0.90, 0.05], [0.30, 0.10, 0.60]],
        [[0.34, 0.33, 0.33], [0.33, 0.34, 0.33], [0.33, 0.33, 0.34]],
        [[0.85, 0.10, 0.05], [0.30, 0.50, 0.20], [0.05, 0.05, 0.90]],
    ]
)
PRIORS = np.array([0.5, 0.3, 0.2])


class TestRatersWeMadeUp:
    def test_it_recovers_their_matrices_and_the_priors(self) -> None:
        item, rater, label, truth = crowd(np.random.default_rng(0), PRIORS, CONFUSION, items=6000, share=0.9)
        found = dawid_skene(item, rater, label)
        assert found.converged
        assert np.abs(found.confusion - CONFUSION).max() < 0.05
        assert found.priors == pytest.approx(PRIORS, abs=0.03)
        assert found.reliability == pytest.approx(np.einsum("j,kjj->k", PRIORS, CONFUSION), abs=0.03)
        assert (found.labels == truth).mean() > 0.93

    def test_its_posterior_means_what_it_says(self) -> None:
        item, rater, label, truth = crowd(np.random.default_rng(1), PRIORS, CONFUSION, items=6000, share=0.6)
        found = dawid_skene(item, rater, label)
        sure, right = found.posterior.max(axis=1), found.posterior.argmax(axis=1) == truth
        for low in (0.5, 0.6, 0.7, 0.8, 0.9):
            inside = (sure > low) & (sure <= low + 0.1)
            assert right[inside].mean() == pytest.approx(sure[inside].mean(), abs=0.05)

    def test_it_beats_the_majority(self) -> None:
        item, rater, label, truth = crowd(np.random.default_rng(2), PRIORS, CONFUSION, items=3000, share=1.0)
        votes = np.zeros((3000, 3))
        np.add.at(votes, (item, label), 1)
        found = dawid_skene(item, rater, label)
        assert (found.labels == truth).mean() > (votes.argmax(axis=1) == truth).mean() + 0.02

    def test_smoothing_helps_where_raters_rated_little(self) -> None:
        errors: dict[float, list[float]] = {0.0: [], 1.0: []}
        for seed in range(20):
            rng = np.random.default_rng(seed)
            raters = 40
            right = rng.uniform(0.55, 0.95, raters)
            confusion = right[:, None, None] * np.eye(3) + ((1 - right) / 2)[:, None, None] * (1 - np.eye(3))
            item, rater, label, _ = crowd(rng, PRIORS, confusion, items=60, share=0.08)
            for smoothing, found in errors.items():
                fitted = dawid_skene(item, rater, label, smoothing=smoothing)
                found.append(float(np.abs(fitted.reliability - right[fitted.raters]).mean()))
        assert np.mean(errors[1.0]) < 0.8 * np.mean(errors[0.0])

    def test_a_rater_with_one_rating_looks_like_the_average(self) -> None:
        item, rater, label, _ = crowd(np.random.default_rng(3), PRIORS, CONFUSION, items=300, share=0.9)
        wrong = (label[0] + 1) % 3
        newcomer = (np.append(item, item[0]), np.append(rater, 99), np.append(label, wrong))
        smooth, plain = (dawid_skene(*newcomer, smoothing=smoothing) for smoothing in (20.0, 0.0))
        assert smooth.reliability[-1] == pytest.approx(smooth.reliability[:-1].mean(), abs=0.1)
        assert abs(plain.reliability[-1] - plain.reliability[:-1].mean()) > 0.1

    def test_with_smoothing_it_comes_to_rest(self) -> None:
        item, rater, label, _ = crowd(np.random.default_rng(4), PRIORS, CONFUSION, items=200, share=0.5)
        near, nearer = (
            dawid_skene(item, rater, label, smoothing=2.0, tolerance=tolerance, steps=5000)
            for tolerance in (1e-12, 1e-13)
        )
        assert near.converged and nearer.converged
        assert near.posterior == pytest.approx(nearer.posterior, abs=1e-4)


RATINGS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from("abc")), min_size=1, max_size=40)


class TestAnyRatings:
    @settings(max_examples=40)
    @given(ratings=RATINGS, smoothing=st.sampled_from([0.0, 1.0]))
    def test_probabilities_sum_to_one(self, ratings: Any, smoothing: float) -> None:
        found = dawid_skene(*zip(*ratings, strict=True), smoothing=smoothing)
        assert found.posterior.sum(axis=1) == pytest.approx(1.0)
        assert found.confusion.sum(axis=2) == pytest.approx(np.ones(found.confusion.shape[:2]))
        assert found.priors.sum() == pytest.approx(1.0)
        assert ((found.reliability >= 0) & (found.reliability <= 1 + 1e-12)).all()

    @settings(max_examples=40)
    @given(ratings=RATINGS, order=st.randoms(use_true_random=False))
    def test_order_and_names_do_not_matter(self, ratings: Any, order: Any) -> None:
        shuffled = list(ratings)
        order.shuffle(shuffled)
        renamed = [(-item, f"rater {9 - rater}", {"a": 2, "b": 1, "c": 0}[label]) for item, rater, label in shuffled]
        one, other = (
            dawid_skene(*zip(*ratings, strict=True), steps=20),
            dawid_skene(*zip(*renamed, strict=True), steps=20),
        )
        assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-6)
        assert other.reliability[::-1] == pytest.approx(one.reliability, abs=1e-6)
        assert other.posterior[::-1, ::-1] == pytest.approx(one.posterior, abs=1e-6)

    def test_raters_who_always_agree_are_reliable(self) -> None:
        truth = np.random.default_rng(0).integers(0, 3, 300)
        found = dawid_skene(np.tile(np.arange(300), 3), np.repeat([0, 1, 2], 300), np.tile(truth, 3), smoothing=0)
        assert found.reliability == pytest.approx(1.0)
        assert (found.labels == truth).all()

    def test_one_class_only_is_no_trouble(self) -> None:
        found = dawid_skene([1, 2], ["a", "b"], ["up", "up"])
        assert (found.reliability.tolist(), found.posterior.tolist()) == ([1.0, 1.0], [[1.0], [1.0]])

    @pytest.mark.parametrize(
        ("ratings", "options"),
        [
            (([], [], []), {}),
            (([1, 2], [1], [1, 1]), {}),
            (([1], [1], [1]), {"smoothing": -1}),
            (([1], [1], [1]), {"steps": 0}),
        ],
    )
    def test_it_refuses_what_makes_no_sense(self, ratings: Any, options: Any) -> None:
        with pytest.raises(ValueError):
            dawid_skene(*ratings, **options)
