"""The sampler of buyers: hidden need, seniority, fatigue, spam and price sensitivity, fixed by the world's seed. Pure.

Who a prospect is and who is like them depends on the world's seed and the prospect's key only, never on the episode:
the same prospect has the same neighbours each time, which is what makes an exact expectation possible.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.market.reading import Lexicon
from crm.market.spec import Buyers, Segment
from crm.snapshot import ProspectBrief

SENIORITY_WORDS = {
    "owner": 0.9,
    "founder": 0.95,
    "chief": 0.95,
    "director": 0.9,
    "head": 0.8,
    "lead": 0.6,
    "manager": 0.55,
}


@dataclass(frozen=True)
class Crowd:
    """`n` buyers of one segment; the first `known` of them are leads of the brand, under their own keys."""

    keys: tuple[str, ...]
    segment: str
    need: NDArray[np.int64]  # (n,) index into Lexicon.needs
    seniority: NDArray[np.float64]  # (n,)
    fatigue: NDArray[np.float64]  # (n,)
    spam: NDArray[np.float64]  # (n,)
    price: NDArray[np.float64]  # (n,)
    sale: float
    propensity: float

    def __len__(self) -> int:
        return len(self.keys)


def rng_of(seed: int, *words: str) -> np.random.Generator:
    """A generator that depends on the seed and the words only (BLAKE2b, the same on every machine)."""
    digest = hashlib.blake2b("\x1f".join((str(seed), *words)).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def like(prospect: ProspectBrief, size: int, *, seed: int, segment: Segment, buyers: Buyers, lexicon: Lexicon) -> Crowd:
    """The prospect and `size` - 1 buyers of the same segment who resemble them."""
    rng = rng_of(seed, "like", prospect.key)
    stated = lexicon.need_of(prospect.need)
    drawn = _needs(segment, lexicon, size, rng)
    true = rng.random() < buyers.stated_need_is_true
    own = stated if stated is not None and true else int(drawn[0])
    need = np.where(rng.random(size) < buyers.alike, own, drawn)
    need[0] = own
    traits = _traits(buyers, size, rng)
    known = next((rank for word, rank in SENIORITY_WORDS.items() if word in prospect.seniority.lower()), None)
    if known is not None:
        traits["seniority"][0] = known
    tag = hashlib.blake2b(prospect.key.encode(), digest_size=3).hexdigest()
    keys = (prospect.key, *(f"SIM-{tag}-{number:03d}" for number in range(1, size)))
    return Crowd(keys, prospect.segment, need, **traits, sale=segment.sale, propensity=segment.propensity)


def shoppers(about: str, size: int, *, seed: int, segment: Segment, buyers: Buyers, lexicon: Lexicon) -> Crowd:
    """People who come across a product page; `about` is the product's code."""
    rng = rng_of(seed, "shoppers", about)
    tag = hashlib.blake2b(about.encode(), digest_size=3).hexdigest()
    keys = tuple(f"SHOPPER-{tag}-{number:03d}" for number in range(size))
    need = _needs(segment, lexicon, size, rng)
    traits = _traits(buyers, size, rng)
    return Crowd(keys, "shoppers", need, **traits, sale=segment.sale, propensity=segment.propensity)


def _needs(segment: Segment, lexicon: Lexicon, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    weights = np.array([segment.needs.get(name, 0.0) for name in lexicon.needs])
    return rng.choice(len(weights), size=size, p=weights / weights.sum())


def _traits(buyers: Buyers, size: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    return {
        "seniority": rng.beta(*buyers.seniority, size),
        "fatigue": rng.beta(*buyers.fatigue, size),
        "spam": rng.beta(*buyers.spam_sensitivity, size),
        "price": rng.beta(*buyers.price_sensitivity, size),
    }
