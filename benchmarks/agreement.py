"""Whether our agreement statistics are those of krippendorff, scikit-learn, crowd-kit and choix, and what they take.

Both sides get the same arrays in the same run, the peers in an environment of their own (.peers/agreement). The largest
difference of any number is to be at most 1e-6; the exit code is 1 where one is larger. Seconds are medians of up to
five calls. Peers give no intervals; what ours take on top is shown apart.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.peers.report import emit
from benchmarks.peers.stopwatch import timed
from rlhf.agreement import (
    METRICS,
    bradley_terry,
    brier_score,
    calibration,
    cohen_kappa,
    dawid_skene,
    krippendorff_alpha,
    mean_pairwise_kappa,
    tally,
)
from rlhf.agreement.kappa import Weights

ROOT = Path(__file__).resolve().parents[1]
PEER = ROOT / ".peers" / "agreement" / "bin" / "python"
MACHINE = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
LIMIT = 1e-6
#: Stops short of the top by so much: choix ends when the strengths move less than 1e-8 (L1) in a step.
STATED = {"bradley-terry": "choix: 1e-8 between steps", "dawid-skene": "the same number of steps on both sides"}
STEPS = 30
WEIGHTS: tuple[Weights, ...] = ("none", "linear", "quadratic")
CLASSES = np.arange(1, 6)
PEER_OF = {
    "alpha": "krippendorff",
    "kappa": "scikit-learn",
    "brier": "scikit-learn",
    "reliability": "scikit-learn",
    "dawid-skene": "crowd-kit",
    "bradley-terry": "choix",
}


def world(seed: int, size: int) -> dict[str, Any]:
    """`size` items: 5 raters' stars with a fifth missing, two raters' stars, scores with verdicts, labels of 5 out of
    20 raters each (up to 10,000 items: crowd-kit takes long), and `size` comparisons of 20 versions."""
    rng = np.random.default_rng(seed)
    true = rng.integers(1, 6, (size, 1))
    ratings = np.clip(true + rng.integers(-1, 2, (size, 7)), 1, 5).astype(float)
    first, second = ratings[:, 5].astype(int), ratings[:, 6].astype(int)
    ratings = ratings[:, :5]
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    score = rng.random(size)
    return {
        "ratings": ratings,
        "first": first,
        "second": second,
        "classes": CLASSES,
        "score": score,
        "up": (rng.random(size) < score**1.3).astype(int),
        **(_labels(rng, size) if size <= 10_000 else {}),
        **_contest(rng, size),
    }


def _labels(rng: np.random.Generator, items: int) -> dict[str, Any]:
    truth, right = rng.choice(4, items, p=[0.4, 0.3, 0.2, 0.1]), rng.uniform(0.3, 0.95, 20)
    item = np.repeat(np.arange(items), 5)
    rater = rng.random((items, 20)).argsort(axis=1)[:, :5].ravel()
    wrong = (truth[item] + rng.integers(1, 4, len(item))) % 4
    label = np.where(rng.random(len(item)) < right[rater], truth[item], wrong)
    return {"item": item, "rater": rater, "label": label, "steps": np.array(STEPS)}


def _contest(rng: np.random.Generator, comparisons: int, versions: int = 20) -> dict[str, Any]:
    theta = rng.normal(0, 0.8, versions)
    one = rng.integers(0, versions, comparisons)
    other = (one + rng.integers(1, versions, comparisons)) % versions
    won = rng.random(comparisons) < 1 / (1 + np.exp(theta[other] - theta[one]))
    winner, loser = np.where(won, one, other), np.where(won, other, one)
    wins = np.zeros((versions, versions))
    np.add.at(wins, (winner, loser), 1.0)
    ties = np.triu(rng.integers(0, 4, (versions, versions)), 1)
    return {
        "winner": winner,
        "loser": loser,
        "wins": wins,
        "ties": (ties + ties.T).astype(float),
        "ridge": np.array(0.5),
        "gamma": np.array(2.0),
    }


def ours(data: dict[str, Any]) -> dict[str, Any]:
    """Our answers under the peers' names, their seconds under `seconds/name`."""
    kept: dict[str, Any] = {}

    def keep(name: str, work: Callable[[], Any], read: Callable[[Any], Any]) -> None:
        answer, kept[f"seconds/{name}"] = timed(work)
        kept[name] = read(answer)

    for metric in METRICS:
        keep(f"alpha {metric}", partial(krippendorff_alpha, data["ratings"], metric), lambda found: found.value)
    for weights in WEIGHTS:
        keep(
            f"kappa {weights}",
            partial(cohen_kappa, data["first"], data["second"], weights=weights, classes=CLASSES),
            lambda found: found.value,
        )
    keep("brier", lambda: brier_score(data["score"], data["up"]), lambda found: found.value)
    keep("reliability table", lambda: calibration(data["score"], data["up"]), _table_of)
    if "item" in data:
        fitted, seconds = timed(
            lambda: dawid_skene(data["item"], data["rater"], data["label"], smoothing=0, tolerance=0, steps=STEPS)
        )
        for name in ("posterior", "priors", "confusion"):
            kept[f"dawid-skene {name}"], kept[f"seconds/dawid-skene {name}"] = getattr(fitted, name), seconds
    won = np.ones(len(data["winner"]))

    def strengths(found: Any) -> Any:
        return found.value

    keep("bradley-terry list", lambda: bradley_terry(tally(data["winner"], data["loser"], won).wins), strengths)
    keep("bradley-terry matrix", lambda: bradley_terry(data["wins"]), strengths)
    keep("bradley-terry ties", lambda: bradley_terry(data["wins"], data["ties"]), strengths)
    keep("bradley-terry gamma", lambda: bradley_terry(data["wins"], gamma=float(data["gamma"])), strengths)
    keep("bradley-terry ridge", lambda: bradley_terry(data["wins"], ridge=float(data["ridge"])), strengths)
    return kept


