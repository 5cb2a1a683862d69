"""Under which name a sign-in is counted for the lockout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest


def attempted_name(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str | None:
    """The user name or address that was tried, in lower case.

    axes reads one key (`AXES_USERNAME_FORM_FIELD`); the pages send `login`, Django's and allauth's signals carry
    `username` or `email`. With one key the failures of one door are stored under no name at all, and never lock it.
    Lower case: sign-in ignores case, so a lockout that minds it could be walked around.
    """
    given = credentials or request.POST
    for name in ("username", "login", "email"):
        if given.get(name):
            return str(given[name]).lower()
    return None
