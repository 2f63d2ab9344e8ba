"""Writes records as JSON Lines: to standard output or a file, compressed where its name says so."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import BinaryIO, cast

import zstandard

from stream.simulate.scribe import Record


class FileWriter:
    """A file, one record a line; `-` is standard output, .gz and .zst compress.

    Equal records give equal bytes, compressed too. Raises OSError where the file cannot be made.
    """

    def __init__(self, target: str) -> None:
        self._closing = ExitStack()
        self._plain = not target.endswith((".gz", ".zst"))
        if target == "-":
            self._file = sys.stdout.buffer
            self._closing.callback(self._file.flush)
            return
        raw = self._closing.enter_context(open(target, "wb"))  # noqa: SIM115 (closed by the stack)
        self._file = self._closing.enter_context(_compressed(raw, target))

    async def write(self, records: Sequence[Record]) -> None:
        """Appends the records' values; keys have no place in a file."""
        lines = [value for _, _, value in records if value is not None]
        lines.append(b"")
        self._file.write(b"\n".join(lines))

    async def flush(self) -> None:
        """Lets a reader see what was written; a compressed file waits for a block worth compressing."""
        if self._plain:
            self._file.flush()

    async def close(self) -> None:
        """Completes the file, so that it is whole even if the run was cut short."""
        self._closing.close()


def _compressed(raw: BinaryIO, name: str) -> BinaryIO:
    if name.endswith(".gz"):
        # No name and no time in the header: the same records, the same bytes.
        return cast(BinaryIO, gzip.GzipFile(filename="", mode="wb", compresslevel=4, fileobj=raw, mtime=0))
    if name.endswith(".zst"):
        return cast(BinaryIO, zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False))
    return raw
