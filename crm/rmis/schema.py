"""The JSON Schemas of RMIS, the Retail Media Interchange Schema, each with its `$id` and an example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from crm.rmis.events import Event, OutcomeEvent, PerformanceEvent, SaleEvent
from crm.rmis.parts import VERSION
from crm.rmis.things import SKU, Audience, Campaign, Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHAPES: dict[str, type[BaseModel]] = {
    "event": Event,
    "performance": PerformanceEvent,
    "outcome": OutcomeEvent,
    "sale": SaleEvent,
    "sku": SKU,
    "audience": Audience,
    "campaign": Campaign,
    "policy": Policy,
}
EXAMPLES_FILE = Path(__file__).parent / "examples.json"


def identifier(name: str) -> str:
    """The `$id` of a schema: it changes with the version."""
    return f"urn:endcap:rmis:{VERSION}:{name}"


def document(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one shape. Raises KeyError for a name that is none."""
    shape = SHAPES[name].model_json_schema(mode="serialization")
    head = {"$schema": DIALECT, "$id": identifier(name), "title": name, "version": VERSION}
    return {**head, **{key: value for key, value in shape.items() if key != "title"}, "examples": [examples()[name]]}


def index() -> dict[str, Any]:
    """What there is: name, `$id` and a sentence about each."""
    about = {name: " ".join((shape.__doc__ or "").split()) for name, shape in SHAPES.items()}
    schemas = [{"name": name, "id": identifier(name), "about": about[name]} for name in SHAPES]
    return {"title": "Retail Media Interchange Schema", "version": VERSION, "dialect": DIALECT, "schemas": schemas}


def examples() -> dict[str, Any]:
    """One valid value of each shape."""
    found: dict[str, Any] = json.loads(EXAMPLES_FILE.read_text(encoding="utf-8"))
    return found


def as_file(value: Any) -> str:
    """How a published file reads: indented, in the order of the shapes, with a line end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def published() -> dict[str, str]:
    """Content of every file below docs/rmis/, by its name."""
    return {"index.json": as_file(index()), **{f"{name}.json": as_file(document(name)) for name in SHAPES}}
