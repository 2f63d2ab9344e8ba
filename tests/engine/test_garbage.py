"""The garbage collector does not look at what states keep, and does look after everything else."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import pytest

from stream.engine.garbage import BUSY
from stream.engine.state import Record
from tests.engine.test_lag import NOW, Scene, records

THRESHOLD = 20_000
KEPT = 30
"""Objects that a state keeps of a record."""


class Keeping(Scene):
    """A state that keeps ever more."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[list[object]] = []

    def process(self, records: Sequence[Record]) -> None:
        super().process(records)
        self.kept += [[record] for record in records for _ in range(KEPT)]


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generation of each collection since."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            found.append(info["generation"])

    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(THRESHOLD, 5, 1_000)
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*before)
    gc.unfreeze()


async def feed(scene: Scene, count: int, batch: int) -> None:
    for first in range(0, count, batch):
        await scene.engine.process(0, records(batch, arrived_ms=NOW, first=first))


async def test_a_state_that_grows_under_load_is_not_collected(collections: list[int]) -> None:
    scene = Keeping()
    await feed(scene, 4_000, BUSY)
    assert len(scene.kept) > 5 * THRESHOLD
    assert collections == []


async def test_where_little_is_to_be_done_cycles_are_found(collections: list[int]) -> None:
    scene = Keeping()
    await feed(scene, 1_000, BUSY - 1)
    assert 0 in collections


async def test_what_a_state_drops_is_gone_at_once(collections: list[int]) -> None:
    dropped = []

    class Note:
        def __del__(self) -> None:
            dropped.append(True)

    scene = Keeping()
    scene.kept.append([Note()])
    await feed(scene, BUSY, BUSY)
    scene.kept.clear()
    assert dropped == [True]
    assert collections == []
