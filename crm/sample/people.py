"""The people of the sample data and their sign-ins. Demo passwords never reach production by accident."""

from __future__ import annotations

import os

from django.conf import settings
from django.contrib.auth import get_user_model

from crm.errors import EndcapError
from crm.models import Brand, Membership

DEMO_PASSWORD = "endcap-demo"  # noqa: S105 - documented, and refused in production
PEOPLE: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("ana", "Ana", "Kovac", {"harbor-oats": Membership.Role.OWNER}),
    ("ben", "Ben", "Okafor", {"harbor-oats": Membership.Role.VIEWER}),
    ("cleo", "Cleo", "Santos", {"lumen-home": Membership.Role.OWNER}),
    ("rae", "Rae", "Nilsen", {"harbor-oats": Membership.Role.RATER}),
    (
        "maya",
        "Maya",
        "Lindqvist",
        {
            "harbor-oats": Membership.Role.PLANNER,
            "lumen-home": Membership.Role.PLANNER,
            "pawfield": Membership.Role.OWNER,
        },
    ),
)
ADMIN = "admin"


class NoDemoPassword(EndcapError):
    """Sample people need a password of their own in production."""


def demo_password() -> str:
    """The password of every sample person. Raises NoDemoPassword in production unless DEMO_PASSWORD is set."""
    given = os.environ.get("DEMO_PASSWORD", "")
    if not given and settings.PRODUCTION:
        raise NoDemoPassword("Set DEMO_PASSWORD before loading sample people in production: its default is public.")
    return given or DEMO_PASSWORD


def make_people(brands: dict[str, Brand], password: str) -> list[tuple[str, str]]:
    """Users and memberships, those missing only; (username, what they may do) of everybody. Passwords once set stay."""
    users = get_user_model().objects
    listed = []
    for username, first, last, roles in PEOPLE:
        user = users.filter(username=username).first() or users.create_user(
            username, email=f"{username}@endcap.example", password=password, first_name=first, last_name=last
        )
        for slug, role in roles.items():
            Membership.objects.get_or_create(user=user, brand=brands[slug], defaults={"role": role})
        said = [f"{Membership.Role(role).label.lower()} of {brands[slug].name}" for slug, role in roles.items()]
        listed.append((username, ", ".join(said)))
    if not users.filter(username=ADMIN).exists():
        users.create_superuser(ADMIN, email="admin@endcap.example", password=password)
    listed.append((ADMIN, "administration at /admin/"))
    return listed
