"""A privacy policy: what happens to which personal data where. Pure: YAML in, a checked value out.

A policy says only what differs from the one below it: the shipped default, the brand's, the one for a retailer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from crm.errors import EndcapError
from crm.privacy.detection import KINDS
from crm.privacy.recognizers.own import Recognizer, read

ALLOW, REDACT, PSEUDONYMISE, BLOCK = "allow", "redact", "pseudonymise", "block"
ACTIONS = (ALLOW, REDACT, PSEUDONYMISE, BLOCK)
PLACES = ("imports", "prompts", "feedback", "exports", "logs")
RETAINED = ("quarantine", "uploads", "outcomes", "contacts", "experiences")
BASES = ("consent", "contract", "interest", "aggregate", "unknown")
PURPOSES = ("email", "measurement", "audience", "training")
UNLESS_REFUSED, ONLY_WITH_CONSENT = "unless_refused", "only_with_consent"
SECTIONS = ("places", "retention_days", "audiences", "address", "recognizers")
DEFAULT_FILE = Path(__file__).parent / "policies" / "default.yaml"
LONGEST = 100_000  # characters


class BadPolicy(EndcapError):
    """A policy that cannot be used. The message names field and value and what to write instead."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`actions[place][kind]`, with `default` for kinds not named. `key` is the brand's key for pseudonyms; without one
    (a policy that belongs to no brand) pseudonymising is refused."""

    actions: Mapping[str, Mapping[str, str]]
    retention_days: Mapping[str, int]
    consent_bases: frozenset[str]
    address: Mapping[str, str]
    own: tuple[Recognizer, ...] = ()
    key: bytes = field(default=b"", repr=False)

    def action(self, place: str, kind: str) -> str:
        """What to do with this kind there."""
        said = self.actions[place]
        return said.get(kind, said["default"])

    def with_key(self, key: bytes) -> Policy:
        return replace(self, key=key)


@lru_cache(maxsize=1)
def default_policy() -> Policy:
    """The shipped one."""
    said = _loaded(DEFAULT_FILE.read_text(encoding="utf-8"))
    empty = Policy({place: {"default": REDACT} for place in PLACES}, {}, frozenset(), {})
    return _over(said, empty)


def parse(body: str, base: Policy | None = None) -> Policy:
    """The policy that `body` (YAML) makes of `base` (the shipped default). Raises BadPolicy."""
    return _over(_loaded(body), base or default_policy())


def _loaded(body: str) -> Mapping[str, Any]:
    if len(body) > LONGEST:
        raise BadPolicy(f"The policy has {len(body):,} characters, {LONGEST:,} are enough. Shorten it.")
    if "&" in body and "*" in body and any(isinstance(token, yaml.AliasToken) for token in _tokens(body)):
        raise BadPolicy("The policy uses YAML aliases (*name). Write the values out.")
    try:
        said = yaml.safe_load(body)
    except yaml.YAMLError as error:
        raise BadPolicy(f"The policy is no YAML: {error}. Put it right.") from error
    if said is None:
        return {}
    return _mapping(said, "policy")


def _tokens(body: str) -> list[Any]:
    try:
        return list(yaml.scan(body))
    except yaml.YAMLError as error:
        raise BadPolicy(f"The policy is no YAML: {error}. Put it right.") from error


def _over(said: Mapping[str, Any], base: Policy) -> Policy:
    _known(said, SECTIONS, "policy")
    own = read(said.get("recognizers") or [], where="recognizers") if _is_list(said) else ()
    kinds = (*KINDS, *(one.kind for one in (*base.own, *own)))
    actions = {place: dict(base.actions[place]) for place in PLACES}
    places = _mapping(said.get("places", {}), "places")
    _known(places, PLACES, "places")
    for place, told in places.items():
        for kind, action in _mapping(told, f"places.{place}").items():
            _one_of(kind, ("default", *kinds), f"places.{place}")
            _one_of(action, ACTIONS, f"places.{place}.{kind}")
            actions[place][kind] = action
    audiences = _mapping(said.get("audiences", {}), "audiences")
    _known(audiences, ("consent_bases",), "audiences")
    bases = audiences.get("consent_bases", sorted(base.consent_bases))
    if not isinstance(bases, list):
        raise BadPolicy(f"audiences.consent_bases: “{bases}” is no list. Write [consent, contract].")
    for basis in bases:
        _one_of(basis, BASES, "audiences.consent_bases")
    address = _mapping(said.get("address", {}), "address")
    _known(address, PURPOSES, "address")
    for purpose, rule in address.items():
        _one_of(rule, (UNLESS_REFUSED, ONLY_WITH_CONSENT), f"address.{purpose}")
    return Policy(
        actions=actions,
        retention_days={**base.retention_days, **_retention(said)},
        consent_bases=frozenset(bases),
        address={**base.address, **address},
        own=(*base.own, *own),
        key=base.key,
    )


def _retention(said: Mapping[str, Any]) -> dict[str, int]:
    told = _mapping(said.get("retention_days", {}), "retention_days")
    _known(told, RETAINED, "retention_days")
    for name, days in told.items():
        if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= 36_500:
            raise BadPolicy(f"retention_days.{name}: “{days}” is no number of days. Write 0 (keep) to 36500.")
    return dict(told)


def _is_list(said: Mapping[str, Any]) -> bool:
    entries = said.get("recognizers") or []
    if not isinstance(entries, list):
        raise BadPolicy(f"recognizers: “{entries}” is no list. Begin each recognizer with a hyphen.")
    return bool(entries)


def _mapping(said: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise BadPolicy(f"{where}: “{str(said)[:60]}” is no mapping. Write names and values, name: value.")
    return said


def _known(said: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in said:
        _one_of(name, names, where)


def _one_of(value: Any, allowed: tuple[str, ...], where: str) -> None:
    if value not in allowed:
        raise BadPolicy(f"{where}: “{str(value)[:60]}” is not known. Use {', '.join(dict.fromkeys(allowed))}.")
