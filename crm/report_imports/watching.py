"""Watched folders and buckets: what is new there is taken in, each file once.

A file is the same file when place, size and content are (for a bucket its ETag, for a folder the time of its last
change stands for a look at the content); a changed file of an old name is taken again.
"""

from __future__ import annotations

import fnmatch
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from crm.errors import EndcapError
from crm.models import Import, WatchedSource
from crm.report_imports.keeping import hash_of
from crm.report_imports.receiving import receive

SETTLED_S = 5  # a file that was changed later than this may still be growing
MOST = 100  # files of one look
MAX_BYTES = 20 * 2**30
log = structlog.get_logger(__name__)


class CannotLook(EndcapError):
    """The folder or bucket cannot be read; the message says why."""

    status = 422


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a place: `name` is its path there."""

    name: str
    size: int
    changed_at: float


def look_at_all(*, now: datetime | None = None) -> int:
    """Look into every place that is due; how many files were taken in."""
    now = now or timezone.now()
    taken = 0
    for source in WatchedSource.across_brands.filter(active=True).select_related("brand", "retailer"):
        due = source.looked_at is None or source.looked_at + timedelta(minutes=source.every_minutes) <= now
        before = Q(looked_at=source.looked_at) if source.looked_at else Q(looked_at__isnull=True)
        # one worker looks: who moves the time forward
        if due and WatchedSource.across_brands.filter(before, pk=source.pk).update(looked_at=now):
            taken += look(source, now=now)
    return taken


def look(source: WatchedSource, *, now: datetime) -> int:
    """Take in what is new in one place, oldest first; how many files. Trouble is written on the source."""
    trouble, taken = "", 0
    try:
        place = _place(source)
        for one in sorted(place.files(), key=lambda file: (file.changed_at, file.name))[:MOST]:
            try:
                taken += _take(source, place, one, now)
            except EndcapError as error:
                trouble = trouble or f"{one.name}: {error.message}"
    except CannotLook as error:
        trouble = error.message
    WatchedSource.objects.for_brand(source.brand_id).filter(pk=source.pk).update(trouble=trouble[:300])
    source.trouble = trouble[:300]
    return taken


def _take(source: WatchedSource, place: Folder | Bucket, one: Found, now: datetime) -> bool:
    if now.timestamp() - one.changed_at < SETTLED_S:
        return False
    filename = Path(one.name).name
    known = Import.objects.for_brand(source.brand_id).filter(
        retailer=source.retailer, filename=filename[:255], size_bytes=one.size
    )
    newer = known.filter(started_at__gt=datetime.fromtimestamp(one.changed_at, tz=now.tzinfo))
    if newer.exists():
        return False
    with place.open(one) as file:
        if known.filter(sha256=hash_of(file)).exists():
            return False
        file.seek(0)
        receive(
            brand=source.brand, retailer=source.retailer, file=file, filename=filename, mapping=source.mapping,
            confirm=False, limit=MAX_BYTES,
        )  # fmt: skip
    return True


def _place(source: WatchedSource) -> Folder | Bucket:
    """The place, which lies below a folder named as the brand: no brand can watch what comes for another."""
    in_bucket = source.place.startswith("s3://")
    inside = urlsplit(source.place).path if in_bucket else source.place
    parts = [part for part in inside.split("/") if part not in ("", ".")]
    if parts[:1] != [source.brand.slug] or ".." in parts:
        example = f"s3://bucket/{source.brand.slug}/" if in_bucket else f"{source.brand.slug}/amazon"
        raise CannotLook(f"{source.place} is no place of {source.brand}. Name one below {example}.", field="place")
    if "/" in source.pattern or ".." in source.pattern:
        raise CannotLook(f"{source.pattern} names folders. Name files, for example *.csv.", field="pattern")
    if source.place.startswith("s3://"):
        return Bucket(source.place, source.pattern)
    return Folder(source.place, source.pattern)


class Folder:
    """Files right in a folder below settings.WATCH_ROOT."""

    def __init__(self, place: str, pattern: str) -> None:
        root = Path(settings.WATCH_ROOT).resolve()
        self.path = (root / place).resolve()
        self.pattern = pattern
        if self.path != root and root not in self.path.parents:
            raise CannotLook(f"{place} is not below {root}. Name a folder inside of it.", field="place", value=place)
        if not self.path.is_dir():
            raise CannotLook(f"There is no folder {place} below {root}. Make it, or correct the name.", value=place)

    def files(self) -> Iterator[Found]:
        for path in self.path.glob(self.pattern):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                facts = path.stat()
                yield Found(path.name, facts.st_size, facts.st_mtime)

    def open(self, one: Found) -> IO[bytes]:
        return (self.path / one.name).open("rb")


class Bucket:
    """Objects below a prefix of an S3 bucket. Keys and endpoint are boto3's own variables (AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3, ...)."""

    def __init__(self, place: str, pattern: str) -> None:
        parts = urlsplit(place)
        self.bucket, self.prefix, self.pattern = parts.netloc, parts.path.lstrip("/"), pattern
        if not self.bucket:
            raise CannotLook(f"{place} names no bucket, for example s3://reports/amazon/", field="place", value=place)
        config = Config(connect_timeout=5, read_timeout=60, retries={"max_attempts": 3})
        self.client: Any = boto3.client("s3", config=config)

    def files(self) -> Iterator[Found]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        with _told(self.bucket):
            for page in pages:
                for one in page.get("Contents", []):
                    name = one["Key"].rsplit("/", 1)[-1]
                    if name and fnmatch.fnmatch(name, self.pattern):
                        yield Found(one["Key"], one["Size"], one["LastModified"].timestamp())

    def open(self, one: Found) -> IO[bytes]:
        if one.size > MAX_BYTES:
            raise CannotLook(f"{one.name} is larger than {MAX_BYTES // 2**30} GB.", value=one.size)
        file = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with _told(self.bucket):
                self.client.download_fileobj(self.bucket, one.name, file)
        except CannotLook:
            file.close()
            raise
        file.seek(0)
        return file


@contextmanager
def _told(bucket: str) -> Iterator[None]:
    """Turns what boto3 raises into a sentence."""
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        message = f"s3://{bucket} refused: {said.get('Code')} {said.get('Message', '')}".strip()
        raise CannotLook(f"{message}. Check the name and the keys.", value=bucket) from error
    except BotoCoreError as error:
        raise CannotLook(f"s3://{bucket} cannot be reached: {error}", value=bucket) from error
