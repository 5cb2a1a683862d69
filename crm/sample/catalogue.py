"""The invented brands and packs of the sample data, as their YAML files say. Pure."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

HERE = Path(__file__).resolve().parent
BRANDS = ("harbor-oats", "lumen-home", "pawfield")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FactEntry(_Strict):
    kind: str
    text: str


class SkuEntry(_Strict):
    code: str
    gtin: str = Field(default="", pattern=r"^(\d{14})?$", description="In the range that shops use among themselves")
    size: str = ""
    name: str
    category: str
    price: Decimal | None
    facts: tuple[FactEntry, ...]


class RetailerEntry(_Strict):
    name: str
    network: str
    delivers_by: time


class CampaignEntry(_Strict):
    id: str
    retailer: str
    name: str
    objective: str
    budget: Decimal = Field(description="Per week")


class SegmentEntry(_Strict):
    name: str
    share: Annotated[float, Field(gt=0, le=1)]
    facts: dict[str, tuple[int, int]] = Field(description="Name of a figure and its range")


class BrandEntry(_Strict):
    name: str
    slug: str
    world: str
    currency: str
    voice: str
    postal_address: str
    code: str
    skus: tuple[SkuEntry, ...]
    retailers: tuple[RetailerEntry, ...]
    campaigns: tuple[CampaignEntry, ...]
    leads: int
    stated_need: Annotated[float, Field(ge=0, le=1)]
    needs: dict[str, tuple[str, ...]]
    segments: tuple[SegmentEntry, ...]


class PackEntry(_Strict):
    slug: str
    name: str
    goal: str
    task: str
    allowed: tuple[str, ...]
    static: tuple[str, ...]
    max_steps: int
    threshold: float


def brand_entry(slug: str) -> BrandEntry:
    return BrandEntry.model_validate(yaml.safe_load((HERE / "brands" / f"{slug}.yaml").read_text(encoding="utf-8")))


def pack_entries() -> tuple[PackEntry, ...]:
    rows = yaml.safe_load((HERE / "packs.yaml").read_text(encoding="utf-8"))
    return tuple(PackEntry.model_validate(row) for row in rows)
