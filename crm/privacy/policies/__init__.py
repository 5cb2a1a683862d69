"""The policy in force: the shipped default, the brand's over it, the one for a retailer over that."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from crm.errors import EndcapError
from crm.models import Brand, PrivacyPolicy, Retailer
from crm.privacy.keys import brand_key
from crm.privacy.policy import Policy, default_policy, parse


class PolicyChanged(EndcapError):
    """Somebody else changed the policy in the meantime."""

    status = 409


def policy_for(brand: Brand, retailer: Retailer | None = None) -> Policy:
    """What holds for the brand, and for one retailer's data. One query."""
    rows = PrivacyPolicy.objects.for_brand(brand).filter(retailer__isnull=True)
    if retailer is not None:
        rows |= PrivacyPolicy.objects.for_brand(brand).filter(retailer=retailer)
    policy = default_policy().with_key(brand_key(brand))
    for row in sorted(rows, key=lambda one: one.retailer_id is not None):
        policy = parse(row.body, policy)
    return policy


def body_of(brand: Brand, retailer: Retailer | None = None) -> PrivacyPolicy | None:
    """The brand's own words for all retailers, or for this one."""
    row: PrivacyPolicy | None = PrivacyPolicy.objects.for_brand(brand).filter(retailer=retailer).first()
    return row


def set_policy(
    *, brand: Brand, body: str, retailer: Retailer | None = None, by: Any = None, seen_version: int | None = None
) -> PrivacyPolicy:
    """Keep a policy after checking it. `seen_version` 0: there was none when it was written.

    Raises BadPolicy and BadRecognizer, and PolicyChanged where the stored version is not the one that was seen.
    """
    below = policy_for(brand) if retailer is not None else None
    parse(body, below)
    with transaction.atomic():
        row = PrivacyPolicy.objects.for_brand(brand).select_for_update(of=("self",)).filter(retailer=retailer).first()
        now = row.version if row is not None else 0
        if seen_version is not None and seen_version != now:
            raise PolicyChanged(f"The policy was changed since you opened it (version {now}). Load it again.")
        if row is None:
            try:
                with transaction.atomic():
                    row = PrivacyPolicy(brand=brand, retailer=retailer, body=body, changed_by=by)
                    row.save(force_insert=True)
            except IntegrityError as error:
                raise PolicyChanged("Somebody else wrote a policy just now. Load it again.") from error
            return row
        row.body, row.version, row.changed_by = body, now + 1, by
        row.save(update_fields=["body", "version", "changed_by", "changed_at"])
        stored: PrivacyPolicy = row
        return stored
