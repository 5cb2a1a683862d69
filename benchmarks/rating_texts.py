"""The items that every contestant of benchmarks/rating.py shows and stores: a request and two answers, seeded.

Each text begins with `Item 000123`, by which the page's clock knows one item from the next.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

VOCABULARY = """
oat drink creamy morning breakfast barista foam smooth simple recipe family shelf fresh grain field harvest carton
coffee warm bowl light natural low sugar source of fibre calcium everyday price offer week store basket save
shoppers love discover today taste choose farm local honest kitchen pour shake chilled enjoy made with whole
"""
WORDS = VOCABULARY.split()
ANSWER_WORDS = 60
POOL = 211  # a prime, so that the two answers of an item meet in ever new pairs


@dataclass(frozen=True)
class Item:
    """What is judged: `prompt` and the two answers, each about 400 characters."""

    number: int
    prompt: str
    first: str
    second: str


@lru_cache(maxsize=4)
def pool(seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=ANSWER_WORDS)) for _ in range(POOL)]


def items(start: int, stop: int, seed: int) -> list[Item]:
    """Items `start` to `stop` (without it); number 7 is the same text whatever the range it was asked in."""
    texts = pool(seed)
    made = []
    for number in range(start, stop):
        name = f"Item {number:06d}"
        first, second = texts[number % POOL], texts[(7 * number + number // POOL + 1) % POOL]
        topic = " ".join(texts[(3 * number) % POOL].split()[:6])
        made.append(Item(number, f"{name}: write a line for {topic}", f"{name}: {first}", second))
    return made
