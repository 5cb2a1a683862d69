"""From a file to blocks of UTF-8 text that end at the end of a row: gz, zip, byte-order marks, UTF-16, Windows-1252.

Nothing is held but one block, so a file may be of any size; what unpacks to absurdly more than it is, is refused.
"""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from crm.imports.faults import BrokenFile

BLOCK = 8 * 2**20
LONGEST_ROW = 16 * 2**20
MAX_UNPACKED = 64 * 2**30
MAX_RATIO = 200  # text packs about 10 times, figures with many zeros up to 100, a bomb a thousand times
FREE_OF_RATIO = 32 * 2**20  # so little may always be unpacked
MAX_WORKBOOK = 512 * 2**20  # a workbook can only be read whole

_OTHER_FORMATS = (
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook (.xls): save it as .xlsx or CSV and import that"),
    (b"%PDF", "is a PDF: export the data as CSV and import that"),
    (b"PAR1", "is a Parquet file: export the data as CSV and import that"),
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(slots=True)
class Raw:
    """What lies in a file: a workbook, or text as `stream` of bytes in `encoding` ("" until it is known).

    `read()` is how many bytes of the file itself have been taken, packed as they are.
    """

    stream: IO[bytes]
    file: IO[bytes]
    filename: str
    workbook: bool = False
    encoding: str = ""
    packed: str = ""  # gzip, zip
    notes: list[str] = field(default_factory=list)

    def taken(self) -> int:
        return self.file.tell()


@contextmanager
def opened(path: Path, filename: str) -> Iterator[Raw]:
    """The file, unpacked while it is read. Raises BrokenFile for what is no table, or not safe to unpack."""
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        if not start:
            raise BrokenFile(f"{filename} is empty. Export it again and check that it has rows.", file=filename)
        for magic, what in _OTHER_FORMATS:
            if start.startswith(magic):
                raise BrokenFile(f"{filename} {what}.", file=filename)
        if start.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                raw = Raw(_Guarded(unpacked, file, filename), file, filename, packed="gzip")  # type: ignore[arg-type]
                yield raw
        elif start.startswith(b"PK\x03\x04"):
            with _archive(file, filename) as archive:
                if any(name.startswith("xl/") for name in archive.namelist()):
                    yield _workbook(archive, file, filename)
                else:
                    with archive.open(_member(archive, filename)) as unpacked:
                        guarded = _Guarded(unpacked, file, filename)
                        yield Raw(guarded, file, filename, packed="zip")  # type: ignore[arg-type]
        else:
            yield Raw(file, file, filename)


def _archive(file: IO[bytes], filename: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise BrokenFile(f"{filename} cannot be opened as a zip: {error}. Pack it again.", file=filename) from error


def _member(archive: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    inside = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not Path(member.filename).name.startswith(".") and "__MACOSX" not in member.filename
    ]
    if len(inside) != 1:
        raise BrokenFile(f"{filename} holds {len(inside)} files. Import them one by one.", file=filename)
    if inside[0].flag_bits & 1:
        raise BrokenFile(f"{filename} is locked with a password. Pack it without one.", file=filename)
    if inside[0].filename.lower().endswith((".gz", ".zip", ".xlsx")):
        raise BrokenFile(f"{filename} holds another packed file, {inside[0].filename}. Import that.", file=filename)
    return inside[0]


def _workbook(archive: zipfile.ZipFile, file: IO[bytes], filename: str) -> Raw:
    size = sum(member.file_size for member in archive.infolist())
    packed = max(1, sum(member.compress_size for member in archive.infolist()))
    if size > MAX_WORKBOOK or (size > FREE_OF_RATIO and size / packed > MAX_RATIO):
        raise BrokenFile(
            f"{filename} is {size // 2**20} MB when unpacked, too much for a workbook. Save the sheet as CSV.",
            file=filename,
        )
    return Raw(file, file, filename, workbook=True)


class _Guarded:
    """A stream that is being unpacked; stops a bomb before it fills memory or disk."""

    def __init__(self, unpacked: IO[bytes], packed: IO[bytes], filename: str) -> None:
        self._unpacked = unpacked
        self._packed = packed
        self._filename = filename
        self._size = 0

    def read(self, size: int) -> bytes:
        try:
            data = self._unpacked.read(size)
        except EOFError as error:
            raise BrokenFile(f"{self._filename} was cut off. Send it again.", file=self._filename) from error
        except (zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise BrokenFile(
                f"{self._filename} cannot be unpacked: {error}. Send it again, packed without a password.",
                file=self._filename,
            ) from error
        self._size += len(data)
        ratio = self._size / max(1, self._packed.tell())
        if self._size > MAX_UNPACKED or (self._size > FREE_OF_RATIO and ratio > MAX_RATIO):
            raise BrokenFile(
                f"{self._filename} unpacks to more than {MAX_RATIO} times its size. Import the file unpacked.",
                file=self._filename,
            )
        return data


class Text:
    """The text of a file as UTF-8 bytes, block by block. Decides the encoding as it goes, and never changes it."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._decoder: codecs.IncrementalDecoder | None = None
        self._proven = False  # a character beyond ASCII has been read as UTF-8
        self._first = True
        self._old_mac = False  # lines end in \r alone
        self.encoding = "utf-8"

    def pieces(self, size: int = BLOCK) -> Iterator[bytes]:
        """UTF-8 bytes, cut anywhere between two characters. Raises BrokenFile for bytes that are no text."""
        rest = b""
        while True:
            data = self._raw.stream.read(size)
            if self._first:
                self._first = False
                data = self._begin(data)
            end = not data
            piece, rest = self._utf8(rest + data, end)
            if b"\0" in piece:
                raise BrokenFile(
                    f"{self._raw.filename} has a NUL byte: it is no text file, or was damaged on the way.",
                    file=self._raw.filename,
                )
            if piece:
                yield piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if self._old_mac else piece
            if end:
                return

    def _begin(self, data: bytes) -> bytes:
        name = self._raw.filename
        if not data.strip():
            raise BrokenFile(f"{name} is empty. Export it again and check that it has rows.", file=name)
        for mark, encoding in _MARKS:
            if data.startswith(mark):
                self.encoding = encoding
                if encoding == "utf-8-sig":
                    self._proven, self.encoding = True, "utf-8"
                    return data[len(mark) :]
                self._decoder = codecs.getincrementaldecoder(encoding)()
                return data
        start = data[:4096]
        for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):  # text of Latin letters: every other byte is NUL
            if len(start) >= 8 and start[offset::2].count(0) > len(start) // 4 and not start[1 - offset :: 2].count(0):
                self.encoding = encoding
                self._decoder = codecs.getincrementaldecoder(encoding)()
        if self._decoder is None and b"\n" not in data and b"\r" in data:
            self._old_mac = True
        return data

    def _utf8(self, data: bytes, end: bool) -> tuple[bytes, bytes]:
        """(bytes that are UTF-8, bytes to put before the next)."""
        if self._decoder is not None:
            try:
                return self._decoder.decode(data, end).encode(), b""
            except UnicodeError as error:
                raise BrokenFile(
                    f"{self._raw.filename} is not {self.encoding} throughout ({error}). Export it as UTF-8.",
                    file=self._raw.filename,
                ) from error
        if data.isascii():
            return data, b""
        try:
            text, taken = codecs.utf_8_decode(data, "strict", end)
            self._proven = self._proven or not text.isascii()
            return data[:taken], data[taken:]
        except UnicodeDecodeError as error:
            if self._proven:
                raise BrokenFile(
                    f"{self._raw.filename} is UTF-8 at first and something else later ({error}). Export it again.",
                    file=self._raw.filename,
                ) from error
        # bytes 0x80-0x9F are control characters in Latin-1 and the euro sign, quotes and dashes in Windows-1252
        self.encoding = "cp1252"
        self._decoder = codecs.getincrementaldecoder("cp1252")()
        return self._utf8(data, end)


def whole_rows(pieces: Iterator[bytes], filename: str) -> Iterator[bytes]:
    """The same bytes, cut behind the last newline that stands outside of quotation marks."""
    rest = b""
    for piece in pieces:
        data = rest + piece
        cut = _end_of_row(data)
        if cut < 0:
            if len(data) > LONGEST_ROW:
                raise BrokenFile(
                    f"{filename} has a row of more than {LONGEST_ROW // 2**20} MB: often a quotation mark that is "
                    "not closed.",
                    file=filename,
                )
            rest = data
            continue
        rest = data[cut + 1 :]
        yield data[: cut + 1]
    if rest.count(b'"') % 2:
        raise BrokenFile(
            f"{filename} ends inside a quotation: a quotation mark is not closed, or the file was cut off.",
            file=filename,
        )
    if rest:
        yield rest


def _end_of_row(data: bytes) -> int:
    """Place of the last newline with an even number of quotation marks before it, or -1."""
    cut = data.rfind(b"\n")
    odd = data.count(b'"', 0, max(cut, 0)) % 2
    while cut >= 0 and odd:
        before = data.rfind(b"\n", 0, cut)
        odd ^= data.count(b'"', max(before, 0), cut) % 2
        cut = before
    return cut
