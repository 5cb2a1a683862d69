"""The same POST twice has one effect: answers kept under the caller's key.

The database's unique constraint decides which of several equal calls is the first.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=48)
GIVEN_UP_AFTER = timedelta(minutes=15)
LONGEST_KEY = IdempotencyRecord._meta.get_field("key").max_length or 0
LONGEST_PATH = IdempotencyRecord._meta.get_field("path").max_length or 0


class KeyReused(EndcapError):
    """The key already belongs to another call."""

    status = 422


class StillAtWork(EndcapError):
    """The first call with this key has not answered yet."""

    status = 409

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message, retry_after=1, **detail)


def claim(*, user: Any, key: str, path: str, body_sha256: str) -> IdempotencyRecord:
    """A fresh record (`status` 0) when this call is the first and must do the work; else a kept answer (`status` > 0).

    Raises KeyReused when the key was used for another path or body, StillAtWork while the first call runs. A first call
    that never came to an end (its process died) is given up after 15 minutes; one caller then takes its place.
    """
    short = path[:LONGEST_PATH]
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(user=user, key=key, path=short, body_sha256=body_sha256)
    except IntegrityError:
        record = IdempotencyRecord.objects.filter(user=user, key=key).first()
    if record is None:
        # The first call failed and gave its key back in this very moment.
        raise StillAtWork("The first call with this Idempotency-Key has just failed. Send this one again.")
    if (record.path, record.body_sha256) != (short, body_sha256):
        raise KeyReused("This Idempotency-Key was used for another call. Choose a new key for a new call.", key=key)
    if record.status:
        return record
    now = timezone.now()
    abandoned = IdempotencyRecord.objects.filter(pk=record.pk, status=0, created_at=record.created_at)
    if record.created_at < now - GIVEN_UP_AFTER and abandoned.update(created_at=now) == 1:
        record.created_at = now
        return record
    raise StillAtWork("The first call with this Idempotency-Key is still at work. Ask again in a second.", key=key)


def keep(record: IdempotencyRecord, *, status: int, body: Any) -> None:
    """Store the answer. Inside the transaction that does the work, both are committed or neither."""
    record.status, record.body = status, body
    record.save(update_fields=["status", "body"])


def give_back(record: IdempotencyRecord) -> None:
    """The work failed and changed nothing: the key may be used again."""
    IdempotencyRecord.objects.filter(pk=record.pk).delete()


def forget_old(now: datetime) -> int:
    """Delete answers kept longer than 48 hours; returns how many."""
    count, _ = IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return count
