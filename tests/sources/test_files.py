"""Input files: compression told by content, damage named, progress in bytes on disk."""

from __future__ import annotations

import bz2
import gzip
import io
from pathlib import Path

import pytest
import zstandard

from stream.sources import InputFile, SourceError

CONTENT = b"".join(b'{"line": %d}\n' % n for n in range(5_000))
PACKERS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "two gzip members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "zstd": zstandard.compress,
    "two zstd frames": lambda data: zstandard.compress(data[:100]) + zstandard.compress(data[100:]),
}


def read_all(file: InputFile, size: int = 1_000) -> list[bytes]:
    blocks = []
    while block := file.read(size):
        blocks.append(block)
    return blocks


@pytest.mark.parametrize("packing", PACKERS)
def test_content_is_unpacked_whatever_the_name_says(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "events.txt"
    path.write_bytes(PACKERS[packing](CONTENT))
    with InputFile(str(path)) as file:
        blocks = read_all(file)
        assert b"".join(blocks) == CONTENT
        assert {len(block) for block in blocks[:-1]} == {1_000}
        assert file.bytes_read == file.size == path.stat().st_size


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_cut_off_file_is_an_error_that_names_it(tmp_path: Path, packing: str) -> None:
    path = tmp_path / "events"
    packed = PACKERS[packing](CONTENT)
    path.write_bytes(packed[: len(packed) // 2])
    with InputFile(str(path)) as file, pytest.raises(SourceError, match=r"events: .*damaged or cut off"):
        read_all(file)


@pytest.mark.parametrize("content", [b"", b"a", b"\x1f", b"\n"])
def test_tiny_files_are_plain(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "events"
    path.write_bytes(content)
    with InputFile(str(path)) as file:
        assert file.read(10) == content


def test_packing_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(bz2.compress(CONTENT))
    with pytest.raises(SourceError, match="bzip2 file"):
        InputFile(str(path))


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.jsonl: No such file"):
        InputFile(str(tmp_path / "none.jsonl"))
    with pytest.raises(SourceError, match="Is a directory"):
        InputFile(str(tmp_path))


def test_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.TextIOWrapper(io.BytesIO(gzip.compress(CONTENT)))
    monkeypatch.setattr("sys.stdin", packed)
    with InputFile("-") as file:
        assert file.size is None
        assert b"".join(read_all(file)) == CONTENT


def test_stem_is_the_same_for_a_packed_copy(tmp_path: Path) -> None:
    for name in ("access.log", "access.log.gz", "access.log.zst"):
        (tmp_path / name).write_bytes(b"x")
        with InputFile(str(tmp_path / name)) as file:
            assert file.stem == "access.log"
