"""Policies applied to texts on their way in, to a model, or out: one call for whoever carries them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from crm.models import Brand, Retailer
from crm.privacy.policies import policy_for
from crm.privacy.redaction import cleaner_of, redact


def cleaner(
    brand: Brand, place: str, retailer: Retailer | None = None, *, refuse: bool = False
) -> Callable[[Any], Any]:
    """A function that cleans texts and JSON values for `place`; the policy is read once (one query).

    With `refuse` a kind that the policy blocks raises Blocked, else it is redacted.
    """
    return cleaner_of(policy_for(brand, retailer), place, refuse=refuse)


def clean_texts(
    brand: Brand, texts: Iterable[str], *, place: str, retailer: Retailer | None = None, refuse: bool = False
) -> list[str]:
    """The texts as the policy lets them into `place` (imports, prompts, feedback, exports, logs), in their order."""
    policy = policy_for(brand, retailer)
    return [redact(text, policy, place, refuse=refuse) for text in texts]


def clean_feedback(brand: Brand, text: str) -> str:
    """A person's words about an output. Raises Blocked where the policy says so: the person can take it out."""
    return redact(text, policy_for(brand), "feedback")
