"""Which part of a training set a request belongs to: always the same one, so that no request crosses. Pure.

u = first 64 bits of sha256(key) / 2^64
train where u < 0.90, validation where u < 0.95, else test
"""

from __future__ import annotations

import hashlib

SHARES = (("train", 0.90), ("validation", 0.05), ("test", 0.05))
SPLITS = tuple(name for name, _ in SHARES)


def split_of(key: str) -> str:
    """train, validation or test; `key` names the request: its group, or its prompt where it has no group."""
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    for name, share in SHARES:
        if place < share:
            return name
        place -= share
    return SPLITS[-1]
