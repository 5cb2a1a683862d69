"""Fields of a body: rows of the same brand named by their key, codes, currencies, JSON that any database can hold.

A name that belongs to another brand is as unknown as one that nobody has.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from stdnum import ean

from crm.models import Brand, BrandOwned

CHUNK = 2000
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Names:
    """Rows of one brand by model and key, each asked for once."""

    def __init__(self, brand: Brand) -> None:
        self.brand = brand
        self._known: dict[tuple[type[BrandOwned], str], dict[str, Any]] = {}

    def learn(self, model: type[BrandOwned], key: str, values: Iterable[str]) -> None:
        """Fetch all of `values` that are not known yet, a query for each 2,000."""
        known = self._known.setdefault((model, key), {})
        missing = sorted({value for value in values if value not in known})
        for start in range(0, len(missing), CHUNK):
            part = missing[start : start + CHUNK]
            known |= dict.fromkeys(part)
            for row in model.objects.for_brand(self.brand).filter(**{f"{key}__in": part}):
                known[getattr(row, key)] = row

    def find(self, model: type[BrandOwned], key: str, value: str) -> Any:
        """The row, or None."""
        self.learn(model, key, [value])
        return self._known[model, key][value]


@extend_schema_field({"type": "string", "minLength": 1})
class Reference(serializers.CharField):
    """A row of the brand, named by its key: `{"retailer": "northmart"}`. The serializer's context holds `names`."""

    default_error_messages = {"unknown": "There is no such {what} in this brand: {value!r}. Create it first."}

    def __init__(self, model: type[BrandOwned], key: str = "external_id", **kwargs: Any) -> None:
        self.model, self.key = model, key
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        row = self.context["names"].find(self.model, self.key, value)
        if row is None:
            self.fail("unknown", what=self.model._meta.verbose_name, value=value[:80])
        return row

    def to_representation(self, value: Any) -> Any:
        return getattr(value, self.key)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # CharField turns "" into "" before it looks at allow_null; a reference that is blank is no reference.
        if data == "" and self.allow_null:
            data = None
        return super().run_validation(data)


def learn_all(serializer: serializers.Serializer[Any], rows: Sequence[Any]) -> None:
    """Fetch every row that the references of `rows` name, so that validating them asks nothing more."""
    names: Names = serializer.context["names"]
    for name, field in serializer.fields.items():
        one = field.child if isinstance(field, serializers.ListField) else field
        if not isinstance(one, Reference):
            continue
        given = [row.get(name) for row in rows if isinstance(row, Mapping)]
        flat = [each for value in given for each in (value if isinstance(value, list) else [value])]
        names.learn(one.model, one.key, {each.strip() for each in flat if isinstance(each, str) and each.strip()})


class Currency(serializers.RegexField):
    """ISO 4217."""

    def __init__(self, **kwargs: Any) -> None:
        said: Any = {"invalid": "Must be three capital letters (ISO 4217), for example EUR."}
        super().__init__(r"^[A-Z]{3}$", error_messages=said, help_text="ISO 4217", **kwargs)


@extend_schema_field({"type": "string", "maxLength": 60})
class TimeZone(serializers.CharField):
    """An IANA name."""

    default_error_messages = {"unknown": "There is no such time zone: {value!r}. Give an IANA name like Europe/Paris."}

    def to_internal_value(self, data: Any) -> str:
        name: str = super().to_internal_value(data)
        if name not in zoneinfo.available_timezones():
            self.fail("unknown", value=name[:60])
        return name


@extend_schema_field({"type": "string", "pattern": r"^(\d{8}|\d{12,14})?$"})
class Gtin(serializers.CharField):
    """A barcode of 8, 12, 13 or 14 digits with a right check digit; kept as GTIN-14."""

    default_error_messages = {
        "digits": "Must be a barcode of 8, 12, 13 or 14 digits, without spaces.",
        "check": "The check digit of {value!r} is wrong. Look at the package again.",
    }

    def to_internal_value(self, data: Any) -> str:
        code: str = super().to_internal_value(data)
        if code == "":
            return code
        if not (code.isascii() and code.isdigit() and len(code) in (8, 12, 13, 14)):
            self.fail("digits")
        if not ean.is_valid(code):
            self.fail("check", value=code)
        return code.zfill(14)


@extend_schema_field({"type": "object", "additionalProperties": True})
class PlainObject(serializers.JSONField):
    """A JSON object whose texts any database can hold."""

    kind: type = dict
    default_error_messages = {
        "kind": "Must be a JSON object.",
        "unstorable": "Holds a character that cannot be stored (NUL or half a surrogate pair).",
    }

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not isinstance(value, self.kind):
            self.fail("kind")
        if _unstorable(value):
            self.fail("unstorable")
        return value


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
class PlainList(PlainObject):
    """A JSON list of objects."""

    kind = list
    default_error_messages = {"kind": "Must be a JSON list of objects."}

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if not all(isinstance(each, dict) for each in value):
            self.fail("kind")
        return value


def _unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_UNSTORABLE.search(value))
    if isinstance(value, dict):
        return any(_unstorable(name) or _unstorable(each) for name, each in value.items())
    return isinstance(value, list) and any(_unstorable(each) for each in value)
