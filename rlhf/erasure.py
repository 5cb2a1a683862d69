"""Forgets one person in what was judged and in what judges and people wrote about it. Scores and rewards stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from crm.erasure import scrub_rows
from crm.models import Brand
from crm.persons import Person, mentioning
from rlhf.models import Assignment, Evaluation, Experience, Feedback, PreferencePair, Signal

FIELDS = ("title", "request", "context", "output")
# What else holds words, by table: the path to its experience, and the fields.
WORDS: tuple[tuple[Any, tuple[str, ...], tuple[str, ...]], ...] = (
    (Evaluation, ("experience",), ("verdict", "raw", "missing_because")),
    (Feedback, ("experience",), ("comment", "reasons", "original", "corrected", "rich")),
    (PreferencePair, ("a", "b"), ("comment", "reasons")),
    (Assignment, ("item__a", "item__b"), ("draft",)),
)


def about(brand: Brand, person: Person, episodes: Iterable[UUID]) -> list[int]:
    """Keys of the experiences that were made for or about the person."""
    mine = Q(episode__in=list(episodes)) | Q(context__prospect__key__in=person.lead_keys)
    return list(Experience.objects.for_brand(brand).filter(mine).values_list("pk", flat=True))


def erase(brand: Brand, person: Person, episodes: Iterable[UUID], *, dry_run: bool = False) -> Counter[str]:
    """Redact the person's experiences, and every other one that mentions them, with all that was said about them.

    `episodes` are public ids of the episodes about the person.
    """
    own = about(brand, person, episodes)
    rows = Experience.objects.for_brand(brand)
    mine, others = rows.filter(pk__in=own), mentioning(rows.exclude(pk__in=own), FIELDS, person.needles())
    found = {
        "rlhf.Experience redacted": scrub_rows(mine, FIELDS, person, about=True, dry_run=dry_run)
        + scrub_rows(others, FIELDS, person, about=False, dry_run=dry_run)
    }
    for model, paths, fields in WORDS:
        every = model.objects.for_brand(brand)
        theirs = _any(paths, own)
        told = scrub_rows(every.filter(theirs), fields, person, about=True, dry_run=dry_run)
        elsewhere = mentioning(every.exclude(theirs), fields, person.needles())
        told += scrub_rows(elsewhere, fields, person, about=False, dry_run=dry_run)
        found[f"rlhf.{model.__name__} redacted"] = told
    found["rlhf.Signal redacted"] = _signals(brand, person, own, dry_run=dry_run)
    return Counter({name: count for name, count in found.items() if count})


def exported(brand: Brand, person: Person, episodes: Iterable[UUID]) -> int:
    """Ratings and choices about the person's experiences that went into a training file before."""
    own = about(brand, person, episodes)
    words = Feedback.objects.for_brand(brand).filter(experience__in=own, exported_at__isnull=False)
    pairs = PreferencePair.objects.for_brand(brand).filter(_any(("a", "b"), own), exported_at__isnull=False)
    return int(words.count() + pairs.count())


def blank_older(brand: Brand, *, before: datetime, dry_run: bool = False) -> int:
    """Blank the texts of experiences about one person that are older, and what was said of them; how many experiences.
    Scores and rewards stay."""
    rows: QuerySet[Experience] = (
        Experience.objects.for_brand(brand)
        .filter(created_at__lt=before, context__prospect__key__isnull=False)
        .exclude(context__has_key="blanked")
    )
    if dry_run:
        return rows.count()
    old = list(rows.values_list("pk", flat=True))
    Feedback.objects.for_brand(brand).filter(experience__in=old).update(comment="", original="", corrected="", rich={})
    PreferencePair.objects.for_brand(brand).filter(_any(("a", "b"), old)).update(comment="")
    Evaluation.objects.for_brand(brand).filter(experience__in=old).update(raw="", verdict={})
    Signal.objects.for_brand(brand).filter(experience__in=old).update(said={})
    return int(
        Experience.objects.for_brand(brand)
        .filter(pk__in=old)
        .update(title="", request="", context={"blanked": "older than the policy keeps it"}, output={})
    )


def _any(paths: Iterable[str], keys: list[int]) -> Q:
    wanted = Q()
    for path in paths:
        wanted |= Q(**{f"{path}__in": keys})
    return wanted


def _signals(brand: Brand, person: Person, own: list[int], *, dry_run: bool) -> int:
    """History is not rewritten, but for this: what names the person goes out of it."""
    every, changed = Signal.objects.for_brand(brand), 0
    mentioned = mentioning(every.exclude(experience__in=own), ("said",), person.needles())
    for rows, theirs in ((every.filter(experience__in=own), True), (mentioned, False)):
        scrubber = person.scrubber(about=theirs)
        for row in rows.iterator(chunk_size=200):
            said = scrubber.value(row.said)
            if said != row.said:
                changed += 1
                if not dry_run:
                    every.filter(pk=row.pk).update(said=said)
    return changed
