"""Flags: somebody says that something is wrong with a text. An owner or planner looks and settles it.

Until a flag is found fine, no training file takes the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Brand
from rlhf.models import Feedback, Signal, Source
from rlhf.signals import name_of, record

Settled = Feedback.Settled


class NotThatWay(EndcapError):
    """The flag was taken back or settled meanwhile, or the answer is not one of the two."""

    status = 409


def _standing(brand: Brand) -> QuerySet[Any]:
    rows: QuerySet[Any] = Feedback.objects.for_brand(brand).filter(kind=Feedback.Kind.FLAG, undone_at__isnull=True)
    return rows.exclude(source=Source.PANEL)


def waiting(brand: Brand, *, kind: str = "") -> QuerySet[Any]:
    """What nobody has looked at, oldest first, with text and person; of one kind of work where it is given."""
    rows = _standing(brand).filter(settled="", **({"experience__kind": kind} if kind else {}))
    return rows.select_related("experience", "rater").order_by("created_at", "pk")


def settled(brand: Brand) -> QuerySet[Any]:
    """What was settled, newest first."""
    rows = _standing(brand).exclude(settled="")
    return rows.select_related("experience", "rater", "settled_by").order_by("-settled_at", "-pk")


def held_back(brand: Brand, experiences: Iterable[int]) -> set[int]:
    """Those of the experiences (keys) whose flag stands and was not found fine."""
    rows = _standing(brand).filter(experience__in=list(experiences)).exclude(settled=Settled.FINE)
    return set(rows.values_list("experience", flat=True))


def settle(flag: Feedback, *, by: Any, answer: str) -> Feedback:
    """`fine` or `wrong`, or blank to take that back. Raises NotThatWay."""
    if answer not in ("", *Settled.values):
        raise NotThatWay(f"“{answer[:20]}” is no answer. Say fine or wrong.", field="answer", value=answer[:20])
    found = {"settled": answer, "settled_by": by if answer else None, "settled_at": timezone.now() if answer else None}
    rows = Feedback.objects.for_brand(flag.brand_id)
    open_now = rows.filter(pk=flag.pk, kind=Feedback.Kind.FLAG, undone_at__isnull=True)
    open_now = open_now.filter(settled="") if answer else open_now.exclude(settled="")
    with transaction.atomic():
        if open_now.update(**found) != 1:
            raise NotThatWay("Somebody else was here first. Look at it again.")
        said = {"found": answer or "open again", "feedback": str(flag.public_id)}
        record(flag.experience, Signal.Kind.SETTLED, actor=name_of(by), **said)
    flag.refresh_from_db()
    return flag
