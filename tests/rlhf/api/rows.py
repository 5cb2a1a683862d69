"""Experiences and people for the tests of the feedback API."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from crm.models import Brand, Membership
from rlhf.models import Experience
from tests.factories import MembershipFactory, UserFactory

NUMBERS = itertools.count(1)
PROMPT = "Write to Ida about the oat bar"


def experience(brand: Brand, text: str = "", **fields: Any) -> Experience:
    """An outreach letter with a text of its own."""
    number = next(NUMBERS)
    made: Experience = Experience.across_brands.create(
        brand=brand,
        **{
            "kind": "outreach",
            "request": PROMPT,
            "output": {"text": text or f"Dear Ida, bar number {number} is here."},
            "served_by": "composer@1",
            **fields,
        },
    )
    return made


def two(brand: Brand, **fields: Any) -> tuple[Experience, Experience]:
    """Two answers to one request."""
    group = uuid.uuid4()
    return experience(brand, group=group, **fields), experience(brand, group=group, **fields)


def raters(brand: Brand, count: int) -> list[Any]:
    people = [UserFactory(username=f"rater{next(NUMBERS)}") for _ in range(count)]
    for one in people:
        MembershipFactory(user=one, brand=brand, role=Membership.Role.RATER)
    return people
