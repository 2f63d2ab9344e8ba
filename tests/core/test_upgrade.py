"""State that any released version wrote is read by this one, as it was meant."""

from __future__ import annotations

import gzip
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from stream.core.activity import Vocabulary
from stream.core.definition import Definition
from stream.core.partition import Partition
from stream.core.profile import VERSION, Erased, Progress, encode_erased, encode_progress
from tests.core.populations import look
from tests.core.states import DATA, afterwards, fields, people

FILES = sorted(DATA.glob("state-*.json.gz"))


def read(file: Path) -> dict[str, Any]:
    state: dict[str, Any] = orjson.loads(gzip.decompress(file.read_bytes()))
    return state


def changelog(state: dict[str, Any]) -> Iterator[tuple[bytes, bytes | None, dict[str, object] | None]]:
    """Keys and values in the order written, with what was in them."""
    for record in state["changelog"]:
        value = None if record["value"] is None else b64decode(record["value"])
        yield b64decode(record["key"]), value, record["fields"]


def test_there_is_a_file_of_every_version() -> None:
    assert {file.name for file in FILES} == {f"state-{version}.json.gz" for version in range(1, VERSION + 1)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_record_says_what_it_said_when_it_was_written(file: Path) -> None:
    seen = 0
    for key, value, expected in changelog(read(file)):
        if value is not None and expected is not None:
            now = fields(key, value)
            now |= {name: _since(now[name], written) for name, written in expected.items()}
            assert {name: now[name] for name in expected} == expected
            seen += 1
    assert seen > 200


def _since(now: Any, written: Any) -> Any:
    """What there is now, less what events have been given since."""
    if isinstance(written, list) and written and isinstance(written[0], list):
        return [each[: len(old)] for each, old in zip(now, written, strict=True)]
    return now


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_changelog_gives_the_same_people_and_the_same_future(file: Path) -> None:
    state = read(file)
    partition = Partition(Definition(timezone="Europe/Berlin"), topic="app-events")
    for key, value, _ in changelog(state):
        partition.restore(key, value)
    partition.restored()
    look(partition)
    assert people(partition) == state["people"]
    assert afterwards(partition) == state["afterwards"]
    look(partition)
    assert len(state["afterwards"]) > 50


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(b"ada", b"\x90", id="a person"),
        pytest.param(b"\xfe" + b"0" * 16, encode_erased(Erased())[1:], id="a deleted person"),
        pytest.param(b"\xff", encode_progress(Progress(1, 2, Vocabulary()))[1:], id="the partition's own"),
    ],
)
@pytest.mark.parametrize("form", [0, 0x80, 0x40])
def test_a_newer_version_is_refused_with_what_to_do(key: bytes, value: bytes, form: int) -> None:
    partition = Partition(Definition())
    with pytest.raises(
        ValueError,
        match=f"state of version {VERSION + 1}, newer than {VERSION}: run the Footfall that wrote it",
    ):
        partition.restore(key, bytes((VERSION + 1 | form,)) + value)
