"""What goes in: checked strictly, so that a mistyped field is an error and not a default."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from crm.api.inputs import Strict, WholeNumber
from orchestrator.models import PolicyMode


def _between(least: int, most: int) -> dict[str, Any]:
    said = f"Must be a whole number from {least} to {most}."
    return dict.fromkeys(("invalid", "min_value", "max_value"), said)


class RunInput(Strict):
    """How to run a pack."""

    policy_mode = serializers.ChoiceField(
        choices=PolicyMode.choices,
        default=PolicyMode.RULE,
        error_messages={"invalid_choice": f"There is no such mode. Choose one of {', '.join(PolicyMode.values)}."},
    )
    max_steps = WholeNumber(min_value=1, max_value=100, default=20, error_messages=_between(1, 100))
    request = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=4000,
        help_text="What you want, in plain words; the pack's goal if empty",
    )


class ForkInput(Strict):
    """Where the new run leaves the old one."""

    after_step = WholeNumber(
        min_value=0,
        max_value=100,
        error_messages=_between(0, 100),
        help_text="How many steps to take over, from the first",
    )
