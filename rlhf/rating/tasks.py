"""The questions a brand asks people: one task per kind of work, one at a time and in pairs, from `tasks.yaml`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from django.db.models import QuerySet

from crm.models import Brand
from rlhf.models import RatingTask

FILE = Path(__file__).parent / "tasks.yaml"


@lru_cache(maxsize=1)
def entries() -> list[dict[str, Any]]:
    """Every shipped task as fields of RatingTask; a pair takes guideline and reasons of its kind."""
    made = []
    for kind, said in yaml.safe_load(FILE.read_text(encoding="utf-8")).items():
        for asks in ("single", "pair"):
            one = said[asks]
            made.append(
                {
                    "slug": one["slug"],
                    "name": one["name"],
                    "kind": kind,
                    "asks": asks,
                    "question": one["question"],
                    "reasons": one["reasons"],
                    "guideline": said["guideline"],
                }
            )
    return made


def ensure_tasks(brand: Brand) -> QuerySet[Any]:
    """The brand's tasks; those that are missing are made, those that are there are left as somebody changed them."""
    rows: QuerySet[Any] = RatingTask.objects.for_brand(brand)
    known = set(rows.values_list("slug", flat=True))
    for entry in entries():
        if entry["slug"] not in known:
            rows.get_or_create(
                brand=brand, slug=entry["slug"], defaults={k: v for k, v in entry.items() if k != "slug"}
            )
    return rows.order_by("kind", "asks", "pk")
