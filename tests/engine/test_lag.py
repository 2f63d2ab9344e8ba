"""How long the oldest record that is not applied has waited, and how old the oldest unwritten change is."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from aiokafka import ConsumerRecord

from stream.engine import owned
from stream.engine.client import Capabilities
from stream.engine.connection import Connection
from stream.engine.engine import Engine, EngineConfig
from stream.engine.owned import OwnedPartition
from stream.engine.slices import SMALLEST
from stream.engine.state import Ahead, Record
from tests.engine.counting_worker import Counting, Talking
from tests.engine.test_owned import Log

NOW = 1_767_268_800_000
SECOND = 1_000


def records(count: int, *, arrived_ms: int, first: int = 0) -> list[ConsumerRecord[bytes, bytes]]:
    return [
        ConsumerRecord("events", 0, first + n, arrived_ms, 0, b"key", b"1", None, 3, 1, ())
        for n in range(count)
    ]


class Scene(Counting):
    """A state, its engine, and its input; `waits` has what the engine says while it processes."""

    def __init__(self, *, interval_s: float = 60.0) -> None:
        super().__init__()
        config = EngineConfig(
            connection=Connection(""),
            group="g",
            topic="events",
            changelog="c",
            outputs={},
            commit_interval_s=interval_s,
            guarantee="exactly_once",
            capabilities=Capabilities(transactions=True),
            partitions=1,
        )
        self.now: Ahead | None = None
        self.waits: list[int | None] = []
        self.engine = Engine(config, self, lambda *_: self, Talking())
        self.log = Log()
        self.partition = OwnedPartition(
            "events",
            0,
            self,
            self.log,
            next_offset=0,
            observer=Talking(),
            on_failure=self.engine.fail,
        )
        self.partition.active = True
        self.engine.partitions[0] = self.partition

    async def seek(self, partition: int, offset: int) -> None:
        raise AssertionError

    async def commit(self, partition: int, offset: int) -> bool:
        raise AssertionError

    def ahead(self, partition: int, next_offset: int) -> Ahead | None:
        return self.now

    def process(self, records: Sequence[Record]) -> None:
        super().process(records)
        self.waits.append(self.waits_ms())

    def waits_ms(self) -> int | None:
        return self.engine.waits_ms(0, NOW)


async def test_nothing_is_known_before_the_first_answer_and_the_first_record() -> None:
    scene = Scene()
    assert scene.waits_ms() is None
    scene.now = Ahead(7, NOW)
    assert scene.waits_ms() is None
    assert scene.engine.waits_ms(1, NOW) is None


async def test_at_the_end_nothing_waits() -> None:
    scene = Scene()
    scene.now = Ahead(0, NOW - SECOND)
    assert scene.waits_ms() == 0


async def test_where_kafka_does_not_answer_something_may_wait_since_then() -> None:
    scene = Scene()
    scene.now = Ahead(0, NOW - 60 * SECOND)
    assert scene.waits_ms() == 60 * SECOND


async def test_what_is_fetched_waits_since_it_came() -> None:
    scene = Scene()
    scene.now = Ahead(1, NOW)
    batch = records(SMALLEST, arrived_ms=NOW - 9 * SECOND)
    batch += records(SMALLEST, arrived_ms=NOW - 5 * SECOND, first=SMALLEST)
    await scene.engine.process(0, batch)
    assert scene.waits == [None, 5 * SECOND]


async def test_what_is_not_fetched_came_after_what_is_applied() -> None:
    scene = Scene()
    await scene.engine.process(0, records(3, arrived_ms=NOW - 9 * SECOND))
    scene.now = Ahead(5, NOW)
    assert scene.waits_ms() == 9 * SECOND


async def test_the_first_record_after_a_quiet_night_has_not_waited_all_night() -> None:
    scene = Scene()
    await scene.engine.process(0, records(3, arrived_ms=NOW - 30_000 * SECOND))
    scene.now = Ahead(0, NOW - 2 * SECOND)
    assert scene.waits_ms() == 0
    scene.now = Ahead(1, NOW)
    assert scene.waits_ms() == 2 * SECOND


async def test_the_age_of_a_checkpoint_is_that_of_the_oldest_change_not_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(owned, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    scene = Scene()
    partition = scene.partition
    assert partition.behind_since is None
    clock[0] = 30_000.0  # nothing has come for a night
    partition.process(records(1, arrived_ms=NOW))
    clock[0] += 1
    partition.process(records(1, arrived_ms=NOW, first=1))
    assert partition.behind_since == 30_000.0
    scene.log.gate.clear()
    checkpoint = partition.begin_checkpoint()
    clock[0] += 1
    partition.process(records(1, arrived_ms=NOW, first=2))
    assert partition.behind_since == 30_000.0
    scene.log.gate.set()
    await checkpoint
    assert partition.behind_since == 30_002.0
    await partition.flush()
    assert partition.behind_since is None
