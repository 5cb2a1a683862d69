"""Limits of ad copy by retailer, from `rules/*.yaml`. What a retailer does not say comes from `default.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm.errors import EndcapError

FOLDER = Path(__file__).parent / "rules"


class UnknownRule(EndcapError):
    """A rules file names a limit that no check reads."""


@dataclass(frozen=True, slots=True)
class Rules:
    """One retailer's limits. Lengths are characters; shares are in [0, 1]."""

    name: str
    source: str
    headline_max: int
    body_max: int
    page_headline_max: int
    page_body_max: int
    exclamations_max: int
    capital_share_max: float
    capital_words_max: int
    forbidden_signs: tuple[str, ...]
    emoji: bool
    prices_in_copy: bool
    claims_needing_proof: tuple[str, ...]
    forbidden_claims: tuple[str, ...]
    names: tuple[str, ...] = ()
    superlatives: dict[str, str] = field(default_factory=dict)
    idioms: tuple[str, ...] = ()
    retailer_terms: tuple[str, ...] = ()
    capital_share_from: int = 11

    def at(self, placement: str) -> Rules:
        """The limits at `ad` or `page`: a product page takes longer texts and may name prices."""
        if placement != "page":
            return self
        return replace(self, headline_max=self.page_headline_max, body_max=self.page_body_max, prices_in_copy=True)


@lru_cache(maxsize=1)
def rulebook() -> dict[str, Rules]:
    """Every rules file by its name. Raises UnknownRule where a file says something that nothing reads."""
    default = _read(FOLDER / "default.yaml")
    book = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        said = default | _read(path)
        unknown = set(said) - set(Rules.__dataclass_fields__)
        if unknown:
            raise UnknownRule(
                f"{path.name} has limits that nothing checks: {', '.join(sorted(unknown))}", file=path.name
            )
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in said.items()
        }
        book[path.stem] = Rules(**values)
    return book


def rules_for(retailer: str) -> Rules:
    """Rules of the retailer whose name contains one of the file's `names`; the default otherwise."""
    wanted = retailer.casefold()
    for rules in rulebook().values():
        if any(name.casefold() in wanted for name in rules.names):
            return rules
    return rulebook()["default"]


def _read(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return said
