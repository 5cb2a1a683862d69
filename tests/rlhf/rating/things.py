"""Work to be rated: e-mails to one buyer each, and queues of them."""

from __future__ import annotations

import uuid
from typing import Any

from crm.models import Brand
from rlhf.models import Experience, RatingItem, RatingTask
from rlhf.rating.tasks import ensure_tasks

WARM = (
    "Dear {name},\n\nIt has been a while since your last order. The new 5 kg sack has a double base and a pull tab, "
    "so it does not tear.\n\nWould you try four of them? We take 10 % off the first order.\n\nKind regards,\nEllen Moor"
)
LOUD = (
    "Dear {name},\n\nThousands of kitchens love our oats! Costs less per kilo than the 2 kg sack, and keeps fresh for "
    "eight weeks.\n\nOrder by Thursday and we deliver on Monday.\n\nBest wishes,\nThe team"
)


def email(brand: Brand, *, number: int = 0, kind: str = "outreach", **changed: Any) -> Experience:
    """One e-mail to Jo, number so and so, by a writer that no rater may learn of."""
    name = "Jo"
    values: dict[str, Any] = {
        "kind": kind,
        "title": f"E-mail {number}",
        "request": f"Write to {name} of café {number}. They stopped ordering in May. Ask them to try the 5 kg sack.",
        "context": {
            "prospect": {"name": name, "company": f"Café {number}", "segment": "cafés", "need": "sacks that hold"},
            "facts": {"f1": "The 5 kg sack has a double base", "f2": "10 % off a first order of 5 kg"},
        },
        "output": {
            "emails": [
                {"subject": f"A sturdier sack, no. {number}", "body": WARM.format(name=name), "citations": ["f1"]}
            ]
        },
        "served_by": "writer@7",
        "policy": "rl@3",
        "simulated": True,
    } | changed
    made: Experience = Experience.across_brands.create(brand=brand, **values)
    return made


def items_of(brand: Brand, count: int, *, wanted: int = 2, slug: str = "emails") -> RatingTask:
    """The task of single e-mails with `count` more items; without gold and repeats, so that tests can count."""
    task = _task(brand, slug)
    start = RatingItem.across_brands.filter(task=task).count()
    for number in range(start, start + count):
        RatingItem.across_brands.create(brand=brand, task=task, a=email(brand, number=number), wanted=wanted)
    return task


def pairs_of(brand: Brand, count: int, *, wanted: int = 2, slug: str = "email-pairs") -> RatingTask:
    """The task of pairs with `count` more items."""
    task = _task(brand, slug)
    start = RatingItem.across_brands.filter(task=task).count()
    for number in range(start, start + count):
        group = uuid.uuid4()
        other = {"emails": [{"subject": f"Oats, 10 % off, no. {number}", "body": LOUD.format(name="Jo")}]}
        RatingItem.across_brands.create(
            brand=brand,
            task=task,
            a=email(brand, number=number, group=group),
            b=email(brand, number=number, group=group, output=other),
            wanted=wanted,
        )
    return task


def _task(brand: Brand, slug: str) -> RatingTask:
    task: RatingTask = ensure_tasks(brand).get(slug=slug)
    task.gold_share = task.repeat_share = 0
    task.save(update_fields=["gold_share", "repeat_share"])
    return task
