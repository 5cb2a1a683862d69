"""The items that every contestant of benchmarks/rating.py shows and stores: a request and two answers, seeded.

Each text begins with `Item 000123`, by which the page's clock knows one item from the next.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

VOCABULARY = """
oat drink creamy morning breakfast barista foam smooth simple recipe family shelf fresh grain field harvest carton
coffee warm bowl light natural low sugar source of fibre calcium everyday price offer week store basket save
shoppers love discover today taste choose farm local honest kitchen pour shake chilled enjoy made with whole
"""
WORDS = VOCABULARY.split()
ANSWER_WORDS = 60


@dataclass(frozen=True)
class Item:
    """What is judged: `prompt` and the two answers, each about 400 characters."""

    number: int
    prompt: str
    first: str
    second: str


def items(start: int, stop: int, seed: int) -> list[Item]:
    """Items `start` to `stop` (without it); number 7 is the same text whatever the range it was asked in."""
    made = []
    for number in range(start, stop):
        draw = random.Random(seed * 1_000_003 + number)
        first, second = (" ".join(draw.choices(WORDS, k=ANSWER_WORDS)) for _ in range(2))
        prompt = f"Item {number:06d}: write a line for {' '.join(draw.sample(WORDS, 6))}"
        made.append(Item(number, prompt, f"Item {number:06d}: {first}", second))
    return made
