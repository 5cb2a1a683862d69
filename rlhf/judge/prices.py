"""What a call costs. USD for a million tokens, as the service's price page said on 25 November 2026.

Cache writes are those that live five minutes. A batch costs half. The list is by the longest beginning of the model's
name; a name that nobody knows costs what the dearest row does, so that a limit is never passed by a new name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

BATCH_SHARE = Decimal("0.5")
SIGNS_PER_TOKEN = 2.5  # on the safe side for English and JSON: real texts have 3 to 4


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens. From `long_from` tokens of a prompt on, all of a call costs `long_times` as much."""

    input: Decimal
    cache_write: Decimal
    cache_read: Decimal
    output: Decimal
    long_from: int | None = None
    long_times: int = 1


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call took; `input` is what was neither written to the cache nor read from it."""

    input: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cache_write + self.cache_read


def _price(*usd: str, long_from: int | None = None, long_times: int = 1) -> Price:
    fresh, written, read, output = (Decimal(one) for one in usd)
    return Price(fresh, written, read, output, long_from, long_times)


#                                       input   cache write  cache read  output
PRICES: dict[str, Price] = {
    "claude-mythos-5-":          _price("10",   "12.50",     "0.25",     "50"),
    "claude-fable-5-":           _price("10",   "12.50",     "0.25",     "50"),
    "claude-mythos-5":           _price("10",   "12.50",     "1.00",     "50"),
    "claude-fable-5":            _price("10",   "12.50",     "1.00",     "50"),
    "claude-opus-5-5":           _price("4",    "5.00",      "0.20",     "20"),
    "claude-opus-5":             _price("5",    "6.25",      "0.50",     "25"),
    "claude-opus-4-":            _price("5",    "6.25",      "0.50",     "25"),
    "claude-sonnet-5-5":         _price("2",    "2.50",      "0.10",     "10"),
    "claude-sonnet-5":           _price("2",    "2.50",      "0.20",     "10"),
    "claude-sonnet-4-":          _price("3",    "3.75",      "0.30",     "15"),
    "claude-haiku-5-5":          _price("0.10", "0.125",     "0.01",     "0.50", long_from=100_001, long_times=5),
    "claude-haiku-4-5":          _price("1",    "1.25",      "0.10",     "5"),
}  # fmt: skip
DEAREST = max(PRICES.values(), key=lambda price: (price.output, price.input, price.cache_read))


def price_of(model: str) -> tuple[Price, bool]:
    """The row of a model, and whether it is known; else the dearest row."""
    found = max((name for name in PRICES if model.startswith(name)), key=len, default=None)
    return (PRICES[found], True) if found is not None else (DEAREST, False)


def cost_usd(model: str, tokens: Tokens, *, batched: bool = False) -> Decimal:
    """What a call cost, rounded up to a millionth of a dollar."""
    price, _ = price_of(model)
    usd = sum(count * Decimal(each) for count, each in _lines(price, tokens)) / Decimal(1_000_000)
    if price.long_from is not None and tokens.prompt >= price.long_from:
        usd *= price.long_times
    return (usd * (BATCH_SHARE if batched else 1)).quantize(Decimal("0.000001"), rounding=ROUND_UP)


def _lines(price: Price, tokens: Tokens) -> Iterator[tuple[int, Decimal]]:
    yield tokens.input, price.input
    yield tokens.cache_write, price.cache_write
    yield tokens.cache_read, price.cache_read
    yield tokens.output, price.output


def at_most_usd(model: str, *, signs: int, max_tokens: int, batched: bool = False) -> Decimal:
    """What a call can cost: every token of the prompt written to the cache, as many tokens back as are allowed."""
    prompt = int(signs / SIGNS_PER_TOKEN) + 1000  # the schema and what the service adds
    return cost_usd(model, Tokens(cache_write=prompt, output=max_tokens), batched=batched)
