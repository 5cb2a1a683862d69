"""Plain values out of whatever a file holds: texts that a database can keep, ids, chances, JSON that loses nothing."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from crm.imports.faults import Fault

LONGEST = {"id": 120, "name": 200, "email": 254, "job": 120, "stage": 120}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$")


def text(value: Any, *, field: str, longest: int) -> str:
    """A trimmed text; whole numbers count as text, because sources write ids and names of stages as numbers."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Fault(field, value, "is not a text")
    made = str(value).strip()
    if len(made) > longest:
        raise Fault(field, value, f"is longer than {longest} characters")
    return made


def email(value: Any, *, field: str) -> str:
    made = text(value, field=field, longest=LONGEST["email"]).lower()
    if not _EMAIL.match(made):
        raise Fault(field, value, "is not an e-mail address")
    return made


def episode(value: Any, *, field: str) -> UUID:
    try:
        return UUID(text(value, field=field, longest=60))
    except ValueError as error:
        raise Fault(field, value, "is not the id of an episode (a UUID)") from error


def probability(value: Any, *, field: str, percent: bool) -> float:
    """A chance in [0, 1] from `0.4`, `40%` or, where the column is in percent, `40`."""
    raw = str(value).strip() if isinstance(value, (str, int, Decimal)) and not isinstance(value, bool) else ""
    marked = raw.endswith("%")
    match = re.fullmatch(r"\d{1,3}(?:[.,]\d+)?", raw.removesuffix("%").strip())
    if not match:
        raise Fault(field, value, "is not a probability")
    chance = float(match[0].replace(",", ".")) / (100 if marked or percent else 1)
    if chance > 1:
        raise Fault(field, value, "is more than 1 (100 %)")
    return round(chance, 6)


def is_percent(values: list[Any]) -> bool:
    """Whether a column of probabilities without `%` must be in percent: one of them is above 1."""
    bare = [str(value).strip().replace(",", ".") for value in values if value is not None]
    return any(re.fullmatch(r"\d+(?:\.\d+)?", value) and float(value) > 1 for value in bare)


def storable(value: Any, *, field: str = "") -> None:
    """Raises Fault for characters that no database text can hold (NUL, halves of surrogate pairs), however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            storable(str(name), field=field or printable(str(name)))
            storable(inner, field=field or printable(str(name)))
    elif isinstance(value, list):
        for inner in value:
            storable(inner, field=field)
    elif isinstance(value, str) and _UNSTORABLE.search(value):
        raise Fault(field, value, "has a character that is not text (NUL or half a surrogate pair)")


def printable(value: str) -> str:
    """The text with unstorable characters written as escapes."""
    return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", value)


def as_json(value: Any) -> Any:
    """The same value as JSON can hold it; decimals as text so that no digit is lost, bad characters as escapes."""
    if isinstance(value, dict):
        return {printable(str(name)): as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    if isinstance(value, str):
        return printable(value)
    return str(value) if isinstance(value, Decimal) else value


def fingerprint(values: Any) -> str:
    """SHA-256 of a row's content, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(as_json(values), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def shortened(name: str, prefix: str, longest: int = 80) -> str:
    """`prefix:name` as a key of at most `longest` characters; longer names are replaced by their hash."""
    key = f"{prefix}:{name}"
    return key if len(key) <= longest else f"{prefix}:sha256:{hashlib.sha256(name.encode()).hexdigest()[:48]}"
