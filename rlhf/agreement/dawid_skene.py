"""Who rates how well, and what an item really is, when nobody knows the truth: the EM of Dawid & Skene (1979).

A. P. Dawid & A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
Statistics 28(1). Each item has one true class, drawn by the priors p_j; rater k calls it l with probability π_jl(k).

    E (2.5):  T_ij ∝ p_j Π_k Π_l π_jl(k)^n_il(k)          M (2.3, 2.4):  π_jl(k) ∝ Σ_i T_ij n_il(k),   p_j = mean_i T_ij

It begins with each item's shares of votes (3.1). All ratings are one sparse matrix (items, rater and label), so that
both steps are one product each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import logsumexp, xlogy

# A probability of nothing would rule a class out for ever; crowd-kit has the same floor.
FLOOR = 1e-10


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """What the ratings say of items and raters.

    classes: (classes,); items: (items,); raters: (raters,), all sorted. posterior: (items, classes), rows sum to 1.
    confusion: (raters, true class, class given), rows sum to 1. priors: (classes,). reliability: (raters,) is
    Σ_j p_j π_jj: how often the rater is right on items as they come. ratings: (raters,) counts. `log_likelihood` is
    that of the ratings (natural logarithm); `converged` says whether it had stopped growing before the last step.
    """

    classes: NDArray[Any]
    items: NDArray[Any]
    raters: NDArray[Any]
    posterior: NDArray[np.float64]
    confusion: NDArray[np.float64]
    priors: NDArray[np.float64]
    reliability: NDArray[np.float64]
    ratings: NDArray[np.int64]
    log_likelihood: float
    iterations: int
    converged: bool

    @property
    def labels(self) -> NDArray[Any]:
        """(items,) the most probable class of each item, the first of equals."""
        return np.asarray(self.classes[self.posterior.argmax(axis=1)])


def dawid_skene(
    items: ArrayLike,
    raters: ArrayLike,
    labels: ArrayLike,
    *,
    smoothing: float = 1.0,
    tolerance: float = 1e-9,
    steps: int = 500,
) -> DawidSkene:
    """Fit to ratings given as three arrays (ratings,). A rater may rate an item more than once.

    `smoothing` is for few ratings: so many ratings per true class are added to each rater, spread as all raters
    together answer (their pooled confusion matrix under the first shares of votes), and as many items to the priors,
    spread evenly. So somebody with two ratings looks like the average rater, not like a genius or a fool. It is a
    fixed Dirichlet prior: the posterior density still grows with every step. 0 switches it off; the result is then
    the plain maximum likelihood of 1979, step by step equal to crowd-kit's.

    Stops when the (penalised) log-likelihood per rating grows by less than `tolerance`, or after `steps`.
    Raises ValueError where lengths differ, there is no rating, or a number is out of range.
    """
    if smoothing < 0 or tolerance < 0 or steps < 1:
        raise ValueError(f"smoothing {smoothing!r}, tolerance {tolerance!r}, steps {steps!r}")
    things, thing = np.unique(np.asarray(items), return_inverse=True)
    people, person = np.unique(np.asarray(raters), return_inverse=True)
    classes, label = np.unique(np.asarray(labels), return_inverse=True)
    if not len(thing) == len(person) == len(label) or not len(thing):
        raise ValueError(f"{len(thing)} items, {len(person)} raters and {len(label)} labels")
    size = len(classes)
    # Only what a rater ever said gets a column: (items, said) with said = (rater, label).
    said, column = np.unique(person * size + label, return_inverse=True)
    told = csr_array((np.ones(len(thing)), (thing, column)), shape=(len(things), len(said)))
    said_by, said_what = said // size, said % size
    votes = csr_array((np.ones(len(thing)), (thing, label)), shape=(len(things), size)).toarray()
    posterior = votes / votes.sum(axis=1, keepdims=True)  # (items, classes)
    prior_counts = _pooled(votes, posterior) * smoothing  # (true class, class given)

    before, reached, converged, done = -np.inf, -np.inf, False, 0
    rates, priors = _maximise(told, posterior, said_by, said_what, prior_counts, smoothing, len(people))
    for step in range(1, steps + 1):
        posterior, reached = _expect(told, rates[said_by, :, said_what], priors)
        grown = reached + float(xlogy(prior_counts, rates).sum()) + smoothing / size * float(np.log(priors).sum())
        rates, priors = _maximise(told, posterior, said_by, said_what, prior_counts, smoothing, len(people))
        done, converged = step, grown - before < tolerance * len(thing)
        if converged:
            break
        before = grown
    return DawidSkene(
        classes=classes,
        items=things,
        raters=people,
        posterior=posterior,
        confusion=rates,
        priors=priors,
        reliability=np.einsum("j,kjj->k", priors, rates),
        ratings=np.bincount(person, minlength=len(people)),
        log_likelihood=reached,
        iterations=done,
        converged=bool(converged),
    )


def _pooled(votes: NDArray[np.float64], posterior: NDArray[np.float64]) -> NDArray[np.float64]:
    """(true class, class given): how all raters together answer; one rating in all is spread evenly, so no zero."""
    counts = posterior.T @ votes + 1.0 / votes.shape[1] ** 2
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _expect(
    told: csr_array, rates: NDArray[np.float64], priors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Posterior (items, classes) and the log-likelihood, from `rates` (said, true class)."""
    joint = told @ np.log(rates) + np.log(priors)
    total = logsumexp(joint, axis=1, keepdims=True)
    return np.exp(joint - total), float(total.sum())


def _maximise(
    told: csr_array,
    posterior: NDArray[np.float64],
    said_by: NDArray[np.int64],
    said_what: NDArray[np.int64],
    prior_counts: NDArray[np.float64],
    smoothing: float,
    raters: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Confusion (raters, true class, class given) and priors (classes,)."""
    size = posterior.shape[1]
    counts = np.zeros((raters, size, size))
    counts[said_by, :, said_what] = np.maximum(told.T @ posterior, FLOOR)
    counts += prior_counts
    priors = posterior.sum(axis=0) + smoothing / size
    return counts / counts.sum(axis=2, keepdims=True), np.maximum(priors / (len(posterior) + smoothing), FLOOR)
