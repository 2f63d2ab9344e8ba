"""One partition's position and checkpoints: what is applied, what is fetched again, what is written when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from aiokafka import ConsumerRecord

from stream.engine import owned
from stream.engine.checkpoint import Snapshot
from stream.engine.errors import CheckpointError
from stream.engine.owned import OwnedPartition
from tests.engine.counting_worker import Counting, Talking


def records(*offsets: int) -> list[ConsumerRecord[bytes, bytes]]:
    return [ConsumerRecord("events", 0, offset, 0, 0, b"key", b"1", None, 3, 1, ()) for offset in offsets]


class Log:
    """A CheckpointWriter in memory. `open_gate` lets writes through; `refuses` has them fail."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refuses: Exception | None = None
        self.closed = False

    async def open(self) -> None:
        pass

    async def write(self, snapshot: Snapshot) -> int | None:
        await self.gate.wait()
        if self.refuses:
            raise self.refuses
        self.snapshots.append(snapshot)
        return None

    async def close(self) -> None:
        self.closed = True


class Scene:
    """A partition at offset 100, with a log, and the failures it reported."""

    def __init__(self) -> None:
        self.log = Log()
        self.failures: list[CheckpointError] = []
        self.partition = OwnedPartition(
            "events",
            0,
            Counting(),
            self.log,
            next_offset=100,
            observer=Talking(),
            on_failure=self.failures.append,
        )
        self.partition.active = True


@pytest.fixture
async def scene() -> Scene:
    return Scene()


def offsets(found: Sequence[ConsumerRecord[bytes, bytes]]) -> list[int]:
    return [record.offset for record in found]


async def test_records_applied_before_are_not_applied_again(scene: Scene) -> None:
    assert offsets(scene.partition.unseen(records(98, 99, 100, 101))) == [100, 101]
    assert offsets(scene.partition.unseen(records(100, 101))) == [100, 101]
    assert scene.partition.unseen(records(98, 99)) == []


async def test_a_batch_that_starts_too_late_is_fetched_again_from_where_it_should(scene: Scene) -> None:
    assert not scene.partition.skipped(100, None)
    assert scene.partition.skipped(110, None)
    # Queued behind the first, before the seek took effect: it comes again, too.
    assert scene.partition.skipped(120, None)
    assert not scene.partition.skipped(100, None)


async def test_a_gap_that_is_still_there_after_seeking_is_taken_as_it_is(scene: Scene) -> None:
    assert scene.partition.skipped(110, None)
    assert scene.partition.skipped(120, None)
    assert not scene.partition.skipped(110, None)
    scene.partition.process(records(110, 111))
    assert scene.partition.next_offset == 112
    assert scene.partition.skipped(120, None)
    assert not scene.partition.skipped(120, None)


async def test_a_gap_behind_the_batch_before_is_taken_as_it_is(scene: Scene) -> None:
    assert not scene.partition.skipped(103, 100)
    assert not scene.partition.skipped(103, 99)
    # A batch that ended at 102 never got here.
    assert scene.partition.skipped(103, 102)


async def test_a_checkpoint_holds_what_was_applied_when_it_began(scene: Scene) -> None:
    scene.log.gate.clear()
    scene.partition.process(records(100, 101))
    checkpoint = scene.partition.begin_checkpoint()
    scene.partition.process(records(102))
    scene.log.gate.set()
    await checkpoint
    assert [snapshot.next_offset for snapshot in scene.log.snapshots] == [102]
    assert scene.partition.committed_offset == 102
    assert scene.partition.behind
    await scene.partition.flush()
    assert [snapshot.next_offset for snapshot in scene.log.snapshots] == [102, 103]
    assert [len(snapshot.outputs) for snapshot in scene.log.snapshots] == [2, 1]


async def test_one_checkpoint_at_a_time_and_none_while_a_rebalance_is_under_way(scene: Scene) -> None:
    partition = scene.partition
    assert not partition.due(0.0)
    partition.process(records(100))
    assert partition.due(0.0)
    assert not partition.due(60.0)
    scene.log.gate.clear()
    checkpoint = partition.begin_checkpoint()
    partition.process(records(101))
    assert not partition.due(0.0)
    scene.log.gate.set()
    await checkpoint
    assert partition.due(0.0)
    partition.active = False
    assert not partition.due(0.0)


async def test_flushing_with_nothing_new_writes_nothing(scene: Scene) -> None:
    await scene.partition.flush()
    assert scene.log.snapshots == []
    assert not scene.partition.behind


async def test_time_going_on_is_written_without_a_record(scene: Scene) -> None:
    scene.partition.touch()
    await scene.partition.flush()
    assert [snapshot.next_offset for snapshot in scene.log.snapshots] == [100]


async def test_a_failed_checkpoint_says_where_and_why(scene: Scene) -> None:
    scene.log.refuses = RuntimeError("disk full")
    scene.partition.process(records(100))
    with pytest.raises(CheckpointError, match=r"events/0 at offset 101 failed: disk full"):
        await scene.partition.flush()
    assert [str(failure) for failure in scene.failures] == [
        "checkpoint of events/0 at offset 101 failed: disk full"
    ]
    assert scene.partition.committed_offset == 100


async def test_giving_up_a_partition_ends_what_is_in_flight(scene: Scene) -> None:
    scene.log.gate.clear()
    scene.partition.process(records(100))
    scene.partition.begin_checkpoint()
    await scene.partition.close()
    assert scene.log.closed
    assert scene.log.snapshots == []
    assert not scene.partition.active


async def test_a_slow_broker_gets_small_checkpoints_and_a_quick_one_larger_ones_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(owned, "time", SimpleNamespace(monotonic=lambda: now[0]))
    partition = scene.partition

    async def checkpoint(first: int, count: int, seconds: float) -> None:
        partition.process(records(*range(first, first + count)))
        scene.log.gate.clear()
        writing = partition.begin_checkpoint()
        await asyncio.sleep(0)
        now[0] += seconds
        scene.log.gate.set()
        await writing

    await checkpoint(100, 8_000, 0.1)
    assert partition.room == 2 * owned.FIRST_ROOM
    await checkpoint(8_100, 8_000, 20.0)
    assert partition.room == 8_000 * owned.AIM_S / 20
    # That much is written at once, whatever the interval; less waits for it.
    partition.process(records(*range(16_100, 20_000)))
    assert not partition.due(3_600.0)
    partition.process(records(*range(20_000, 20_100)))
    assert partition.due(3_600.0)
    await checkpoint(20_100, 100, 60.0)
    assert partition.room == owned.LEAST_ROOM
    for _ in range(10):
        await checkpoint(partition.next_offset, 10, 0.1)
    assert partition.room == owned.MOST_ROOM
    partition.process(records(*range(partition.next_offset, partition.next_offset + 2_000)))
    assert not partition.due(3_600.0)
