"""Opens an input file, plain or compressed, and tells how much of it has been read."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from pathlib import PurePath
from typing import BinaryIO, Protocol, Self, cast

import zstandard

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
UNREADABLE = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
LONGEST_MAGIC = 5
COMPRESSED_SUFFIXES = (".gz", ".zst")
RAW_BUFFER_BYTES = 1 << 18
ZSTD_INPUT_BYTES = 1 << 15  # a little, so that a few bytes that unpack to gigabytes do not do so at once


class SourceError(Exception):
    """An input file cannot be read; the message says which, and what would help."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class _Counted(io.RawIOBase):
    """A raw stream that counts what was taken from it and whose first bytes can be looked at."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._head = b""
        self.count = 0

    def head(self) -> bytes:
        """The first bytes, enough to know a compression by; they are read again afterwards."""
        while len(self._head) < LONGEST_MAGIC:
            more = self._raw.read(LONGEST_MAGIC - len(self._head))
            if not more:
                break
            self._head += more
        return self._head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        if self._head:
            taken = min(len(buffer), len(self._head))
            buffer[:taken] = self._head[:taken]
            self._head = self._head[taken:]
        else:
            taken = self._raw.readinto(buffer) or 0  # type: ignore[attr-defined]
        self.count += taken
        return taken


class InputFile:
    """One file of records, decompressed as it is read. `-` is standard input.

    Compression is told by the first bytes, not by the name: a `.json` that is a gzip is read as one.
    Raises `SourceError` where the file cannot be opened or is packed in a way that is not read here.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size: int | None = None
        try:
            self._raw = _standard_input() if path == "-" else cast(BinaryIO, io.FileIO(path, "rb"))
            self.size = _size(self._raw)
            self._counted = _Counted(self._raw)
            self._stream = self._decompressed(self._counted.head())
        except OSError as error:
            raise SourceError(f"{self.label}: {error.strerror or error}") from error

    @property
    def label(self) -> str:
        """The file's name for a person to read."""
        return "standard input" if self.path == "-" else self.path

    @property
    def stem(self) -> str:
        """The name without folder and compression suffix: the same for `access.log` and `access.log.gz`."""
        if self.path == "-":
            return "stdin"
        name = PurePath(self.path).name
        for suffix in COMPRESSED_SUFFIXES:
            name = name.removesuffix(suffix)
        return name

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file as it lies on disk, so comparable to `size`."""
        return self._counted.count

    def read(self, size: int) -> bytes:
        """The next `size` plain bytes; fewer only at the end, so that equal content gives equal blocks."""
        try:
            return self._stream.read(size)
        except (EOFError, zlib.error, zstandard.ZstdError, gzip.BadGzipFile) as error:
            raise SourceError(
                f"{self.label}: compressed data damaged or cut off, {self.bytes_read:,} bytes in: {error}"
            ) from error
        except OSError as error:
            raise SourceError(f"{self.label}: {error.strerror or error}") from error

    def close(self) -> None:
        self._stream.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _decompressed(self, head: bytes) -> _Readable:
        buffered = io.BufferedReader(self._counted, RAW_BUFFER_BYTES)
        if head.startswith(GZIP):
            return gzip.GzipFile(fileobj=buffered)
        if head.startswith(ZSTD):
            return _Zstd(buffered)
        for magic, name in UNREADABLE.items():
            if head.startswith(magic):
                raise SourceError(
                    f"{self.label} is a {name} file; plain text, gzip and zstd are read: "
                    "unpack it first, or pipe it in and read `-`"
                )
        return buffered


class _Zstd:
    """A zstd stream that says so when it ends in the middle of a frame (zstandard's own reader just ends)."""

    def __init__(self, source: _Readable) -> None:
        self._source = source
        self._frame = _new_frame()
        self._parts: list[bytes] = []
        self._held = 0

    def read(self, size: int, /) -> bytes:
        while self._held < size and (data := self._next_input()):
            plain = self._frame.decompress(data)
            if plain:
                self._parts.append(plain)
                self._held += len(plain)
        joined = b"".join(self._parts)
        taken, rest = joined[:size], joined[size:]
        self._parts = [rest] if rest else []
        self._held = len(rest)
        return taken

    def close(self) -> None:
        self._source.close()

    def _next_input(self) -> bytes:
        if self._frame.eof:
            rest = self._frame.unused_data or self._source.read(ZSTD_INPUT_BYTES)
            if rest:
                self._frame = _new_frame()
            return rest
        data = self._source.read(ZSTD_INPUT_BYTES)
        if not data:
            raise EOFError("the last frame is not complete")
        return data


def _new_frame() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()


def _standard_input() -> BinaryIO:
    """Standard input, unbuffered where it is a real file or pipe."""
    try:
        return cast(BinaryIO, io.FileIO(sys.stdin.fileno(), "rb", closefd=False))
    except io.UnsupportedOperation:
        return sys.stdin.buffer


def _size(raw: BinaryIO) -> int | None:
    try:
        status = os.fstat(raw.fileno())
    except io.UnsupportedOperation:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
