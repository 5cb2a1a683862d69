"""The append-only history of an experience: one row for each thing that happened to it."""

from __future__ import annotations

from typing import Any

from rlhf.models import Experience, Signal


def record(experience: Experience, kind: Signal.Kind | str, /, *, actor: str = "", **said: Any) -> Signal:
    """Write one signal; `said` is what it says, as JSON values."""
    made: Signal = Signal.objects.for_brand(experience.brand_id).create(
        brand_id=experience.brand_id, experience=experience, kind=kind, actor=actor[:120], said=said
    )
    return made


def name_of(user: Any, given: str = "") -> str:
    """What the history calls a person: the sign-in name here, or the name an outside system gave."""
    return user.get_username() if user is not None else given
