"""What a brand asks its raters: tasks are made and changed by owners and planners, and every change is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.text import slugify

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.models import RatingItem, RatingTask

FIELDS = (
    "name",
    "question",
    "reasons",
    "guideline",
    "overlap",
    "gold_share",
    "repeat_share",
    "lock_minutes",
    "is_open",
)
LABELS = {
    "name": "Name",
    "question": "Question",
    "reasons": "Reasons",
    "guideline": "Guide",
    "overlap": "People per item",
    "gold_share": "Known answers",
    "repeat_share": "Seen twice",
    "lock_minutes": "Minutes to answer",
    "is_open": "Open",
}
TAKEN = ("", "new", "my", "items", "widgets")  # addresses that mean something else
WORDS = ("lead", "steps", "good", "poor", "unsure")  # what the form writes; examples from disputes are kept beside


class TaskIsThere(EndcapError):
    """Another task of the brand has this name."""

    status = 409


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a task: who, when, which fields by their names on the page; `first` is how it was made."""

    at: datetime
    by: str
    fields: tuple[str, ...]
    first: bool


def tasks(brand: Brand) -> QuerySet[Any]:
    """With how many items wait, are done, are known answers; one query."""
    items = Q(items__is_gold=False)
    rows: QuerySet[Any] = RatingTask.objects.for_brand(brand).annotate(
        waiting=Count("items", filter=items & Q(items__state=RatingItem.State.OPEN)),
        done=Count("items", filter=items & Q(items__state=RatingItem.State.DONE)),
        known=Count("items", filter=Q(items__is_gold=True)),
    )
    return rows.order_by("kind", "asks", "pk")


def make(brand: Brand, *, by: Any, kind: str, asks: str, values: dict[str, Any]) -> RatingTask:
    """A new task; its address comes from its name. Raises TaskIsThere."""
    slug = slugify(values["name"])[:50].strip("-")
    slug = slug if slug not in TAKEN else f"{kind}-{asks}-{slug}".strip("-")
    with transaction.atomic():
        if RatingTask.objects.for_brand(brand).filter(slug=slug).exists():
            raise TaskIsThere("There is a task of this name. Choose another name, or change that one.", field="name")
        task = RatingTask(brand=brand, slug=slug, kind=kind, asks=asks, **values)
        task._history_user = by  # type: ignore[attr-defined]
        task.save()
    return task


def change(task: RatingTask, *, by: Any, values: dict[str, Any]) -> bool:
    """Write what is different; False where nothing is. What is in people's hands keeps the lock it has.

    Items that wait for people want as many as the task says from now on; those that enough people rated are done.
    """
    with transaction.atomic():
        row = RatingTask.objects.for_brand(task.brand_id).select_for_update().get(pk=task.pk)
        examples = row.guideline.get("examples")
        if "guideline" in values and examples:
            values = {**values, "guideline": {**values["guideline"], "examples": examples}}
        different = [name for name in FIELDS if name in values and getattr(row, name) != values[name]]
        if not different:
            return False
        for name in different:
            setattr(row, name, values[name])
        row._history_user = by
        row.save(update_fields=different)
        if "overlap" in different:
            _want(row)
    task.refresh_from_db()
    return True


def changes(task: RatingTask, most: int = 20) -> list[Change]:
    """The newest first, with the names of what was different from the one before."""
    rows = list(task.history.select_related("history_user").order_by("-history_date", "-history_id")[: most + 1])
    found = []
    for place, row in enumerate(rows[:most]):
        before = rows[place + 1] if place + 1 < len(rows) else None
        fields = tuple(LABELS[name] for name in FIELDS if before and getattr(before, name) != getattr(row, name))
        user = row.history_user
        who = (user.get_full_name() or user.get_username()) if user else "Endcap"
        found.append(Change(row.history_date, who, fields, before is None and row.history_type == "+"))
    return found


def _want(task: RatingTask) -> None:
    """Nobody who holds an item loses it: an item wants at least as many as have it now."""
    rows = RatingItem.objects.for_brand(task.brand_id).filter(task=task, state=RatingItem.State.OPEN, is_gold=False)
    rows.filter(taken__lte=task.overlap).update(wanted=task.overlap)
    rows.filter(answered__gte=task.overlap).update(state=RatingItem.State.DONE)
