"""Is a new version at least as good as the one that serves? Answered from the log, on episodes it was not fitted to.

Weighted per-decision importance sampling with the baseline as control variate (Precup, Sutton & Singh 2000; Thomas &
Brunskill 2016):

    value(π) = mean_i V(x_i0) + Σ_t mean_i [ ω_it (r_it + V(x_i,t+1)) − ω_i,t−1 V(x_it) ]

    ω_it = ρ_it / mean_i ρ_it,   ρ_it = Π_{k ≤ t} π/μ, clipped at `CLIP`

Scaling the weights hides what a version would do and nobody ever did. That is said by `coverage`: the mean of ρ is 1
but for chance where the log holds all that a version does, and falls short by the share that is missing. The interval
is a bootstrap over episodes of the paired difference. Neither version is judged by episodes it was fitted to, and
episodes that were not drawn (static) say nothing about other choices and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np

from orchestrator.policies.baseline import fit_values
from orchestrator.policies.features import FeatureSpace
from orchestrator.policies.learned import LinearSoftmax
from orchestrator.policies.logged import Batch, LoggedEpisode

# Without it a few episodes of an older version that did by chance what a newer one likes would decide alone.
CLIP = 10.0
LEVEL = 0.9
RESAMPLES = 500
# A version moves into service unless it may be worse by more than this much reward.
MARGIN = 0.05
LEAST_EPISODES = 10
LEAST_EFFECTIVE = 5.0
LEAST_COVERAGE = 0.6
FOLDS = 3
BASELINE_SHRINK = 3.0


@dataclass(frozen=True)
class Evidence:
    """What the log says. `low` and `high` bound the difference at `level`.

    `effective` is the effective sample size, `coverage` the share of what the new version does that the log holds.
    """

    method: str
    episodes: int
    effective: float
    coverage: float
    new: float | None
    previous: float | None
    difference: float | None
    low: float | None
    high: float | None
    level: float
    margin: float
    verdict: str
    moves: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Table:
    """Episodes of equal padded length: `gain` r_t + V(x_{t+1}), `expected` V(x_t), `alive` 1 while the episode runs."""

    gain: np.ndarray  # (episodes, time)
    expected: np.ndarray  # (episodes, time)
    alive: np.ndarray  # (episodes, time)
    new: np.ndarray  # (episodes, time) cumulative clipped ratio
    previous: np.ndarray

    def value(self, ratio: np.ndarray, rows: np.ndarray) -> float:
        """The estimate of the module for the cumulative ratios (episodes, time), over the episodes `rows`."""
        omega = ratio[rows] / np.maximum(ratio[rows].mean(axis=0), 1e-12)
        before = np.concatenate([np.ones((len(rows), 1)), omega[:, :-1]], axis=1)
        steps = self.alive[rows] * (omega * self.gain[rows] - before * self.expected[rows])
        return float(steps.sum(axis=1).mean() + self.expected[rows, 0].mean())


def tabulate(batch: Batch, values: np.ndarray, new: np.ndarray, previous: np.ndarray) -> Table:
    """From steps to a table. `values` (situations,); `new` and `previous` are π of the chosen action (steps,)."""
    shape = (len(batch.gross), int(batch.position.max()) + 1)
    cell = (batch.episode, batch.position)
    now = values[batch.row]
    following = np.where(batch.last, 0.0, np.roll(now, -1))
    earned = np.where(batch.last, batch.gross[batch.episode], 0.0) - batch.cost
    gain, expected, alive = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    gain[cell], expected[cell], alive[cell] = earned + following, now, 1.0
    cumulative = []
    for chosen in (new, previous):
        ratio = np.ones(shape)
        ratio[cell] = chosen / batch.logged
        cumulative.append(np.minimum(np.cumprod(ratio, axis=1), CLIP))
    return Table(gain, expected, alive, cumulative[0], cumulative[1])


def join(tables: list[Table]) -> Table:
    """Tables of different folds as one."""
    length = max(table.gain.shape[1] for table in tables)

    def stack(name: str, pad: str) -> np.ndarray:
        padded = []
        for table in tables:
            part = getattr(table, name)
            missing = ((0, 0), (0, length - part.shape[1]))
            padded.append(np.pad(part, missing, mode="edge") if pad == "edge" else np.pad(part, missing))
        return np.concatenate(padded)

    # an episode that has ended keeps its last ratio
    return Table(
        stack("gain", "zero"), stack("expected", "zero"), stack("alive", "zero"), stack("new", "edge"),
        stack("previous", "edge"),
    )  # fmt: skip


def weigh(table: Table, rng: np.random.Generator, method: str) -> Evidence:
    """Estimate both versions, the paired difference with its interval, and whether the new one may serve."""
    count = len(table.gain)
    everyone = np.arange(count)
    final = table.new[:, -1]
    effective = float(final.sum() ** 2 / max(float((final**2).sum()), 1e-12))
    coverage = min(1.0, float(table.new.mean(axis=0).min()))
    new, previous = table.value(table.new, everyone), table.value(table.previous, everyone)
    draws = [rng.integers(0, count, count) for _ in range(RESAMPLES)]
    differences = [table.value(table.new, rows) - table.value(table.previous, rows) for rows in draws]
    low, high = (float(bound) for bound in np.quantile(differences, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    if effective < LEAST_EFFECTIVE:
        verdict, moves = f"the log hardly overlaps with the new version (it counts as {effective:.1f} episodes)", False
    elif coverage < LEAST_COVERAGE:
        verdict, moves = f"the log holds only {coverage:.0%} of what the new version does", False
    elif low > 0:
        verdict, moves = "better", True
    elif low > -MARGIN:
        verdict, moves = f"not worse by more than {MARGIN}", True
    else:
        verdict, moves = f"may be worse by more than {MARGIN}", False
    return Evidence(
        method, count, effective, coverage, new, previous, new - previous, low, high, LEVEL, MARGIN, verdict, moves
    )  # fmt: skip


def too_few(episodes: int, method: str) -> Evidence:
    """What is said when there is nothing to hold out."""
    verdict = f"{episodes} new episodes with drawn steps are too few to compare; {LEAST_EPISODES} are needed"
    return Evidence(method, episodes, 0.0, 0.0, None, None, None, None, None, LEVEL, MARGIN, verdict, False)


class Learner(Protocol):
    """What every learner offers for a comparison."""

    policy_: LinearSoftmax

    def fit_batch(self, batch: Batch, space: FeatureSpace) -> Self: ...


def compare(
    episodes: Sequence[LoggedEpisode],
    *,
    learner: Callable[[], Learner],
    previous: LinearSoftmax,
    rng: np.random.Generator,
    unseen: Callable[[LoggedEpisode], bool] = lambda episode: True,
    folds: int = FOLDS,
) -> Evidence:
    """What `learner` makes of this log against `previous`, cross-fitted: each fold is judged by a fit to the others.

    Only episodes that `previous` was not fitted to (`unseen`) are judged by; the others teach.
    The final version is fitted to all episodes; the evidence is for what the same learner does with a little less.
    """
    method = f"weighted per-decision importance sampling, {folds} folds held out"
    drawn = [episode for episode in episodes if unseen(episode) and any(step.probability < 1 for step in episode.steps)]
    if len(drawn) < LEAST_EPISODES:
        return too_few(len(drawn), method)
    space = FeatureSpace.fit(step.situation for episode in episodes for step in episode.steps)
    whole, held = Batch.of(episodes, space), {id(episode) for episode in drawn}
    fold = np.where([id(episode) in held for episode in episodes], rng.permutation(len(episodes)) % folds, -1)
    tables = []
    for number in range(folds):
        inside = fold == number
        if not inside.any() or inside.all():
            continue
        rest, judged = whole.take(~inside), whole.take(inside)
        fitted = learner().fit_batch(rest, space).policy_
        values = fit_values(rest, rest.returns(), BASELINE_SHRINK)
        steps = [step for episode, chosen in zip(episodes, inside, strict=True) if chosen for step in episode.steps]
        chances = [
            np.array([policy.probabilities(step.situation)[step.place] for step in steps])
            for policy in (fitted, previous)
        ]
        tables.append(tabulate(judged, values, *chances))
    return weigh(join(tables), rng, method)
