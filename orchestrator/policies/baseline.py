"""The learned baseline V(situation): what an episode may expect from here, by pack, step and how the work looks.

Ridge regression on the policy's own features, refitted to V-trace targets (Espeholt et al. 2018, eq. 1): rewards logged
under older versions or under the rules are moved towards what the policy being trained would have earned after them.

    v_t = V(x_t) + Σ_{k ≥ t} (Π_{t ≤ i < k} c_i) δ_k,   δ_k = ρ_k (r_k + V(x_{k+1}) − V(x_k)),   ρ, c = min(1, π / μ)
"""

from __future__ import annotations

import numpy as np

from orchestrator.policies.logged import Batch


def fit_values(batch: Batch, target: np.ndarray, shrink: float) -> np.ndarray:
    """V (situations,) by weighted ridge of `target` (steps,) around its mean; `shrink` is the penalty in steps of data.

    With x of one-hots for pack and step this is a shrunk mean per pack and step. Situations of the batch that no step
    visits (see `Batch.take`) get a prediction too.
    """
    x, weight = batch.x, batch.weight
    mean = float((weight * target).sum() / max(weight.sum(), 1e-12))
    visits = np.bincount(batch.row, weight, minlength=len(x))
    sums = np.bincount(batch.row, weight * (target - mean), minlength=len(x))
    gram = (x * visits[:, None]).T @ x + shrink * np.eye(x.shape[1])
    return np.asarray(mean + x @ np.linalg.solve(gram, x.T @ sums))
