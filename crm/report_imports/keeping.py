"""Keeps uploads outside the web root, under names of our own, after a look at what they really are."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from crm.models import Brand, Import
from crm.report_imports.errors import NotNow, UnknownType, UploadTooLarge

PIECE = 1 << 20
HEAD = 1 << 16
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_OTHERS = (
    (b"%PDF", "a PDF"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"), (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"), (b"\x7fELF", "a program"), (b"MZ", "a program"),
    (b"Rar!", "a RAR archive"), (b"7z\xbc\xaf", "a 7z archive"), (b"PAR1", "a Parquet file"),
)  # fmt: skip
ADVICE = "Export the report as CSV, JSON or Excel workbook (.xlsx); .gz and .zip of these are fine, too."


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a file lies below UPLOADS_ROOT, and what it is."""

    kept_as: str
    sha256: str
    size_bytes: int
    kind: str


def keep(brand: Brand, file: IO[bytes], filename: str, *, limit: int | None = None) -> Kept:
    """Copy the file below UPLOADS_ROOT. Raises UploadTooLarge and UnknownType; nothing is left of it then.

    `limit` in bytes; the default is settings.IMPORT_MAX_BYTES.
    """
    limit = settings.IMPORT_MAX_BYTES if limit is None else limit
    folder = Path(settings.UPLOADS_ROOT) / f"brand-{brand.pk}"
    folder.mkdir(parents=True, exist_ok=True)
    waiting = folder / f".{secrets.token_hex(16)}"
    digest, size = hashlib.sha256(), 0
    try:
        with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > limit:
                    raise UploadTooLarge(
                        f"{filename} is larger than {limit // 2**20} MB. Split it by month, or pack it as .gz.",
                        file=filename, limit=limit,
                    )  # fmt: skip
                digest.update(piece)
                target.write(piece)
        kind = sniff(waiting, filename)
        name = f"{digest.hexdigest()[:16]}-{secrets.token_hex(4)}.{kind}"
        waiting.rename(folder / name)
    except BaseException:
        waiting.unlink(missing_ok=True)
        raise
    return Kept(f"{folder.name}/{name}", digest.hexdigest(), size, kind)


def hash_of(file: IO[bytes]) -> str:
    """SHA-256 of what is left of the file, in hexadecimal."""
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def path_of(batch: Import) -> Path:
    """The kept file. Raises NotNow where it was removed (by retention or an erasure)."""
    root = Path(settings.UPLOADS_ROOT).resolve()
    path = (root / batch.kept_as).resolve()
    if not batch.kept_as or root not in path.parents or not path.is_file():
        raise NotNow(f"The file of {batch.filename} is not kept any more. Bring it in again.", id=batch.pk)
    return path


def sniff(path: Path, filename: str) -> str:
    """csv, json, xlsx, gz or zip, by content alone; the name of a file proves nothing. Raises UnknownType."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip():
        raise UnknownType(f"{filename} is empty. Export it again and check that it has rows.", file=filename)
    if head.startswith(b"\x1f\x8b"):
        return "gz"
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path, filename)
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise UnknownType(f"{filename} is {what}. {ADVICE}", file=filename, found=what)
    text = _text(head, filename)
    start = text.lstrip("\ufeff \t\r\n")
    if start[:15].lower().startswith(("<!doctype", "<html", "<?xml", "<script")):
        raise UnknownType(f"{filename} is a web page. {ADVICE}", file=filename, found="a web page")
    return "json" if start[:1] in ("{", "[") and _looks_like_json(start) else "csv"


def _zipped(path: Path, filename: str) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise UnknownType(f"{filename} is a damaged zip ({error}). Send it again.", file=filename) from error
    return "xlsx" if any(name.startswith("xl/") for name in names) else "zip"


def _text(head: bytes, filename: str) -> str:
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return head.decode(encoding, errors="replace")
    if b"\0" in head:
        raise UnknownType(f"{filename} is no text. {ADVICE}", file=filename, found="binary data")
    text = head.decode("utf-8", errors="replace")
    if sum(ord(sign) < 9 or 13 < ord(sign) < 32 for sign in text) > len(text) / 100:
        raise UnknownType(f"{filename} is no text. {ADVICE}", file=filename, found="binary data")
    return text


def _looks_like_json(start: str) -> bool:
    try:
        json.JSONDecoder().raw_decode(start)
    except json.JSONDecodeError as error:
        return error.pos > 1 or error.pos >= len(start) - 1
    return True
