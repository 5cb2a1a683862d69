"""From bytes to text without losing a character: gzip, byte-order marks, UTF-8, and Windows-1252 or Latin-1 at last."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass

from crm.imports.faults import BrokenFile

MAX_BYTES = 256 * 1024 * 1024  # after unpacking; keeps a zip bomb out

_MARKS = (  # the longer mark first: UTF-32 LE begins with the mark of UTF-16 LE
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_OTHER_FORMATS = (
    (b"PK\x03\x04", "looks like an Excel workbook or a zip archive: save the sheet as CSV (UTF-8) and import that"),
    (b"\xd0\xcf\x11\xe0", "looks like an old Excel workbook: save the sheet as CSV (UTF-8) and import that"),
    (b"%PDF", "is a PDF: export the data as CSV or JSON and import that"),
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text, and what a person should know about how it was read."""

    text: str
    notes: tuple[str, ...]


def decode(data: bytes, filename: str) -> Decoded:
    """Text of a file. Raises BrokenFile for empty, binary, cut-off or undecodable content."""
    notes: list[str] = []
    if data[:2] == b"\x1f\x8b":
        data = _unpack(data, filename)
        notes.append("Unpacked from gzip")
    if not data.strip():
        raise BrokenFile(f"{filename} is empty. Export it again and check that it has rows.", file=filename)
    for magic, what in _OTHER_FORMATS:
        if data.startswith(magic):
            raise BrokenFile(f"{filename} {what}.", file=filename)
    text, note = _to_text(data, filename)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BrokenFile(
            f"{filename} has a NUL byte in line {line}: it is no text file, or was damaged on the way.",
            file=filename,
            line=line,
        )
    if not text.strip():
        raise BrokenFile(f"{filename} is empty. Export it again and check that it has rows.", file=filename)
    if note:
        notes.append(note)
    return Decoded(text, tuple(notes))


def _to_text(data: bytes, filename: str) -> tuple[str, str]:
    for mark, encoding, name in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), f"Read as {name} (byte-order mark)"
            except UnicodeDecodeError as error:
                raise BrokenFile(
                    f"{filename} begins as {name}, but byte {error.start} is not {name}. Export it again.",
                    file=filename,
                    byte=error.start,
                ) from error
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as not_utf8:
        if b"\0" in data:
            return data.decode("latin-1"), ""  # binary: the caller names the line of the NUL byte
        # Bytes 0x80-0x9F are control characters in Latin-1 and the euro sign, quotes and dashes in Windows-1252.
        if not any(0x80 <= byte <= 0x9F for byte in data):
            return data.decode("latin-1"), "Read as Latin-1, because it is not valid UTF-8; check names with accents"
        try:
            return data.decode(
                "cp1252"
            ), "Read as Windows-1252, because it is not valid UTF-8; check names with accents"
        except UnicodeDecodeError as error:
            raise BrokenFile(
                f"{filename} is neither UTF-8 (byte {not_utf8.start}) nor Windows-1252 (byte {error.start}). "
                "Export it again as UTF-8.",
                file=filename,
                byte=error.start,
            ) from error


def _unpack(data: bytes, filename: str) -> bytes:
    """All members of a gzip file, at most MAX_BYTES."""
    out = bytearray()
    while data:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            out += unpacker.decompress(data, MAX_BYTES + 1 - len(out))
        except zlib.error as error:
            raise BrokenFile(f"{filename} is a damaged gzip file ({error}). Send it again.", file=filename) from error
        if len(out) > MAX_BYTES:
            raise BrokenFile(
                f"{filename} is larger than {MAX_BYTES // 2**20} MB when unpacked. Split it and import the parts.",
                file=filename,
            )
        if not unpacker.eof:
            raise BrokenFile(f"{filename} is a gzip file that was cut off. Send it again.", file=filename)
        data = unpacker.unused_data.lstrip(b"\0")
    return bytes(out)
