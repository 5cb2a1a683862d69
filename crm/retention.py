"""Forgets what is older than the policy keeps it. Figures stay; texts, names and kept files go.

`sweep` with `dry_run` says what would go; the beat task carries it out once a day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from crm.erasure import NAME_OF_ERASED, WAITING
from crm.models import Brand, Contact, Import, Lead, Outcome, QuarantinedRow, Sale, StageChange
from crm.privacy.policies import policy_for

CHUNK = 500


def sweep(brand: Brand, *, now: datetime, dry_run: bool = False) -> dict[str, int]:
    """Rows by the name of the policy's rule that went, or would go."""
    policy = policy_for(brand)
    done: dict[str, int] = {}
    for name, clear in RULES.items():
        days = policy.retention_days.get(name, 0)
        if days:
            with transaction.atomic():
                done[name] = clear(brand, now - timedelta(days=days), dry_run)
    return done


def _quarantine(brand: Brand, before: datetime, dry_run: bool) -> int:
    rows = QuarantinedRow.objects.for_brand(brand).filter(batch__started_at__lt=before).exclude(value="", raw={})
    return rows.count() if dry_run else int(rows.update(value="", raw={}))


def _uploads(brand: Brand, before: datetime, dry_run: bool) -> int:
    rows = Import.objects.for_brand(brand).filter(started_at__lt=before).exclude(kept_as="").exclude(state__in=WAITING)
    kept = list(rows.values_list("pk", "kept_as"))
    if not dry_run:
        for pk, kept_as in kept:
            (Path(settings.UPLOADS_ROOT) / kept_as).unlink(missing_ok=True)
            Import.objects.for_brand(brand).filter(pk=pk).update(kept_as="")
    return len(kept)


def _outcomes(brand: Brand, before: datetime, dry_run: bool) -> int:
    rows = Outcome.objects.for_brand(brand).filter(occurred_at__lt=before).exclude(detail={})
    return rows.count() if dry_run else int(rows.update(detail={}))


def _contacts(brand: Brand, before: datetime, dry_run: bool) -> int:
    """Contacts none of whose leads began, moved, bought or answered since."""
    rows = _silent(brand, before)
    count = rows.count()
    while not dry_run:
        keys = list(rows.values_list("pk", flat=True)[:CHUNK])
        if not keys:
            break
        for lead in Lead.objects.for_brand(brand).filter(contact__in=keys):
            lead.external_id, lead.name, lead.detail, lead.contact = f"expired-{lead.pk}", NAME_OF_ERASED, {}, None
            lead.save(update_fields=["external_id", "name", "detail", "contact"])
        Contact.objects.for_brand(brand).filter(pk__in=keys).delete()
    return count


def _silent(brand: Brand, before: datetime) -> QuerySet[Any]:
    of = {"lead__contact": OuterRef("pk")}
    heard = (
        Lead.objects.for_brand(brand).filter(contact=OuterRef("pk"), created_at__gte=before),
        StageChange.objects.for_brand(brand).filter(**of, changed_at__gte=before),
        Sale.objects.for_brand(brand).filter(**of, sold_at__gte=before),
        Outcome.objects.for_brand(brand).filter(**of, occurred_at__gte=before),
    )
    rows: QuerySet[Any] = Contact.objects.for_brand(brand).filter(leads__isnull=False).distinct()
    for one in heard:
        rows = rows.filter(~Exists(one))
    return rows


RULES = {"quarantine": _quarantine, "uploads": _uploads, "outcomes": _outcomes, "contacts": _contacts}
