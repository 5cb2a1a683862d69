"""What goes in: checked strictly, so that a mistyped field is an error and not a default."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from orchestrator.models import PolicyMode


class Strict(serializers.Serializer[Any]):
    """Input that names a field it does not know, instead of ignoring it: `{"mode": "rl"}` must not run `rule`."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(str(name) for name in set(data) - set(self.fields))
            if unknown:
                known = ", ".join(self.fields) or "none"
                raise serializers.ValidationError(
                    {name: [f"There is no such field. There are: {known}."] for name in unknown}, code="unknown"
                )
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON whole number: 20, not "20", 20.0 or true."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


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


class NothingInput(Strict):
    """No body, or an empty object."""