def _table_of(found: Any) -> Any:
    filled = [row for row in found.bins if row.count]
    return np.array([[row.liked.value for row in filled], [row.mean_score for row in filled]])


def intervals(data: dict[str, Any], seed: int) -> dict[str, float]:
    """Seconds of our statistics with their bootstrap intervals of 300 resamples, which no peer has."""
    took = {}
    for metric in METRICS:
        _, took[f"alpha {metric}"] = timed(
            partial(krippendorff_alpha, data["ratings"], metric, rng=np.random.default_rng(seed), resamples=300)
        )
    _, took["mean pairwise kappa"] = timed(
        lambda: mean_pairwise_kappa(
            data["ratings"], weights="quadratic", classes=CLASSES, rng=np.random.default_rng(seed)
        )
    )
    return took


def peers(data: dict[str, Any]) -> dict[str, Any]:
    """What the peers answer to the same arrays, in a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder) / "asked.npz", Path(folder) / "told.npz"
        np.savez(asked, **data)
        subprocess.run(
            [str(PEER), "-m", "benchmarks.peers.agreement_peers", str(asked), str(told)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
        )
        with np.load(told) as answers:
            return dict(answers)


def compare(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, dict[str, float]]:
    """By statistic: the largest difference of any number, and the seconds of both."""
    found = {}
    for name in (name for name in theirs if not name.startswith("seconds/")):
        one, other = np.asarray(mine[name], dtype=float), np.asarray(theirs[name], dtype=float)
        # An array of another shape, or a missing number, is as different as can be.
        same_shape = one.shape == other.shape and np.isfinite(one).all() and np.isfinite(other).all()
        found[name] = {
            "difference": float(np.abs(one - other).max()) if same_shape else float("inf"),
            "ours_s": float(mine[f"seconds/{name}"]),
            "peer_s": float(theirs[f"seconds/{name}"]),
        }
    return found


def measure(sizes: list[int], seeds: list[int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows by size and statistic over all seeds: the worst difference and median seconds; and those of intervals."""
    rows, with_intervals = [], []
    for size in sizes:
        runs = []
        for seed in seeds:
            data = world(seed, size)
            runs.append(compare(ours(data), peers(data)))
        for name in runs[0]:
            worst = max(run[name]["difference"] for run in runs)
            mine, theirs = (statistics.median(run[name][side] for run in runs) for side in ("ours_s", "peer_s"))
            rows.append(
                {
                    "size": size,
                    "statistic": name,
                    "peer": PEER_OF[name.split()[0]],
                    "difference": worst,
                    "equal": worst <= LIMIT,
                    "ours_s": mine,
                    "peer_s": theirs,
                    "times": theirs / mine,
                }
            )
        took = [intervals(world(seed, size), seed) for seed in seeds]
        with_intervals += [
            {"size": size, "statistic": name, "ours_s": statistics.median(run[name] for run in took)}
            for name in took[0]
        ]
    return rows, with_intervals


def table(kept: dict[str, Any]) -> str:
    """One line for each size and statistic."""
    lines = [f"seeds {kept['seeds']}, limit {LIMIT}; {MACHINE}", ""]
    lines.append(f"{'size':>8} {'statistic':24}{'peer':14}{'difference':>12}{'ours ms':>11}{'peer ms':>12}{'times':>9}")
    lines += [
        f"{row['size']:8,} {row['statistic']:24}{row['peer']:14}{row['difference']:12.1e}"
        f"{1000 * row['ours_s']:11.2f}{1000 * row['peer_s']:12.2f}{row['times']:9.1f}"
        + ("" if row["equal"] else "   too different")
        for row in kept["results"]
    ]
    lines += ["", "ours with an interval of 300 resamples"]
    lines += [f"{row['size']:8,} {row['statistic']:38}{1000 * row['ours_s']:23.2f}" for row in kept["with_intervals"]]
    return "\n".join([*lines, "", *(f"{name}: {said}" for name, said in STATED.items())])


def main() -> int:
    given = _arguments()
    if not PEER.exists():
        print(f"no {PEER.relative_to(ROOT)}; run: make bench-setup", file=sys.stderr)
        return 2
    rows, with_intervals = measure(given.sizes, given.seeds)
    worst = max(row["difference"] for row in rows)
    kept = {
        "benchmark": "agreement",
        "ours": worst,
        "peer": LIMIT,
        "peer_name": "largest difference allowed",
        "ratio": worst / LIMIT,
        "unit": "largest absolute difference to krippendorff, scikit-learn, crowd-kit, choix",
        "stated": STATED,
        "seed": given.seeds[0],
        "seeds": given.seeds,
        "sizes": given.sizes,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": MACHINE,
        "results": rows,
        "with_intervals": with_intervals,
    }
    if not given.json:
        print(table(kept))
    emit(kept, to_stdout=given.json, path=given.write)
    return 0 if worst <= LIMIT else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Agreement statistics against four packages, number by number.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--write", type=Path, help="also write the JSON object to this file")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
