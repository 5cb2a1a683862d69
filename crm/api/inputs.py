"""What goes in: checked strictly, so that a mistyped field is an error and not a default."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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


class NothingInput(Strict):
    """No body, or an empty object."""
