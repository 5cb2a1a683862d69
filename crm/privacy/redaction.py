"""A text as a policy lets it go: personal data allowed, redacted, replaced by a pseudonym, or refused.

A pseudonym is `kind_` and twelve hexadecimal signs of HMAC-SHA-256 (RFC 2104) over the normalised value, under the
brand's key: the same person gets the same token within a brand, another one in every other brand, and without the key
nobody can compute it from a guessed address.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from crm.errors import EndcapError
from crm.privacy.detection import KINDS, Span, detect
from crm.privacy.policy import ALLOW, BLOCK, PSEUDONYMISE, Policy

TOKEN_SIGNS = 12
SHORT, REMEMBERED = 200, 20_000  # characters of a text, and texts, that a cleaner remembers


class Blocked(EndcapError):
    """A text holds what must not go there. The message names kind and place, never the value."""


def redact(text: str, policy: Policy, place: str, *, refuse: bool = True) -> str:
    """`text` as the policy lets it go to `place`. Raises Blocked; with `refuse` False what would block is redacted
    (for texts that have to be kept or logged in some form)."""
    spans = detect(text, policy.own)
    if not spans:
        return text
    made, end = [], 0
    for span in spans:
        made += [text[end : span.start], replacement(span, policy, place, refuse=refuse)]
        end = span.end
    return "".join((*made, text[end:]))


def replacement(span: Span, policy: Policy, place: str, *, refuse: bool = True) -> str:
    """What stands in the place of one find. A link that carries a person is treated as `default`, not as a link."""
    action = policy.action(place, span.kind)
    if span.kind == "url" and span.personal and action == ALLOW:
        action = policy.action(place, "default")
    if action == ALLOW:
        return span.value
    if action == BLOCK and refuse:
        said = KINDS.get(span.kind, span.kind)
        raise Blocked(
            f"The text holds a {said} at character {span.start + 1}, which the privacy policy does not let into "
            f"{place}. Take it out, or change places.{place}.{span.kind} of the policy.",
            kind=span.kind, place=place, start=span.start, end=span.end,
        )  # fmt: skip
    if action == PSEUDONYMISE and policy.key:
        return pseudonym(span.kind, span.value, policy.key)
    return f"[{span.kind}]"


def cleaner_of(policy: Policy, place: str, *, refuse: bool = False) -> Callable[[Any], Any]:
    """A function that does the same to texts and to every text inside a JSON value; keys and numbers stay.

    Short texts are remembered: ids and labels repeat a lot.
    """
    remembered = lru_cache(maxsize=REMEMBERED)(lambda text: redact(text, policy, place, refuse=refuse))

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return remembered(value) if len(value) <= SHORT else redact(value, policy, place, refuse=refuse)
        if isinstance(value, Mapping):
            return {name: clean(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [clean(one) for one in value]
        return value

    return clean


def pseudonym(kind: str, value: str, key: bytes) -> str:
    """`email_3f9a2c71b04d`."""
    return f"{kind}_{keyed_hash(normalised(value), key)[:TOKEN_SIGNS]}"


def keyed_hash(value: str, key: bytes) -> str:
    """64 hexadecimal signs."""
    return hmac.new(key, value.encode(), "sha256").hexdigest()


def normalised(value: str) -> str:
    """One spelling for an address, a number or an id: e-mail in small letters, phones as + and digits, else without
    spaces and signs between, in small letters."""
    plain = " ".join(value.split()).casefold()
    if "@" in plain:
        return plain.replace(" ", "").removeprefix("mailto:")
    digits = re.sub(r"\D", "", plain)
    if len(digits) >= 7 and re.fullmatch(r"(?:\+|00)?[\d ()./-]+", plain):
        return "+" + digits.removeprefix("00") if plain.startswith(("+", "00")) else digits
    return plain
