"""What somebody asked, as a few numbers: hashed words, then the leading directions of the requests seen in training.

Latent semantic analysis (Deerwester et al. 1990) on hashed counts; small, local, and stored with the policy.
"""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

BUCKETS = 512
DIRECTIONS = 8
FITTED_ON = 2000


@lru_cache(maxsize=4096)
def _hashed(text: str) -> np.ndarray:
    """Signed counts of words and word pairs, scaled to length 1. (BUCKETS,) (Weinberger et al. 2009)"""
    words = re.findall(r"\w\w+", text.lower())
    counts = np.zeros(BUCKETS)
    for term in [*words, *map(" ".join, pairwise(words))]:
        code = zlib.crc32(term.encode())
        counts[code % BUCKETS] += 1 if code >> 31 else -1
    return counts / max(float(np.linalg.norm(counts)), 1e-12)


@dataclass(frozen=True, eq=False)
class RequestText:
    """`directions` (k, BUCKETS) are orthonormal rows; none before there were two different requests to compare."""

    directions: np.ndarray | None = None

    @classmethod
    def fit(cls, requests: list[str]) -> RequestText:
        """Truncated SVD of the hashed requests; `requests` are different and not empty, the first `FITTED_ON` count."""
        if len(requests) < 2:
            return cls()
        hashed = np.stack([_hashed(text) for text in requests[:FITTED_ON]])
        _, _, directions = np.linalg.svd(hashed, full_matrices=False)
        return cls(directions[: min(DIRECTIONS, len(requests) - 1)].astype(np.float32).astype(np.float64))

    @property
    def length(self) -> int:
        return 0 if self.directions is None else len(self.directions)

    def vector(self, text: str) -> np.ndarray:
        """(length,); zeros for an empty request."""
        if self.directions is None:
            return np.zeros(0)
        return self.directions @ _hashed(text) if text else np.zeros(self.length)

    def to_json(self) -> dict[str, Any] | None:
        return None if self.directions is None else packed(self.directions)

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> RequestText:
        return cls() if stored is None else cls(unpacked(stored))


def packed(array: np.ndarray) -> dict[str, Any]:
    """An array as JSON: little-endian float32 in base64, with its shape."""
    raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(raw).decode()}


def unpacked(stored: dict[str, Any]) -> np.ndarray:
    """The array of `packed`, as float64. ValueError when bytes and shape do not agree or a number is not finite."""
    array = np.frombuffer(base64.b64decode(stored["float32"]), dtype="<f4").reshape(stored["shape"]).astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError("stored parameters are not finite")
    return array
