"""Forgets one person in what was judged: requests, contexts, outputs and verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from crm.erasure import scrub_rows
from crm.models import Brand
from crm.persons import Person, mentioning
from rlhf.models import Evaluation, Experience

FIELDS = ("request", "context", "output")


def about(brand: Brand, person: Person, episodes: Iterable[UUID]) -> list[int]:
    """Keys of the experiences that were made for or about the person."""
    mine = Q(episode__in=list(episodes)) | Q(context__prospect__key__in=person.lead_keys)
    return list(Experience.objects.for_brand(brand).filter(mine).values_list("pk", flat=True))


def erase(brand: Brand, person: Person, episodes: Iterable[UUID], *, dry_run: bool = False) -> Counter[str]:
    """Redact the person's experiences, and every other one that mentions them. Scores and rewards stay.

    `episodes` are public ids of the episodes about the person.
    """
    own = about(brand, person, episodes)
    rows = Experience.objects.for_brand(brand)
    mine, others = rows.filter(pk__in=own), mentioning(rows.exclude(pk__in=own), FIELDS, person.needles())
    verdicts = Evaluation.objects.for_brand(brand)
    changed = scrub_rows(mine, FIELDS, person, about=True, dry_run=dry_run)
    changed += scrub_rows(others, FIELDS, person, about=False, dry_run=dry_run)
    told = scrub_rows(verdicts.filter(experience__in=own), ("verdict",), person, about=True, dry_run=dry_run)
    elsewhere = mentioning(verdicts.exclude(experience__in=own), ("verdict",), person.needles())
    told += scrub_rows(elsewhere, ("verdict",), person, about=False, dry_run=dry_run)
    found = {"rlhf.Experience redacted": changed, "rlhf.Evaluation redacted": told}
    return Counter({name: count for name, count in found.items() if count})


def blank_older(brand: Brand, *, before: datetime, dry_run: bool = False) -> int:
    """Blank the texts of experiences about one person that are older; how many. Scores and rewards stay."""
    rows: QuerySet[Experience] = (
        Experience.objects.for_brand(brand)
        .filter(created_at__lt=before, context__prospect__key__isnull=False)
        .exclude(context__has_key="blanked")
    )
    if dry_run:
        return rows.count()
    return int(rows.update(request="", context={"blanked": "older than the policy keeps it"}, output={}))
