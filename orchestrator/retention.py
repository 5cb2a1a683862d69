"""Retention in every app, by each brand's policy: the CRM's own rows, then the texts of experiences and steps."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

import crm.retention
import rlhf.erasure
from crm.models import Brand
from crm.privacy.policies import policy_for
from orchestrator.models import ENDED_STATES, Episode, Step

EXPIRED = "older than the policy keeps it"


def sweep(brand: Brand, *, now: datetime, dry_run: bool = False) -> dict[str, int]:
    """Rows by rule that went, or would go."""
    done = crm.retention.sweep(brand, now=now, dry_run=dry_run)
    days = policy_for(brand).retention_days.get("experiences", 0)
    if days:
        before = now - timedelta(days=days)
        with transaction.atomic():
            done["experiences"] = rlhf.erasure.blank_older(brand, before=before, dry_run=dry_run)
            done["steps"] = _steps(brand, before, dry_run)
    return done


def _steps(brand: Brand, before: datetime, dry_run: bool) -> int:
    """Outputs of ended episodes about one prospect; what was chosen, with which chance and quality stays."""
    old = Episode.objects.for_brand(brand).filter(
        created_at__lt=before, subject__kind="prospect", state__in=ENDED_STATES
    )
    rows = Step.objects.for_brand(brand).filter(episode__in=old).exclude(summary=EXPIRED)
    if dry_run:
        return int(rows.count())
    old.update(title=EXPIRED.capitalize(), request="")
    return int(rows.update(summary=EXPIRED, why="", output={}))
