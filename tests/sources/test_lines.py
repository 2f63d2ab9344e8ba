"""Lines: the same whatever the block size, and bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources import InputFile, Lines
from stream.sources.segment import SegmentFormat


class Memory:
    """A file in memory, as far as Lines needs one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, size: int) -> bytes:
        taken, self._content = self._content[:size], self._content[size:]
        return taken


def lines_of(content: bytes, **options: int) -> list[bytes]:
    return [line for block in Lines(Memory(content), **options) for line in block]  # type: ignore[arg-type]


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 1_000])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nbb\r\n", [b"a", b"bb"]),
        (b"a\r\nbb\r", [b"a", b"bb"]),
        (b"a\rb\n", [b"a\rb"]),
        (b"\n\na\n", [b"", b"", b"a"]),
    ],
)
def test_ends_of_lines(content: bytes, expected: list[bytes], block_bytes: int) -> None:
    assert lines_of(content, block_bytes=block_bytes) == expected


def test_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert lines_of(b"\xef\xbb\xbf{}\n{}\n") == [b"{}", b"{}"]


@given(st.lists(st.sampled_from([b"a", b"{", b"\n", b"\r"])).map(b"".join), st.integers(1, 20))
def test_blocks_do_not_show(content: bytes, block_bytes: int) -> None:
    naive = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    if content.endswith(b"\n") or not content:
        naive.pop()
    assert lines_of(content, block_bytes=block_bytes) == naive


@pytest.mark.parametrize("end", [b"", b"\nnext\n"])
def test_an_endless_line_keeps_its_beginning_only(end: bytes) -> None:
    lines = Lines(Memory(b"x" * 100 + end), block_bytes=7, longest=20)  # type: ignore[arg-type]
    read = [line for block in lines for line in block]
    assert read[0] == b"x" * 20
    assert read[1:] == ([b"next"] if end else [])
    assert lines.cut == 1


def test_segment_skips_blank_lines_and_keeps_bytes(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n\n  \n \xff broken\n{"b":2}')
    with InputFile(str(path)) as file:
        assert list(SegmentFormat().records(Lines(file))) == [[b'{"a": 1}', b" \xff broken"], [b'{"b":2}']]
