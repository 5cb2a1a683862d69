"""krippendorff, scikit-learn, crowd-kit and choix over the arrays of one file; answers and seconds into another.

Its own process and environment. Arguments: the file to read and the file to write, both numpy's .npz.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import choix
import krippendorff
import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, cohen_kappa_score

from benchmarks.peers.stopwatch import timed

warnings.filterwarnings("ignore", category=DeprecationWarning)


def crowd_kit(data: Any) -> Callable[[], Any]:
    """Exactly so many steps: a tolerance that no step misses, so that both sides stand at the same point."""
    frame = pd.DataFrame({"task": data["item"], "worker": data["rater"], "label": data["label"]})

    def fit() -> Any:
        return DawidSkene(n_iter=int(data["steps"]), tol=-np.inf).fit(frame)

    return fit


def crowd_kit_arrays(fitted: Any, data: Any) -> dict[str, Any]:
    """Posterior (items, classes), priors (classes,) and confusion (raters, true class, class given), all sorted."""
    raters, classes = np.unique(data["rater"]), np.unique(data["label"])
    every = pd.MultiIndex.from_product([raters, classes], names=["worker", "label"])
    errors = fitted.errors_[classes].reindex(every, fill_value=0.0).to_numpy()
    return {
        "posterior": fitted.probas_.sort_index()[classes].to_numpy(),
        "priors": fitted.priors_[classes].to_numpy(),
        "confusion": errors.reshape(len(raters), len(classes), len(classes)).transpose(0, 2, 1),
    }


def answers(data: Any) -> dict[str, Any]:
    """Each answer under its name, its seconds under `seconds/name`."""
    kept: dict[str, Any] = {}

    def keep(name: str, work: Callable[[], Any]) -> None:
        kept[name], kept[f"seconds/{name}"] = timed(work)

    if "ratings" in data:
        for metric in ("nominal", "ordinal", "interval", "ratio"):
            keep(f"alpha {metric}", partial(krippendorff.alpha, data["ratings"].T, level_of_measurement=metric))
    if "first" in data:
        for weights in (None, "linear", "quadratic"):
            keep(
                f"kappa {weights or 'none'}",
                partial(cohen_kappa_score, data["first"], data["second"], labels=data["classes"], weights=weights),
            )
    if "score" in data:
        keep("brier", lambda: brier_score_loss(data["up"], data["score"]))
        keep("reliability table", lambda: np.array(calibration_curve(data["up"], data["score"], n_bins=10)))
    if "item" in data:
        fitted, seconds = timed(crowd_kit(data))
        kept |= {f"dawid-skene {name}": array for name, array in crowd_kit_arrays(fitted, data).items()}
        kept |= {f"seconds/dawid-skene {name}": seconds for name in ("posterior", "priors", "confusion")}
    if "winner" in data:
        versions, listed = len(data["wins"]), list(zip(data["winner"].tolist(), data["loser"].tolist(), strict=True))
        ridge, gamma = float(data["ridge"]), float(data["gamma"])
        keep("bradley-terry list", lambda: choix.ilsr_pairwise(versions, listed))
        keep("bradley-terry matrix", lambda: choix.ilsr_pairwise_dense(data["wins"]))
        keep("bradley-terry ties", lambda: choix.ilsr_pairwise_dense(data["wins"] + data["ties"] / 2))
        keep("bradley-terry gamma", lambda: choix.ilsr_pairwise_dense(data["wins"], alpha=gamma / versions))
        if len(listed) <= 10_000:
            keep("bradley-terry ridge", lambda: choix.opt_pairwise(versions, listed, alpha=ridge, tol=1e-10))
    return kept


def main() -> None:
    with np.load(sys.argv[1]) as data:
        kept = answers(dict(data))
    np.savez(sys.argv[2], **kept)


if __name__ == "__main__":
    main()
