"""Names of columns made comparable: `campaignName`, `Campaign Name` and `campaign_name` are one."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# "(%)" and "(#)" only say what the column holds; "% of ..." and "... percent" make it another figure
_SIGNS_IN_BRACKETS = re.compile(r"\((?:[#$€£¥%]|US\$|[A-Z]{3})\)")


@lru_cache(maxsize=16384)
def plain(name: str) -> str:
    """Letters and digits only, without case; a percent sign in front stays as `pct`."""
    text = unicodedata.normalize("NFKC", name)
    text = _SIGNS_IN_BRACKETS.sub("", text).replace("%", " pct ")
    return "".join(char for char in text.casefold() if char.isalnum())


def tokens(name: str) -> tuple[str, ...]:
    """The words of a name: `attributedSales14days` -> attributed, sales, 14, days."""
    text = unicodedata.normalize("NFKC", name).replace("%", " pct ")
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return tuple(re.findall(r"[^\W\d_]+|\d+", text.casefold()))
