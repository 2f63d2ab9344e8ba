"""Cuts a file's bytes into lines, block by block, without letting one endless line eat the memory."""

from __future__ import annotations

from collections.abc import Iterator

from stream.sources.files import InputFile

BLOCK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 64 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Lines:
    """The lines of a file, a list a block, without their ends (`\\n` or `\\r\\n`).

    A last line without an end counts. Of a line longer than `longest` bytes only the first `longest` are
    kept, and `cut` counts it: it is far past what can be an event, and becomes a `too_large` dead letter.
    """

    def __init__(
        self, file: InputFile, *, block_bytes: int = BLOCK_BYTES, longest: int = LONGEST_LINE_BYTES
    ) -> None:
        self.file = file
        self.cut = 0
        self._block_bytes = block_bytes
        self._longest = longest

    def __iter__(self) -> Iterator[list[bytes]]:
        read = self.file.read
        size = self._block_bytes
        begun: list[bytes] = []  # the parts of a line that no block has ended yet
        begun_bytes = 0
        block = read(size).removeprefix(BYTE_ORDER_MARK)
        while block:
            lines = block.split(b"\n")
            rest = lines.pop()
            if lines:
                if begun:
                    lines[0] = self._whole([*begun, lines[0]], begun_bytes + len(lines[0]))
                    begun, begun_bytes = [], 0
                returns = b"\r" in block or lines[0].endswith(b"\r")
                yield _without_returns(lines) if returns else lines
            if rest:
                if begun_bytes <= self._longest:
                    begun.append(rest)
                begun_bytes += len(rest)
            block = read(size)
        if begun:
            yield _without_returns([self._whole(begun, begun_bytes)])

    def _whole(self, parts: list[bytes], total: int) -> bytes:
        if total > self._longest:
            self.cut += 1
        return b"".join(parts)[: self._longest]


def _without_returns(lines: list[bytes]) -> list[bytes]:
    return [line[:-1] if line.endswith(b"\r") else line for line in lines]
