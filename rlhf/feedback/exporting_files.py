"""Which files to train with there are, and what goes through their lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from crm.models import Brand
from rlhf.feedback import exporting_pairs, exporting_words
from rlhf.feedback.exporting import Line, Wanted

LINES: dict[str, Callable[[Brand, Wanted, Counter[str]], Iterator[list[Line]]]] = {
    "dpo": exporting_pairs.chunks,
    "kto": exporting_words.kto_chunks,
    "sft": exporting_words.sft_chunks,
}
